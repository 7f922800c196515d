/* SPDX-License-Identifier: MIT */
/*
 * Bounds what a guest can cause: a bucket of `burst` tokens, one more every
 * `interval_ns`. The caller gives the time, so that a test can. Not locked: a
 * bucket belongs to one thread.
 */
#ifndef XENPCI_COMMON_RATELIMIT_H
#define XENPCI_COMMON_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
	uint64_t interval_ns; /* time that earns one token */
	uint32_t burst;	      /* most tokens held */
	uint32_t tokens;
	uint64_t stamp_ns;   /* when tokens was last brought up to date */
	uint64_t suppressed; /* refusals since the last take_suppressed */
};

/* A full bucket. interval_ns and burst are above 0. */
void ratelimit_init(struct ratelimit *rl, uint64_t interval_ns, uint32_t burst, uint64_t now);

/* Takes a token at time now (ns): true if there was one, else counts the refusal. */
bool ratelimit_allow(struct ratelimit *rl, uint64_t now);

/* Refusals since the last call, for "N similar messages suppressed". */
uint64_t ratelimit_take_suppressed(struct ratelimit *rl);

#endif
