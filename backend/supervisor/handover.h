/* SPDX-License-Identifier: MIT */
/*
 * Devices that change hands stand in one line: whoever asks first stands first. A device is taken, given
 * back or reset only when none before it in the line can be in its way: the same device, one that a
 * reset reaches too, and for one that is taken, one that counts in the judgement of whether it may.
 * So each job sees the others as they were before or after, and a device that is on its way back is
 * waited for, not refused. No device waits for one behind it, so two never wait for each other. Nothing
 * logs or waits here.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_HANDOVER_H
#define XENPCI_BACKEND_SUPERVISOR_HANDOVER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "common/sbdf.h"

struct backend;

/* A device's place in the line. Zeroed: in none. */
struct handover {
	TAILQ_ENTRY(handover) link;
	struct sbdf sbdf;
	bool judged; /* whether a guest may have it is to be judged */
	bool queued;
};
TAILQ_HEAD(handovers, handover);

/* To the end of the line, unless it is in it. */
void handover_queue(struct backend *be, struct handover *h, struct sbdf a);
/* Whether it is its turn: it is in the line, and none before it can be in its way. */
bool handover_due(struct backend *be, const struct handover *h);
/* Out of the line. */
void handover_end(struct backend *be, struct handover *h);

#endif
