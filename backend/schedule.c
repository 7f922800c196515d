/* SPDX-License-Identifier: MIT */
#include "backend/schedule.h"

#include <string.h>

#include "backend/guest.h"
#include "common/util.h"

#define PORTS_STEP 256

void schedule_init(struct schedule *s)
{
	memset(s, 0, sizeof(*s));
	TAILQ_INIT(&s->ready);
	TAILQ_INIT(&s->dirty);
	TAILQ_INIT(&s->timed);
}

void schedule_dispose(struct schedule *s)
{
	free(s->by_port);
	schedule_init(s);
}

int schedule_add_port(struct schedule *s, uint32_t port, struct guest *g)
{
	if (port >= s->nr_ports) {
		size_t n = (port / PORTS_STEP + 1) * (size_t)PORTS_STEP;
		struct guest **grown = reallocarray(s->by_port, n, sizeof(struct guest *));

		if (!grown)
			return -1;
		memset(grown + s->nr_ports, 0, (n - s->nr_ports) * sizeof(struct guest *));
		s->by_port = grown;
		s->nr_ports = n;
	}
	s->by_port[port] = g;
	return 0;
}

void schedule_drop_port(struct schedule *s, uint32_t port)
{
	if (port < s->nr_ports)
		s->by_port[port] = NULL;
}

struct guest *schedule_port(const struct schedule *s, uint32_t port)
{
	return port < s->nr_ports ? s->by_port[port] : NULL;
}

void schedule_ready(struct schedule *s, struct guest *g)
{
	if (g->sched.ready)
		return;
	g->sched.ready = true;
	TAILQ_INSERT_TAIL(&s->ready, g, sched.ready_link);
}

void schedule_dirty(struct schedule *s, struct guest *g)
{
	if (g->sched.dirty)
		return;
	g->sched.dirty = true;
	TAILQ_INSERT_TAIL(&s->dirty, g, sched.dirty_link);
}

struct guest *schedule_next_ready(struct schedule *s)
{
	struct guest *g = TAILQ_FIRST(&s->ready);

	if (g) {
		TAILQ_REMOVE(&s->ready, g, sched.ready_link);
		g->sched.ready = false;
	}
	return g;
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
	if (g->sched.ready)
		TAILQ_REMOVE(&s->ready, g, sched.ready_link);
	if (g->sched.dirty)
		TAILQ_REMOVE(&s->dirty, g, sched.dirty_link);
	timer_off(s, g);
	memset(&g->sched, 0, sizeof(g->sched));
}
