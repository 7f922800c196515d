/* SPDX-License-Identifier: MIT */
/*
 * What processes say: bytes as they come out of a socket, between any two; and sound messages of any
 * content from a worker, a gate and jobs to the supervisor, which judges them by what it knows. No vector
 * but of a device that the guest has, no descriptor left, and rest in the end.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/messages/messages.h"
#include "common/util.h"
#include "tests/fuzz/served.h"
#include "tests/fuzz/trouble.h"

/* ---- Bytes ---- */

/* Who may say what to whom, and how long it is: from the document's list (messages.h), once more. */
static void check_received(const struct message *m, size_t sent, unsigned from, unsigned to)
{
	const size_t head = offsetof(struct message, u);

	fuzz_check(!message_name(MESSAGE_KINDS) && !message_name(UINT32_MAX));
	fuzz_check(m->version == 1 && m->kind < MESSAGE_KINDS && m->slot < 256);
	fuzz_check(sent == head + m->size && m->size <= sizeof(m->u) && message_name(m->kind));
	/* A worker asks for nothing that the gate asks for, and nobody but the supervisor sets up. */
	if (from == END_WORKER && to == END_SUPERVISOR)
		fuzz_check(m->kind == MESSAGE_READY || m->kind == MESSAGE_AER_ANSWER ||
			   m->kind == MESSAGE_AER_UNHEARD || m->kind == MESSAGE_DENIED ||
			   m->kind == MESSAGE_LATE || m->kind == MESSAGE_ANSWER);
	if (from == END_WORKER && to == END_GATE)
		fuzz_check(m->kind == MESSAGE_WRITE || m->kind == MESSAGE_ENABLE ||
			   m->kind == MESSAGE_INTERRUPT || m->kind == MESSAGE_ANSWER);
	if (from == END_JOB)
		fuzz_check((m->kind == MESSAGE_RESULT || m->kind == MESSAGE_MACHINE) &&
			   to == END_SUPERVISOR);
	fuzz_check(m->kind != MESSAGE_SPAWN || from == END_SUPERVISOR);
}

static const uint8_t ends[] = { END_SUPERVISOR, END_WORKER, END_GATE, END_JOB, END_SPAWNER };

static void receive(struct bytes *in)
{
	static int sv[2] = { -1, -1 };
	static struct message raw, m;
	unsigned from = ends[take_u8(in) % 5], to = ends[take_u8(in) % 5];
	size_t n = offsetof(struct message, u) + take_u16(in) % sizeof(raw.u);
	unsigned fill = take_u8(in);
	int fds[MESSAGE_FDS_MAX], rc;

	if (sv[0] < 0 && message_pair(sv))
		fuzz_fail("no socket pair");
	memset(&raw, 0, sizeof(raw));
	raw.version = fill & 1 ? take_u16(in) : MESSAGE_VERSION;
	raw.kind = take_u8(in) % (MESSAGE_KINDS + 2);
	raw.slot = take_u16(in) & (fill & 2 ? 0xffff : 0xff);
	if (fill & 4 && raw.kind < MESSAGE_KINDS) {
		message_init(&m, raw.kind, raw.slot % SLOT_COUNT);
		raw = m;
		n = offsetof(struct message, u) + m.size;
	} else {
		raw.size = take_u16(in);
	}
	take(in, &raw.u, 32);
	if (fill & 8)
		n = take_u8(in) % 16 + 1;
	if (send(sv[0], &raw, n, MSG_DONTWAIT) < 0)
		return;
	rc = message_receive(sv[1], from, to, &m, fds, NULL, NULL);
	fuzz_check(rc == 1 || (rc < 0 && errno == EBADMSG));
	for (unsigned i = 0; i < MESSAGE_FDS_MAX; i++)
		fuzz_check(fds[i] == -1);
	if (rc == 1)
		check_received(&m, n, from, to);
}

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 128; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

enum { PASSED_MAX = 10, TAIL_MAX = 64 };

