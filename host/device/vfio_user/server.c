/* SPDX-License-Identifier: MIT */
#include "host/device/vfio_user/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "common/util.h"

/* Waits until the socket takes or has something. 0, or -1 with errno. */
static int wait_until(const struct server *s, short events, uint64_t until)
{
	struct pollfd p = { s->fd, events, 0 };
	uint64_t now = now_ns();
	struct timespec left = timespec_of(until > now ? until - now : 0);
	int n = ppoll(&p, 1, &left, NULL);

	if (n < 0)
		return errno == EINTR ? 0 : -1;
	return n ? 0 : fail(ETIMEDOUT);
}

enum { FDS_TAKEN = 16 }; /* descriptors that one message brings; more are the kernel's to close */

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(FDS_TAKEN * sizeof(int))];
};

/* Sends what the socket takes at once; pass (-1: none) goes along. */
static ssize_t give(const struct server *s, uint8_t *bytes, size_t size, int pass)
{
	union control control = { .room = { 0 } };
	struct iovec iov = { bytes, size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (pass >= 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof(pass));
	}
	return sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The first descriptor is kept, all others are closed: they are of the same file, or nobody asked for them. */
static void keep_passed(struct server *s, const struct cmsghdr *c)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		if (s->passed < 0)
			s->passed = fd;
		else
			close_keep(fd);
	}
}

static ssize_t take(struct server *s, uint8_t *bytes, size_t size)
{
	union control control;
	struct iovec iov = { bytes, size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			keep_passed(s, c);
	return n;
}

static void drop_passed(struct server *s)
{
	close_keep(s->passed);
	s->passed = -1;
}

/* All of it, in or out, before `until`; pass goes along with what goes out (-1: nothing). */
static int transfer(struct server *s, uint8_t *bytes, size_t size, bool out, int pass, uint64_t until)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = out ? give(s, bytes + at, size - at, at ? -1 : pass)
				: take(s, bytes + at, size - at);

		if (n > 0)
			at += (size_t)n;
		else if (!n)
			return fail(ECONNRESET);
		else if ((errno != EINTR && errno != EAGAIN) ||
			 wait_until(s, out ? POLLOUT : POLLIN, until))
			return -1;
		if (now_ns() >= until)
			return fail(ETIMEDOUT);
	}
	return 0;
}

/* A command of the server's own: it may not reach any memory. */
static int refuse(struct server *s, const struct vfu_header *h, uint64_t until)
{
	uint8_t answer[VFU_HEADER];

	if (h->quiet)
		return 0;
	return transfer(s, answer, vfu_put_refusal(answer, h, EOPNOTSUPP), true, -1, until);
}

static int exchange(struct server *s, size_t size, int pass, struct vfu_header *h)
{
	uint64_t until = now_ns() + SERVER_WAIT_MS * 1000000ull;
	uint16_t command = (uint16_t)(s->message[2] | s->message[3] << 8);

	if (transfer(s, s->message, size, true, pass, until))
		return -1;
	for (;;) {
		if (transfer(s, s->message, VFU_HEADER, false, -1, until) ||
		    vfu_header(s->message, h) ||
		    transfer(s, s->message + VFU_HEADER, h->size - VFU_HEADER, false, -1,
			     until))
			return -1;
		if (h->reply)
			break;
		drop_passed(s);
		if (refuse(s, h, until))
			return -1;
	}
	return h->id == s->id && h->command == command ? 0 : fail(EBADMSG);
}

/* The server is given up. Returns -1; keeps errno. */
static int give_up(struct server *s)
{
	close_keep(s->fd);
	s->fd = -1;
	drop_passed(s);
	return -1;
}

/* Sends the message of size bytes with pass (-1: none), and has the reply. *h: its header. */
static int ask_with(struct server *s, size_t size, int pass, struct vfu_header *h)
{
	drop_passed(s);
	if (s->fd < 0)
		return fail(ENODEV);
	if (exchange(s, size, pass, h))
		return give_up(s);
	return h->err ? fail(h->err) : 0;
}

static int ask(struct server *s, size_t size, struct vfu_header *h)
{
	return ask_with(s, size, -1, h);
}

void server_init(struct server *s, int fd)
{
	*s = (struct server){ .fd = fd, .passed = -1 };
}

int server_greet(struct server *s, struct vfu_device *out)
{
	struct vfu_header h;

	if (ask(s, vfu_put_version(s->message, ++s->id), &h))
		return -1;
	if (vfu_version_reply(s->message, h.size))
		return give_up(s);
	if (ask(s, vfu_put_get_info(s->message, ++s->id), &h))
		return -1;
	return vfu_info_reply(s->message, h.size, out) ? give_up(s) : 0;
}

int server_region(struct server *s, uint32_t region, struct vfu_region *out, int *file)
{
	struct vfu_header h;

	if (file)
		*file = -1;
	if (ask(s, vfu_put_get_region_info(s->message, ++s->id, region), &h))
		return -1;
	if (vfu_region_reply(s->message, h.size, region, out))
		return give_up(s);
	if (file && out->nr_areas) {
		*file = s->passed;
		s->passed = -1;
	}
	drop_passed(s);
	return 0;
}

int server_irq(struct server *s, enum vfu_irq irq, struct vfu_irq_info *out)
{
	struct vfu_header h;

	if (ask(s, vfu_put_get_irq_info(s->message, ++s->id, irq), &h))
		return -1;
	return vfu_irq_reply(s->message, h.size, irq, out) ? give_up(s) : 0;
}

int server_set_irq(struct server *s, enum vfu_irq irq, enum vfu_set what, uint32_t nr, int eventfd)
{
	struct vfu_header h;

	return ask_with(s, vfu_put_set_irqs(s->message, ++s->id, irq, what, nr), eventfd, &h);
}

int server_read(struct server *s, uint32_t region, uint64_t offset, uint32_t count, uint8_t *data)
{
	while (count) {
		uint32_t n = count < VFU_DATA_MAX ? count : VFU_DATA_MAX;
		struct vfu_header h;

		if (ask(s, vfu_put_read(s->message, ++s->id, region, offset, n), &h))
			return -1;
		if (vfu_read_reply(s->message, h.size, region, offset, n, data))
			return give_up(s);
		offset += n;
		data += n;
		count -= n;
	}
	return 0;
}

int server_write(struct server *s, uint32_t region, uint64_t offset, uint32_t count,
		 const uint8_t *data)
{
	struct vfu_header h;

	if (ask(s, vfu_put_write(s->message, ++s->id, region, offset, count, data), &h))
		return -1;
	return vfu_write_reply(s->message, h.size, region, offset, count) ? give_up(s) : 0;
}

int server_reset(struct server *s)
{
	struct vfu_header h;

	return ask(s, vfu_put_reset(s->message, ++s->id), &h);
}
