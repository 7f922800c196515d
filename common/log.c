/* SPDX-License-Identifier: MIT */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>

static xentoollog_level lowest = XTL_DEBUG;

void log_shown_from(xentoollog_level level)
{
	lowest = level;
}

bool log_shows(xentoollog_level level)
{
	return level >= lowest;
}

void log_at(xentoollog_logger *lg, xentoollog_level level, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (!lg)
		return;
	va_start(ap, fmt);
	xtl_logv(lg, level, -1, program_invocation_short_name, fmt, ap);
	va_end(ap);
	errno = saved;
}
