/* SPDX-License-Identifier: MIT */
/*
 * The two state nodes as the frontend sees them, and the backend's address.
 * fe->lock is held in all functions. Nothing logs but what states_read refuses, once.
 */
#ifndef XENPCI_FRONTEND_STATES_H
#define XENPCI_FRONTEND_STATES_H

#include "frontend/front.h"

struct states {
	unsigned own, peer; /* enum xenbus_state; 0 where the node or its directory is absent */
};

/*
 * Both, read where an event told of a change; learns (and watches) the backend's directory where it
 * is new. 0, or -1 with errno from xenstore.
 */
int states_read(struct xenpcifront *fe, struct states *st);
/* From here on nothing is known: the connection ends, and others may write what was ours. */
void states_forget(struct xenpcifront *fe);
/*
 * Writes our own, only where the node still is (a deleted directory stays deleted). 0, or -1 with
 * errno: ENOENT (it is not), or xenstore's.
 */
int states_write(struct xenpcifront *fe, unsigned state);
/* The same: ref, port and magic, and after them state Initialised. */
int states_publish(struct xenpcifront *fe, uint32_t ref, uint32_t port);
/* Watches where the toolstack tells who the backend is. */
int states_watch(struct xenpcifront *fe);
/* Takes in all watch events that are there; a flood is left for the next time. */
void states_drain(struct xenpcifront *fe);
/*
 * Waits until the backend is in a state of the set wanted (bits 1 << state), at
 * most ms. 0, or -1 with errno ETIMEDOUT or xenstore's.
 */
int states_wait(struct xenpcifront *fe, unsigned wanted, uint32_t ms);

#endif
