/* SPDX-License-Identifier: MIT */
/* Who a guest is, and the one node of its own that is watched. */
#ifndef XENPCI_BACKEND_SUPERVISOR_GUEST_IDENTITY_H
#define XENPCI_BACKEND_SUPERVISOR_GUEST_IDENTITY_H

#include "common/problem.h"

struct guest;

/*
 * Our path says who it is, frontend-id and frontend must agree; Xen says of what kind. Watches the
 * frontend's state. 0, or -1 with errno and *p (a node is absent or names another: EINVAL, ENOENT). EAGAIN, without
 * *p: one could not be read; the guest is looked at again in a second, or when xenstored is back.
 */
int guest_identify(struct guest *g, struct problem *p);
/* The watch, if there is one, is set anew: xenstored is another one. 0, or -1 with errno. */
int guest_watch_again(struct guest *g);
/* Watches it no more. Safe to repeat. */
void guest_unwatch(struct guest *g);

/*
 * Whose its devices are, as the toolstack tells now: g->owner, and that of its devices' vectors. Logs where it is
 * another domain.
 */
void guest_find_owner(struct guest *g);

#endif
