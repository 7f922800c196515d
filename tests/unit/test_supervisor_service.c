/* SPDX-License-Identifier: MIT */
/*
 * A guest's service: how it comes up, what its gate asks for, judged by what the guest is known to have, and what
 * becomes of it when a process dies or hangs. What a worker may say is in test_supervisor_worker.c.
 */
#include "tests/unit/service_bench.h"

/* ---- Coming up ---- */

static void it_is_up_when_all_know_of_all(void **state)
{
	struct problem p = { 0 };
	unsigned setups = 0;

	(void)state;
	hold();
	assert_int_equal(sent[0].m.kind, MESSAGE_HOLD);
	assert_int_equal(sent[0].m.slot, FIRST);
	assert_int_equal(service_connect(&g, &p), 0);
	for (unsigned i = 0; i < nr_sent; i++) {
		if (sent[i].m.kind != MESSAGE_SETUP)
			continue;
		setups++;
		assert_ptr_equal(sent[i].to, worker);
		assert_int_equal(sent[i].m.u.setup.domid, DOMID);
		assert_int_equal(sent[i].m.u.setup.ref, REF);
		assert_int_equal(sent[i].m.u.setup.port, PORT);
	}
	assert_int_equal(setups, 1);
	ready(0, "");
	answer(worker, MESSAGE_ADD, FIRST, 0);
	assert_int_equal(service_connect(&g, &p), 0);
	answer(worker, MESSAGE_ADD, FIRST, 0); /* does not stand for the other */
	assert_int_equal(service_connect(&g, &p), 0);
	answer(worker, MESSAGE_ADD, SECOND, 0);
	assert_int_equal(service_connect(&g, &p), 1);
	last(worker, MESSAGE_RESUME);
}

static void a_worker_that_cannot_says_why(void **state)
{
	static const struct {
		int err;
		const char *what, *text;
		int told;
	} rows[] = {
		{ EINVAL, "map", "cannot map the frontend's page, grant 12", EINVAL },
		{ ENOENT, "bind", "cannot bind the frontend's event channel, port 34", ENOENT },
		{ EPERM, "seccomp", "cannot confine its worker", EPERM },
		{ -5, "\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377"
		  "\377\377\377\377\377\377\377\377\377\377\377", "cannot confine its worker", EIO },
		{ INT32_MIN, "map\n\33[2J", "cannot confine its worker", EIO },
		{ INT32_MAX, "", "cannot confine its worker", INT32_MAX },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct problem p = { 0 };

		setup(state);
		hold();
		assert_int_equal(service_connect(&g, &p), 0);
		ready(rows[i].err, rows[i].what);
		assert_int_equal(service_connect(&g, &p), -1);
		assert_int_equal(p.err, rows[i].told);
		if (strncmp(p.text, rows[i].text, strlen(rows[i].text)))
			fail_msg("row %u: \"%s\"", i, p.text);
		assert_int_equal(disowned, 1);
		teardown(state);
	}
	setup(state);
}

/* Where who starts them has gone, that is no fault of the guest's, and the next server's affair. */
static void a_process_that_cannot_start_says_why(void **state)
{
	struct problem p = { 0 };

	(void)state;
	no_process = ENOMEM;
	assert_int_equal(service_connect(&g, &p), -1);
	assert_int_equal(p.err, ENOMEM);
	no_process = EPIPE;
	be.processes.lost = true;
	assert_int_equal(service_connect(&g, &p), 0);
	be.processes.lost = false;
}

/* ---- What the gate asks for ---- */

static struct message map_of(unsigned slot, uint32_t nr, uint16_t entry)
{
	struct message m;

	message_init(&m, MESSAGE_MAP, slot);
	m.u.map.mode = VECTORS_MSIX;
	m.u.map.nr = nr;
	m.u.map.entry[0] = entry;
	return m;
}

