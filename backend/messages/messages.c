/* SPDX-License-Identifier: MIT */
#include "backend/messages/messages.h"

#include <string.h>
#include <sys/socket.h>

#include "common/util.h"

static const struct kind {
	const char *name;
	unsigned from, to;
	uint32_t size;
} kinds[] = {
#define X(name, from, to, body, text) { #name, from, to, sizeof(((struct message *)0)->u.body) },
	MESSAGES(X)
#undef X
};

enum { HEAD = offsetof(struct message, u) };

int message_pair(int sv[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv);
}

const char *message_name(unsigned kind)
{
	return kind < MESSAGE_KINDS ? kinds[kind].name : NULL;
}

void message_init(struct message *m, enum message_kind kind, unsigned slot)
{
	memset(m, 0, HEAD + kinds[kind].size);
	m->version = MESSAGE_VERSION;
	m->kind = (uint16_t)kind;
	m->slot = (uint16_t)slot;
	m->size = kinds[kind].size;
}

int message_send(int sock, const struct message *m, const int *fds, unsigned nr, const void *tail,
		 size_t len)
{
	union {
		char buf[CMSG_SPACE(MESSAGE_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	/* sendmsg reads only. */
	struct iovec iov[2] = { { (void *)m, HEAD + m->size },
				{ (void *)tail, len } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	ssize_t n;

	if (!nr && !len) {
		do
			n = send(sock, m, HEAD + m->size, MSG_NOSIGNAL | MSG_DONTWAIT);
		while (n < 0 && errno == EINTR);
		return n < 0 ? -1 : 0;
	}
	if (nr) {
		struct cmsghdr *cm;

		memset(&control, 0, sizeof(control));
		mh.msg_control = control.buf;
		mh.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(nr * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, nr * sizeof(int));
	}
	do
		n = sendmsg(sock, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* What came along goes into fds, as far as there is room, and is closed otherwise. */
static void take_fds(struct msghdr *mh, int *fds)
{
	unsigned taken = 0;

	for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		size_t nr = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < nr; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(fd), sizeof(fd));
			if (fds && taken < MESSAGE_FDS_MAX)
				fds[taken++] = fd;
			else
				close_keep(fd);
		}
	}
}

static void drop_fds(int *fds)
{
	for (unsigned i = 0; fds && i < MESSAGE_FDS_MAX; i++) {
		close_keep(fds[i]);
		fds[i] = -1;
	}
}

/* Whether what arrived, n bytes, is a message that `from` may send to `to`. */
static bool is_sound(const struct message *m, size_t n, enum message_end from, enum message_end to,
		     size_t tail)
{
	const struct kind *k;

	if (n < HEAD || m->version != MESSAGE_VERSION || m->kind >= MESSAGE_KINDS ||
	    m->slot >= SLOT_COUNT)
		return false;
	k = &kinds[m->kind];
	return k->from & from && k->to & to && m->size == k->size &&
	       (n == HEAD + k->size || (tail && n > HEAD + k->size));
}

int message_receive(int sock, enum message_end from, enum message_end to, struct message *m,
		    int *fds, void *tail, size_t *len)
{
	union {
		char buf[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov[2] = { { m, sizeof(*m) }, { tail, len ? *len : 0 } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 1,
			     .msg_control = control.buf, .msg_controllen = sizeof(control) };
	size_t behind;
	ssize_t n;

	for (unsigned i = 0; fds && i < MESSAGE_FDS_MAX; i++)
		fds[i] = -1;
	if (len) {
		/* An order's tail begins behind its body, which is of one size. */
		iov[0].iov_len = HEAD + kinds[MESSAGE_ORDER].size;
		mh.msg_iovlen = 2;
	}
	/* A reset tells, once, that the other end closed with something unread; what it said is behind that. */
	do
		n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -1;
	if (!n)
		return 0;
	take_fds(&mh, fds);
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || !is_sound(m, (size_t)n, from, to, len ? 1 : 0)) {
		drop_fds(fds);
		return fail(EBADMSG);
	}
	if (len) {
		behind = HEAD + m->size;
		*len = (size_t)n > behind ? (size_t)n - behind : 0;
	}
	return 1;
}

void message_text(char *out, size_t room, const char *text, size_t len)
{
	size_t n = strnlen(text, len);

	if (n >= room)
		n = room - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[n] = '\0';
}
