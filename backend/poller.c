/* SPDX-License-Identifier: MIT */
#include "backend/poller.h"

#include <sched.h>
#include <string.h>
#include <time.h>

#include "backend/channel.h"
#include "backend/guest.h"
#include "common/util.h"

/*
 * A look ends after so many turns, or so many times what hearing the others costs, which is a
 * microsecond here and a hundred there: looking is to be most of what is done, and others are to
 * wait little longer than they must.
 */
#define LOOK_TURNS 64
#define LOOK_ROUNDS 8
#define LOOK_MIN_NS 20000u
/* Looks at every hot guest between two looks at the clock. */
#define LOOKS_PER_CLOCK 32
/* Saved up again before guests become hot again: no flutter at the edge. */
#define CREDIT_RESUME_NS (POLLER_CREDIT_NS / 50)
/* 64 requests are left out at most. */
#define MISSES_MAX 6
/* A gap seen asleep contains two wakings up: up to so many times the limit it is worth a try. */
#define CLOSE_TOGETHER 2
/* A guest is looked at for so many times its usual gap, and for one limit in so many at least. */
#define WINDOW_GAPS 8
#define WINDOW_MIN 8
/*
 * Others who had the processor for one limit in so many, during a look, want it: that is a time
 * slice. What a kernel thread takes is less than a rest would cost.
 */
#define TAKEN_SLICE 4
/* Then looking rests: for so many times the limit, twice as long each time that did not help. */
#define REST_FIRST 1
#define REST_MAX 4

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

/* What is usual, moved by what was seen. */
static void learn(uint64_t *usual, uint64_t seen)
{
	*usual = *usual ? *usual - *usual / 4 + seen / 4 : seen;
}

static uint64_t window(const struct poller *p, const struct polled *w)
{
	uint64_t ns = WINDOW_GAPS * w->gap_ns;

	if (ns > p->limit_ns)
		return p->limit_ns;
	return ns < p->limit_ns / WINDOW_MIN ? p->limit_ns / WINDOW_MIN : ns;
}

/* Whether the request after this one is worth looking for, by the time since the answer before. */
static bool worth_it(const struct poller *p, struct polled *w, uint64_t gap)
{
	if (gap > CLOSE_TOGETHER * p->limit_ns)
		return false;
	learn(&w->gap_ns, gap);
	if (!w->skip)
		return true;
	w->skip--;
	return false;
}

static void found(struct polled *w, uint64_t gap)
{
	w->misses = 0;
	learn(&w->gap_ns, gap);
}

static void missed(struct polled *w)
{
	if (w->misses < MISSES_MAX)
		w->misses++;
	w->skip = (uint8_t)(1u << w->misses);
}

bool poller_consider(struct poller *p, struct guest *g)
{
	struct polled *w = &g->polled;
	uint64_t now;
	bool worth;

	if (w->hot) {
		w->served = true;
		return true;
	}
	now = g->be->now_ns;
	earn(p, now);
	worth = worth_it(p, w, now - w->answered_ns);
	w->answered_ns = now;
	if (!worth || p->broke || now < p->until_ns || p->nr_hot == POLLER_HOT_MAX)
		return false;
	w->hot = true;
	w->served = false;
	if (!p->nr_hot++)
		p->left_ns = 0;
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
			found(w, now - w->answered_ns);
			w->answered_ns = now;
		} else if (p->broke || now - w->answered_ns > window(p, w)) {
			if (!p->broke)
				missed(w);
			poller_drop(p, g);
			channel_let_go(g);
		}
	}
}

static uint64_t own_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void rest(struct poller *p, uint64_t now)
{
	bool again = p->rest_ns && now - p->until_ns < 2 * p->rest_ns;
	struct guest *g;

	p->rest_ns = again ? 2 * p->rest_ns : REST_FIRST * p->limit_ns;
	if (p->rest_ns > REST_MAX * p->limit_ns)
		p->rest_ns = REST_MAX * p->limit_ns;
	p->until_ns = now + p->rest_ns;
	while ((g = TAILQ_FIRST(&p->hot))) {
		poller_drop(p, g);
		channel_let_go(g);
	}
}

/* Nobody gains by looking where somebody else could run instead. since: when cpu_ns was read. */
static void give_way(struct poller *p, uint64_t *clock, uint64_t since, bool yield)
{
	uint64_t cpu, wall, own;

	if (yield)
		sched_yield();
	cpu = own_cpu_ns();
	*clock = now_ns();
	wall = *clock - since;
	own = cpu - p->cpu_ns;
	p->cpu_ns = cpu;
	if (own < wall && wall - own > p->limit_ns / TAKEN_SLICE)
		rest(p, *clock);
}

void poller_was_away(struct poller *p)
{
	p->left_ns = now_ns();
	p->cpu_ns = own_cpu_ns();
}

/* How long a look that begins now may take. */
static uint64_t begin_look(struct poller *p, uint64_t now)
{
	uint64_t ns;

	if (!p->left_ns)
		p->cpu_ns = own_cpu_ns();
	else
		learn(&p->round_ns, now - p->left_ns);
	ns = LOOK_ROUNDS * p->round_ns;
	if (ns > p->limit_ns)
		ns = p->limit_ns;
	return ns < LOOK_MIN_NS ? LOOK_MIN_NS : ns;
}

void poller_look(struct poller *p, uint64_t *clock, bool once)
{
	unsigned looks = once ? 1 : LOOKS_PER_CLOCK, turns = 0;
	uint64_t before = now_ns(), since = p->left_ns ? p->left_ns : before;
	uint64_t end = before + begin_look(p, before);

	*clock = before;
	do {
		unsigned served = 0;

		for (unsigned i = 0; i < looks && turns + served < LOOK_TURNS; i++) {
			unsigned n = look_once(p);

			served += n;
			if (!n)
				relax();
		}
		/* An answer has read the clock. */
		if (!served) {
			*clock = now_ns();
			spend(p, *clock - before);
		}
		earn(p, *clock);
		turns += served;
		move_on(p, *clock);
		before = *clock;
	} while (!once && p->nr_hot && turns < LOOK_TURNS && before < end);
	if (p->nr_hot)
		give_way(p, clock, since, !turns);
	p->left_ns = *clock;
}
