/* SPDX-License-Identifier: MIT */
/*
 * What may have to wait for a device is done by a helper, a thread that lives for one task, so that
 * other guests need not wait too (device/slow.h): a request to a device that was seen to be slow, and
 * all work that can touch devices (a look at a guest's nodes, its death, a step of error recovery).
 * A guest has at most one. Meanwhile nothing else of that guest is touched: whoever is about to asks
 * helper_busy, and leaves a note of what is due. Main thread only.
 */
#ifndef XENPCI_BACKEND_HELPER_H
#define XENPCI_BACKEND_HELPER_H

#include "host/device/slow.h"
#include "backend/guest.h"

/* An answer that took so long was slow; two in a row make the device slow, some fast ones mend it. */
#define HELPER_SLOW_NS 1000000u
/* Guests whose work waits for a device at one time; others stand in line. */
#define HELPER_WORK_MAX 16

/* 0, or -1 with errno. */
int helpers_open(struct backend *be);
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

enum helper_work {
	HELPER_WAITS, /* for a device: helpers_next will tell */
	HELPER_KEEP,  /* done */
	HELPER_GONE,  /* done, and nothing is left of the guest */
};
/*
 * Has work(g) done, which tells whether g is to be kept. Returns as soon as it waits or is done, so
 * that what is begun first is first. For a guest that is not busy, if helpers_left.
 */
enum helper_work helper_do(struct guest *g, bool (*work)(struct guest *g));
static inline bool helpers_left(const struct helpers *all)
{
	return all->nr_work < HELPER_WORK_MAX;
}

/* The fd was readable: gives the answers that are there. */
void helpers_answer(struct backend *be);
/*
 * The next guest whose work is done, and whether it is to be kept; NULL: there is none. With wait,
 * waits as long as there is work.
 */
struct guest *helpers_next(struct backend *be, bool wait, bool *keep);
/* g's helper is done: what was put off meanwhile, a look at its nodes, a turn, is due now. */
void helper_catch_up(struct guest *g);
/* Waits for g's request, if a helper has one: as long as the device takes. The answer is dropped. */
void helper_wait(struct guest *g);

/* Around the main thread's sleep. */
static inline void helpers_pause(const struct helpers *all)
{
	if (all->nr)
		slow_main_pause();
}
static inline void helpers_resume(const struct helpers *all)
{
	if (all->nr)
		slow_main_resume();
}

#endif
