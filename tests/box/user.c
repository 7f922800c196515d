/* SPDX-License-Identifier: MIT */
/*
 * A program as a user of libxenpcifront writes it, linked with the library as it is
 * installed, once with each kind. user STEP... does the steps in order and prints
 * "ok ..." or "not ok ..." for each thing that it saw.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xenpci/xenpcifront.h>

#include "check.h"

#define THREADS 4
#define READS	3000
#define LIMIT_S 10

static struct xenpcifront *fe;
static struct xenpcifront_device dev;

/* Events, until one of the type comes; what came before it is counted. */
static bool await_event(enum xenpcifront_event_type type, struct xenpcifront_event *event)
{
	time_t end = time(NULL) + LIMIT_S;

	while (time(NULL) < end) {
		struct pollfd pfd = { .fd = xenpcifront_fd(fe), .events = POLLIN };

		if (xenpcifront_process(fe))
			return false;
		while (xenpcifront_next_event(fe, event))
			if (event->type == type)
				return true;
		poll(&pfd, 1, 1000);
	}
	return false;
}

static void step_connect(void)
{
	struct xenpcifront_event event;

	check(!xenpcifront_connected(fe), "not connected before connect", "it is");
	check(!xenpcifront_connect(fe), "connect begins", "%s", strerror(errno));
	check(await_event(XENPCIFRONT_EVENT_CONNECTED, &event), "event connected", "it did not come");
	check(await_event(XENPCIFRONT_EVENT_ADDED, &event), "event added", "it did not come");
	check(await_event(XENPCIFRONT_EVENT_ENUMERATED, &event), "event enumerated",
	      "it did not come");
	check(xenpcifront_enumerated(fe) && xenpcifront_devices(fe, &dev, 1) > 0, "a device is there",
	      "none");
	check(!xenpcifront_next_event(fe, &event), "no event is told twice", "%s",
	      xenpcifront_event_name(event.type));
}

static void step_disconnect(void)
{
	uint32_t id;

	check(!xenpcifront_disconnect(fe), "disconnect", "%s", strerror(errno));
	check(!xenpcifront_connected(fe) && !xenpcifront_devices(fe, NULL, 0), "nothing is left",
	      "something is");
	check(xenpcifront_read32(fe, dev.address, 0, &id, NULL) == -1 && errno == ENOTCONN,
	      "a read is ENOTCONN", "%s", strerror(errno));
}

struct reader {
	unsigned wrong, failed;
	int err; /* of the last that failed */
};

static void *read_ids(void *reader)
{
	struct reader *r = reader;

	for (int i = 0; i < READS; i++) {
		uint32_t id;
		uint16_t vendor;
		uint8_t high;

		if (xenpcifront_read32(fe, dev.address, 0, &id, NULL) ||
		    xenpcifront_read16(fe, dev.address, 0, &vendor, NULL) ||
		    xenpcifront_read8(fe, dev.address, 3, &high, NULL)) {
			r->failed++;
			r->err = errno;
		} else if (vendor != dev.vendor || id != (uint32_t)(dev.vendor | dev.device << 16) ||
			   high != id >> 24) {
			r->wrong++;
		}
	}
	return NULL;
}

/*
 * Several threads ask, this one follows the connection meanwhile. They are more patient than the library by itself: a
 * loaded machine's process may stand still for longer than that.
 */
static void step_threads(void)
{
	pthread_t threads[THREADS];
	struct reader readers[THREADS] = { 0 }, sum = { 0 };

	check(!xenpcifront_set_timeout(fe, LIMIT_S * 1000), "patience", "%s", strerror(errno));
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, read_ids, &readers[i]))
			exit(1);
	for (int i = 0; i < THREADS; i++) {
		struct pollfd pfd = { .fd = xenpcifront_fd(fe), .events = POLLIN };

		for (int k = 0; k < 100; k++)
			if (poll(&pfd, 1, 1) > 0)
				xenpcifront_process(fe);
		pthread_join(threads[i], NULL);
		sum.wrong += readers[i].wrong;
		sum.failed += readers[i].failed;
		sum.err = readers[i].failed ? readers[i].err : sum.err;
	}
	check(!sum.wrong, "threads get their own answers", "%u were wrong", sum.wrong);
	check(!sum.failed, "and all of them", "%u did not come, the last: %s", sum.failed, strerror(sum.err));
	check(!xenpcifront_set_timeout(fe, XENPCIFRONT_TIMEOUT_MS), "as patient as before", "%s", strerror(errno));
}

