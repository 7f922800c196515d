/* SPDX-License-Identifier: MIT */
/*
 * Looking for a guest's next request for a short while before sleeping: requests come in bursts,
 * and most of a round trip is waking up. A guest is looked at while it is "hot": its port stays
 * masked meanwhile, so that its kicks cost nothing. It becomes hot only when its requests have come
 * close together (a lone request never costs a look), and where looking was in vain, it is left out
 * for its next 2, 4 ... 64 such requests; all looking together is bounded to a share of one
 * processor, and rests where others took that processor meanwhile: who sleeps is let in at once
 * when woken, who polls has to wait his turn. How long to look follows from what is seen: the gaps
 * between a guest's requests, and what a round of system calls costs here. One thread. Nothing
 * logs.
 */
#ifndef XENPCI_BACKEND_POLLER_H
#define XENPCI_BACKEND_POLLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "backend/schedule.h"

#define POLLER_HOT_MAX 16	      /* guests looked at, at once */
#define POLLER_SHARE 2		      /* one in so many nanoseconds may go into looking */
#define POLLER_CREDIT_NS 1000000000u  /* looking time that can be saved up: bursts are not cut */

struct guest;

/* A guest's own part. Zeroed is "not hot". */
struct polled {
	TAILQ_ENTRY(guest) link;
	bool hot;
	bool served;	      /* since the clock was last read */
	uint8_t misses;	      /* looks in a row that were in vain */
	uint8_t skip;	      /* so many requests are left out */
	uint64_t gap_ns;      /* usual, from an answer to the next request; 0: not known */
	uint64_t answered_ns; /* when the last answer was given, or a little later */
};

struct poller {
	uint64_t limit_ns; /* how long to look after an answer, at most; 0: polling is off */
	struct guest_queue hot;
	unsigned nr_hot;
	uint64_t credit_ns; /* looking time that is left */
	uint64_t stamp_ns;  /* when credit_ns was last brought up to date */
	bool broke;	    /* out of credit; nobody is hot until some is saved up again */
	uint64_t round_ns;  /* usual, from the end of a look to the next: system calls, others' events */
	uint64_t left_ns;   /* when the last look ended; 0: nobody was hot since */
	uint64_t cpu_ns;    /* our own time on the processor by then */
	uint64_t rest_ns;   /* how long nobody becomes hot, for others wanted the processor */
	uint64_t until_ns;  /* ... and until when */
};

/* limit_us 0: no guest is ever hot. */
void poller_init(struct poller *p, uint32_t limit_us);

/* poller_keep, where polling is on. */
bool poller_consider(struct poller *p, struct guest *g);
/*
 * A request of g was answered. true: g is hot, or stays so, and will be looked at; leave its
 * port masked. false: let the port go.
 */
static inline bool poller_keep(struct poller *p, struct guest *g)
{
	return p->limit_ns && poller_consider(p, g);
}

/* Takes g out, if it is in; its port is the caller's again. */
void poller_drop(struct poller *p, struct guest *g);

static inline bool poller_idle(const struct poller *p)
{
	return !p->nr_hot;
}

/*
 * The caller has waited for somebody else (xenstored): what of that was not our processor time,
 * nobody took.
 */
void poller_was_away(struct poller *p);
/*
 * Looks at all hot guests, and gives each that has something its turn (channel.h): for a few
 * times as long as hearing the others takes, or once where somebody else waits. Guests that had
 * nothing for too long are let go; all are, where others took the processor. *clock is
 * kept up to date. Look for events of others afterwards.
 */
void poller_look(struct poller *p, uint64_t *clock, bool once);

#endif