static void vectors_are_for_what_the_guest_has(void **state)
{
	struct message m = map_of(NOBODY, 1, 0);

	(void)state;
	come_up();
	say(gate, &m, false);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.err, ENODEV);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->slot, NOBODY);
	for (enum claim_phase phase = CLAIM_QUEUED; phase <= CLAIM_ERRAND; phase++) {
		claim[0].phase = phase;
		m = map_of(FIRST, 1, 0);
		say(gate, &m, false);
		assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.err, phase == CLAIM_TAKEN ? 0 : ENODEV);
		assert_int_equal(mapped(), phase == CLAIM_TAKEN);
		vectors_unmap(&claim[0].vectors);
	}
	claim[0].phase = CLAIM_TAKEN;
	m = map_of(FIRST, 1, 4); /* the table ends before */
	say(gate, &m, false);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.err, EINVAL);
	assert_int_equal(mapped(), 0);
	m = map_of(FIRST, 1, 3);
	say(gate, &m, false);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.pirq[0], TOP - 1);
	/* Once; and the other device has its own. */
	say(gate, &m, false);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.err, EBUSY);
	m = map_of(SECOND, 1, 3);
	say(gate, &m, false);
	assert_int_equal(last(gate, MESSAGE_MAPPED)->u.mapped.pirq[0], TOP - 2);

	say_plain(gate, MESSAGE_UNMAP, NOBODY);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, ENODEV);
	assert_int_equal(mapped(), 2);
	say_plain(gate, MESSAGE_UNMAP, FIRST);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, 0);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.to, MESSAGE_UNMAP);
	assert_int_equal(mapped(), 1);
	assert_int_equal(claim[1].vectors.nr, 1);
}

static void messages_are_restored_for_what_the_guest_has(void **state)
{
	(void)state;
	come_up();
	say_plain(gate, MESSAGE_RESTORE, NOBODY);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, ENODEV);
	claim[0].phase = CLAIM_LEAVING;
	say_plain(gate, MESSAGE_RESTORE, FIRST);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, ENODEV);
	assert_int_equal(heard.restored, 0);
	claim[0].phase = CLAIM_TAKEN;
	say_plain(gate, MESSAGE_RESTORE, FIRST);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, 0);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.to, MESSAGE_RESTORE);
	assert_int_equal(heard.restored, 1);
	heard.restore_err = ENOSYS;
	say_plain(gate, MESSAGE_RESTORE, FIRST);
	assert_int_equal(last(gate, MESSAGE_ANSWER)->u.answer.err, ENOSYS);
}

static void a_device_that_is_not_held_leaves(void **state)
{
	unsigned before = count_fds();
	struct message m;

	(void)state;
	service_add(&claim[0]);
	message_init(&m, MESSAGE_HELD, NOBODY);
	say(gate, &m, true);
	assert_int_equal(count_fds(), before);
	message_init(&m, MESSAGE_HELD, FIRST);
	m.u.held.err = ENODEV;
	memset(m.u.held.text, '\n', sizeof(m.u.held.text));
	say(gate, &m, true);
	assert_int_equal(heard.left, 1);
	assert_int_equal(heard.problem.err, ENODEV);
	assert_null(strchr(heard.problem.text, '\n'));
	assert_false(claim[0].in_gate);
	/* It leaves: what is said of it comes too late. */
	held(FIRST);
	assert_false(claim[0].in_gate);
	assert_int_equal(claim[0].reader_fd, -1);
	assert_int_equal(count_fds(), before);
	/* Without a descriptor there is nothing to read it by. */
	service_add(&claim[1]);
	message_init(&m, MESSAGE_HELD, SECOND);
	say(gate, &m, false);
	assert_int_equal(heard.left, 2);
	assert_int_equal(heard.problem.err, EIO);
}

static void descriptors_are_replaced(void **state)
{
	unsigned before;

	(void)state;
	hold();
	before = count_fds();
	for (unsigned i = 0; i < 100; i++)
		held(FIRST);
	assert_int_equal(count_fds(), before);
}

/* ---- Deaths ---- */

static unsigned count_sent(const struct process *p, enum message_kind kind, unsigned slot)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr_sent; i++)
		n += sent[i].to == p && sent[i].m.kind == kind && sent[i].m.slot == slot;
	return n;
}