/* Nothing waits until the connection is closed, and the fd says why; then all is as before. */
static void step_interrupt(void)
{
	struct pollfd pfd = { .fd = xenpcifront_fd(fe), .events = POLLIN };
	uint32_t id;

	xenpcifront_interrupt(fe);
	check(xenpcifront_read32(fe, dev.address, 0, &id, NULL) == -1 && errno == ECANCELED,
	      "a read is ECANCELED", "%s", strerror(errno));
	check(poll(&pfd, 1, 0) == 1, "the fd tells", "it does not");
	check(xenpcifront_connect_wait(fe, LIMIT_S * 1000) == -1 && errno == ECANCELED,
	      "so is the wait for the connection", "%s", strerror(errno));
	check(!xenpcifront_disconnect(fe), "disconnect after an interrupt", "%s", strerror(errno));
	check(!xenpcifront_connect_wait(fe, LIMIT_S * 1000) &&
	      !xenpcifront_read32(fe, dev.address, 0, &id, NULL), "connects and reads again", "%s",
	      strerror(errno));
}

/* A child that closes what it inherited leaves the parent's connection alone. */
static void step_fork(void)
{
	pid_t child = fork();
	uint32_t id;
	int status = 0;

	if (!child) {
		xenpcifront_close(fe);
		_exit(0);
	}
	check(child > 0 && waitpid(child, &status, 0) == child && !status, "the child closes", "0x%x",
	      status);
	check(!xenpcifront_read32(fe, dev.address, 0, &id, NULL) && (id & 0xffff) == dev.vendor,
	      "the parent goes on", "%s", strerror(errno));
}

static unsigned moved;
static struct xenpcifront_bar_change last;

static void on_move(void *opaque, const struct xenpcifront_bar_change *change)
{
	(void)opaque;
	moved++;
	last = *change;
}

/* A device that is a dump's can be moved by its guest (a real one cannot). */
static void step_move(void)
{
	static const struct xenpcifront_handlers handlers = { .bar_changed = on_move };
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	unsigned i = 0;
	uint32_t old;

	xenpcifront_set_handlers(fe, &handlers, NULL);
	if (!check(!xenpcifront_bars(fe, dev.address, bars), "the BARs size", "%s", strerror(errno)))
		return;
	while (i < XENPCIFRONT_BAR_ROM_INDEX && bars[i].kind != XENPCIFRONT_BAR_MEM32)
		i++;
	if (!check(i < XENPCIFRONT_BAR_ROM_INDEX, "a memory BAR is there", "none"))
		return;
	xenpcifront_read32(fe, dev.address, bars[i].offset, &old, NULL);
	xenpcifront_write32(fe, dev.address, bars[i].offset, old + (uint32_t)bars[i].size, NULL);
	check(moved == 1 && last.index == i && last.old.start == bars[i].start &&
	      last.now.start == bars[i].start + bars[i].size && last.now.size == bars[i].size,
	      "a moved BAR is told", "%u times, index %u, to %llx", moved, last.index,
	      (unsigned long long)last.now.start);
	xenpcifront_write32(fe, dev.address, bars[i].offset, old, NULL);
	check(moved == 2 && last.now.start == bars[i].start, "and told when it comes back", "%u", moved);
	xenpcifront_set_handlers(fe, NULL, NULL);
}

