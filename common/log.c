/* SPDX-License-Identifier: MIT */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static xentoollog_level lowest = XTL_DEBUG;
static bool to_journal, timed;

/* As syslog(3) numbers them. */
static int priority(xentoollog_level level)
{
	return level >= XTL_CRITICAL ? 2 : level >= XTL_ERROR ? 3 : level >= XTL_WARN ? 4
	       : level >= XTL_NOTICE ? 5 : level >= XTL_INFO  ? 6 : 7;
}

unsigned log_begin(bool with_time)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[48];
	struct stat st;

	if (stream && !fstat(STDERR_FILENO, &st)) {
		snprintf(ours, sizeof(ours), "%llu:%llu", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino);
		to_journal = !strcmp(stream, ours);
	}
	/* journald has both. */
	timed = with_time && !to_journal;
	return timed ? XTL_STDIOSTREAM_SHOW_DATE | XTL_STDIOSTREAM_SHOW_PID : 0;
}

const char *log_head(xentoollog_level level, char buf[LOG_HEAD_MAX])
{
	time_t now = time(NULL);
	struct tm tm;
	size_t n = 0;

	buf[0] = '\0';
	if (to_journal)
		snprintf(buf, LOG_HEAD_MAX, "<%d>", priority(level));
	else if (timed && localtime_r(&now, &tm))
		n = strftime(buf, LOG_HEAD_MAX, "%Y-%m-%d %H:%M:%S %Z ", &tm);
	if (n)
		snprintf(buf + n, LOG_HEAD_MAX - n, "[%d] ", (int)getpid());
	return buf;
}

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
	char head[LOG_HEAD_MAX], context[LOG_HEAD_MAX];
	int saved = errno;
	va_list ap;

	if (!lg)
		return;
	/* Time and process are the logger's to add. */
	snprintf(context, sizeof(context), "%s%.32s", to_journal ? log_head(level, head) : "",
		 program_invocation_short_name);
	va_start(ap, fmt);
	xtl_logv(lg, level, -1, context, fmt, ap);
	va_end(ap);
	errno = saved;
}
