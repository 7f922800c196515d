/* SPDX-License-Identifier: MIT */
/* The handle: what it opens, what it polls, how it is set. */
#include "frontend/front.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static int poll_for(struct xenpcifront *fe, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return fd < 0 ? -1 : epoll_ctl(fe->epfd, EPOLL_CTL_ADD, fd, &ev);
}

static int open_fds(struct xenpcifront *fe)
{
	fe->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (fe->epfd < 0)
		return -1;
	fe->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fe->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (poll_for(fe, fe->wakefd) || poll_for(fe, fe->timerfd) ||
	    poll_for(fe, xs_fileno(fe->xen.watches)) || poll_for(fe, xenevtchn_fd(fe->xen.ec)))
		return -1;
	return 0;
}

struct xenpcifront *xenpcifront_open(struct xentoollog_logger *logger, unsigned flags)
{
	struct xenpcifront *fe;

	if (flags & ~XENPCIFRONT_AER) {
		errno = EINVAL;
		return NULL;
	}
	fe = calloc(1, sizeof(*fe));
	if (!fe)
		return NULL;
	fe->lg = logger;
	fe->flags = flags;
	fe->owner = getpid();
	fe->epfd = fe->wakefd = fe->timerfd = -1;
	pthread_mutex_init(&fe->lock, NULL);
	if (channel_init(&fe->channel, &fe->xen) || xen_open(&fe->xen, logger) || open_fds(fe)) {
		xenpcifront_close(fe);
		return NULL;
	}
	fe->channel.wakefd = fe->wakefd;
	return fe;
}

void xenpcifront_close(struct xenpcifront *fe)
{
	bool child;

	if (!fe)
		return;
	child = fe->owner != getpid();
	/* Port and page are the parent's: in a child only what the handles hold is let go. */
	if (!child)
		channel_close(&fe->channel);
	close_keep(fe->timerfd);
	close_keep(fe->wakefd);
	close_keep(fe->epfd);
	xen_close(&fe->xen, child);
	channel_dispose(&fe->channel);
	pthread_mutex_destroy(&fe->lock);
	free_keep(fe->devices);
	free_keep(fe);
}

int xenpcifront_fd(const struct xenpcifront *fe)
{
	return fe->epfd;
}

int xenpcifront_set_timeout(struct xenpcifront *fe, uint32_t ms)
{
	if (!ms)
		return fail(EINVAL);
	fe->channel.timeout_ms = ms;
	return 0;
}

void xenpcifront_set_spin(struct xenpcifront *fe, uint32_t us)
{
	fe->channel.spin_us = us;
}

void xenpcifront_set_handlers(struct xenpcifront *fe, const struct xenpcifront_handlers *handlers,
			      void *opaque)
{
	fe->handlers = handlers ? *handlers : (struct xenpcifront_handlers){ 0 };
	fe->opaque = opaque;
}

void front_wake(struct xenpcifront *fe)
{
	eventfd_write(fe->wakefd, 1);
}

bool xenpcifront_connected(struct xenpcifront *fe)
{
	return channel_is_open(&fe->channel);
}

bool xenpcifront_enumerated(struct xenpcifront *fe)
{
	bool enumerated;

	pthread_mutex_lock(&fe->lock);
	enumerated = fe->enumerated;
	pthread_mutex_unlock(&fe->lock);
	return enumerated;
}
