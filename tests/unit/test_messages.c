/* SPDX-License-Identifier: MIT */
/* What processes say to each other: who may say it to whom, and what is not received at all. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "backend/messages/messages.h"
#include "common/util.h"
#include "tests/unit/support_config.h"

enum { HEAD = offsetof(struct message, u), FDS_LOOKED_AT = 256 };

/* The list once more, for its columns. */
static const struct {
	const char *name;
	unsigned from, to;
	uint32_t size;
} table[] = {
#define X(name, from, to, body, text) { #name, from, to, sizeof(struct message_##body) },
	MESSAGES(X)
#undef X
};

static const enum message_end ends[] = { END_SUPERVISOR, END_WORKER, END_GATE, END_JOB, END_SPAWNER };

static int sv[2]; /* sent into 0, received from 1 */
static struct message sent, got;
static unsigned open_before;

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < FDS_LOOKED_AT; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int setup(void **state)
{
	(void)state;
	assert_int_equal(message_pair(sv), 0);
	assert_int_equal(fcntl(sv[1], F_SETFL, O_NONBLOCK), 0);
	open_before = count_fds();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	/* Whatever a test sent: nothing of it is left open. */
	assert_int_equal(count_fds(), open_before);
	close(sv[0]);
	close(sv[1]);
	return 0;
}

/* A sound message with a body of noise. */
static void make(enum message_kind kind, unsigned slot)
{
	static uint64_t seed = 5;
	uint8_t *body = (uint8_t *)&sent.u;

	message_init(&sent, kind, slot);
	for (uint32_t i = 0; i < sent.size; i++)
		body[i] = (uint8_t)test_random(&seed);
}

