/* SPDX-License-Identifier: MIT */
/* The handle: what it opens, what it polls, how it is set. */
#include "frontend/front.h"
#include "protocol/nodes.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "common/libc.h"
#define DEVID_FLAGS XENPCIFRONT_DEVID(UINT16_MAX)
#define FLAGS	    (XENPCIFRONT_AER | DEVID_FLAGS)

/* What a backend can cause: how much at once, and how often for good. */
#define STEPS_BURST 256
#define STEP_NS	    (10u * NS_PER_MS)
#define AER_BURST   64
#define AER_NS	    (20u * NS_PER_MS)
#define LINES_BURST 64
#define LINE_NS	    (1000u * NS_PER_MS)

void front_init(struct xenpcifront *fe)
{
	uint64_t now = now_ns();

	snprintf(fe->dir, sizeof(fe->dir), NODE_FRONTEND_DIR_FMT, (fe->flags & DEVID_FLAGS) >> 8);
	pthread_mutex_init(&fe->life, NULL);
	pthread_mutex_init(&fe->sizing, NULL);
	pthread_mutex_init(&fe->lock, NULL);
	ratelimit_init(&fe->steps, STEP_NS, STEPS_BURST, now);
	ratelimit_init(&fe->aer_requests, AER_NS, AER_BURST, now);
	ratelimit_init(&fe->lines, LINE_NS, LINES_BURST, now);
}

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
	    poll_for(fe, fe->channel.halt.fd) ||
	    poll_for(fe, xs_fileno(fe->xen.watches)) || poll_for(fe, xenevtchn_fd(fe->xen.ec)))
		return -1;
	return 0;
}

/* Says what failed, unless somebody closer to it has. */
static void problem(const char *what)
{
	if (!xen_problem[0])
		snprintf(xen_problem, sizeof(xen_problem), "%s: %s", what, strerror(errno));
}

struct xenpcifront *xenpcifront_open(struct xentoollog_logger *logger, unsigned flags)
{
	struct xenpcifront *fe;

	xen_problem[0] = 0;
	fe = flags & ~FLAGS ? NULL : calloc(1, sizeof(*fe));
	if (!fe) {
		errno = flags & ~FLAGS ? EINVAL : ENOMEM;
		problem("cannot open the frontend");
		return NULL;
	}
	fe->lg = logger;
	fe->flags = flags;
	fe->owner = getpid();
	fe->epfd = fe->wakefd = fe->timerfd = -1;
	front_init(fe);
	if (channel_init(&fe->channel, &fe->xen) || xen_open(&fe->xen, logger) || open_fds(fe)) {
		problem("cannot open the frontend");
		log_error(logger, "%s", xen_problem);
		xenpcifront_close(fe);
		return NULL;
	}
	fe->channel.wakefd = fe->wakefd;
	return fe;
}

const char *xenpcifront_open_problem(void)
{
	return xen_problem;
}

unsigned xenpcifront_version(void)
{
	return XENPCIFRONT_VERSION;
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
	pthread_mutex_destroy(&fe->life);
	pthread_mutex_destroy(&fe->sizing);
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

int xenpcifront_set_call_timeout(struct xenpcifront *fe, uint32_t ms)
{
	if (!ms)
		return fail(EINVAL);
	fe->channel.call_ms = ms;
	return 0;
}

void xenpcifront_interrupt(struct xenpcifront *fe)
{
	halt_interrupt(&fe->channel.halt);
}

void xenpcifront_set_spin(struct xenpcifront *fe, uint32_t us)
{
	fe->channel.spin_us = us;
}

int xenpcifront_set_handlers(struct xenpcifront *fe, const struct xenpcifront_handlers *handlers,
			     void *opaque)
{
	for (size_t i = 0; handlers && i < ARRAY_SIZE(handlers->reserved); i++)
		if (handlers->reserved[i])
			return fail(EINVAL);
	fe->handlers = handlers ? *handlers : (struct xenpcifront_handlers){ 0 };
	fe->opaque = opaque;
	return 0;
}

int lock_until(pthread_mutex_t *lock, uint64_t until)
{
	struct timespec ts = timespec_of(until);

	return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &ts) ? fail(EAGAIN) : 0;
}

void front_wake(struct xenpcifront *fe)
{
	int saved = errno;

	eventfd_write(fe->wakefd, 1);
	errno = saved;
}

void front_wake_later(struct xenpcifront *fe, uint64_t ns)
{
	struct itimerspec its = { .it_value = timespec_of(ns) }, old = { 0 };
	int saved = errno;

	/* Whoever comes first: process looks at all that there is to do. */
	timerfd_gettime(fe->timerfd, &old);
	if ((!old.it_value.tv_sec && !old.it_value.tv_nsec) ||
	    (uint64_t)old.it_value.tv_sec * 1000000000u + (uint64_t)old.it_value.tv_nsec > ns)
		timerfd_settime(fe->timerfd, 0, &its, NULL);
	errno = saved;
}

bool front_may_log(struct xenpcifront *fe)
{
	return ratelimit_allow(&fe->lines, now_ns());
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
