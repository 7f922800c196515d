/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/loop.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "common/util.h"

int loop_open(struct loop *l)
{
	l->nr_pending = 0;
	l->overdue_fd = -1;
	l->fd = epoll_create1(EPOLL_CLOEXEC);
	return l->fd < 0 ? -1 : 0;
}

void loop_close(struct loop *l)
{
	close_keep(l->fd);
	close_keep(l->overdue_fd);
	l->fd = l->overdue_fd = -1;
}

/* ns 0: it does not run. */
static void run_timer(const struct loop *l, uint64_t ns)
{
	const struct itimerspec at = { .it_value = timespec_of(ns) };

	if (l->overdue_fd >= 0)
		timerfd_settime(l->overdue_fd, 0, &at, NULL);
}

int loop_watch_turns(struct loop *l, uint64_t turn_ns)
{
	l->turn_ns = turn_ns;
	l->overdue_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return l->overdue_fd < 0 ? -1 : 0;
}

void loop_watch_no_more(struct loop *l)
{
	run_timer(l, 0);
	close_keep(l->overdue_fd);
	l->overdue_fd = -1;
}

static int add(struct loop *l, struct source *s, int fd, source_ready *ready, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };
	int op = s->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	s->ready = ready;
	s->fd = fd;
	if (epoll_ctl(l->fd, op, fd, &ev))
		return -1;
	s->added = true;
	return 0;
}

int loop_add(struct loop *l, struct source *s, int fd, source_ready *ready)
{
	return add(l, s, fd, ready, EPOLLIN);
}

int loop_once(struct loop *l, struct source *s, int fd, source_ready *ready)
{
	return add(l, s, fd, ready, EPOLLIN | EPOLLONESHOT);
}

void loop_drop(struct loop *l, struct source *s)
{
	if (!s->added)
		return;
	s->added = false;
	epoll_ctl(l->fd, EPOLL_CTL_DEL, s->fd, NULL);
	for (unsigned i = 0; i < l->nr_pending; i++)
		if (l->pending[i] == s)
			l->pending[i] = NULL;
}

int loop_turn(struct loop *l, int timeout_ms)
{
	struct epoll_event events[ARRAY_SIZE(l->pending)];
	int n;

	run_timer(l, 0);
	n = epoll_wait(l->fd, events, ARRAY_SIZE(events), timeout_ms);
	run_timer(l, l->turn_ns);

	if (n < 0)
		return errno == EINTR ? 0 : -1;
	for (int i = 0; i < n; i++)
		l->pending[i] = events[i].data.ptr;
	l->nr_pending = (unsigned)n;
	for (unsigned i = 0; i < l->nr_pending; i++)
		if (l->pending[i])
			l->pending[i]->ready(l->pending[i]);
	l->nr_pending = 0;
	return 0;
}
