/* SPDX-License-Identifier: MIT */
#include "host/device/vfio_user/server.h"

#include <errno.h>
#include <poll.h>
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

/* All of it, in or out, before `until`. */
static int transfer(struct server *s, uint8_t *bytes, size_t size, bool out, uint64_t until)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = out ? send(s->fd, bytes + at, size - at, MSG_DONTWAIT | MSG_NOSIGNAL)
				: recv(s->fd, bytes + at, size - at, MSG_DONTWAIT);

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
	return transfer(s, answer, vfu_put_refusal(answer, h, EOPNOTSUPP), true, until);
}

static int exchange(struct server *s, size_t size, struct vfu_header *h)
{
	uint64_t until = now_ns() + SERVER_WAIT_MS * 1000000ull;
	uint16_t command = (uint16_t)(s->message[2] | s->message[3] << 8);

	if (transfer(s, s->message, size, true, until))
		return -1;
	for (;;) {
		if (transfer(s, s->message, VFU_HEADER, false, until) ||
		    vfu_header(s->message, h) ||
		    transfer(s, s->message + VFU_HEADER, h->size - VFU_HEADER, false, until))
			return -1;
		if (h->reply)
			break;
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
	return -1;
}

/* Sends the message of size bytes, and has the reply. *h: its header. */
static int ask(struct server *s, size_t size, struct vfu_header *h)
{
	if (s->fd < 0)
		return fail(ENODEV);
	if (exchange(s, size, h))
		return give_up(s);
	return h->err ? fail(h->err) : 0;
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

int server_region(struct server *s, uint32_t region, struct vfu_region *out)
{
	struct vfu_header h;

	if (ask(s, vfu_put_get_region_info(s->message, ++s->id, region), &h))
		return -1;
	return vfu_region_reply(s->message, h.size, region, out) ? give_up(s) : 0;
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
