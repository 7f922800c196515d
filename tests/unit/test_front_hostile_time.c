/* SPDX-License-Identifier: MIT */
/*
 * A hostile backend that answers just in time, or never: calls end in time, and when they are told
 * to.
 */
#include "tests/unit/front_hostile.h"

/* ---- just in time ---- */

#define CALL_MS	  40
#define MOST	  (CALL_MS / ANSWER_MS + 1) /* answers that fit into a call */

static void is_late(struct xenpcifront *fe, int rc)
{
	assert_int_equal(rc, -1);
	assert_int_equal(errno, ETIMEDOUT);
	/* None where the machine had no time for us before the call's was over. */
	assert_in_range(fake.kicks, 0, MOST);
	fake.kicks = 0;
	assert_false(fe->channel.poisoned);
}

static void calls_have_one_time(void **state)
{
	struct xenpcifront *fe = *state;
	struct xenpcifront_capability caps[128];
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint8_t space[PCIIF_CONFIG_SIZE] = { 1 };

	fake.device = in_time;
	fake_set(PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0);
	fake_set(PCI_CAPABILITY_LIST, 1, 0x40, 0);
	for (unsigned at = 0x40; at < 0xf0; at += 4)
		fake_set(at, 2, PCI_CAP_ID_VNDR | (at + 4) << 8, 0);
	fake_set(PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xfffff000);
	assert_int_equal(xenpcifront_set_call_timeout(fe, CALL_MS), 0);
	is_late(fe, xenpcifront_pull(fe, fake_device, space, 4096));
	is_late(fe, xenpcifront_push(fe, fake_device, space, 4096, NULL));
	is_late(fe, xenpcifront_capabilities(fe, fake_device, caps, 128));
	is_late(fe, xenpcifront_bars(fe, fake_device, bars));
}

static void a_scan_has_one_time(void **state)
{
	struct xenpcifront *fe = *state;
	char name[16], text[16];

	fake.device = in_time;
	fake.anywhere = true;
	fake.config_size = 0; /* nobody is there */
	store_set("root_num", "8");
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "root-%d", i);
		snprintf(text, sizeof(text), "0000:%02x", i);
		store_set(name, text);
	}
	store_set("state", "8");
	store_set_bytes(OWN_NODE, "7", 1);
	xenpcifront_set_call_timeout(fe, CALL_MS);
	assert_int_equal(xenpcifront_process(fe), -1);
	assert_int_equal(errno, ETIMEDOUT);
	/* None where the machine had no time for us before the call's was over. */
	assert_in_range(fake.kicks, 0, MOST);
}

/* The look at the BARs after a write has no time of its own. */
static void on_move(void *opaque, const struct xenpcifront_bar_change *change)
{
	(void)change;
	++*(unsigned *)opaque;
}

static void a_write_has_one_time(void **state)
{
	static const struct xenpcifront_handlers handlers = { .bar_changed = on_move };
	struct xenpcifront *fe = *state;
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	unsigned moves = 0;

	fake_set(PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xfffff000);
	xenpcifront_set_handlers(fe, &handlers, &moves);
	assert_int_equal(xenpcifront_bars(fe, fake_device, bars), 0);
	fake.kicks = 0;
	fake.device = in_time;
	xenpcifront_set_timeout(fe, CALL_MS);
	assert_int_equal(xenpcifront_write32(fe, fake_device, PCI_BASE_ADDRESS_0, 0xfeb10000, NULL),
			 0);
	/* None where the machine had no time for us before the call's was over. */
	assert_in_range(fake.kicks, 0, MOST);
	assert_int_equal(moves, 0);
	/* It is seen when there is time. */
	fake.device = fake_config;
	xenpcifront_set_timeout(fe, LONG_MS);
	assert_int_equal(xenpcifront_write32(fe, fake_device, PCI_BASE_ADDRESS_0, 0xfeb10000, NULL),
			 0);
	assert_int_equal(moves, 1);
}

/* ---- told to leave ---- */

struct caller {
	pthread_t thread;
	struct xenpcifront *fe;
	void (*call)(struct caller *c);
	atomic_bool done;
	int rc, err;
};

static void *run(void *arg)
{
	struct caller *c = arg;

	errno = 0;
	c->call(c);
	c->err = errno;
	c->done = true;
	return NULL;
}

static void call_read(struct caller *c)
{
	uint32_t v;

	c->rc = xenpcifront_read32(c->fe, fake_device, 0, &v, NULL);
}

static void call_bars(struct caller *c)
{
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];

	c->rc = xenpcifront_bars(c->fe, fake_device, bars);
}

static void call_process(struct caller *c)
{
	c->rc = xenpcifront_process(c->fe);
}

