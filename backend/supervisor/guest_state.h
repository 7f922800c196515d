/* SPDX-License-Identifier: MIT */
/*
 * The two state nodes of an instance, ours and the frontend's: read, judged, written. What is
 * known of them is kept until an event tells of a change (state_known, peer_known). One thread.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_GUEST_STATE_H
#define XENPCI_BACKEND_SUPERVISOR_GUEST_STATE_H

#include "backend/supervisor/guest.h"

#define GUEST_STATE_INVALID UINT32_MAX /* the node holds no state */
#define GUEST_STATE_UNREAD (UINT32_MAX - 1) /* it could not be read (guest_unread): nothing follows */

/*
 * Ours, as the node says now: Unknown where it is absent, GUEST_STATE_INVALID where it holds none, or
 * GUEST_STATE_UNREAD.
 */
unsigned guest_read_state(struct guest *g);
/* The same, of ours and of the frontend's, read only where an event told of a change. */
unsigned guest_own_state(struct guest *g);
unsigned guest_peer_state(struct guest *g);

/* A state node that holds no state has no effect; it is told of once. */
void guest_complain(struct guest *g, unsigned own, unsigned peer);

/*
 * In transaction t: whether our state node still is `from`. 0, or -1 with errno
 * ESTALE (it is not, or is gone).
 */
int guest_check_state(struct guest *g, xs_transaction_t t, unsigned from);
/* Logs the change and takes it as ours; the node is written already. */
void guest_state_is(struct guest *g, unsigned state, const char *why);
/*
 * Writes our state, from -> to, if the node still is `from`. 0, or -1 with errno
 * (ESTALE: look again; ENOENT: `from` is Unknown, and a node that was removed stays so).
 */
int guest_set_state(struct guest *g, unsigned from, unsigned to, const char *why);

#endif
