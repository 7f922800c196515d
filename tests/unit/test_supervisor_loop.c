/* SPDX-License-Identifier: MIT */
/* The one epoll set: who is called, and who is not any more. */
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "backend/supervisor/loop.h"
#include "common/util.h"

enum { SOURCES = 24 };

static struct loop loop;
static struct end {
	struct source source; /* first: is the source */
	int pipe[2];
	unsigned calls;
	struct end *drops; /* once called */
} end[SOURCES];

static void on_ready(struct source *s)
{
	struct end *e = (struct end *)s;
	char c;

	e->calls++;
	assert_int_equal(s->fd, e->pipe[0]);
	assert_int_equal(read(e->pipe[0], &c, 1), 1);
	if (e->drops) {
		loop_drop(&loop, &e->drops->source);
		e->drops->source.ready = NULL; /* it is freed: a call would be one too many */
	}
}

static int setup(void **state)
{
	(void)state;
	memset(end, 0, sizeof(end));
	assert_int_equal(loop_open(&loop), 0);
	for (unsigned i = 0; i < SOURCES; i++)
		assert_int_equal(pipe(end[i].pipe), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SOURCES; i++) {
		close(end[i].pipe[0]);
		close(end[i].pipe[1]);
	}
	loop_close(&loop);
	return 0;
}

static void add(unsigned i)
{
	assert_int_equal(loop_add(&loop, &end[i].source, end[i].pipe[0], on_ready), 0);
}

static void poke(unsigned i)
{
	assert_int_equal(write(end[i].pipe[1], "x", 1), 1);
}

static void turn(void)
{
	assert_int_equal(loop_turn(&loop, 0), 0);
}

static void who_can_be_read_is_called_each_time(void **state)
{
	(void)state;
	add(0);
	add(1);
	turn();
	assert_int_equal(end[0].calls + end[1].calls, 0);
	poke(0);
	poke(0);
	turn();
	assert_int_equal(end[0].calls, 1);
	turn(); /* by level: one more is there */
	assert_int_equal(end[0].calls, 2);
	turn();
	assert_int_equal(end[0].calls, 2);
	assert_int_equal(end[1].calls, 0);
}

static void more_than_a_round_takes_are_all_called(void **state)
{
	unsigned turns = 0, calls;

	(void)state;
	for (unsigned i = 0; i < SOURCES; i++) {
		add(i);
		poke(i);
	}
	do {
		turn();
		calls = 0;
		for (unsigned i = 0; i < SOURCES; i++)
			calls += end[i].calls;
	} while (calls < SOURCES && ++turns < 10);
	for (unsigned i = 0; i < SOURCES; i++)
		assert_int_equal(end[i].calls, 1);
}

static void once_is_once_until_it_is_said_again(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 3; n++) {
		assert_int_equal(loop_once(&loop, &end[0].source, end[0].pipe[0], on_ready), 0);
		poke(0);
		poke(0);
		turn();
		turn();
		assert_int_equal(end[0].calls, n);
	}
}

/* Whichever of two is called first takes the other out of the round. */
static void who_is_dropped_during_the_round_is_not_called(void **state)
{
	(void)state;
	add(0);
	add(1);
	end[0].drops = &end[1];
	end[1].drops = &end[0];
	poke(0);
	poke(1);
	turn();
	assert_int_equal(end[0].calls + end[1].calls, 1);
	turn();
	assert_int_equal(end[0].calls + end[1].calls, 1);
	assert_int_equal(end[0].source.added + end[1].source.added, 1);
}

static void a_source_may_drop_itself_and_come_back(void **state)
{
	struct source none = { 0 };

	(void)state;
	loop_drop(&loop, &none);
	add(0);
	end[0].drops = &end[0];
	poke(0);
	poke(0);
	turn();
	turn();
	assert_int_equal(end[0].calls, 1);
	loop_drop(&loop, &end[0].source);
	end[0].drops = NULL;
	add(0);
	turn();
	assert_int_equal(end[0].calls, 2);
	/* Its descriptor stayed open all the while. */
	assert_int_equal(write(end[0].pipe[1], "x", 1), 1);
}

static void what_cannot_be_watched_is_told(void **state)
{
	(void)state;
	assert_int_equal(loop_add(&loop, &end[0].source, -1, on_ready), -1);
	assert_int_equal(errno, EBADF);
	assert_false(end[0].source.added);
	loop_drop(&loop, &end[0].source);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_can_be_read_is_called_each_time),
		TEST(more_than_a_round_takes_are_all_called),
		TEST(once_is_once_until_it_is_said_again),
		TEST(who_is_dropped_during_the_round_is_not_called),
		TEST(a_source_may_drop_itself_and_come_back),
		TEST(what_cannot_be_watched_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
