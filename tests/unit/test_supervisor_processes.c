/* SPDX-License-Identifier: MIT */
/* The supervisor's other processes, with the spawner in the test's hand: what is said of them. */
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "backend/supervisor/processes.h"
#include "common/util.h"

enum { ROUNDS = 400, SENDS = 3000, LINES_MAX = 200 };

static struct log {
	xentoollog_logger logger; /* first: is the logger */
	unsigned lines;
} book;

static void vmessage(xentoollog_logger *lg, xentoollog_level level, int errnoval, const char *context,
		     const char *format, va_list al)
{
	(void)level;
	(void)errnoval;
	(void)context;
	(void)format;
	(void)al;
	((struct log *)lg)->lines++;
}

static struct loop loop;
static struct processes all;
static int spawner;

static int setup(void **state)
{
	int sv[2];

	(void)state;
	book = (struct log){ .logger = { .vmessage = vmessage } };
	assert_int_equal(loop_open(&loop), 0);
	assert_int_equal(message_pair(sv), 0);
	spawner = sv[1];
	return processes_open(&all, &loop, sv[0], 0, &book.logger);
}

static int teardown(void **state)
{
	(void)state;
	processes_close(&all);
	loop_close(&loop);
	close_keep(spawner);
	return 0;
}

/* Takes the spawner's next order; *fd is what came with it, the caller's. */
static enum message_kind order(int *fd)
{
	int fds[MESSAGE_FDS_MAX] = { -1, -1 };
	struct message m;

	assert_int_equal(message_receive(spawner, END_SUPERVISOR, END_SPAWNER, &m, fds, NULL, NULL), 1);
	*fd = fds[0];
	return m.kind;
}

/* One that runs and reads nothing. */
static struct process *start(int *fd)
{
	struct process *p = process_start(&all, ROLE_GATE, NULL, NULL);

	assert_non_null(p);
	assert_int_equal(order(fd), MESSAGE_SPAWN);
	return p;
}

static void send_much(struct process *p)
{
	struct message m;

	message_init(&m, MESSAGE_QUIET, 0);
	for (unsigned i = 0; i < SENDS; i++)
		process_send(p, &m, NULL, 0);
}

static void one_that_takes_nothing_is_told_of_and_killed_once(void **state)
{
	int fd, none;

	(void)state;
	send_much(start(&fd));
	assert_int_equal(book.lines, 1);
	assert_int_equal(order(&none), MESSAGE_KILL);
	/* The next order is the next process's: it was killed once. */
	start(&none);
	close_keep(none);
	close_keep(fd);
}

static void many_that_take_nothing_do_not_fill_the_log(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		int fd, none;
		struct process *p = start(&fd);

		close_keep(fd);
		send_much(p);
		assert_int_equal(order(&none), MESSAGE_KILL);
	}
	assert_in_range(book.lines, 1, LINES_MAX);
}

static void a_spawner_that_has_gone_is_noticed_by_who_needs_it(void **state)
{
	(void)state;
	assert_false(all.lost);
	close(spawner);
	spawner = -1;
	assert_null(process_start(&all, ROLE_GATE, NULL, NULL));
	assert_true(all.lost);
}

static void answer(enum message_kind kind, uint32_t id)
{
	struct message m;

	message_init(&m, kind, 0);
	if (kind == MESSAGE_STARTED)
		m.u.started = (struct message_started){ .id = id, .pid = 1 };
	assert_int_equal(message_send(spawner, &m, NULL, 0, NULL, 0), 0);
	assert_int_equal(loop_turn(&loop, 1000), 0);
}

static void each_order_is_awaited(void **state)
{
	struct process *p;
	int fd;

	(void)state;
	assert_int_equal(all.answer_by_ns, 0);
	p = start(&fd);
	assert_int_not_equal(all.answer_by_ns, 0);
	answer(MESSAGE_STARTED, p->id);
	assert_int_equal(all.answer_by_ns, 0);
	answer(MESSAGE_STARTED, p->id); /* nobody asked */
	assert_int_equal(all.answer_by_ns, 0);
	process_kill(p);
	process_kill(p);
	answer(MESSAGE_ANSWER, 0);
	assert_int_not_equal(all.answer_by_ns, 0);
	answer(MESSAGE_ANSWER, 0);
	assert_int_equal(all.answer_by_ns, 0);
	close_keep(fd);
}

static void a_spawner_that_gives_no_answer_is_lost(void **state)
{
	struct process *p;
	uint64_t by;
	int fd;

	(void)state;
	/* It has 30 s for its first answer. */
	p = start(&fd);
	assert_true(all.answer_by_ns > now_ns() + UINT64_C(20000000000));
	answer(MESSAGE_STARTED, p->id);
	close_keep(fd);
	start(&fd);
	by = all.answer_by_ns;
	assert_true(by < now_ns() + UINT64_C(20000000000));
	processes_look(&all, by - 1);
	assert_false(all.lost);
	/* Nobody ran, and it is asked once more. */
	processes_look(&all, by + UINT64_C(60000000000));
	assert_false(all.lost);
	assert_true(all.answer_by_ns > by + UINT64_C(60000000000));
	assert_int_equal(book.lines, 0);
	processes_look(&all, all.answer_by_ns);
	assert_true(all.lost);
	assert_int_equal(book.lines, 1);
	close_keep(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_takes_nothing_is_told_of_and_killed_once),
		TEST(many_that_take_nothing_do_not_fill_the_log),
		TEST(a_spawner_that_has_gone_is_noticed_by_who_needs_it),
		TEST(each_order_is_awaited),
		TEST(a_spawner_that_gives_no_answer_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