/* nr descriptors along with m, more than we would send ourselves. */
static void send_many(int sock, const struct message *m, size_t size, unsigned nr)
{
	union {
		char buf[CMSG_SPACE(PASSED_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { (void *)m, size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nr) {
		struct cmsghdr *cm = &control.align;
		int list[PASSED_MAX];

		for (unsigned i = 0; i < PASSED_MAX; i++)
			list[i] = sock;
		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(nr * sizeof(int));
		memcpy(CMSG_DATA(cm), list, nr * sizeof(int));
	}
	sendmsg(sock, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A whole message with descriptors and a tail, as our own code sends it or somebody else does, and its taking. */
static void exchange(struct bytes *in)
{
	static const int errors[] = { EINTR, EINTR, ECONNRESET, EAGAIN };
	uint8_t how = take_u8(in), more = take_u8(in), kind = take_u8(in) % MESSAGE_KINDS;
	unsigned from = ends[take_u8(in) % 5], to = ends[take_u8(in) % 5], nr = more % (PASSED_MAX + 1);
	char tail[TAIL_MAX] = "", got[TAIL_MAX];
	int sv[2], on = 1, fds[MESSAGE_FDS_MAX], back[MESSAGE_FDS_MAX], rc;
	size_t len = sizeof(got);
	static struct message m;

	if (message_pair(sv))
		fuzz_fail("no socket pair");
	/* The kernel's word of who sends takes the place of some descriptors. */
	if (more & 0x40)
		setsockopt(sv[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	fds[0] = fds[1] = sv[0];
	message_init(&m, kind, more);
	take(in, &m.u, 16);
	trouble_system(how >> 4 & 3, errors[how >> 6]);
	if (how & 1) {
		close(sv[1]);
		sv[1] = -1;
	}
	if (how & 2)
		send_many(sv[0], &m, offsetof(struct message, u) + m.size - (more >> 5 & 1), nr);
	else
		message_send(sv[0], &m, fds, nr % (MESSAGE_FDS_MAX + 1), tail, how & 4 ? more % TAIL_MAX : 0);
	if (how & 1)
		goto out;
	close(sv[0]);
	sv[0] = -1;
	for (unsigned i = 0; i < 2; i++) {
		rc = message_receive(sv[1], from, to, &m, how & 8 ? back : NULL, how & 4 ? got : NULL,
				     how & 4 ? &len : NULL);
		fuzz_check(rc != 1 || (len <= sizeof(got) && message_name(m.kind)));
		for (unsigned k = 0; how & 8 && k < MESSAGE_FDS_MAX; k++) {
			fuzz_check(back[k] == -1 || rc == 1);
			close_keep(back[k]);
		}
	}
out:
	trouble_over();
	close_keep(sv[0]);
	close_keep(sv[1]);
}

/* Text that came with one. */
static void read_text(struct bytes *in)
{
	char from[32], to[32];
	size_t room = 1 + take_u8(in) % sizeof(to);

	take(in, from, sizeof(from));
	message_text(to, room, from, sizeof(from));
	fuzz_check(strlen(to) < room);
	for (const char *c = to; *c; c++)
		fuzz_check(*c >= ' ' && *c <= '~');
}

static void talk(struct bytes *in)
{
	unsigned before;

	receive(in);
	before = descriptors();
	while (in->left) {
		uint8_t what = take_u8(in);

		if (what < 0x60)
			receive(in);
		else if (what < 0xe0)
			exchange(in);
		else
			read_text(in);
	}
	fuzz_check(descriptors() == before);
}

/* ---- What the supervisor makes of them ---- */

static const uint8_t from_worker[] = { MESSAGE_READY, MESSAGE_ANSWER, MESSAGE_DENIED, MESSAGE_LATE,
				       MESSAGE_AER_ANSWER, MESSAGE_AER_UNHEARD };
static const uint8_t from_gate[] = { MESSAGE_HELD, MESSAGE_MAP, MESSAGE_UNMAP, MESSAGE_RESTORE,
				     MESSAGE_SAY, MESSAGE_LOOKED, MESSAGE_ANSWER };

static void say(struct world_process *w, bool worker, struct bytes *in)
{
	uint8_t what = take_u8(in);
	struct message m;

	if (!w)
		return;
	message_init(&m, worker ? from_worker[what % ARRAY_SIZE(from_worker)]
				: from_gate[what % ARRAY_SIZE(from_gate)],
		     what & 0x40 ? take_u8(in) : take_u8(in) % 3u);
	if (m.kind == MESSAGE_ANSWER) {
		m.u.answer.to = take_u8(in) % (MESSAGE_KINDS + 1);
		m.u.answer.err = (int8_t)take_u8(in);
	} else if (m.kind == MESSAGE_MAP && !(what & 0x20)) {
		m.u.map.mode = take_u8(in) % 4;
		m.u.map.multi = take_u8(in) % 40;
		m.u.map.nr = take_u8(in) % 140;
		m.u.map.first = take_u8(in) & 1;
		for (unsigned i = 0; i < 8; i++)
			m.u.map.entry[i] = take_u8(in);
	} else {
		take(in, &m.u, m.size < 96 ? m.size : 96);
	}
	/* A gate that lies about what it holds. */
	served_deceived |= !worker && (m.kind == MESSAGE_ANSWER || m.kind == MESSAGE_HELD);
	world_say(w, &m, what & 0x80);
	served_check();
}

static void converse(struct bytes *in)
{
	unsigned before;

	served_begin(false);
	before = descriptors();
	served_begin(true);
	for (unsigned i = 0; i < 40 && in->left; i++) {
		uint8_t what = take_u8(in);
		struct world_process *w;

		switch (what % 8) {
		case 0:
		case 1:
			say(world_process_of(ROLE_WORKER, SERVED_DOMID), true, in);
			break;
		case 2:
		case 3:
		case 4:
			say(world_process_of(ROLE_GATE, SERVED_DOMID), false, in);
			break;
		case 5:
			w = world_process_of(what & 8 ? ROLE_GATE : ROLE_WORKER, SERVED_DOMID);
			if (w)
				world_die(w);
			break;
		case 6:
			if (guest_own(0) == XenbusStateConnected && plan.guest[0].detaching < 0 &&
			    world.device[what >> 3 & 1].owner) {
				plan.left.reconfigurations++;
				move_make((struct move){ MOVE_DETACH, 0, what >> 3 & 1 });
			}
			break;
		default:
			served_settle();
			break;
		}
	}
	served_end();
	fuzz_check(descriptors() == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };

	if (size > 1024)
		return 0;
	if (take_u8(&in) & 1)
		talk(&in);
	else
		converse(&in);
	return 0;
}
