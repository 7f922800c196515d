/* SPDX-License-Identifier: MIT */
/*
 * XSA-332: a guest that kicks without a request. The worker's own loop, with a clock and a port of
 * ours: whoever kicks at each unmasking is heard a number of times that a minute bounds.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "backend/worker/worker.h"
#include "common/util.h"
#include "tests/unit/unit.h"

#define MINUTE_NS 60000000000ull
#define EVENTS_MAX 1000000u
#define DELAYS_MAX 14u /* that are looked at */

static uint64_t clock_now;
static bool port_masked, pending;
static unsigned events;
static struct worker w;
static jmp_buf over;
static unsigned delays[DELAYS_MAX], nr_delays; /* of the first ones, in ms */
static unsigned requests_every; /* each so-many'th event has a request; 0: none */

int clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	clock_now += 100;
	ts->tv_sec = (time_t)(clock_now / 1000000000u);
	ts->tv_nsec = (long)(clock_now % 1000000000u);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	(void)xce;
	return 1000;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	(void)xce;
	if (!pending)
		return -1;
	pending = false;
	port_masked = true;
	return 1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	(void)xce;
	(void)port;
	port_masked = false;
	return 0;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	(void)xce;
	(void)port;
	return 0;
}

/* The guest: kicks whenever it can be heard. */
int poll(struct pollfd *p, nfds_t n, int timeout)
{
	if (clock_now >= MINUTE_NS || events >= EVENTS_MAX)
		longjmp(over, 1);
	for (nfds_t i = 0; i < n; i++)
		p[i].revents = 0;
	if (n < 2)
		return 0;
	if (!port_masked) {
		pending = true;
		p[1].revents = POLLIN;
		events++;
		if (requests_every && events % requests_every == 0)
			page_post_head(w.page, &(struct xen_pci_op){ .cmd = 99 });
		return 1;
	}
	/* Masked for ever: nobody would be heard again. */
	if (timeout < 0)
		longjmp(over, 2);
	if (nr_delays < DELAYS_MAX)
		delays[nr_delays++] = (unsigned)timeout;
	clock_now += (uint64_t)timeout * 1000000u;
	return 0;
}

static void storm(unsigned every, bool finite)
{
	int why;

	memset(&w, 0, sizeof(w));
	clock_now = 1;
	port_masked = pending = false;
	events = 0;
	nr_delays = 0;
	requests_every = every;
	w.page = mmap(NULL, PCIIF_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	w.ledger = calloc(1, sizeof(*w.ledger));
	assert_ptr_not_equal(w.page, MAP_FAILED);
	assert_non_null(w.ledger);
	w.setup.late_ms = UINT32_MAX;
	why = setjmp(over);
	if (!why)
		channel_serve(&w);
	assert_int_equal(why, 1);
	if (finite)
		assert_in_range(events, 2, 80); /* 2 free, 10 doublings, one a second */
	munmap((void *)(uintptr_t)w.page, PCIIF_PAGE_SIZE);
	free(w.ledger);
}

static void xsa_332_kicks_alone_are_heard_ever_more_seldom(void **state)
{
	(void)state;
	storm(0, true);
}

/* Each time twice as late as the time before, up to a second: so few are heard at all. */
static void xsa_332_the_delay_doubles(void **state)
{
	(void)state;
	storm(0, true);
	assert_int_equal(nr_delays, DELAYS_MAX);
	for (unsigned i = 1; i < DELAYS_MAX; i++) {
		unsigned want = 2 * delays[i - 1] < 1000 ? 2 * delays[i - 1] : 1000;

		if (delays[i] + 1 < want || delays[i] > want + 1)
			fail_msg("delay %u is %u ms after %u ms", i, delays[i], delays[i - 1]);
	}
}

/* A guest that works is heard each time: 10^6 events, all served. */
static void requests_are_heard_at_once(void **state)
{
	(void)state;
	storm(1, false);
	assert_int_equal(events, EVENTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xsa_332_kicks_alone_are_heard_ever_more_seldom),
		cmocka_unit_test(xsa_332_the_delay_doubles),
		cmocka_unit_test(requests_are_heard_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
