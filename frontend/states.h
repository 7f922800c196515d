/* SPDX-License-Identifier: MIT */
/*
 * The two state nodes as the frontend sees them, and the backend's address.
 * fe->life is held in all functions. What a backend can have logged is bounded (front_may_log).
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
 * Waits until the backend is in a state of the set wanted (bits 1 << state), or it is fe->limit.
 * 0, or -1 with errno ETIMEDOUT, ECANCELED or ENOTCONN (halt.h), or xenstore's.
 */
int states_wait(struct xenpcifront *fe, unsigned wanted);

#endif
