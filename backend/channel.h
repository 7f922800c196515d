/* SPDX-License-Identifier: MIT */
/*
 * The channel to one guest: its page, mapped, and its event channel, bound. The
 * port stays masked from an event until its work is done; events with nothing
 * to do are answered ever more slowly (XSA-332). One thread.
 */
#ifndef XENPCI_BACKEND_CHANNEL_H
#define XENPCI_BACKEND_CHANNEL_H

#include "backend/guest.h"

/*
 * Reads what the frontend published, maps and binds. Connected already is
 * success. 0, or -1 with errno and *p: EINVAL (a node is absent or malformed, wrong magic,
 * no such grant or port), ENOMEM, or xenstore's.
 */
int channel_connect(struct guest *g, struct problem *p);
/* Unbinds and unmaps; safe to repeat. */
void channel_disconnect(struct guest *g);

/*
 * One turn for a guest whose event came: serves one request and looks at an AER
 * answer; then lets the port go, or takes another turn where more waits.
 */
void channel_turn(struct guest *g);

/* Whether a turn would find something to do. For a connected guest whose port is masked. */
static inline bool channel_has_work(const struct guest *g)
{
	return page_requested(g->page) ||
	       (g->aer.waiting && !page_flag(g->page, XEN_PCIB_active));
}

/* A helper that had it is done: the port is let go, or another turn taken. */
void channel_served(struct guest *g);

/* After looking (poller.h) without an event: unmasks the port. */
void channel_let_go(struct guest *g);

/* The delay of a spurious event has passed. */
void channel_unmask_due(struct guest *g, uint64_t now);

#endif