static void step_config(void)
{
	uint8_t space[XENPCIFRONT_CONFIG_SIZE], again[XENPCIFRONT_CONFIG_SIZE];
	unsigned refused = 99;
	int n = xenpcifront_pull(fe, dev.address, space, sizeof(space));

	if (!check(n == 256 || n == 4096, "a config space is pulled", "%d, %s", n, strerror(errno)))
		return;
	xenpcifront_write8(fe, dev.address, 0x0c, space[0x0c] ^ 0x10, NULL);
	check(!xenpcifront_push(fe, dev.address, space, (unsigned)n, &refused) && !refused,
	      "and pushed", "%u refused, %s", refused, strerror(errno));
	check(xenpcifront_pull(fe, dev.address, again, (unsigned)n) == n &&
	      !memcmp(space, again, (size_t)n), "and is what it was", "it differs");
}

/* The toolstack is through when the test closes our stdin. */
static void follow_until_eof(void)
{
	struct pollfd fds[] = {
		{ .fd = xenpcifront_fd(fe), .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	while (!fds[1].revents) {
		poll(fds, 2, -1);
		xenpcifront_process(fe);
	}
}

static void step_hotplug(void)
{
	struct xenpcifront_event event;

	puts("ready");
	fflush(stdout);
	check(await_event(XENPCIFRONT_EVENT_ADDED, &event), "event added, hot", "it did not come");
	check(await_event(XENPCIFRONT_EVENT_REMOVED, &event), "event removed", "it did not come");
	follow_until_eof();
}

/* The toolstack takes all away, or makes it anew under us: that is told, and the next connect is a new one. */
static void step_closed(void)
{
	struct xenpcifront_event event;
	uint32_t id;

	puts("ready");
	fflush(stdout);
	check(await_event(XENPCIFRONT_EVENT_CLOSED, &event), "event closed", "it did not come");
	check(!xenpcifront_connected(fe) && !xenpcifront_devices(fe, NULL, 0), "nothing is left of it",
	      "something is");
	check(xenpcifront_read32(fe, dev.address, 0, &id, NULL) == -1 && errno == ENOTCONN,
	      "a read is ENOTCONN then", "%s", strerror(errno));
}

/* What the library does not know, it refuses. */
static void check_settings(void)
{
	struct xenpcifront_handlers later = { .bar_changed = on_move };

	later.reserved[4] = (void (*)(void))on_move;
	check(xenpcifront_set_handlers(fe, &later, NULL) == -1 && errno == EINVAL,
	      "an unknown handler is EINVAL", "%s", strerror(errno));
	check(xenpcifront_set_timeout(fe, 0) == -1 && xenpcifront_set_call_timeout(fe, 0) == -1,
	      "no time is EINVAL", "it is taken");
	check(!xenpcifront_set_call_timeout(fe, XENPCIFRONT_CALL_TIMEOUT_MS), "a call's time is set",
	      "%s", strerror(errno));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} steps[] = {
		{ "connect", step_connect }, { "disconnect", step_disconnect },
		{ "interrupt", step_interrupt }, { "threads", step_threads },
		{ "fork", step_fork }, { "move", step_move },
		{ "config", step_config },   { "hotplug", step_hotplug },
		{ "closed", step_closed },
	};

	check(!xenpcifront_open(NULL, 1u << 31) && errno == EINVAL, "an unknown flag is EINVAL", "%s",
	      strerror(errno));
	check(strstr(xenpcifront_open_problem(), "Invalid argument"), "and told", "%s",
	      xenpcifront_open_problem());
	check(xenpcifront_version() == XENPCIFRONT_VERSION &&
	      XENPCIFRONT_VERSION < XENPCIFRONT_VERSION_NUMBER(1, 0, 0),
	      "the library is the header's", "%x", xenpcifront_version());
	xenpcifront_close(NULL);
	fe = xenpcifront_open(NULL, 0);
	if (!check(fe && !*xenpcifront_open_problem(), "open", "%s", xenpcifront_open_problem()))
		return 1;
	check_settings();
	for (int i = 1; i < argc; i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
			if (!strcmp(argv[i], steps[k].name))
				steps[k].run();
	xenpcifront_close(fe);
	return failures ? 1 : 0;
}
