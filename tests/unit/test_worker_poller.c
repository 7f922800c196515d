/* SPDX-License-Identifier: MIT */
/* When looking for the next request is worth it: both clocks are the test's. */
#include "tests/unit/unit.h"

#include "backend/worker/poller.h"
#include "common/util.h"

enum { US = 1000, MS = 1000000, LIMIT_US = 50, LIMIT = LIMIT_US * US };

static struct poller p;
static uint64_t now, own;

static uint64_t own_clock(void)
{
	return own;
}

static int setup(void **state)
{
	(void)state;
	now = 1000000000000;
	own = 5000;
	poller_init(&p, LIMIT_US, now);
	p.own_ns = own_clock;
	return 0;
}

/* A request came after `gap` asleep, and was answered. How long to look for the next. */
static uint64_t answer_after(uint64_t gap)
{
	now += gap;
	return poller_answered(&p, now, false);
}

/* A look for up to ns in which nobody else wants the processor: it finds something after `found`, or not. */
static void look(uint64_t ns, uint64_t found)
{
	uint64_t took = found < ns ? found : ns;

	poller_begin(&p, now);
	now += took;
	own += took;
	assert_false(poller_gives_way(&p, now));
	if (found < ns)
		poller_found(&p, took);
	else
		poller_missed(&p, took);
}

/* Requests so close that a look pays, until it does. */
static uint64_t warm(void)
{
	answer_after(MS);
	return answer_after(10 * US);
}

static void a_lone_request_costs_no_look(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(answer_after(i ? i * MS : 2 * LIMIT + 1), 0);
	assert_int_equal(answer_after(2 * LIMIT + 1), 0);
	assert_true(answer_after(2 * LIMIT));
}

static void without_a_limit_there_is_none(void **state)
{
	(void)state;
	poller_init(&p, 0, now);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(answer_after(i % 2), 0);
		assert_int_equal(poller_answered(&p, now, true), 0);
	}
}

/* So many times the usual gap, but not longer than the limit, and not next to nothing. */
static void a_look_is_as_long_as_requests_are_apart(void **state)
{
	(void)state;
	answer_after(MS);
	assert_int_equal(answer_after(2 * US), 16 * US);
	setup(state);
	answer_after(MS);
	assert_int_equal(answer_after(40 * US), LIMIT);
	setup(state);
	answer_after(MS);
	assert_int_equal(answer_after(100), LIMIT / 8);
	/* It follows what it sees, found asleep or by looking. */
	setup(state);
	warm();
	for (unsigned i = 0; i < 40; i++) {
		look(LIMIT, US);
		assert_true(poller_answered(&p, now, true));
	}
	assert_in_range(poller_answered(&p, now, true), LIMIT / 8, 10 * US);
	/* A burst's look goes on while it finds. */
	for (unsigned i = 0; i < 40; i++) {
		look(LIMIT, 20 * US);
		assert_true(poller_answered(&p, now, true));
	}
	assert_int_equal(poller_answered(&p, now, true), LIMIT);
}

