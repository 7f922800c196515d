/* SPDX-License-Identifier: MIT */
/* Where the state directory has what is kept of one device, DIR/KIND-BDF (common/state.h has the kinds). */
#ifndef XENPCI_HOST_DEVICE_FILE_H
#define XENPCI_HOST_DEVICE_FILE_H

#include "common/sbdf.h"

enum { DEVICE_FILE_PATH = 512 };

/*
 * The file of kind for device a in dir, with tail behind its name. 0, or -1 with errno ENOENT (dir is NULL: there is
 * no state directory), ENAMETOOLONG. Neither waits nor logs.
 */
int device_file(const char *dir, const char *kind, struct sbdf a, const char *tail, char path[DEVICE_FILE_PATH]);

#endif
