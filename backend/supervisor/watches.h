/* SPDX-License-Identifier: MIT */
/*
 * What xenstore tells us, and whom it concerns: the backend directory, the guests'
 * state nodes, domains that die, and the operator's AER requests. Watch events are drained and
 * merged: each only marks a guest to be looked at. One thread.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_WATCHES_H
#define XENPCI_BACKEND_SUPERVISOR_WATCHES_H

#include "backend/supervisor/guest.h"

struct watches {
	struct backend *be;
	char aer[SUCCESSOR_DIR_MAX + 8]; /* below our own nodes */
	bool unlisted;		 /* whose directories there are could not be read */
};

/*
 * Sets the watches; xenstored answers each with a first event, which finds what is there. 0 or -1
 * (logged).
 */
int watches_open(struct watches *w, struct backend *be);
/*
 * xenstored is another one; empty: it knows nothing. Sets all watches anew, the guests' too, and has
 * every guest looked at. 0, or -1 with xenstore's errno; then it may be done again. Does not log.
 */
int watches_again(struct watches *w, bool empty);
/* Frees every guest (their devices too, without a word to them) and unwatches. */
void watches_close(struct watches *w);

/* Does again what failed before (backend.h: retry_ns). Nothing waits. */
void watches_retry(struct watches *w);
/* Takes the events that wait, a bounded number. 0, or -1 with errno where xenstore is lost. */
int watches_drain(struct watches *w);
/* Brings one guest that was marked up to date. */
void watches_update_one(struct watches *w);
/* A guest's timer: a look that was put off, an AER step that ran out. */
void watches_guest_timer(struct watches *w, struct guest *g, uint64_t now);

#endif
