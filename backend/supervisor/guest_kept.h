/* SPDX-License-Identifier: MIT */
/*
 * A guest that was served while xenstored was lost: what it has, it keeps. Another xenstored does not
 * know what was written for a successor meanwhile, or, where its database was lost, anything of the
 * guest. One thread; waits for nobody but xenstored.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_GUEST_KEPT_H
#define XENPCI_BACKEND_SUPERVISOR_GUEST_KEPT_H

#include <stdbool.h>

struct guest;

/*
 * xenstored is another one, which may not have been told of the domain yet; empty: all nodes are lost.
 * Watches and records are made anew, and the guest will be looked at. 0, or -1 with xenstore's errno.
 * Does not log.
 */
int guest_kept(struct guest *g, bool empty);

/*
 * One whose nodes were lost, with its instance in state own: until the toolstack has written them it is
 * left as it is; then it is told of what it has, in whatever state they were written, and what its
 * frontend had published is written for it. 1: look again; 0: nothing can be done now; -1: its domain
 * is gone. Logs.
 */
int guest_returns(struct guest *g, unsigned own);

/* Whether the domain runs no more, by Xen's word: xenstored may not have been told that it does. */
bool guest_domain_gone(struct guest *g);

#endif
