/* SPDX-License-Identifier: MIT */
/*
 * A request to a device that was seen to be slow is carried out by a thread of its own,
 * so that other guests do not wait for it (device/slow.h). At most one per guest, since a guest has
 * one request at a time; a fast device never has one. Meanwhile nothing else of that guest is
 * touched: whoever is about to asks helper_busy. Main thread only.
 */
#ifndef XENPCI_BACKEND_HELPER_H
#define XENPCI_BACKEND_HELPER_H

#include "backend/guest.h"

/* An answer that took so long was slow; two in a row make the device slow, some fast ones mend it. */
#define HELPER_SLOW_NS 1000000u

/* 0, or -1 with errno. */
int helpers_open(struct helpers *h);
/* Waits for those that still run: as long as their devices take. */
void helpers_close(struct backend *be);

/* An answer of g's, for the device that it asked for last, took so long. */
void helper_learn(struct guest *g, uint64_t took_ns);
static inline void helper_note(struct guest *g, uint64_t took_ns)
{
	if (g->slow || took_ns >= HELPER_SLOW_NS)
		helper_learn(g, took_ns);
}

/* Whether the request is one for a helper; if so it is begun. */
bool helper_begin(struct guest *g, const struct xen_pci_op *op);
static inline bool helper_take(struct guest *g, const struct xen_pci_op *op)
{
	return g->slow && helper_begin(g, op);
}
static inline bool helper_busy(const struct guest *g)
{
	return g->helped;
}
/* The fd was readable: gives the answers that are there. */
void helpers_finish(struct backend *be);
/* Waits for g's helper, if it has one: as long as the device takes. The answer is dropped. */
void helper_wait(struct guest *g);

/* Around the main thread's sleep. */
void helpers_pause(struct helpers *h);
void helpers_resume(struct helpers *h);

#endif
