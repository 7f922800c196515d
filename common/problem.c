/* SPDX-License-Identifier: MIT */
#include "common/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/util.h"

int problem_set(struct problem *p, int err, const char *fmt, ...)
{
	va_list ap;

	p->err = err;
	va_start(ap, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
	return fail(err);
}
