/* SPDX-License-Identifier: MIT */
/*
 * One xenpcid serves a domain's guests. Its lock is on the state directory, which only root may
 * open, and the kernel drops it when the last process of it has ended, however. Which directory
 * that is stands in xenstore, so that one that was told another directory finds it locked too.
 * Nothing here logs.
 */
#ifndef XENPCI_BACKEND_KEEPER_INSTANCE_H
#define XENPCI_BACKEND_KEEPER_INSTANCE_H

#include <xenstore.h>

/*
 * Locks state_dir, which is made if it is not there (its parent must be). Returns a descriptor,
 * to be kept for as long as the process lives and shared with forked children (exec closes it);
 * or -1 with errno: EBUSY (a xenpcid with this directory runs), or why the directory cannot be
 * opened.
 */
int instance_lock(const char *state_dir);

/*
 * Makes state_dir, which is locked by us, the one named in dir/lock. 0, or -1 with errno: EBUSY
 * (another one is named there and locked), or xenstored's.
 */
int instance_claim(struct xs_handle *xs, const char *dir, const char *state_dir);
/* Names none. */
void instance_release(struct xs_handle *xs, const char *dir);

#endif
