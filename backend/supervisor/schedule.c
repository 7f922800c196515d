/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/schedule.h"

#include <string.h>

#include "backend/supervisor/guest.h"
#include "common/util.h"

void schedule_init(struct schedule *s)
{
	memset(s, 0, sizeof(*s));
	TAILQ_INIT(&s->dirty);
	TAILQ_INIT(&s->timed);
}

void schedule_dirty(struct schedule *s, struct guest *g)
{
	if (g->sched.dirty)
		return;
	g->sched.dirty = true;
	TAILQ_INSERT_TAIL(&s->dirty, g, sched.dirty_link);
}

struct guest *schedule_next_dirty(struct schedule *s)
{
	struct guest *g = TAILQ_FIRST(&s->dirty);

	if (g) {
		TAILQ_REMOVE(&s->dirty, g, sched.dirty_link);
		g->sched.dirty = false;
	}
	return g;
}

void schedule_at(struct schedule *s, struct guest *g, uint64_t at)
{
	if (g->sched.wake_ns && g->sched.wake_ns <= at)
		return;
	if (!g->sched.wake_ns)
		TAILQ_INSERT_TAIL(&s->timed, g, sched.timed_link);
	g->sched.wake_ns = at;
}

static void timer_off(struct schedule *s, struct guest *g)
{
	if (g->sched.wake_ns)
		TAILQ_REMOVE(&s->timed, g, sched.timed_link);
	g->sched.wake_ns = 0;
}

struct guest *schedule_search_expired(struct schedule *s, uint64_t now)
{
	struct guest *g;

	TAILQ_FOREACH(g, &s->timed, sched.timed_link) {
		if (g->sched.wake_ns <= now) {
			timer_off(s, g);
			return g;
		}
	}
	return NULL;
}

uint64_t schedule_search_first(const struct schedule *s)
{
	uint64_t first = UINT64_MAX;
	struct guest *g;

	TAILQ_FOREACH(g, &s->timed, sched.timed_link)
		if (g->sched.wake_ns < first)
			first = g->sched.wake_ns;
	return first;
}

void schedule_forget(struct schedule *s, struct guest *g)
{
	if (g->sched.dirty)
		TAILQ_REMOVE(&s->dirty, g, sched.dirty_link);
	timer_off(s, g);
	memset(&g->sched, 0, sizeof(g->sched));
}