static void call_wait(struct caller *c)
{
	c->rc = xenpcifront_connect_wait(c->fe, LONG_MS);
}

static void start(struct caller *c, struct xenpcifront *fe, void (*call)(struct caller *))
{
	*c = (struct caller){ .fe = fe, .call = call };
	assert_int_equal(pthread_create(&c->thread, NULL, run, c), 0);
}

static void left(struct caller *c, int err)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LONG_MS / 1000 / 2;
	assert_int_equal(pthread_timedjoin_np(c->thread, NULL, &until), 0);
	assert_int_equal(c->rc, -1);
	assert_int_equal(c->err, err);
}

static void wait_for_kicks(unsigned n)
{
	while (fake.kicks < n)
		usleep(1000);
}

static void (*const waiting[])(struct caller *) = { call_process, call_read, call_bars };

/*
 * Two of each: one carries the connection on and is in a request; behind it others wait for the
 * connection's lock, for the slot, for the lock of sizing.
 */
static void wait_all(struct xenpcifront *fe, struct caller *c)
{
	fake.silent = true;
	xenpcifront_set_timeout(fe, LONG_MS);
	xenpcifront_set_call_timeout(fe, LONG_MS);
	store_set("num_devs", "1");
	store_set("vdev-0", "0000:00:00.00");
	store_set("state", "8");
	store_set_bytes(OWN_NODE, "7", 1);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(waiting); i++) {
		start(&c[i], fe, waiting[i / 2]);
		wait_for_kicks(1);
	}
}

static void interrupt_is_heard(void **state)
{
	static const uint32_t spins[] = { 0, 50, XENPCIFRONT_SPIN_ALWAYS };
	struct caller c[2 * ARRAY_SIZE(waiting)];
	struct xenpcifront *fe = *state;
	uint32_t v;

	for (size_t k = 0; k < ARRAY_SIZE(spins); k++) {
		end(state);
		begin(state);
		fe = *state;
		xenpcifront_set_spin(fe, spins[k]);
		wait_all(fe, c);
		errno = 77;
		xenpcifront_interrupt(fe);
		assert_int_equal(errno, 77);
		for (size_t i = 0; i < ARRAY_SIZE(c); i++)
			left(&c[i], ECANCELED);
		/* Nothing was closed; but whoever comes now does not wait either. */
		assert_true(xenpcifront_connected(fe));
		assert_int_equal(xenpcifront_read32(fe, fake_device, 0, &v, NULL), -1);
		assert_int_equal(errno, ECANCELED);
		assert_int_equal(xenpcifront_process(fe), -1);
		assert_int_equal(errno, ECANCELED);
		/* disconnect takes it back, and waits for the backend itself. */
		store_set("state", "6");
		fe->peer_known = false;
		assert_int_equal(xenpcifront_disconnect(fe), 0);
		assert_int_equal(halt_reason(&fe->channel.halt), 0);
		assert_int_equal(xenpcifront_read32(fe, fake_device, 0, &v, NULL), -1);
		assert_int_equal(errno, ENOTCONN);
	}
}

static void disconnect_is_heard(void **state)
{
	struct caller c[2 * ARRAY_SIZE(waiting)], waiter;
	struct xenpcifront *fe = *state;

	wait_all(fe, c);
	start(&waiter, fe, call_wait);
	xenpcifront_set_timeout(fe, SHORT_MS);
	assert_int_equal(xenpcifront_disconnect(fe), -1); /* the backend does not follow */
	assert_int_equal(errno, ETIMEDOUT);
	/* The second may have come in time to find nothing to do any more. */
	pthread_join(c[1].thread, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		if (i != 1)
			left(&c[i], ENOTCONN);
	xenpcifront_interrupt(fe); /* it may have begun anew */
	pthread_join(waiter.thread, NULL);
	assert_int_equal(waiter.rc, -1);
	assert_false(xenpcifront_connected(fe));
}

/* What an event loop calls does not wait for another's request. */
static void looks_do_not_wait(void **state)
{
	struct caller c[2 * ARRAY_SIZE(waiting)];
	struct xenpcifront *fe = *state;
	struct xenpcifront_event event;

	wait_all(fe, c);
	while (xenpcifront_next_event(fe, &event))
		;
	xenpcifront_devices(fe, NULL, 0);
	xenpcifront_enumerated(fe);
	xenpcifront_connected(fe);
	xenpcifront_answer_aer(fe, XENPCIFRONT_RESULT_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		assert_false(c[i].done);
	xenpcifront_interrupt(fe);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++)
		left(&c[i], ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calls_have_one_time),
		TEST(a_scan_has_one_time),
		TEST(a_write_has_one_time),
		TEST(interrupt_is_heard),
		TEST(disconnect_is_heard),
		TEST(looks_do_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
