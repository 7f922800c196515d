/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/host_sleep.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "common/util.h"

#define NEVER_S INT32_MAX

static int arm(const struct host_sleep *s)
{
	const struct itimerspec never = { .it_value = { .tv_sec = NEVER_S } };

	return timerfd_settime(s->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

int host_sleep_init(struct host_sleep *s)
{
	s->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->fd >= 0 && arm(s))
		host_sleep_dispose(s);
	/* A sleep between the two is told of by the timer; the other way round nobody would hear of it. */
	s->before = asleep_ns();
	return s->fd < 0 ? -1 : 0;
}

void host_sleep_dispose(struct host_sleep *s)
{
	close_keep(s->fd);
	s->fd = -1;
}

uint64_t host_sleep_over(struct host_sleep *s)
{
	uint64_t times, now, ns;

	/* What is read does not matter; that it was cancelled, and is to be armed again, does. */
	if (read(s->fd, &times, sizeof(times)) < 0)
		errno = 0;
	arm(s);
	now = asleep_ns();
	ns = now - s->before;
	if (now < s->before + ASLEEP_LEAST_NS)
		return 0;
	s->before = now;
	return ns;
}