static void die(struct process *p)
{
	p->owner->ended(p->context, 9, "was killed by signal 9 (Killed)");
}

static void a_worker_that_died_is_replaced(void **state)
{
	struct problem p = { 0 };

	(void)state;
	come_up();
	die(worker);
	assert_int_equal(heard.worker_died, 1);
	assert_int_equal(count_sent(gate, MESSAGE_CONNECT, 0), 1);
	assert_int_equal(count_sent(worker, MESSAGE_SETUP, 0), 1);
	assert_int_equal(count_sent(worker, MESSAGE_ADD, FIRST), 1);
	assert_int_equal(count_sent(worker, MESSAGE_ADD, SECOND), 1);
	for (unsigned i = 0; i < nr_sent; i++)
		if (sent[i].m.kind == MESSAGE_SETUP)
			assert_true(sent[i].m.u.setup.resumed);
	assert_int_equal(service_connect(&g, &p), 0);
	ready(0, "");
	answer(worker, MESSAGE_ADD, FIRST, 0);
	answer(worker, MESSAGE_ADD, SECOND, 0);
	assert_int_equal(service_connect(&g, &p), 1);
}

static void a_device_goes_on_leaving_when_its_worker_dies(void **state)
{
	(void)state;
	come_up();
	claim_leave(&claim[0]);
	service_drop(&claim[0]);
	die(worker);
	assert_int_equal(count_sent(gate, MESSAGE_LET_GO, FIRST), 1);
	assert_int_equal(count_sent(worker, MESSAGE_ADD, FIRST), 0);
	assert_int_equal(count_sent(worker, MESSAGE_ADD, SECOND), 1);
	answer(gate, MESSAGE_LET_GO, FIRST, 0);
	assert_int_equal(heard.let_go, 1);
}

static void a_device_goes_on_leaving_when_its_gate_dies(void **state)
{
	(void)state;
	come_up();
	claim_leave(&claim[0]);
	service_drop(&claim[0]);
	die(gate);
	assert_int_equal(kills, 1); /* the worker's socket went with it */
	die(worker);
	assert_int_equal(heard.let_go, 1);
	assert_int_equal(count_sent(gate, MESSAGE_HOLD, FIRST), 0);
	assert_int_equal(count_sent(gate, MESSAGE_HOLD, SECOND), 1);
	held(SECOND);
	assert_int_equal(count_sent(worker, MESSAGE_ADD, SECOND), 1);
}

/* The next worker cannot serve: the guest is not connected any more, and its vectors are to go. */
static void interrupts_go_off_where_no_worker_can_follow(void **state)
{
	struct problem p = { 0 };

	(void)state;
	come_up();
	claim_leave(&claim[1]);
	service_drop(&claim[1]);
	die(worker);
	nr_sent = 0;
	ready(ENOENT, "bind");
	assert_int_equal(count_sent(gate, MESSAGE_QUIET, FIRST), 1);
	assert_int_equal(count_sent(gate, MESSAGE_QUIET, SECOND), 0);
	assert_int_equal(ledger.device[FIRST].shadow, LEDGER_FRESH);
	assert_int_equal(service_connect(&g, &p), -1);
	assert_int_equal(p.err, ENOENT);
}

/* Its answers are worth one look each, however often it gives them. */
static void a_worker_that_repeats_itself_causes_no_looks(void **state)
{
	unsigned looks = 0;

	(void)state;
	come_up();
	while (schedule_next_dirty(&be.schedule))
		;
	for (unsigned i = 0; i < 1000; i++) {
		answer(worker, MESSAGE_ADD, FIRST, 0);
		looks += schedule_next_dirty(&be.schedule) != NULL;
	}
	assert_int_equal(looks, 0);
}