static void each_miss_doubles_what_is_left_out(void **state)
{
	unsigned want = 2;

	(void)state;
	assert_true(warm());
	for (unsigned miss = 0; miss < 10; miss++) {
		uint64_t ns;
		unsigned left_out = 0;

		look(LIMIT, UINT64_MAX);
		while (!(ns = answer_after(10 * US)))
			left_out++;
		if (left_out != want)
			fail_msg("miss %u: %u requests were left out, not %u", miss, left_out, want);
		if (want < 64)
			want *= 2;
	}
	/* Lone requests do not use that up. */
	look(LIMIT, UINT64_MAX);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(answer_after(MS), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(answer_after(10 * US), 0);
	assert_true(answer_after(10 * US));
	/* A find, and it begins anew. */
	look(LIMIT, US);
	assert_true(poller_answered(&p, now, true));
	look(LIMIT, UINT64_MAX);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(answer_after(10 * US), 0);
	assert_true(answer_after(10 * US));
}

/* A guest that asks without pause: a second at once, then one nanosecond in two. */
static void looking_has_a_share_of_the_processor(void **state)
{
	uint64_t looked = 0, begin;
	unsigned ends = 0;
	bool ended = false;

	(void)state;
	assert_true(warm());
	begin = now;
	while (now - begin < 20ull * 1000 * MS) {
		uint64_t ns = poller_answered(&p, now, !ended);

		if (ns) {
			ended = false;
			look(ns, ns - 1);
			looked += ns - 1;
		} else {
			ends += !ended;
			ended = true;
			now += 10 * US; /* asleep */
		}
		/* A look that has begun goes on to its end. */
		if (looked > (now - begin) / POLLER_SHARE + POLLER_CREDIT_NS + (1 + ends) * LIMIT)
			fail_msg("%llu of %llu ns were spent on looking", (unsigned long long)looked,
				 (unsigned long long)(now - begin));
	}
	assert_true(ends > 1);
	/* The share is not merely kept: it is used. */
	assert_true(looked > (now - begin) / POLLER_SHARE);
	/* What is not used is saved up to the limit and no further. */
	now += 3600ull * 1000 * MS;
	poller_answered(&p, now, false);
	assert_int_equal(p.credit_ns, POLLER_CREDIT_NS);
}

static void out_of_credit_it_saves_up_first(void **state)
{
	uint64_t began;

	(void)state;
	assert_true(warm());
	poller_found(&p, POLLER_CREDIT_NS);
	began = now;
	while (!answer_after(10 * US))
		assert_true(now - began < 100ull * MS);
	/* 20 ms of looking, at one in two. */
	assert_in_range(now - began, 40 * MS - 20 * US, 40 * MS + 20 * US);
}

/* A look of `wall`, in which others had the processor for `taken`. */
static bool disturbed(uint64_t wall, uint64_t taken)
{
	poller_begin(&p, now);
	now += wall;
	own += wall - taken;
	return poller_gives_way(&p, now);
}

static void who_takes_the_processor_is_given_way(void **state)
{
	(void)state;
	assert_true(warm());
	assert_false(disturbed(LIMIT, 0));
	assert_false(disturbed(LIMIT, LIMIT / 4));
	/* A time slice. The clock of our own is coarser than the other at times. */
	own += 10;
	assert_true(disturbed(4 * MS, 4 * MS - 10 * US));
	/* At rest nobody looks, whether the last was found by looking or not. */
	assert_int_equal(poller_answered(&p, now, true), 0);
	assert_int_equal(answer_after(10 * US), 0);
	assert_true(answer_after(LIMIT));
	/* Our own clock ahead of the wall's is no theft. */
	poller_begin(&p, now);
	own += 2 * LIMIT;
	now += LIMIT;
	assert_false(poller_gives_way(&p, now));
}

/* What was taken before the last look at the clocks was told then. */
static void each_stretch_is_judged_by_itself(void **state)
{
	(void)state;
	assert_true(warm());
	assert_true(disturbed(MS, MS / 2));
	now += 10 * US;
	own += 10 * US;
	assert_false(poller_gives_way(&p, now));
	for (unsigned i = 0; i < 100; i++) {
		now += LIMIT / 4;
		assert_false(poller_gives_way(&p, now));
	}
	now += LIMIT / 4 + 1;
	assert_true(poller_gives_way(&p, now));
}

/* For how long there is no look from now. */
static uint64_t rest(void)
{
	uint64_t began = now;

	while (!answer_after(10 * US))
		assert_true(now - began < 1000ull * MS);
	return now - began;
}

/* Each rest begins at once behind the last: others are still there. */
static void rests_grow(uint64_t taken, uint64_t first, unsigned times, uint64_t most)
{
	uint64_t want = first;

	for (unsigned i = 0; i < 10; i++) {
		assert_true(disturbed(2 * taken, taken));
		assert_in_range(rest(), want, want + 10 * US);
		want = want * times > most ? most : want * times;
	}
}

static void a_rest_that_did_not_help_is_longer(void **state)
{
	(void)state;
	assert_true(warm());
	/* Errands; after a while without, the next is short again. */
	for (unsigned i = 0; i < 2; i++) {
		rests_grow(LIMIT * 3 / 8, LIMIT, 2, 4 * LIMIT);
		now += 1000ull * MS;
		answer_after(MS);
	}
}

/* The clock of our own is read when what it takes is little beside what was looked. */
static void the_clock_is_not_what_looking_is(void **state)
{
	(void)state;
	assert_in_range(p.judge_ns, 1, LIMIT);
	poller_begin(&p, now);
	assert_false(poller_is_due(&p, now + p.judge_ns - 1));
	assert_true(poller_is_due(&p, now + p.judge_ns));
}

/* In a stretch that found something the worker is of use where it is. */
static void a_stretch_tells_whether_it_found_anything(void **state)
{
	(void)state;
	assert_true(warm());
	poller_begin(&p, now);
	assert_false(p.found);
	poller_found(&p, US);
	assert_true(p.found);
	poller_missed(&p, US);
	assert_true(p.found);
	assert_false(poller_gives_way(&p, now));
	assert_false(p.found);
	poller_found(&p, US);
	poller_begin(&p, now);
	assert_false(p.found);
}

static void the_real_clock_is_the_process_own(void **state)
{
	uint64_t before;

	(void)state;
	poller_init(&p, LIMIT_US, now);
	before = p.own_ns();
	for (volatile unsigned i = 0; i < 1000000; i++)
		;
	assert_true(p.own_ns() > before);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lone_request_costs_no_look),
		TEST(without_a_limit_there_is_none),
		TEST(a_look_is_as_long_as_requests_are_apart),
		TEST(each_miss_doubles_what_is_left_out),
		TEST(looking_has_a_share_of_the_processor),
		TEST(out_of_credit_it_saves_up_first),
		TEST(who_takes_the_processor_is_given_way),
		TEST(each_stretch_is_judged_by_itself),
		TEST(a_rest_that_did_not_help_is_longer),
		TEST(the_clock_is_not_what_looking_is),
		TEST(a_stretch_tells_whether_it_found_anything),
		TEST(the_real_clock_is_the_process_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
