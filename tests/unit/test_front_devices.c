/* SPDX-License-Identifier: MIT */
/*
 * Where the devices are looked for: where the backend's entries say, or, where they do not say it
 * for all, everywhere. libxenstore is played here; the backend has one function, 00:00.0.
 */
#include "tests/unit/front_fake.h"
#include "tests/unit/front_store.h"

#include "protocol/nodes.h"

#define BACKEND FRONT_STORE_BACKEND

enum { PROBE = 3, EVERYWHERE = 256 + PROBE - 1 };

static void set(const char *leaf, const char *value)
{
	store_set(leaf, value);
}

static int begin(void **state)
{
	struct xenpcifront *fe = fake_front();

	store_clear();
	strcpy(fe->backend, BACKEND);
	fe->n_devices = 0;
	fake_set(0, 4, 0x10d38086, 0);
	set("num_devs", "1");
	set("vdev-0", "0000:00:00.00");
	set("state-0", "3");
	set("root_num", "1");
	set("root-0", "0000:00");
	*state = fe;
	return 0;
}

static int end(void **state)
{
	struct xenpcifront *fe = *state;

	channel_close(&fe->channel);
	channel_dispose(&fe->channel);
	free(fe->devices);
	free(fe);
	store_clear();
	return 0;
}

/* A scan finds so many devices by so many requests. */
static void finds(struct xenpcifront *fe, unsigned devices, unsigned requests)
{
	fake.kicks = 0;
	assert_int_equal(devices_scan(fe), 0);
	assert_int_equal(xenpcifront_devices(fe, NULL, 0), devices);
	assert_int_equal(fake.kicks, requests);
}

static void asks_where_entries_say(void **state)
{
	struct xenpcifront *fe = *state;

	finds(fe, 1, PROBE);
	/* What is listed and does not answer is no device. */
	set("num_devs", "2");
	set("vdev-1", "0000:00:05.00");
	set("state-1", "4");
	finds(fe, 1, PROBE + 1);
}

static void entries_without_a_device(void **state)
{
	static const char *const empty[] = { "1", "5", "6" };
	struct xenpcifront *fe = *state;

	set("num_devs", "2");
	for (unsigned i = 0; i < ARRAY_SIZE(empty); i++) {
		set("state-1", empty[i]);
		finds(fe, 1, PROBE);
	}
}

/* NetBSD's backend names none; and what is being renumbered may miss a name for a while. */
static void looks_everywhere_otherwise(void **state)
{
	static const char *const bad[] = { NULL, "", "0000:00:00", "0000:00:20.00", "nonsense" };
	static const char *const bad_nr[] = { NULL, "0", "x", "-1", "257" };
	static const char *const taken[] = { NULL, "2", "3", "4", "9", "x" };
	struct xenpcifront *fe = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		set("vdev-0", bad[i]);
		finds(fe, 1, EVERYWHERE);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(taken); i++) {
		set("state-0", taken[i]);
		finds(fe, 1, EVERYWHERE);
	}
	set("vdev-0", "0000:00:00.00");
	set("num_devs", "2"); /* one of two has no name */
	for (unsigned i = 0; i < ARRAY_SIZE(taken); i++) {
		set("state-1", taken[i]);
		finds(fe, 1, EVERYWHERE);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad_nr); i++) {
		set("num_devs", bad_nr[i]);
		finds(fe, 1, EVERYWHERE);
	}
	set("root_num", NULL);
	finds(fe, 1, EVERYWHERE);
}

/* Known and no longer listed: it is asked. */
static void keeps_who_answers(void **state)
{
	struct xenpcifront *fe = *state;

	finds(fe, 1, PROBE);
	set("vdev-0", "0000:00:05.00");
	finds(fe, 1, 1 + PROBE);
	fake.config_size = 0; /* it answers no more */
	finds(fe, 0, 1 + 1);
	set("vdev-0", "0000:00:00.00");
	fake.config_size = PCIIF_CONFIG_SIZE;
	finds(fe, 1, PROBE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asks_where_entries_say, begin, end),
		cmocka_unit_test_setup_teardown(entries_without_a_device, begin, end),
		cmocka_unit_test_setup_teardown(looks_everywhere_otherwise, begin, end),
		cmocka_unit_test_setup_teardown(keeps_who_answers, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
