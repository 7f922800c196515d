/* SPDX-License-Identifier: MIT */
#include "backend/worker/poller.h"

#include <string.h>
#include <time.h>

#include "common/util.h"

/* Saved up again before looking begins again: no flutter at the edge. */
#define CREDIT_RESUME_NS (POLLER_CREDIT_NS / 50)
/* 64 requests are left out at most. */
#define MISSES_MAX 6
/* A gap seen asleep contains two wakings up: up to so many times the limit it is worth a try. */
#define CLOSE_TOGETHER 2
/* A look takes so many times the usual gap, and one limit in so many at least. */
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
/* Looking is to be most of what is done: the clock of our own is read once in so many times what it takes. */
#define JUDGE_TIMES 32
#define JUDGE_MIN_NS 5000u
#define MEASURED 8

static uint64_t own_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The least of a few: what is in its way meanwhile is not what it takes. */
static uint64_t clock_takes(const struct poller *p)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < MEASURED; i++) {
		uint64_t begin = now_ns(), took;

		p->own_ns();
		took = now_ns() - begin;
		if (took < least)
			least = took;
	}
	return least;
}

void poller_init(struct poller *p, uint32_t limit_us, uint64_t now)
{
	memset(p, 0, sizeof(*p));
	p->limit_ns = (uint64_t)limit_us * 1000;
	p->credit_ns = POLLER_CREDIT_NS;
	p->stamp_ns = now;
	p->own_ns = own_cpu_ns;
	p->judge_ns = JUDGE_TIMES * clock_takes(p);
	if (p->judge_ns < JUDGE_MIN_NS)
		p->judge_ns = JUDGE_MIN_NS;
	if (p->judge_ns > p->limit_ns)
		p->judge_ns = p->limit_ns;
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

static uint64_t window(const struct poller *p)
{
	uint64_t ns = WINDOW_GAPS * p->gap_ns;

	if (ns > p->limit_ns)
		return p->limit_ns;
	return ns < p->limit_ns / WINDOW_MIN ? p->limit_ns / WINDOW_MIN : ns;
}

uint64_t poller_answered(struct poller *p, uint64_t now, bool hot)
{
	uint64_t gap = now - p->answered_ns;

	p->answered_ns = now;
	if (!p->limit_ns)
		return 0;
	earn(p, now);
	if (p->broke || now < p->until_ns)
		return 0;
	if (hot)
		return window(p);
	if (gap > CLOSE_TOGETHER * p->limit_ns)
		return 0;
	learn(&p->gap_ns, gap);
	if (p->skip) {
		p->skip--;
		return 0;
	}
	return window(p);
}

void poller_begin(struct poller *p, uint64_t now)
{
	p->cpu_ns = p->own_ns();
	p->since_ns = now;
	p->found = false;
}

void poller_missed(struct poller *p, uint64_t ns)
{
	spend(p, ns);
	if (p->misses < MISSES_MAX)
		p->misses++;
	p->skip = (uint8_t)(1u << p->misses);
}

void poller_found(struct poller *p, uint64_t ns)
{
	spend(p, ns);
	p->misses = 0;
	p->found = true;
	learn(&p->gap_ns, ns);
}

bool poller_gives_way(struct poller *p, uint64_t now)
{
	uint64_t cpu = p->own_ns(), own = cpu - p->cpu_ns, began = p->since_ns, wall = now - began;
	bool again = p->rest_ns && began < p->until_ns + 2 * p->rest_ns;

	p->cpu_ns = cpu;
	p->since_ns = now;
	p->found = false;
	if (own >= wall || wall - own <= p->limit_ns / TAKEN_SLICE)
		return false;
	p->rest_ns = again ? 2 * p->rest_ns : REST_FIRST * p->limit_ns;
	if (p->rest_ns > REST_MAX * p->limit_ns)
		p->rest_ns = REST_MAX * p->limit_ns;
	p->until_ns = now + p->rest_ns;
	return true;
}
