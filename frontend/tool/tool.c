/* SPDX-License-Identifier: MIT */
#include "frontend/tool/tool.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "common/util.h"

#define CONNECT_TIMEOUT_MS 10000

static atomic_bool ended; /* by a signal: what fails from then on fails because of it */
static bool lost;

static __attribute__((format(printf, 1, 0))) void complain(const char *fmt, va_list ap)
{
	if (ended)
		return;
	fflush(stdout);
	fputs("xenpci-front: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int tool_failed(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return EXIT_FAILED;
}

int tool_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	fputs("Try `xenpci-front --help'.\n", stderr);
	return EXIT_USAGE;
}

int tool_refused(const char *what, struct xenpcifront_address a,
		 const struct xenpcifront_answer *answer)
{
	lost = errno == ETIMEDOUT || errno == EBUSY || errno == ENOTCONN || errno == ECANCELED;
	if (!answer || answer->error == XENPCIFRONT_NO_ANSWER)
		return tool_failed("%s of %s: %s", what, tool_name(a), strerror(errno));
	return tool_failed("%s of %s: %s (err %d, value 0x%x)", what, tool_name(a),
			   xenpcifront_error_text(answer->error), answer->err, answer->value);
}

bool tool_lost(void)
{
	return lost;
}

const char *tool_name(struct xenpcifront_address a)
{
	static char texts[4][SBDF_TEXT];
	static unsigned next;
	struct sbdf s = { a.segment, a.bus, a.devfn };

	return sbdf_format(s, texts[next++ % ARRAY_SIZE(texts)]);
}

int tool_address(const char *text, struct xenpcifront_address *a)
{
	struct sbdf s;

	if (sbdf_parse(text, &s)) {
		tool_usage("'%s' is no PCI address ([SSSS:]BB:DD.F)", text);
		return -1;
	}
	*a = (struct xenpcifront_address){ s.segment, s.bus, s.devfn };
	return 0;
}

int tool_number(const char *text, const char *what, uint64_t max, uint64_t *out)
{
	if (!number_parse(text, 0, max, out))
		return 0;
	if (errno == ERANGE)
		tool_usage("%s '%s' is above %llu", what, text, (unsigned long long)max);
	else
		tool_usage("%s '%s' is no number (decimal, or hexadecimal with 0x)", what, text);
	return -1;
}

/* Whoever ends the program holds it: the command's own end, or a signal's. Guards tool->fe. */
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;

static uint32_t longest(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t ab = a > b ? a : b;

	return ab > c ? ab : c;
}

int tool_open(struct tool *tool, unsigned flags)
{
	struct xenpcifront *fe = xenpcifront_open(tool->lg, flags | XENPCIFRONT_DEVID(tool->devid));

	if (!fe)
		return -1;
	pthread_mutex_lock(&ending);
	tool->fe = fe;
	pthread_mutex_unlock(&ending);
	if (tool->sleep)
		xenpcifront_set_spin(fe, 0);
	if (tool->poll)
		xenpcifront_set_spin(tool->fe, XENPCIFRONT_SPIN_ALWAYS);
	if (tool->request_ms)
		xenpcifront_set_timeout(tool->fe, tool->request_ms);
	/* Whoever is patient with one thing is so with all. */
	xenpcifront_set_call_timeout(tool->fe, longest(XENPCIFRONT_CALL_TIMEOUT_MS,
						       tool->timeout_ms, tool->request_ms));
	return 0;
}

int tool_connect(struct tool *tool, unsigned flags)
{
	uint32_t ms = tool->timeout_ms ? tool->timeout_ms : CONNECT_TIMEOUT_MS;

	return tool_open(tool, flags) ? -1 : xenpcifront_connect_wait(tool->fe, ms);
}

static bool same(struct xenpcifront_address a, struct xenpcifront_address b)
{
	return a.segment == b.segment && a.bus == b.bus && a.devfn == b.devfn;
}

int tool_devices(struct tool *tool, const char *argument,
		 struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES], int *status)
{
	struct xenpcifront_address a;
	unsigned n;

	*status = EXIT_USAGE;
	if (argument && tool_address(argument, &a))
		return -1;
	*status = EXIT_FAILED;
	if (tool_connect(tool, 0))
		return -1;
	n = xenpcifront_devices(tool->fe, devices, XENPCIFRONT_MAX_DEVICES);
	if (!argument)
		return (int)n;
	for (unsigned i = 0; i < n; i++) {
		if (same(devices[i].address, a)) {
			devices[0] = devices[i];
			return 1;
		}
	}
	tool_failed("this guest has no device %s (see `xenpci-front list')", tool_name(a));
	return -1;
}

void tool_end(bool by_signal)
{
	if (by_signal)
		ended = true;
	pthread_mutex_lock(&ending);
}
