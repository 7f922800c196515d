/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/host_sleep.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

/* The two clocks are read one after the other: what they differ by then is no sleep. */
#define SLEEP_LEAST_NS 10000000u
#define NEVER_S INT32_MAX

static uint64_t slept_ns(void)
{
	struct timespec awake, all;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &awake);
	clock_gettime(CLOCK_BOOTTIME, &all);
	ns = (int64_t)(all.tv_sec - awake.tv_sec) * 1000000000 + (all.tv_nsec - awake.tv_nsec);
	return ns < 0 ? 0 : (uint64_t)ns;
}

static int arm(const struct host_sleep *s)
{
	const struct itimerspec never = { .it_value = { .tv_sec = NEVER_S } };

	return timerfd_settime(s->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

int host_sleep_init(struct host_sleep *s)
{
	s->before = slept_ns();
	s->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->fd >= 0 && arm(s))
		host_sleep_dispose(s);
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
	now = slept_ns();
	ns = now - s->before;
	if (now < s->before + SLEEP_LEAST_NS)
		return 0;
	s->before = now;
	return ns;
}
