/* SPDX-License-Identifier: MIT */
/*
 * One writer to a device: a job or a gate, of this supervisor or of one that was killed, holds its
 * device's lock, which the kernel drops when the process ends, however it ends. So a successor waits
 * for a reset that is still going on, for that device only.
 */
#ifndef XENPCI_BACKEND_LOCK_H
#define XENPCI_BACKEND_LOCK_H

#include "common/sbdf.h"

/*
 * Waits for it. A descriptor, to be closed by the caller, or -1 where there can be no file below dir
 * (nobody is then kept out). Logs nothing.
 */
int device_lock(const char *dir, struct sbdf a);

/* Removes the files of all locks below dir, when nobody can hold one or want one any more. */
void device_locks_remove(const char *dir);

#endif