/* It makes progress, and serves its guest; but the device is to leave. */
static void a_worker_that_keeps_a_device_is_replaced(void **state)
{
	uint64_t now = now_ns();

	(void)state;
	come_up();
	atomic_store(&ledger.at_gate, 1);
	claim_leave(&claim[1]);
	service_drop(&claim[1]);
	atomic_store(&ledger.progress, 1);
	service_check(&g, now);
	assert_int_equal(kills, 0);
	service_check(&g, now + 60000000000u);
	assert_int_equal(kills, 1);
	nr_sent = 0;
	die(worker);
	assert_int_equal(count_sent(gate, MESSAGE_LET_GO, SECOND), 1);
	assert_int_equal(count_sent(gate, MESSAGE_LET_GO, FIRST), 0);
	/* One that lets go in time stays. */
	kills = 0;
	g.service.ready = true;
	service_check(&g, now + 120000000000u);
	assert_int_equal(kills, 0);
	/* One that never tells that it serves does not. */
	g.service.ready = false;
	service_check(&g, now + 120000000000u);
	assert_int_equal(kills, 1);
}

/* The gate is asked, once at a time: while it gives no answer it waits for a device, and so does its worker. */
static void a_worker_waits_for_its_gate_as_long_as_that_waits_for_a_device(void **state)
{
	uint64_t now = now_ns();

	(void)state;
	come_up();
	atomic_store(&ledger.at_gate, 1);
	g.service.check_ns = now;
	for (int i = 0; i < 100; i++)
		service_check(&g, now += 1000000000u);
	assert_int_equal(kills, 0);
	assert_int_equal(count_sent(gate, MESSAGE_FREE, 0), 1);
	/* One that makes progress between two answers is not stuck. */
	for (int i = 0; i < 100; i++) {
		answer(gate, MESSAGE_FREE, 0, 0);
		if (i % 2)
			atomic_fetch_add(&ledger.progress, 1);
		service_check(&g, now += 1000000000u);
	}
	assert_int_equal(kills, 0);
	for (int i = 0; i < 4 && !kills; i++) {
		answer(gate, MESSAGE_FREE, 0, 0);
		service_check(&g, now += 1000000000u);
	}
	assert_int_equal(kills, 1);
}

/* How many looks it has without progress, the first of them at *now. */
static unsigned looks_until_killed(uint64_t *now)
{
	unsigned looks = 0;

	kills = 0;
	g.service.check_ns = *now;
	for (; !kills && looks < 100; looks++)
		service_check(&g, *now += 1000000000u);
	return looks;
}

/* Each gets more time than the last, as far as that goes; who hangs a long time afterwards gets the first one's. */
static void a_worker_behind_one_that_hung_has_more_time(void **state)
{
	uint64_t now = now_ns();
	unsigned first;

	(void)state;
	come_up();
	first = looks_until_killed(&now);
	assert_in_range(first, 2, 4);
	assert_int_equal(looks_until_killed(&now), 2 * first);
	assert_int_equal(looks_until_killed(&now), 4 * first);
	assert_int_equal(looks_until_killed(&now), 4 * first);
	now += 61000000000u;
	assert_int_equal(looks_until_killed(&now), first);
	assert_int_equal(looks_until_killed(&now), 2 * first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_up_when_all_know_of_all),
		TEST(a_worker_that_cannot_says_why),
		TEST(a_process_that_cannot_start_says_why),
		TEST(vectors_are_for_what_the_guest_has),
		TEST(messages_are_restored_for_what_the_guest_has),
		TEST(a_device_that_is_not_held_leaves),
		TEST(descriptors_are_replaced),
		TEST(a_worker_that_died_is_replaced),
		TEST(a_device_goes_on_leaving_when_its_worker_dies),
		TEST(a_device_goes_on_leaving_when_its_gate_dies),
		TEST(interrupts_go_off_where_no_worker_can_follow),
		TEST(a_worker_that_repeats_itself_causes_no_looks),
		TEST(a_worker_that_keeps_a_device_is_replaced),
		TEST(a_worker_waits_for_its_gate_as_long_as_that_waits_for_a_device),
		TEST(a_worker_behind_one_that_hung_has_more_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
