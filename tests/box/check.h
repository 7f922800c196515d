/* SPDX-License-Identifier: MIT */
/* A line of result for each check of a test program, as tests/run counts them. */
#ifndef XENPCI_TESTS_BOX_CHECK_H
#define XENPCI_TESTS_BOX_CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned failures;

static bool check(bool good, const char *what, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Prints "ok WHAT", or "not ok WHAT: " and the rest. Returns good. */
static bool check(bool good, const char *what, const char *fmt, ...)
{
	char why[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	printf("%s %s%s%s\n", good ? "ok" : "not ok", what, good ? "" : ": ", good ? "" : why);
	fflush(stdout);
	failures += !good;
	return good;
}

#endif
