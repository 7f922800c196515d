/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/host_sleep.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "common/util.h"
#include "host/suspends.h"

#define NEVER_S INT32_MAX
/* The kernel counts a suspend when all processes go on again and much else is done. */
#define COUNTED_WITHIN_NS 10000000000u

static int arm(const struct host_sleep *s)
{
	const struct itimerspec never = { .it_value = { .tv_sec = NEVER_S } };

	return timerfd_settime(s->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

int host_sleep_init(struct host_sleep *s, const char *sysfs_root)
{
	int err = 0;

	s->sysfs_root = sysfs_root;
	s->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->clock_fd < 0 || arm(s)) {
		err = errno;
		close_keep(s->clock_fd);
		s->clock_fd = -1;
	}
	s->count_fd = suspends_listen(sysfs_root);
	if (s->count_fd < 0 && errno != ENOENT && !err)
		err = errno;
	/* A sleep in between is told of; the other way round nobody would hear of it. */
	s->before = asleep_ns();
	s->count = suspends_count(sysfs_root);
	s->told_until_ns = 0;
	return err ? fail(err) : 0;
}

void host_sleep_dispose(struct host_sleep *s)
{
	close_keep(s->clock_fd);
	close_keep(s->count_fd);
	s->clock_fd = s->count_fd = -1;
}

static bool counts_another(struct host_sleep *s)
{
	uint64_t before = s->count;

	s->count = suspends_count(s->sysfs_root);
	return s->count != before;
}

bool host_sleep_over(struct host_sleep *s, uint64_t *ns)
{
	uint64_t times, now;
	bool counted, told = now_ns() < s->told_until_ns;

	/* What is read does not matter; that it was cancelled, and is to be armed again, does. */
	if (read(s->clock_fd, &times, sizeof(times)) < 0)
		errno = 0;
	arm(s);
	suspends_hear(s->count_fd);
	counted = counts_another(s);
	if (counted)
		s->told_until_ns = 0;
	*ns = 0;
	now = asleep_ns();
	if (now < s->before + ASLEEP_LEAST_NS)
		return counted && !told;
	*ns = now - s->before;
	s->before = now;
	if (!counted)
		s->told_until_ns = now_ns() + COUNTED_WITHIN_NS;
	return true;
}
