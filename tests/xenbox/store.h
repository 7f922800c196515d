/* SPDX-License-Identifier: MIT */
/* The box's xenstored, as a process (store.c). */
#ifndef XENBOX_STORE_H
#define XENBOX_STORE_H

#include <sys/types.h>

#include "box.h"

/*
 * Start it, as a child that dies with this process. What it prints goes to stderr. hidden: its socket
 * is in BOX_STORE_DIR, where nobody looks for it yet. Its pid, or -1 after a message on stderr.
 */
pid_t store_start(const struct box *b, bool hidden);
/* The file of the xenstored of this name (xenstored, oxenstored) that a box would have; NULL: none is installed. */
const char *store_find(const char *name);
/* The program's file, once it was started. */
const char *store_program(void);

#endif
