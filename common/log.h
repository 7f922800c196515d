/* SPDX-License-Identifier: MIT */
/*
 * One printf-checked log function over libxentoollog: levels and sink are the caller's logger. A
 * message is one line without a newline, and begins with whom it is about ("guest 7: 0000:03:00.0:
 * ..."); the context is the program's name. May be called from several threads where the logger may
 * (the stdio one may).
 */
#ifndef XENPCI_COMMON_LOG_H
#define XENPCI_COMMON_LOG_H

#include <stdbool.h>
#include <xentoollog.h>

/* Logs at level; a NULL logger is silence. Keeps errno. */
void log_at(xentoollog_logger *lg, xentoollog_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What the program shows: messages below level are known to reach nobody. At first, all may. */
void log_shown_from(xentoollog_level level);
bool log_shows(xentoollog_level level);

/*
 * The program's lines bear what their sink wants: a priority in front, "<4>", where standard error is journald's
 * (JOURNAL_STREAM says so); otherwise, where wanted, time and process. Called once, before a line is logged.
 * Returns the flags for xtl_createlogger_stdiostream.
 */
unsigned log_begin(bool with_time);
/* What a line of that level begins with, by hand: a priority, time and process, or nothing. Returns buf. */
#define LOG_HEAD_MAX 64
const char *log_head(xentoollog_level level, char buf[LOG_HEAD_MAX]);

#define log_error(lg, ...) log_at(lg, XTL_ERROR, __VA_ARGS__)
#define log_warn(lg, ...)  log_at(lg, XTL_WARN, __VA_ARGS__)
#define log_info(lg, ...)  log_at(lg, XTL_INFO, __VA_ARGS__)
#define log_debug(lg, ...) log_at(lg, XTL_DEBUG, __VA_ARGS__)

#endif
