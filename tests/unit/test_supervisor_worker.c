/* SPDX-License-Identifier: MIT */
/* What a guest's worker says, taken over or not, and what the supervisor makes of it. */
#include "tests/unit/service_bench.h"

static void answers_to_what_was_not_asked_change_nothing(void **state)
{
	static const unsigned slots[] = { FIRST, SECOND, NOBODY, 0, SLOT_COUNT - 1 };
	struct problem p = { 0 };

	(void)state;
	come_up();
	for (unsigned i = 0; i < ARRAY_SIZE(slots); i++)
		for (unsigned to = 0; to <= MESSAGE_KINDS + 2; to++)
			answer(worker, to == MESSAGE_KINDS + 2 ? UINT32_MAX : to, slots[i], 0);
	assert_int_equal(nr_sent, 0);
	assert_int_equal(heard.let_go + heard.left + heard.reports + kills + disowned, 0);
	assert_int_equal(service_connect(&g, &p), 1);
	assert_true(claim[0].in_worker && claim[1].in_worker && claim[0].in_gate && claim[1].in_gate);
	/* A device that it was not told of it does not know of, whatever it says. */
	claim[0].worker_asked = claim[0].in_worker = false;
	answer(worker, MESSAGE_ADD, FIRST, 0);
	assert_false(claim[0].in_worker);
}

/* What is lost to its host is let go of by the gate alone, and touched by nobody. */
static void a_lost_device_is_told_to_both_at_once(void **state)
{
	(void)state;
	come_up();
	claim[0].lost = true;
	claim_leave(&claim[0]);
	service_lose(&claim[0]);
	assert_int_equal(last(gate, MESSAGE_DISOWN)->slot, FIRST);
	assert_int_equal(nr_sent, 2);
	assert_int_equal(sent[0].m.kind, MESSAGE_GONE);
	assert_ptr_equal(sent[0].to, worker);
	answer(worker, MESSAGE_GONE, FIRST, 0);
	assert_int_equal(heard.let_go, 0);
	answer(gate, MESSAGE_DISOWN, FIRST, 0);
	assert_int_equal(heard.let_go, 1);
	assert_int_equal(nr_sent, 2);
}

static void a_device_leaves_step_by_step(void **state)
{
	(void)state;
	come_up();
	claim_leave(&claim[0]);
	service_drop(&claim[0]);
	last(worker, MESSAGE_DROP);
	answer(worker, MESSAGE_DROP, SECOND, 0); /* that one does not leave */
	last(worker, MESSAGE_DROP);
	answer(worker, MESSAGE_DROP, FIRST, 0);
	assert_int_equal(last(gate, MESSAGE_LET_GO)->slot, FIRST);
	/* A worker cannot say what the gate has done, nor have the gate told twice. */
	nr_sent = 0;
	answer(worker, MESSAGE_LET_GO, FIRST, 0);
	answer(worker, MESSAGE_DROP, FIRST, 0);
	assert_int_equal(heard.let_go, 0);
	assert_int_equal(nr_sent, 0);
	answer(gate, MESSAGE_LET_GO, FIRST, 0);
	assert_int_equal(heard.let_go, 1);
	assert_true(claim[1].in_gate && claim[1].in_worker);
}

static void ready_is_said_once(void **state)
{
	struct problem p = { 0 };
	unsigned before;

	(void)state;
	come_up();
	before = count_fds();
	ready(0, "");
	ready(EINVAL, "map");
	assert_int_equal(rejected, 2);
	assert_int_equal(count_fds(), before);
	assert_int_equal(service_connect(&g, &p), 1);
	assert_int_equal(disowned, 0);
	assert_int_equal(rejected, 2);
	/* Nor do its last words spare the gate its work: interrupts go off. */
	ledger.device[FIRST].shadow = LEDGER_KEPT;
	assert_false(service_disconnect(&g));
	ready(EINVAL, "map"); /* before it heard of its end */
	assert_int_equal(rejected, 2);
	worker->owner->ended(worker->context, 9, "was killed");
	assert_int_equal(last(gate, MESSAGE_QUIET)->slot, SECOND);
	assert_false(service_disconnect(&g));
	answer(worker, MESSAGE_QUIET, FIRST, 0);
	answer(worker, MESSAGE_QUIET, SECOND, 0);
	assert_false(service_disconnect(&g));
	answer(gate, MESSAGE_QUIET, FIRST, 0);
	assert_false(service_disconnect(&g));
	answer(gate, MESSAGE_QUIET, SECOND, 0);
	assert_true(service_disconnect(&g));
	assert_int_equal(ledger.device[FIRST].shadow, LEDGER_FRESH);
}

