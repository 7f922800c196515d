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
	talk->devid = 0;
	ratelimit_init(&talk->limit, LINES_INTERVAL_NS, LINES_BURST, now_ns());
	ratelimit_init(&talk->events, LINES_INTERVAL_NS, LINES_BURST, now_ns());
}

static void line(struct talk *talk, xentoollog_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void line(struct talk *talk, xentoollog_level level, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (talk->domid == TALK_ANY)
		log_at(talk->lg, level, "%s", text);
	else if (talk->devid)
		log_at(talk->lg, level, "guest %u-%u: %s", talk->domid, talk->devid, text);
	else
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

/* From one of the allowances. */
static void limited(struct talk *talk, struct ratelimit *limit, xentoollog_level level,
		    const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

static void limited(struct talk *talk, struct ratelimit *limit, xentoollog_level level,
		    const char *fmt, va_list ap)
{
	int saved = errno;
	uint64_t lost;

	if (!log_shows(level))
		return;
	if (ratelimit_allow(limit, now_ns())) {
		lost = ratelimit_take_suppressed(limit);
		if (lost)
			talk_tell(talk, XTL_WARN, "%" PRIu64 " messages suppressed", lost);
		line(talk, level, fmt, ap);
	}
	errno = saved;
}

void talk_say(struct talk *talk, xentoollog_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	limited(talk, &talk->limit, level, fmt, ap);
	va_end(ap);
}

void talk_event(struct talk *talk, xentoollog_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	limited(talk, &talk->events, level, fmt, ap);
	va_end(ap);
}
