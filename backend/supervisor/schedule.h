/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is. A guest is in at most one place of each queue, however often
 * it writes, so that no guest can fill memory or crowd out another. One
 * thread. Nothing logs.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_SCHEDULE_H
#define XENPCI_BACKEND_SUPERVISOR_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct guest;

/* A guest's own part. Zeroed is "in no queue". */
struct scheduled {
	TAILQ_ENTRY(guest) dirty_link;
	TAILQ_ENTRY(guest) timed_link;
	bool dirty; /* its nodes want reading */
	uint64_t wake_ns; /* its timer; 0: none */
};
TAILQ_HEAD(guest_queue, guest);

struct schedule {
	struct guest_queue dirty;
	struct guest_queue timed;
};

void schedule_init(struct schedule *s);
/* To the queue's end, if it is not in it. */
void schedule_dirty(struct schedule *s, struct guest *g);
/* From the queue's head; NULL where it is empty. */
struct guest *schedule_next_dirty(struct schedule *s);

/* Sets g's timer to at (monotonic ns), unless it is set earlier. */
void schedule_at(struct schedule *s, struct guest *g, uint64_t at);
/* The next two, where a timer is set. */
struct guest *schedule_search_expired(struct schedule *s, uint64_t now);
uint64_t schedule_search_first(const struct schedule *s);
/* A guest whose time has come (its timer is then off), or NULL. */
static inline struct guest *schedule_next_expired(struct schedule *s, uint64_t now)
{
	return TAILQ_EMPTY(&s->timed) ? NULL : schedule_search_expired(s, now);
}
/* When the first timer runs out; UINT64_MAX: none is set. */
static inline uint64_t schedule_first(const struct schedule *s)
{
	return TAILQ_EMPTY(&s->timed) ? UINT64_MAX : schedule_search_first(s);
}

/* Out of every queue. */
void schedule_forget(struct schedule *s, struct guest *g);

#endif
