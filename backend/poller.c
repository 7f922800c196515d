/* SPDX-License-Identifier: MIT */
#include "backend/poller.h"

#include <sched.h>
#include <string.h>

#include "backend/channel.h"
#include "backend/guest.h"
#include "common/util.h"

/* A look ends after so much time, or so many turns: then it is others' turn to be heard. */
#define LOOK_NS 20000u
#define LOOK_TURNS 16
/* Looks at every hot guest between two looks at the clock. */
#define LOOKS_PER_CLOCK 32
/* Saved up again before guests become hot again: no flutter at the edge. */
#define CREDIT_RESUME_NS (POLLER_CREDIT_NS / 50)
/* 64 requests are left out at most. */
#define MISSES_MAX 6
#define CLOSE_TOGETHER 4
/* A yield that took so long let somebody else run. */
#define GAVE_WAY_NS 20000u

void poller_init(struct poller *p, uint32_t limit_us)
{
	memset(p, 0, sizeof(*p));
	TAILQ_INIT(&p->hot);
	p->limit_ns = (uint64_t)limit_us * 1000;
	p->credit_ns = POLLER_CREDIT_NS;
	p->stamp_ns = now_ns();
}

static void earn(struct poller *p, uint64_t now)
{
	p->credit_ns += (now - p->stamp_ns) / POLLER_SHARE;
	p->stamp_ns = now;
	if (p->credit_ns > POLLER_CREDIT_NS)
		p->credit_ns = POLLER_CREDIT_NS;
	if (p->credit_ns >= CREDIT_RESUME_NS)
		p->broke = false;
}

static void spend(struct poller *p, uint64_t ns)
{
	p->credit_ns -= ns < p->credit_ns ? ns : p->credit_ns;
	if (!p->credit_ns)
		p->broke = true;
}

/*
 * Whether the request after this one is worth looking for, by the time since the answer before.
 * Our own waking up is part of that time, and may be the most of it: hence several limits.
 */
static bool worth_it(const struct poller *p, struct polled *w, uint64_t gap)
{
	if (gap > CLOSE_TOGETHER * p->limit_ns)
		return false;
	if (!w->skip)
		return true;
	w->skip--;
	return false;
}

static void found(struct polled *w)
{
	w->misses = 0;
}

static void missed(struct polled *w)
{
	if (w->misses < MISSES_MAX)
		w->misses++;
	w->skip = (uint8_t)(1u << w->misses);
}

bool poller_keep(struct poller *p, struct guest *g)
{
	struct polled *w = &g->polled;
	uint64_t now;
	bool worth;

	if (w->hot) {
		w->served = true;
		return true;
	}
	if (!p->limit_ns)
		return false;
	now = g->be->now_ns;
	earn(p, now);
	worth = worth_it(p, w, now - w->answered_ns);
	w->answered_ns = now;
	if (!worth || p->broke || p->nr_hot == POLLER_HOT_MAX)
		return false;
	w->hot = true;
	w->served = false;
	p->nr_hot++;
	TAILQ_INSERT_TAIL(&p->hot, g, polled.link);
	return true;
}

void poller_drop(struct poller *p, struct guest *g)
{
	if (!g->polled.hot)
		return;
	g->polled.hot = false;
	p->nr_hot--;
	TAILQ_REMOVE(&p->hot, g, polled.link);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

/* One look at each. Returns how many turns were given; a turn may take any guest out. */
static unsigned look_once(struct poller *p)
{
	struct guest *g, *next;
	unsigned turns = 0;

	for (g = TAILQ_FIRST(&p->hot); g; g = next) {
		next = TAILQ_NEXT(g, polled.link);
		if (channel_has_work(g)) {
			channel_turn(g);
			turns++;
		}
	}
	return turns;
}

/* The clock was read: who had something stays, who had nothing for too long goes. */
static void move_on(struct poller *p, uint64_t now)
{
	struct guest *g, *next;

	for (g = TAILQ_FIRST(&p->hot); g; g = next) {
		struct polled *w = &g->polled;

		next = TAILQ_NEXT(g, polled.link);
		if (w->served) {
			w->served = false;
			w->answered_ns = now;
			found(w);
		} else if (p->broke || now - w->answered_ns > p->limit_ns) {
			if (!p->broke)
				missed(w);
			poller_drop(p, g);
			channel_let_go(g);
		}
	}
}

/* Nobody gains by looking where another process could run instead. */
static void give_way(struct poller *p, uint64_t *clock)
{
	uint64_t before = *clock;
	struct guest *g;

	sched_yield();
	*clock = now_ns();
	if (*clock - before < GAVE_WAY_NS)
		return;
	while ((g = TAILQ_FIRST(&p->hot))) {
		missed(&g->polled);
		poller_drop(p, g);
		channel_let_go(g);
	}
}

void poller_look(struct poller *p, uint64_t *clock, bool once)
{
	unsigned looks = once ? 1 : LOOKS_PER_CLOCK, turns = 0;
	uint64_t before = *clock = now_ns(), end = once ? before : before + LOOK_NS;

	do {
		unsigned served = 0;

		for (unsigned i = 0; i < looks && turns + served < LOOK_TURNS; i++) {
			unsigned n = look_once(p);

			served += n;
			if (!n)
				relax();
		}
		*clock = now_ns();
		if (!served)
			spend(p, *clock - before);
		earn(p, *clock);
		turns += served;
		move_on(p, *clock);
		before = *clock;
	} while (p->nr_hot && turns < LOOK_TURNS && before < end);
	if (!turns && p->nr_hot)
		give_way(p, clock);
}
