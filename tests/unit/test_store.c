/* SPDX-License-Identifier: MIT */
/* One transaction, done again where others came between, and for how long. */
#include "tests/unit/unit.h"

#include <errno.h>

#include "common/store.h"
#include "common/util.h"

static int started, committed, aborted, overtaken; /* overtaken: so many more are */

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	(void)h;
	return (xs_transaction_t)++started;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
	(void)h, (void)t;
	if (abort) {
		aborted++;
		errno = 0;
		return true;
	}
	if (overtaken) {
		overtaken--;
		errno = EAGAIN;
		return false;
	}
	committed++;
	return true;
}

static int step_err;
static int steps;

static int step(struct xs_handle *xs, xs_transaction_t t, void *context)
{
	(void)xs;
	assert_int_equal((int)t, started);
	assert_ptr_equal(context, &steps);
	steps++;
	return step_err ? fail(step_err) : 0;
}

static int begin(void **state)
{
	(void)state;
	started = committed = aborted = overtaken = steps = step_err = 0;
	return 0;
}

static void test_once(void **state)
{
	(void)state;
	assert_int_equal(store_transaction(NULL, step, &steps), 0);
	assert_int_equal(steps, 1);
	assert_int_equal(committed, 1);
}

static void test_overtaken(void **state)
{
	(void)state;
	overtaken = STORE_TRIES - 1;
	assert_int_equal(store_transaction(NULL, step, &steps), 0);
	assert_int_equal(steps, STORE_TRIES);
	assert_int_equal(committed, 1);
	assert_int_equal(aborted, 0);
}

static void test_bound(void **state)
{
	(void)state;
	overtaken = 10 * STORE_TRIES;
	assert_int_equal(store_transaction(NULL, step, &steps), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(steps, STORE_TRIES);
	assert_int_equal(committed, 0);
}

static void test_step_fails(void **state)
{
	(void)state;
	step_err = ESTALE;
	assert_int_equal(store_transaction(NULL, step, &steps), -1);
	assert_int_equal(errno, ESTALE);
	assert_int_equal(steps, 1);
	assert_int_equal(aborted, 1);
	assert_int_equal(committed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_once, begin),
		cmocka_unit_test_setup(test_overtaken, begin),
		cmocka_unit_test_setup(test_bound, begin),
		cmocka_unit_test_setup(test_step_fails, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
