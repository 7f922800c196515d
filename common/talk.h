/* SPDX-License-Identifier: MIT */
/*
 * The log's lines about one guest, or about what guests can cause and is no single one's (TALK_ANY).
 * talk_say is limited: for what the guest can cause. talk_event is limited, too, with an allowance of
 * its own: for what its device and its processes do, so that no flood of the first kind hides it.
 * A line of a level that is not shown (log.h) takes nothing of either.
 * Lines that were left out are counted, and the count is logged later. talk_tell is not limited:
 * for what only the toolstack, the operator or the host can cause; where that is so stands in
 * make/unlimited.txt, and `make lint` compares (as for log_at). One thread.
 */
#ifndef XENPCI_COMMON_TALK_H
#define XENPCI_COMMON_TALK_H

#include <xentoollog.h>

#include "common/ratelimit.h"

#define TALK_ANY UINT32_MAX /* no guest in particular */

struct talk {
	xentoollog_logger *lg;
	uint32_t domid;
	uint32_t devid; /* which of its frontends; 0: the first, or of no interest */
	struct ratelimit limit, events;
};

/* A full allowance. lg stays the caller's. */
void talk_init(struct talk *talk, xentoollog_logger *lg, uint32_t domid);

/* Limited: logs one line, "guest N: ..." (or "guest N-DEVID: ..."), if the guest's allowance permits. Keeps errno. */
void talk_say(struct talk *talk, xentoollog_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Limited: the same, from the allowance for what its device and its processes do. */
void talk_event(struct talk *talk, xentoollog_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Not limited: logs one line, "guest N: ...", of what no guest can cause. Keeps errno. */
void talk_tell(struct talk *talk, xentoollog_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
