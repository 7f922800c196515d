/* SPDX-License-Identifier: MIT */
/*
 * The gate's end of the link to its supervisor: what is told, and what is asked, whose answer is waited for. What
 * the supervisor sends meanwhile is kept, in order, and taken first afterwards. Where the link breaks, the process
 * ends at once: whatever is broken, the kernel closes and unlocks. Waits for the supervisor; logs nothing.
 */
#ifndef XENPCI_BACKEND_GATE_LINK_H
#define XENPCI_BACKEND_GATE_LINK_H

#include <stdbool.h>

#include "backend/messages/messages.h"

#define LINK_DEFERRED_MAX (2 * SLOT_COUNT)

struct link {
	int supervisor;
	int worker; /* the worker's socket, as the supervisor connects it; -1: none */
	/* What the supervisor sent while its answer was waited for, in order. */
	struct message *deferred[LINK_DEFERRED_MAX];
	unsigned nr_deferred;
};

/* To the supervisor at sock, which stays the caller's; no worker is connected yet. */
void link_init(struct link *l, int sock);
/* Sends *m with descriptor fd, which stays the caller's (-1: none). Waits while the supervisor takes nothing. */
void link_tell(struct link *l, const struct message *m, int fd);
/* Sends *m, and waits for its answer, which takes its place. */
void link_ask(struct link *l, struct message *m);
/* Takes one message from the supervisor, which has sent one. true: *m is an order; false: a worker was connected. */
bool link_hear(struct link *l, struct message *m);
/* The first of the orders that were kept. true: *m is one; false: there is none left. */
bool link_take_deferred(struct link *l, struct message *m);
/* The worker is heard no more: its socket is closed. Safe to repeat. */
void link_drop_worker(struct link *l);

#endif
