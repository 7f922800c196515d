/* SPDX-License-Identifier: MIT */
/* Who waits for whom when devices change hands, on the bundled machine. */
#include "tests/unit/unit.h"

#include <string.h>

#include "backend/supervisor/backend.h"
#include "common/util.h"

#define BENCH "image:tests/dumps/bench.txt"
/* Two functions of one slot; one that has the first's line; two that have nothing to do with them. */
#define FIRST "02:00.0"
#define SIBLING "02:00.1"
#define SHARES_LINE "05:00.0"
#define OTHER "00:05.0"
#define ANOTHER "00:07.0"
#define UNKNOWN "0f:00.0"

static struct provider *provider, *providers[2];
static struct env env;
static struct machine machine[2];
static struct backend be;
static struct handover h[6];

static struct sbdf address(const char *text)
{
	struct sbdf a = { 0 };

	assert_int_equal(sbdf_parse(text, &a), 0);
	return a;
}

static int setup(void **state)
{
	(void)state;
	memset(&be, 0, sizeof(be));
	memset(h, 0, sizeof(h));
	memset(machine, 0, sizeof(machine));
	provider = provider_open(BENCH, NULL);
	assert_non_null(provider);
	providers[0] = provider;
	env.providers = providers;
	env.nr_providers = 1;
	be.env = &env;
	be.machine = machine;
	TAILQ_INIT(&be.handovers);
	assert_int_equal(topology_read(&be.machine[0].topology, provider, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	topology_dispose(&be.machine[0].topology);
	topology_dispose(&be.machine[1].topology);
	provider_close(provider);
	return 0;
}

static bool due_behind(const char *before, const char *a, bool judged)
{
	bool due;

	handover_queue(&be, &h[0], address(before));
	h[1].judged = judged;
	handover_queue(&be, &h[1], address(a));
	assert_true(handover_due(&be, &h[0]));
	due = handover_due(&be, &h[1]);
	handover_end(&be, &h[0]);
	/* Whoever it waited for has gone. */
	assert_true(handover_due(&be, &h[1]));
	handover_end(&be, &h[1]);
	return due;
}

static void what_can_be_in_the_way_is_waited_for(void **state)
{
	static const struct {
		const char *before, *a;
		bool plain, judged; /* due */
	} rows[] = {
		{ FIRST, FIRST, false, false },
		{ FIRST, SIBLING, false, false },
		{ SIBLING, FIRST, false, false },
		{ FIRST, SHARES_LINE, true, false },
		{ SHARES_LINE, FIRST, true, false },
		{ FIRST, OTHER, true, true },
		{ OTHER, ANOTHER, true, true },
		/* Of one that is not known nobody knows whom it concerns. */
		{ UNKNOWN, OTHER, false, false },
		{ OTHER, UNKNOWN, false, false },
		{ UNKNOWN, UNKNOWN, false, false },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		if (due_behind(rows[i].before, rows[i].a, false) != rows[i].plain)
			fail_msg("%s behind %s", rows[i].a, rows[i].before);
		if (due_behind(rows[i].before, rows[i].a, true) != rows[i].judged)
			fail_msg("%s, judged, behind %s", rows[i].a, rows[i].before);
	}
}

static void any_machine_that_has_both_tells(void **state)
{
	(void)state;
	/* A second provider that knows nothing yet changes nothing. */
	env.nr_providers = 2;
	assert_true(due_behind(FIRST, OTHER, true));
	assert_false(due_behind(FIRST, SIBLING, true));
	/* Nor does the first, if the second knows. */
	machine[1] = machine[0];
	memset(&machine[0], 0, sizeof(machine[0]));
	assert_true(due_behind(FIRST, OTHER, true));
	assert_false(due_behind(FIRST, SIBLING, true));
	/* No machine was seen: all wait for all. */
	topology_dispose(&machine[1].topology);
	assert_false(due_behind(FIRST, OTHER, true));
	env.nr_providers = 0;
	assert_false(due_behind(FIRST, OTHER, true));
}

static void each_waits_for_those_before_it(void **state)
{
	(void)state;
	assert_false(handover_due(&be, &h[0])); /* in no line */
	handover_queue(&be, &h[0], address(FIRST));
	handover_queue(&be, &h[1], address(OTHER));
	handover_queue(&be, &h[2], address(SIBLING));
	handover_queue(&be, &h[3], address(FIRST));
	handover_queue(&be, &h[4], address(OTHER));
	handover_queue(&be, &h[5], address(ANOTHER));
	/* To stand in line twice does not lose one's place, nor change what one stands for. */
	handover_queue(&be, &h[0], address(OTHER));
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(handover_due(&be, &h[i]), i == 0 || i == 1 || i == 5);
	handover_end(&be, &h[1]);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(handover_due(&be, &h[i]), i == 0 || i == 4 || i == 5);
	handover_end(&be, &h[0]);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(handover_due(&be, &h[i]), i == 2 || i == 4 || i == 5);
	/* From the middle as well; again, and it stands at the end. */
	handover_end(&be, &h[2]);
	handover_end(&be, &h[2]);
	assert_true(handover_due(&be, &h[3]));
	handover_queue(&be, &h[2], address(SIBLING));
	assert_false(handover_due(&be, &h[2]));
	assert_true(handover_due(&be, &h[3]));
	/* What was to be judged is not next time, unless it is said again. */
	h[3].judged = true;
	handover_end(&be, &h[3]);
	assert_false(h[3].judged);
	assert_true(handover_due(&be, &h[2]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_can_be_in_the_way_is_waited_for),
		TEST(any_machine_that_has_both_tells),
		TEST(each_waits_for_those_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