/* n bytes of `sent` as they are, with descriptors. */
static void send_raw(size_t n, unsigned fds)
{
	union {
		char buf[CMSG_SPACE(32 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { &sent, n };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fds) {
		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(fds * sizeof(int));
		for (unsigned i = 0; i < fds; i++)
			memcpy(CMSG_DATA(cm) + i * sizeof(fd), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(sv[0], &mh, 0), n);
	close(fd);
}

static int receive(enum message_end from, enum message_end to, int *fds)
{
	memset(&got, 0xaa, sizeof(got));
	return message_receive(sv[1], from, to, &got, fds, NULL, NULL);
}

static void each_kind_goes_from_its_senders_to_its_receivers(void **state)
{
	unsigned through = 0;

	(void)state;
	assert_int_equal(ARRAY_SIZE(table), MESSAGE_KINDS);
	for (unsigned k = 0; k < MESSAGE_KINDS; k++) {
		for (unsigned n = 0; n < ARRAY_SIZE(ends) * ARRAY_SIZE(ends); n++) {
			enum message_end from = ends[n / ARRAY_SIZE(ends)], to = ends[n % ARRAY_SIZE(ends)];
			bool may = table[k].from & from && table[k].to & to;
			int rc;

			make(k, k % SLOT_COUNT);
			assert_int_equal(message_send(sv[0], &sent, NULL, 0, NULL, 0), 0);
			rc = receive(from, to, NULL);
			if (rc != (may ? 1 : -1) || (!may && errno != EBADMSG))
				fail_msg("%s from %d to %d: %d, errno %d", table[k].name, from, to, rc, errno);
			if (!may)
				continue;
			through++;
			assert_int_equal(got.kind, k);
			assert_int_equal(got.slot, k % SLOT_COUNT);
			assert_int_equal(got.size, table[k].size);
			assert_memory_equal(&got, &sent, HEAD + sent.size);
		}
	}
	assert_true(through >= MESSAGE_KINDS);
}

/* Whom a guest may have taken over: this is all that it can say. A longer list is to be thought of here. */
static void a_worker_and_a_gate_can_say_so_much(void **state)
{
	static const struct {
		enum message_end from, to;
		const char *list;
	} rows[] = {
		{ END_WORKER, END_SUPERVISOR, "READY AER_ANSWER AER_UNHEARD DENIED LATE ANSWER " },
		{ END_WORKER, END_GATE, "WRITE ENABLE INTERRUPT ANSWER " },
		{ END_WORKER, END_JOB, "" },
		{ END_WORKER, END_SPAWNER, "" },
		{ END_GATE, END_SUPERVISOR, "HELD LOOKED MAP UNMAP RESTORE SAY ANSWER " },
		{ END_GATE, END_WORKER, "INTERRUPTED ANSWER " },
		{ END_GATE, END_JOB, "" },
		{ END_GATE, END_SPAWNER, "" },
		{ END_JOB, END_SUPERVISOR, "MACHINE RESULT " },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		char list[512] = "";

		for (unsigned k = 0; k < MESSAGE_KINDS; k++) {
			make(k, 0);
			assert_int_equal(message_send(sv[0], &sent, NULL, 0, NULL, 0), 0);
			if (receive(rows[i].from, rows[i].to, NULL) == 1) {
				strcat(list, message_name(k));
				strcat(list, " ");
			}
		}
		assert_string_equal(list, rows[i].list);
	}
}

static void names_are_the_lists(void **state)
{
	(void)state;
	for (unsigned k = 0; k < MESSAGE_KINDS; k++)
		assert_string_equal(message_name(k), table[k].name);
	assert_null(message_name(MESSAGE_KINDS));
	assert_null(message_name(UINT32_MAX));
}

/* What is in the head, and how many bytes of it are sent: 0 is all of the body, -1 one less. */
static void damaged_messages_are_refused_with_their_descriptors(void **state)
{
	static const struct {
		const char *what;
		int version, kind, slot, size; /* added to what is right */
		int sent;
	} rows[] = {
		{ "an older version", -1, 0, 0, 0, 0 },
		{ "a newer version", 1, 0, 0, 0, 0 },
		{ "no kind", 0, MESSAGE_KINDS, 0, 0, 0 },
		{ "the last number", 0, UINT16_MAX, 0, 0, 0 },
		{ "a slot too far", 0, 0, SLOT_COUNT, 0, 0 },
		{ "the last slot there could be", 0, 0, UINT16_MAX, 0, 0 },
		{ "a size less by one", 0, 0, 0, -1, 0 },
		{ "a size less by one, which is sent", 0, 0, 0, -1, -1 },
		{ "a size more by one", 0, 0, 0, 1, 0 },
		{ "a size more by one, which is sent", 0, 0, 0, 1, 1 },
		{ "a body less by one", 0, 0, 0, 0, -1 },
		{ "a body more by one", 0, 0, 0, 0, 1 },
		{ "a head", 0, 0, 0, 0, -(int)sizeof(struct message_say) },
		{ "half a head", 0, 0, 0, 0, -(int)sizeof(struct message_say) - HEAD / 2 },
		{ "one byte", 0, 0, 0, 0, -(int)sizeof(struct message_say) - HEAD + 1 },
		{ "more than any message", 0, 0, 0, 0, 1 << 16 },
	};
	static uint8_t room[sizeof(struct message) + (1 << 16)];
	int fds[MESSAGE_FDS_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n;

		make(MESSAGE_SAY, 0);
		n = (size_t)((int)(HEAD + sent.size) + rows[i].sent);
		sent.version = (uint16_t)(sent.version + rows[i].version);
		sent.kind = (uint16_t)(rows[i].kind ? rows[i].kind : sent.kind);
		sent.slot = (uint16_t)(sent.slot + rows[i].slot);
		sent.size = (uint32_t)((int)sent.size + rows[i].size);
		if (n > sizeof(sent)) {
			memcpy(room, &sent, sizeof(sent));
			assert_int_equal(send(sv[0], room, n, 0), n);
		} else {
			send_raw(n, 2);
		}
		fds[0] = fds[1] = 77;
		errno = 0;
		if (receive(END_GATE, END_SUPERVISOR, fds) != -1 || errno != EBADMSG)
			fail_msg("%s was taken, or errno is %d", rows[i].what, errno);
		if (fds[0] != -1 || fds[1] != -1 || count_fds() != open_before)
			fail_msg("%s left descriptors: %d, %d", rows[i].what, fds[0], fds[1]);
	}
	/* The line is not out of step. */
	make(MESSAGE_SAY, 0);
	send_raw(HEAD + sent.size, 0);
	assert_int_equal(receive(END_GATE, END_SUPERVISOR, fds), 1);
}

static void descriptors_go_along_close_on_exec(void **state)
{
	int pipes[2], fds[MESSAGE_FDS_MAX];
	char c = 'x';

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	make(MESSAGE_SETUP, 0);
	assert_int_equal(message_send(sv[0], &sent, pipes, 2, NULL, 0), 0);
	assert_int_equal(receive(END_SUPERVISOR, END_WORKER, fds), 1);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(fds[1], &c, 1), 1);
	assert_int_equal(read(pipes[0], &c, 1), 1);
	close(fds[0]);
	close(fds[1]);
	make(MESSAGE_ADD, 0);
	assert_int_equal(message_send(sv[0], &sent, pipes, 1, NULL, 0), 0);
	assert_int_equal(receive(END_SUPERVISOR, END_WORKER, fds), 1);
	assert_true(fds[0] >= 0);
	assert_int_equal(fds[1], -1);
	close(fds[0]);
	close(pipes[0]);
	close(pipes[1]);
}

static void surplus_descriptors_are_closed(void **state)
{
	int fds[MESSAGE_FDS_MAX];

	(void)state;
	for (unsigned nr = 0; nr <= 30; nr++) {
		int rc;

		make(MESSAGE_SAY, 0);
		send_raw(HEAD + sent.size, nr);
		rc = receive(END_GATE, END_SUPERVISOR, fds);
		/* So many that the kernel has to leave some out are no message of ours. */
		if (rc != 1 && (nr <= 8 || errno != EBADMSG))
			fail_msg("%u descriptors: %d, errno %d", nr, rc, errno);
		if (rc == 1 && nr > 16)
			fail_msg("%u descriptors were taken", nr);
		for (unsigned i = 0; i < MESSAGE_FDS_MAX; i++) {
			if ((fds[i] >= 0) != (rc == 1 && i < nr))
				fail_msg("%u descriptors: place %u has %d", nr, i, fds[i]);
			close_keep(fds[i]);
		}
		assert_int_equal(count_fds(), open_before);
		/* Who wants none gets none. */
		send_raw(HEAD + sent.size, nr);
		receive(END_GATE, END_SUPERVISOR, NULL);
		assert_int_equal(count_fds(), open_before);
	}
}

static void an_order_has_a_tail_and_no_other_kind(void **state)
{
	static struct message_owner owners[MESSAGE_OWNERS_MAX + 1], back[MESSAGE_OWNERS_MAX];
	static const unsigned counts[] = { 0, 1, 2, 100, MESSAGE_OWNERS_MAX };
	uint64_t seed = 9;
	size_t len;

	(void)state;
	for (unsigned i = 0; i <= MESSAGE_OWNERS_MAX; i++)
		owners[i].domid = test_random(&seed);
	for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
		size_t n = counts[i] * sizeof(owners[0]);

		make(MESSAGE_ORDER, 0);
		assert_int_equal(message_send(sv[0], &sent, NULL, 0, owners, n), 0);
		len = sizeof(back);
		assert_int_equal(message_receive(sv[1], END_SUPERVISOR, END_JOB, &got, NULL, back, &len), 1);
		assert_int_equal(len, n);
		assert_memory_equal(&got, &sent, HEAD + sent.size);
		assert_memory_equal(back, owners, n);
	}
	/* More than there is room for is not cut, but refused. */
	make(MESSAGE_ORDER, 0);
	assert_int_equal(message_send(sv[0], &sent, NULL, 0, owners, 3 * sizeof(owners[0])), 0);
	len = 2 * sizeof(owners[0]);
	assert_int_equal(message_receive(sv[1], END_SUPERVISOR, END_JOB, &got, NULL, back, &len), -1);
	assert_int_equal(errno, EBADMSG);
	/* Nobody who does not ask for a tail gets one. */
	assert_int_equal(message_send(sv[0], &sent, NULL, 0, owners, sizeof(owners[0])), 0);
	assert_int_equal(receive(END_SUPERVISOR, END_JOB, NULL), -1);
	assert_int_equal(errno, EBADMSG);
	for (unsigned k = 0; k < MESSAGE_KINDS; k++) {
		enum message_end from, to;

		if (k == MESSAGE_ORDER)
			continue;
		from = table[k].from & ~(table[k].from - 1);
		to = table[k].to & ~(table[k].to - 1);
		make(k, 0);
		assert_int_equal(message_send(sv[0], &sent, NULL, 0, owners, sizeof(owners[0])), 0);
		errno = 0;
		if (receive(from, to, NULL) != -1 || errno != EBADMSG)
			fail_msg("%s was taken with a tail", table[k].name);
	}
}

static void ends_that_wait_or_are_gone(void **state)
{
	unsigned n = 0;
	int pair[2];

	(void)state;
	assert_int_equal(receive(END_GATE, END_SUPERVISOR, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	make(MESSAGE_SAY, 0);
	while (!message_send(sv[0], &sent, NULL, 0, NULL, 0))
		n++;
	assert_int_equal(errno, EAGAIN);
	while (receive(END_GATE, END_SUPERVISOR, NULL) == 1)
		n--;
	assert_int_equal(n, 0);
	assert_int_equal(message_pair(pair), 0);
	close(pair[1]);
	/* An error, and no signal. */
	assert_int_equal(message_send(pair[0], &sent, NULL, 0, NULL, 0), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(message_send(pair[0], &sent, &sv[0], 1, NULL, 0), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(message_receive(pair[0], END_GATE, END_SUPERVISOR, &got, NULL, NULL, NULL), 0);
	close(pair[0]);
}

static void nothing_of_the_senders_memory_goes_along(void **state)
{
	const uint8_t *body = (const uint8_t *)&sent.u;

	(void)state;
	for (unsigned k = 0; k < MESSAGE_KINDS; k++) {
		memset(&sent, 0xaa, sizeof(sent));
		message_init(&sent, k, 3);
		assert_int_equal(sent.pad, 0);
		assert_int_equal(sent.slot, 3);
		for (uint32_t i = 0; i < sent.size; i++)
			if (body[i])
				fail_msg("%s: byte %u is 0x%x", table[k].name, i, body[i]);
	}
}

static void texts_are_printable(void **state)
{
	char all[255], out[256], small[4];

	(void)state;
	for (unsigned i = 0; i < sizeof(all); i++)
		all[i] = (char)(i + 1);
	message_text(out, sizeof(out), all, sizeof(all));
	assert_int_equal(strlen(out), sizeof(all));
	for (unsigned i = 0; i < sizeof(all); i++) {
		unsigned c = i + 1;

		if (out[i] != (c >= 0x20 && c < 0x7f ? (char)c : '?'))
			fail_msg("0x%x became 0x%x", c, (uint8_t)out[i]);
	}
	/* Neither end is found by luck: the text may have none, and the room is what it is. */
	memset(small, '#', sizeof(small));
	message_text(small, 3, "abcdef", 6);
	assert_string_equal(small, "ab");
	assert_int_equal(small[3], '#');
	message_text(out, sizeof(out), "abcdef", 4);
	assert_string_equal(out, "abcd");
	message_text(out, sizeof(out), "ab\0cd", 5);
	assert_string_equal(out, "ab");
	message_text(out, 1, "ab", 2);
	assert_string_equal(out, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_goes_from_its_senders_to_its_receivers),
		TEST(a_worker_and_a_gate_can_say_so_much),
		TEST(names_are_the_lists),
		TEST(damaged_messages_are_refused_with_their_descriptors),
		TEST(descriptors_go_along_close_on_exec),
		TEST(surplus_descriptors_are_closed),
		TEST(an_order_has_a_tail_and_no_other_kind),
		TEST(ends_that_wait_or_are_gone),
		TEST(nothing_of_the_senders_memory_goes_along),
		TEST(texts_are_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
