/* SPDX-License-Identifier: MIT */
/* Whose turn it is: each guest once, in order; each timer at its time. */
#include "tests/unit/unit.h"

#include <string.h>

#include "backend/supervisor/guest.h"
#include "common/util.h"
#include "tests/unit/support_config.h"

enum { GUESTS = 5 };

static struct schedule s;
static struct guest g[GUESTS];

static int setup(void **state)
{
	(void)state;
	memset(g, 0, sizeof(g));
	schedule_init(&s);
	return 0;
}

static void a_guest_is_in_the_queue_once_and_in_order(void **state)
{
	(void)state;
	assert_null(schedule_next_dirty(&s));
	for (unsigned n = 0; n < 1000; n++)
		schedule_dirty(&s, &g[n ? n % GUESTS : 3]); /* 3 1 2 4 0 */
	assert_ptr_equal(schedule_next_dirty(&s), &g[3]);
	assert_ptr_equal(schedule_next_dirty(&s), &g[1]);
	/* One that has had its turn stands behind those who wait. */
	schedule_dirty(&s, &g[3]);
	schedule_dirty(&s, &g[2]);
	assert_ptr_equal(schedule_next_dirty(&s), &g[2]);
	assert_ptr_equal(schedule_next_dirty(&s), &g[4]);
	assert_ptr_equal(schedule_next_dirty(&s), &g[0]);
	assert_ptr_equal(schedule_next_dirty(&s), &g[3]);
	assert_null(schedule_next_dirty(&s));
}

static void a_timer_is_moved_to_earlier_only(void **state)
{
	(void)state;
	assert_true(schedule_first(&s) == UINT64_MAX);
	assert_null(schedule_next_expired(&s, UINT64_MAX));
	schedule_at(&s, &g[0], 100);
	schedule_at(&s, &g[0], 200);
	assert_int_equal(schedule_first(&s), 100);
	schedule_at(&s, &g[0], 50);
	assert_int_equal(schedule_first(&s), 50);
	schedule_at(&s, &g[1], 70);
	assert_int_equal(schedule_first(&s), 50);
	assert_null(schedule_next_expired(&s, 49));
	assert_ptr_equal(schedule_next_expired(&s, 50), &g[0]);
	assert_null(schedule_next_expired(&s, 50)); /* it is off */
	assert_int_equal(schedule_first(&s), 70);
	/* And can be set to later then. */
	schedule_at(&s, &g[0], 300);
	assert_ptr_equal(schedule_next_expired(&s, 1000), &g[1]);
	assert_ptr_equal(schedule_next_expired(&s, 1000), &g[0]);
	assert_null(schedule_next_expired(&s, 1000));
	assert_true(schedule_first(&s) == UINT64_MAX);
}

static void what_is_forgotten_has_no_turn(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GUESTS; i++) {
		schedule_dirty(&s, &g[i]);
		schedule_at(&s, &g[i], 10 + i);
	}
	schedule_forget(&s, &g[0]);
	schedule_forget(&s, &g[2]);
	schedule_forget(&s, &g[2]);
	assert_int_equal(schedule_first(&s), 11);
	assert_ptr_equal(schedule_next_dirty(&s), &g[1]);
	assert_ptr_equal(schedule_next_dirty(&s), &g[3]);
	assert_ptr_equal(schedule_next_dirty(&s), &g[4]);
	assert_null(schedule_next_dirty(&s));
	assert_ptr_equal(schedule_next_expired(&s, 100), &g[1]);
	assert_ptr_equal(schedule_next_expired(&s, 100), &g[3]);
	assert_ptr_equal(schedule_next_expired(&s, 100), &g[4]);
	assert_null(schedule_next_expired(&s, 100));
	schedule_dirty(&s, &g[2]); /* it may come back */
	assert_ptr_equal(schedule_next_dirty(&s), &g[2]);
}

/* Against two arrays. */
static void no_order_of_calls_breaks_it(void **state)
{
	unsigned queue[GUESTS], queued = 0;
	uint64_t wake[GUESTS] = { 0 }, seed = 11;

	(void)state;
	for (unsigned n = 0; n < 100000; n++) {
		unsigned i = test_random(&seed) % GUESTS, at = 1 + test_random(&seed) % 50, k;
		uint64_t first = UINT64_MAX;
		struct guest *got;

		switch (test_random(&seed) % 5) {
		case 0:
			schedule_dirty(&s, &g[i]);
			for (k = 0; k < queued && queue[k] != i; k++)
				;
			if (k == queued)
				queue[queued++] = i;
			break;
		case 1:
			got = schedule_next_dirty(&s);
			assert_ptr_equal(got, queued ? &g[queue[0]] : NULL);
			if (queued)
				memmove(queue, queue + 1, --queued * sizeof(queue[0]));
			break;
		case 2:
			schedule_at(&s, &g[i], at);
			if (!wake[i] || at < wake[i])
				wake[i] = at;
			break;
		case 3:
			got = schedule_next_expired(&s, at);
			for (k = 0; k < GUESTS && !(wake[k] && wake[k] <= at); k++)
				;
			assert_int_equal(got != NULL, k < GUESTS);
			if (got) {
				assert_in_range(wake[got - g], 1, at);
				wake[got - g] = 0;
			}
			break;
		default:
			schedule_forget(&s, &g[i]);
			wake[i] = 0;
			for (k = 0; k < queued && queue[k] != i; k++)
				;
			if (k < queued)
				memmove(queue + k, queue + k + 1, (--queued - k) * sizeof(queue[0]));
		}
		for (k = 0; k < GUESTS; k++)
			if (wake[k] && wake[k] < first)
				first = wake[k];
		assert_true(schedule_first(&s) == first);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guest_is_in_the_queue_once_and_in_order),
		TEST(a_timer_is_moved_to_earlier_only),
		TEST(what_is_forgotten_has_no_turn),
		TEST(no_order_of_calls_breaks_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
