/* SPDX-License-Identifier: MIT */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>

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
