/* SPDX-License-Identifier: MIT */
/* A hostile backend without end: kicks, AER requests, states, nodes. What it costs is counted. */
#include "tests/unit/front_hostile.h"

/* ---- without end ---- */

static void kicks_in_a_wait(void **state)
{
	struct xenpcifront *fe = *state;
	uint64_t start = now_ns();
	uint32_t v;

	fake.silent = fake.storm = true;
	xenpcifront_set_timeout(fe, 200);
	assert_int_equal(xenpcifront_read32(fe, fake_device, 0, &v, NULL), -1);
	assert_int_equal(errno, ETIMEDOUT);
	/* Some at once; then one in each rest. */
	assert_true(fake.unmasked <= 32 + (now_ns() - start) / (5 * NS_PER_MS));
}

/* A request that stands in the page explains one kick, not a thousand; nor does a late answer. */
static void kicks_that_explain_themselves(void **state)
{
	struct xenpcifront *fe = *state;
	uint32_t v;

	for (int poisoned = 0; poisoned < 2; poisoned++) {
		uint64_t delay = 0;

		if (poisoned) {
			fake.silent = true;
			xenpcifront_set_timeout(fe, 1);
			assert_int_equal(xenpcifront_read32(fe, fake_device, 0, &v, NULL), -1);
		} else {
			page_aer_post(fake.page, &(struct xen_pcie_aer_op){ 0 });
		}
		fe->channel.spurious = 0;
		for (int i = 0; i < 64; i++) {
			fake.events = 1;
			delay = channel_events(&fe->channel);
		}
		assert_int_equal(delay, 1000000000u);
		page_aer_withdraw(fake.page);
	}
}

static void aer_requests(void **state)
{
	struct xenpcifront *fe = *state;
	struct xen_pcie_aer_op op = { .cmd = 999, .err = -1, .bus = UINT32_MAX };
	unsigned answered = 0;

	fe->flags = XENPCIFRONT_AER;
	for (int i = 0; i < 100000; i++) {
		page_aer_post(fake.page, &op);
		aer_take(fe);
		answered += !page_aer_requested(fake.page);
	}
	assert_true(answered > 0 && answered <= allowed(&fe->aer_requests));
	/* What was put off is taken later. */
	ratelimit_init(&fe->aer_requests, 1, 1, now_ns());
	aer_take(fe);
	assert_false(page_aer_requested(fake.page));
}

static void states_that_flap(void **state)
{
	static const char *const ways[] = { "78", "748", "7", "84", "9x7", "478" };
	struct xenpcifront *fe = *state;

	store_set("num_devs", "1");
	store_set("vdev-0", "0000:00:00.00");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		flap = ways[i];
		for (int k = 0; k < 20000; k++)
			xenpcifront_process(fe);
	}
	assert_true(store_writes > 0 && store_writes <= allowed(&fe->steps));
	assert_true(lines <= allowed(&fe->lines));
}

/* ---- nodes ---- */

static void finds_nothing(struct xenpcifront *fe)
{
	fake.kicks = 0;
	assert_int_equal(devices_scan(fe), 0);
	assert_int_equal(xenpcifront_devices(fe, NULL, 0), 0);
	assert_int_equal(fake.kicks, 0);
}

static void roots_without_bound(void **state)
{
	static const char *const bad[] = { "257", "4294967296", "18446744073709551616", "-1", "1e3",
					   "0x10", "", " 1" };
	struct xenpcifront *fe = *state;
	char huge[4096];

	fe->n_devices = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		store_set("root_num", bad[i]);
		finds_nothing(fe);
	}
	memset(huge, '9', sizeof(huge));
	store_set_bytes(FRONT_STORE_BACKEND "/root_num", huge, sizeof(huge));
	finds_nothing(fe);
	store_set_bytes(FRONT_STORE_BACKEND "/root_num", "1\0 ", 3);
	finds_nothing(fe);
	/* Each of 256 is refused, in each of many scans: the log does not hear of them all. */
	store_set("root_num", "256");
	store_set_bytes(FRONT_STORE_BACKEND "/root-0", huge, sizeof(huge));
	lines = 0;
	for (int i = 0; i < 100; i++)
		finds_nothing(fe);
	assert_true(lines > 0 && lines <= allowed(&fe->lines));
}

static void more_devices_than_there_is_room(void **state)
{
	struct xenpcifront *fe = *state;
	struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES + 1];

	fake.anywhere = true;
	fake_set(0, 4, 0x10d38086, 0);
	store_set("root_num", "3");
	store_set("root-0", "0000:00");
	store_set("root-1", "0000:01");
	store_set("root-2", "ffff:ff");
	for (int i = 0; i < 100; i++) {
		fake.kicks = 0;
		assert_int_equal(devices_scan(fe), 0);
		assert_int_equal(xenpcifront_devices(fe, devices, ARRAY_SIZE(devices)),
				 XENPCIFRONT_MAX_DEVICES);
		assert_in_range(fake.kicks, 1, 3 * (XENPCIFRONT_MAX_DEVICES + 1));
	}
	assert_true(lines > 0 && lines <= allowed(&fe->lines));
	assert_true(fe->n_devices <= XENPCIFRONT_MAX_DEVICES);
}

/* The toolstack names another backend: whoever has our page is it no more. */
static void a_backend_that_moves(void **state)
{
	static const char *const others[] = { "/local/domain/0/backend/pci/7/1",
					      "/local/domain/0/backend/pci/8/0" };
	struct xenpcifront *fe = *state;
	struct xenpcifront_event event;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		char path[64];

		end(state);
		begin(state);
		fe = *state;
		assert_int_equal(xenpcifront_process(fe), 0);
		assert_true(xenpcifront_connected(fe));
		store_set_bytes(NODE_FRONTEND_DIR "/backend", others[i], (unsigned)strlen(others[i]));
		snprintf(path, sizeof(path), "%s/state", others[i]);
		store_set_bytes(path, "4", 1);
		fe->backend_known = fe->own_known = false; /* as the watch has it */
		assert_int_equal(xenpcifront_process(fe), 0);
		assert_false(xenpcifront_connected(fe));
		assert_null(fake.page);
		while (xenpcifront_next_event(fe, &event) && event.type != XENPCIFRONT_EVENT_CLOSED)
			;
		assert_int_equal(event.type, XENPCIFRONT_EVENT_CLOSED);
		assert_int_equal(event.backend_state, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kicks_in_a_wait),
		TEST(kicks_that_explain_themselves),
		TEST(aer_requests),
		TEST(states_that_flap),
		TEST(roots_without_bound),
		TEST(more_devices_than_there_is_room),
		TEST(a_backend_that_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
