/* SPDX-License-Identifier: MIT */
#include "backend/keeper/say.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <xentoollog.h> /* the levels alone */

#include "common/log.h"

void keeper_say(int least, int level, const char *fmt, ...)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	const char *name = level >= XTL_ERROR  ? "error"
			   : level >= XTL_WARN ? "warning"
			   : level >= XTL_INFO ? "info"
					       : "debug";
	char line[1024], head[LOG_HEAD_MAX];
	int n, saved = errno;
	va_list ap;

	if (level < least)
		return;
	n = snprintf(line, sizeof(line), "%sxenpcid: %s: keeper: ", log_head((xentoollog_level)level, head), name);
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (poll(&p, 1, 0) == 1 && write(STDERR_FILENO, line, (size_t)n) < 0)
		errno = 0;
	errno = saved;
}
