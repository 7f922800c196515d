/* SPDX-License-Identifier: MIT */
/*
 * Starts the daemon's other processes. It is forked from the supervisor before that opens anything of
 * Xen's (libxencall's buffer is shared with every child, and writable), so that what it forks in its
 * turn has nothing that is worth having: jobs and gates run on in such a fork, a worker is another
 * program. It knows of no guest and touches no device.
 *
 * The door of this room.
 */
#ifndef XENPCI_BACKEND_SPAWNER_SPAWNER_H
#define XENPCI_BACKEND_SPAWNER_SPAWNER_H

#include <sys/types.h>

#include "backend/env.h"

/*
 * Forks it. 0 and *sock (the supervisor's end: SPAWN and KILL go out, EXITED comes in) and *pid, or
 * -1 with errno (logged). env must outlive the process.
 */
int spawner_start(const struct env *env, int *sock, pid_t *pid);

/*
 * The seccomp program of workers, made from worker/syscalls.h, in a file. A descriptor, or -1 with
 * errno. With tests: more calls are allowed.
 */
int filter_make(bool tests);

#endif
