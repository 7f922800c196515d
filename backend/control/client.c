/* SPDX-License-Identifier: MIT */
#include "backend/control/client.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "backend/control/control.h"
#include "common/util.h"

#define PATIENCE_NS (CONTROL_PATIENCE_S * 1000000000ull)

int client_begin(struct client *c, int fd, int epoll, bool strangers)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	struct ucred who;
	socklen_t len = sizeof(who);
	bool root;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len))
		return -1;
	root = who.uid == 0 || who.uid == geteuid();
	if ((!root && !strangers) || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev))
		return -1;
	*c = (struct client){ .fd = fd, .epoll = epoll, .root = root, .events = EPOLLIN,
			      .since_ns = now_ns() };
	return 0;
}

void client_end(struct client *c)
{
	if (c->fd >= 0)
		close_keep(c->fd);
	c->fd = -1;
	c->phase = CLIENT_ASKS;
	c->ended = false;
}

int client_read(struct client *c, const char **why)
{
	char text[RECORDS_REQUEST_MAX + 1];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(c->fd, &mh, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* A packet of no bytes cannot be told from the end. */
	if (n <= 0) {
		c->ended = true;
		return 0;
	}
	/* Whoever looks on has nothing more to ask. */
	if (c->phase == CLIENT_TRACES) {
		c->ended = true;
		return 0;
	}
	c->since_ns = now_ns();
	if (mh.msg_flags & MSG_TRUNC || n > RECORDS_REQUEST_MAX) {
		*why = "the request is too long";
		return -1;
	}
	return request_read(text, (size_t)n, &c->request, why) ? -1 : 1;
}

void client_put(struct client *c, enum record_kind kind, const union record *record)
{
	c->len = record_write(kind, record, c->line);
	if (c->len < 0) {
		c->len = 0;
		c->ended = true;
	}
}

bool client_flush(struct client *c)
{
	ssize_t n;

	if (c->ended || c->fd < 0)
		return true;
	if (!c->len)
		return false;
	n = send(c->fd, c->line, (size_t)c->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (!c->since_ns)
			c->since_ns = now_ns();
		return true;
	}
	if (n < 0) {
		c->ended = true;
		return true;
	}
	c->len = 0;
	c->since_ns = c->phase == CLIENT_TRACES ? 0 : now_ns();
	return false;
}

void client_lose(struct client *c, uint64_t lines)
{
	c->lost += lines;
}

void client_offer(struct client *c, const union record *record)
{
	union record gap = { 0 };

	if (!client_flush(c) && c->lost) {
		gap.lost.domid = record->trace.domid;
		gap.lost.devid = record->trace.devid;
		gap.lost.lines = c->lost > INT64_MAX ? INT64_MAX : (int64_t)c->lost;
		c->lost = 0;
		client_put(c, RECORD_OF_lost, &gap);
	}
	if (client_flush(c)) {
		c->lost++;
		return;
	}
	client_put(c, RECORD_OF_trace, record);
	client_flush(c);
}

void client_expire(struct client *c, uint64_t now)
{
	if (c->fd >= 0 && c->since_ns && now - c->since_ns >= PATIENCE_NS)
		c->ended = true;
}

void client_settle(struct client *c)
{
	struct epoll_event ev = { .data.ptr = c };

	if (c->fd < 0)
		return;
	if (c->ended) {
		client_end(c);
		return;
	}
	if (c->phase == CLIENT_TRACES && !c->len)
		c->since_ns = 0;
	ev.events = c->len || c->phase == CLIENT_HEARS ? EPOLLOUT : EPOLLIN;
	if (c->phase == CLIENT_TRACES)
		ev.events |= EPOLLIN;
	if (ev.events == c->events)
		return;
	c->events = ev.events;
	if (epoll_ctl(c->epoll, EPOLL_CTL_MOD, c->fd, &ev))
		client_end(c);
}
