/* SPDX-License-Identifier: MIT */
#include "common/ratelimit.h"

void ratelimit_init(struct ratelimit *rl, uint64_t interval_ns, uint32_t burst, uint64_t now)
{
	*rl = (struct ratelimit){
		.interval_ns = interval_ns,
		.burst = burst,
		.tokens = burst,
		.stamp_ns = now,
	};
}

bool ratelimit_allow(struct ratelimit *rl, uint64_t now)
{
	uint64_t earned = (now - rl->stamp_ns) / rl->interval_ns;

	if (earned >= rl->burst - rl->tokens) {
		rl->tokens = rl->burst;
		rl->stamp_ns = now;
	} else {
		rl->tokens += (uint32_t)earned;
		rl->stamp_ns += earned * rl->interval_ns;
	}
	if (!rl->tokens) {
		rl->suppressed++;
		return false;
	}
	rl->tokens--;
	return true;
}

uint64_t ratelimit_take_suppressed(struct ratelimit *rl)
{
	uint64_t n = rl->suppressed;

	rl->suppressed = 0;
	return n;
}
