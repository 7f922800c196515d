/* SPDX-License-Identifier: MIT */
#include "common/talk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/log.h"
#include "common/util.h"

/* 32 lines at once, then one a second. */
#define LINES_BURST 32
#define LINES_INTERVAL_NS 1000000000u
#define LINE_MAX_BYTES 320

void talk_init(struct talk *talk, xentoollog_logger *lg, uint32_t domid)
{
	talk->lg = lg;
	talk->domid = domid;
	ratelimit_init(&talk->limit, LINES_INTERVAL_NS, LINES_BURST, now_ns());
}

static void line(struct talk *talk, xentoollog_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void line(struct talk *talk, xentoollog_level level, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_at(talk->lg, level, "guest %u: %s", talk->domid, text);
}

void talk_tell(struct talk *talk, xentoollog_level level, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	line(talk, level, fmt, ap);
	va_end(ap);
	errno = saved;
}

void talk_say(struct talk *talk, xentoollog_level level, const char *fmt, ...)
{
	int saved = errno;
	uint64_t lost;
	va_list ap;

	if (!log_shows(level))
		return;
	if (!ratelimit_allow(&talk->limit, now_ns())) {
		errno = saved;
		return;
	}
	lost = ratelimit_take_suppressed(&talk->limit);
	if (lost)
		talk_tell(talk, XTL_WARN, "%" PRIu64 " messages suppressed", lost);
	va_start(ap, fmt);
	line(talk, level, fmt, ap);
	va_end(ap);
	errno = saved;
}
