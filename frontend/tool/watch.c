/* SPDX-License-Identifier: MIT */
/* watch: events as they happen, one line each; AER requests are answered. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "frontend/tool/tool.h"
#include "protocol/pciif.h"

struct watch {
	struct xenpcifront *fe;
	uint64_t count, seen;
	enum xenpcifront_aer_result aer; /* 0: what a healthy driver says */
};

static const char *const channels[] = {
	[XENPCIFRONT_CHANNEL_NORMAL] = "normal",
	[XENPCIFRONT_CHANNEL_FROZEN] = "frozen",
	[XENPCIFRONT_CHANNEL_PERM_FAILURE] = "permanent failure",
};

static enum xenpcifront_aer_result verdict(const struct watch *w, const struct xenpcifront_aer *aer)
{
	if (w->aer)
		return w->aer;
	switch (aer->type) {
	case XENPCIFRONT_AER_DETECTED:
		return aer->channel == XENPCIFRONT_CHANNEL_PERM_FAILURE
			       ? XENPCIFRONT_RESULT_DISCONNECT : XENPCIFRONT_RESULT_CAN_RECOVER;
	case XENPCIFRONT_AER_MMIO_ENABLED:
	case XENPCIFRONT_AER_SLOT_RESET:
		return XENPCIFRONT_RESULT_RECOVERED;
	case XENPCIFRONT_AER_RESUME:
		break;
	}
	return XENPCIFRONT_RESULT_NONE;
}

static void print_added(struct watch *w, struct xenpcifront_address a)
{
	uint32_t id = 0, class = 0;

	xenpcifront_read32(w->fe, a, 0, &id, NULL);
	xenpcifront_read32(w->fe, a, 8, &class, NULL);
	printf("added %s %04x:%04x class %04x\n", tool_name(a), id & 0xffff, id >> 16, class >> 16);
}

static void print_aer(struct watch *w, const struct xenpcifront_aer *aer)
{
	enum xenpcifront_aer_result result = verdict(w, aer);
	int rc = xenpcifront_answer_aer(w->fe, result);

	printf("aer %s %s %s -> %s%s\n", tool_name(aer->address), xenpcifront_aer_name(aer->type),
	       channels[aer->channel], pciif_aer_result_name((int32_t)result),
	       rc ? " (too late)" : "");
}

/* Prints what is new. Returns 0, or -1 (complained). */
static int print_events(struct watch *w)
{
	struct xenpcifront_event event;

	while ((!w->count || w->seen < w->count) && xenpcifront_next_event(w->fe, &event)) {
		w->seen++;
		switch (event.type) {
		case XENPCIFRONT_EVENT_ADDED:
			print_added(w, event.address);
			break;
		case XENPCIFRONT_EVENT_REMOVED:
			printf("removed %s\n", tool_name(event.address));
			break;
		case XENPCIFRONT_EVENT_AER:
			print_aer(w, &event.aer);
			break;
		case XENPCIFRONT_EVENT_CLOSED:
			printf("closed, the backend is %s\n",
			       event.backend_state ? pciif_state_name(event.backend_state) : "gone");
			/* Whoever watches waits for the next device, too. */
			if (xenpcifront_connect(w->fe))
				return tool_failed("connecting: %s", strerror(errno)), -1;
			break;
		default:
			printf("%s\n", xenpcifront_event_name(event.type));
		}
		fflush(stdout);
	}
	return 0;
}

/* Until the count is reached, or the time is over (a failure where a count was asked for). */
static int watch(struct watch *w, uint64_t deadline)
{
	for (;;) {
		struct pollfd pfd = { .fd = xenpcifront_fd(w->fe), .events = POLLIN };
		uint64_t now = now_ns();

		if (xenpcifront_process(w->fe))
			tool_failed("the connection failed: %s", strerror(errno));
		if (print_events(w))
			return EXIT_FAILED;
		if (w->count && w->seen >= w->count)
			return EXIT_OK;
		if (deadline && now >= deadline)
			return w->count ? tool_failed("%llu of %llu events came in time",
						      (unsigned long long)w->seen,
						      (unsigned long long)w->count)
					: EXIT_OK;
		poll(&pfd, 1, deadline ? (int)((deadline - now) / 1000000) + 1 : -1);
	}
}

static const struct option options[] = {
	{ "count", required_argument, NULL, 'c' },
	{ "aer", required_argument, NULL, 'a' },
	{ "timeout", required_argument, NULL, 't' },
	{ NULL, 0, NULL, 0 },
};

static int aer_number(const char *name, enum xenpcifront_aer_result *result)
{
	for (int i = XENPCIFRONT_RESULT_NONE; i <= XENPCIFRONT_RESULT_NO_DRIVER; i++) {
		if (!strcmp(pciif_aer_result_name(i), name)) {
			*result = (enum xenpcifront_aer_result)i;
			return 0;
		}
	}
	return tool_usage("'%s' is no AER result (none, can_recover, need_reset, disconnect, "
			  "recovered, no_aer_driver)", name);
}

int run_watch(struct tool *tool, int argc, char **argv)
{
	struct watch w = { 0 };
	uint64_t deadline = 0, ms = tool->timeout_ms;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c' && tool_number(optarg, "count", UINT32_MAX, &w.count))
			return EXIT_USAGE;
		if (c == 'a' && aer_number(optarg, &w.aer))
			return EXIT_USAGE;
		if (c == 't' && tool_number(optarg, "time", INT32_MAX, &ms))
			return EXIT_USAGE;
		if (c == '?')
			return tool_usage("watch [--count N] [--timeout MS] [--aer RESULT]");
	}
	if (optind != argc)
		return tool_usage("watch takes no argument");
	if (ms)
		deadline = now_ns() + ms * 1000000;
	if (tool_open(tool, XENPCIFRONT_AER))
		return EXIT_FAILED;
	tool->endless = true;
	w.fe = tool->fe;
	if (xenpcifront_connect(tool->fe))
		return tool_failed("connecting: %s", strerror(errno));
	return watch(&w, deadline);
}
