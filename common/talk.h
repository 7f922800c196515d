/* SPDX-License-Identifier: MIT */
/*
 * What is said about one guest. What the guest can cause is bounded (talk_say), and what
 * was suppressed is counted and told later; what the toolstack or the operator
 * did is always told (talk_tell). One thread.
 */
#ifndef XENPCI_COMMON_TALK_H
#define XENPCI_COMMON_TALK_H

#include <xentoollog.h>

#include "common/ratelimit.h"

struct talk {
	xentoollog_logger *lg;
	uint32_t domid;
	struct ratelimit limit;
};

/* A full allowance. lg stays the caller's. */
void talk_init(struct talk *talk, xentoollog_logger *lg, uint32_t domid);

/* Logs one line, "guest N: ...", if the guest's allowance permits. Keeps errno. */
void talk_say(struct talk *talk, xentoollog_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Logs one line, "guest N: ...", of what no guest can cause. Keeps errno. */
void talk_tell(struct talk *talk, xentoollog_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
