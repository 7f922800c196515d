/* SPDX-License-Identifier: MIT */
/*
 * Devices that change hands, in the order in which that was asked for. Taking one, giving it back
 * and resetting it under its guest may wait (device/slow.h), and others go on meanwhile; but not
 * with a device that can be in the way: the same one, one that a reset reaches too, and for one
 * that is taken, one that counts in the judgement of whether it may. So each sees the others as
 * they were before or after, and a device that is on its way back is waited for, not refused.
 * Whoever waits, waits for those before it only, so it ends. Nothing logs.
 */
#ifndef XENPCI_BACKEND_HANDOVER_H
#define XENPCI_BACKEND_HANDOVER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "common/sbdf.h"

struct host;

/* A device's place in the line. Zeroed: in none. */
struct handover {
	TAILQ_ENTRY(handover) link;
	struct sbdf sbdf;
	bool judged; /* whether a guest may have it is to be judged */
	bool queued;
};
TAILQ_HEAD(handovers, handover);

/* To the end of the line, unless it is in it. */
void handover_queue(struct host *host, struct handover *h, struct sbdf a);
/* Queues it if it is not, and waits until none before it can be in its way. */
void handover_begin(struct host *host, struct handover *h, struct sbdf a);
/* Through with it, or never begun. */
void handover_end(struct host *host, struct handover *h);

#endif