static void ready_is_said_while_it_starts(void **state)
{
	struct problem p = { 0 };

	(void)state;
	hold();
	assert_int_equal(service_connect(&g, &p), 0);
	ready(0, "");
	ready(EINVAL, "map");
	assert_int_equal(service_connect(&g, &p), 0);
	assert_int_equal(disowned, 0);
	assert_int_equal(rejected, 1);
	/* It is ended before it was ready. */
	teardown(state);
	setup(state);
	hold();
	assert_int_equal(service_connect(&g, &p), 0);
	assert_false(service_disconnect(&g));
	ready(EINVAL, "map");
	assert_false(service_disconnect(&g));
	worker->owner->ended(worker->context, 9, "was killed");
	answer(gate, MESSAGE_QUIET, FIRST, 0);
	answer(gate, MESSAGE_QUIET, SECOND, 0);
	assert_true(service_disconnect(&g));
}

static void refusals_are_told_of_devices_it_has(void **state)
{
	struct message m;

	(void)state;
	come_up();
	message_init(&m, MESSAGE_DENIED, NOBODY);
	say(worker, &m, false);
	assert_int_equal(book.lines, 0);
	/* Noise: what is printed is printable (vmessage looks), and bounded by its room. */
	message_init(&m, MESSAGE_DENIED, FIRST);
	memset(&m.u, 0xff, sizeof(m.u.denied));
	say(worker, &m, false);
	assert_int_equal(book.lines, 1);
	assert_true(strlen(book.last) < 300);
	message_init(&m, MESSAGE_SAY, FIRST);
	memset(&m.u, 0x9b, sizeof(m.u.say));
	say(gate, &m, false);
	assert_int_equal(book.lines, 2);
}

static void nothing_said_a_million_times_fills_the_log(void **state)
{
	static const enum message_kind kinds[] = { MESSAGE_DENIED, MESSAGE_LATE, MESSAGE_AER_ANSWER,
						   MESSAGE_AER_UNHEARD, MESSAGE_READY, MESSAGE_ANSWER };
	uint64_t began = now_ns();
	unsigned fds;

	(void)state;
	come_up();
	fds = count_fds();
	for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct message m;

		message_init(&m, kinds[k], FIRST);
		if (kinds[k] == MESSAGE_ANSWER)
			m.u.answer = (struct message_answer){ .to = MESSAGE_ADD, .err = EINVAL };
		for (unsigned i = 0; i < 20000; i++)
			say(worker, &m, false);
	}
	/* The limit lets some through as time passes, of which valgrind takes much. */
	if (book.lines > 100 + 10 * ((now_ns() - began) / 1000000000))
		fail_msg("%u lines were logged, the last \"%s\"", book.lines, book.last);
	assert_int_equal(nr_sent, 0);
	assert_int_equal(count_fds(), fds);
}

static void a_verdict_is_passed_on_as_it_is(void **state)
{
	struct message m;

	(void)state;
	come_up();
	message_init(&m, MESSAGE_AER_ANSWER, 0);
	m.u.aer.err = -77;
	say(worker, &m, false);
	assert_int_equal(heard.aer, 1);
	assert_true(heard.aer_heard);
	assert_int_equal(heard.aer_err, -77);
	say_plain(worker, MESSAGE_AER_UNHEARD, 0);
	assert_int_equal(heard.aer, 2);
	assert_false(heard.aer_heard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_to_what_was_not_asked_change_nothing),
		TEST(a_device_leaves_step_by_step),
		TEST(a_lost_device_is_told_to_both_at_once),
		TEST(ready_is_said_once),
		TEST(ready_is_said_while_it_starts),
		TEST(refusals_are_told_of_devices_it_has),
		TEST(nothing_said_a_million_times_fills_the_log),
		TEST(a_verdict_is_passed_on_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
