/* SPDX-License-Identifier: MIT */
/*
 * The log's lines about one guest, in two kinds. talk_say is limited: for what the guest can cause;
 * a line of a level that is not shown (log.h) takes nothing of it; lines that were left out are counted, and the count is logged later. talk_tell is not limited:
 * for what only the toolstack, the operator or the host can cause. One thread.
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

/* Limited: logs one line, "guest N: ...", if the guest's allowance permits. Keeps errno. */
void talk_say(struct talk *talk, xentoollog_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Not limited: logs one line, "guest N: ...", of what no guest can cause. Keeps errno. */
void talk_tell(struct talk *talk, xentoollog_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
