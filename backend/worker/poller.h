/* SPDX-License-Identifier: MIT */
/*
 * Looking for the guest's next request for a short while before sleeping: requests come in bursts,
 * and most of a round trip is waking up. The port stays masked meanwhile, so that kicks cost
 * nothing. It is worth it only where requests have come close together (a lone one never costs a
 * look); where looking was in vain, it is left out for the next 2, 4 ... 64 such requests; and it
 * is bounded to a share of one processor, and rests where others took that processor meanwhile: who
 * sleeps is let in at once when woken, who polls has to wait his turn. It knows clocks, and no guest.
 * Nothing logs.
 */
#ifndef XENPCI_BACKEND_WORKER_POLLER_H
#define XENPCI_BACKEND_WORKER_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#define POLLER_SHARE 2		     /* one in so many nanoseconds may go into looking */
#define POLLER_CREDIT_NS 1000000000u /* looking time that can be saved up: bursts are not cut */

struct poller {
	uint64_t limit_ns; /* how long to look after an answer, at most; 0: polling is off */
	uint64_t gap_ns;   /* usual, from an answer to the next request; 0: not known */
	uint64_t answered_ns; /* when the last answer was given */
	uint64_t credit_ns; /* looking time that is left */
	uint64_t stamp_ns;  /* when credit_ns was last brought up to date */
	uint64_t (*own_ns)(void); /* the clock of our own time on the processor */
	uint64_t judge_ns;  /* that clock is a system call: it is read once in so long */
	uint64_t cpu_ns;    /* what it said at since_ns */
	uint64_t since_ns;
	bool found;	    /* a request, since then */
	uint64_t rest_ns;   /* how long nobody looks, for others wanted the processor */
	uint64_t until_ns;  /* ... and until when */
	uint8_t misses;	    /* looks in a row that were in vain */
	uint8_t skip;	    /* so many requests are left out */
	bool broke;	    /* out of credit, until some is saved up again */
};

/* limit_us 0: there is never a look. */
void poller_init(struct poller *p, uint32_t limit_us, uint64_t now);
/*
 * A request was answered at now. How long to look for the next one, in ns; 0: not at all. hot: it
 * was itself found by looking.
 */
uint64_t poller_answered(struct poller *p, uint64_t now, bool hot);
/* From now on what others have of the processor counts: a streak of looks begins, or we waited. */
void poller_begin(struct poller *p, uint64_t now);
/* It was in vain for ns. */
void poller_missed(struct poller *p, uint64_t ns);
/* It found a request after ns. */
void poller_found(struct poller *p, uint64_t ns);
/* Whether it is time to ask poller_gives_way; where nothing was `found`, others have a turn before. */
static inline bool poller_is_due(const struct poller *p, uint64_t now)
{
	return now - p->since_ns >= p->judge_ns;
}
/*
 * Some looking is over, at now: whether others took the processor since the last call or begin, so
 * that it rests. Reads a clock by a system call.
 */
bool poller_gives_way(struct poller *p, uint64_t now);

#endif
