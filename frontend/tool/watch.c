/* SPDX-License-Identifier: MIT */
/* watch: events as they happen, one line each; AER requests are answered. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "frontend/tool/tool.h"
#include "protocol/pciif.h"

struct watch {
	uint64_t ms; /* --timeout; 0: for ever */
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

enum { KEY_COUNT = 256, KEY_AER };

static const struct argp_option options[] = {
	{ "count", KEY_COUNT, "N", 0, "End after so many events", 0 },
	{ "aer", KEY_AER, "RESULT", 0,
	  "Answer errors so: none, can_recover, need_reset, disconnect, recovered, no_aer_driver", 0 },
	{ "timeout", 't', "MS", 0, "End after so long; a failure where --count was not reached", 0 },
	{ 0 }
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

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct watch *w = state->input;
	int rc;

	switch (key) {
	case KEY_COUNT:
		rc = tool_number(arg, "count", UINT32_MAX, &w->count);
		break;
	case KEY_AER:
		rc = aer_number(arg, &w->aer);
		break;
	case 't':
		rc = tool_number(arg, "time", INT32_MAX, &w->ms);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (rc)
		exit(EXIT_USAGE);
	return 0;
}

int run_watch(struct tool *tool, int argc, char **argv)
{
	struct watch w = { .ms = tool->timeout_ms };
	uint64_t deadline = 0;

	tool_options(tool, options, parse, &w, 0, 0, &argc, &argv);
	if (w.ms)
		deadline = now_ns() + w.ms * 1000000;
	if (tool_open(tool, XENPCIFRONT_AER))
		return EXIT_FAILED;
	tool->endless = true;
	w.fe = tool->fe;
	if (xenpcifront_connect(tool->fe))
		return tool_failed("connecting: %s", strerror(errno));
	return watch(&w, deadline);
}
