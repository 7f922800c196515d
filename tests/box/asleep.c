/* SPDX-License-Identifier: MIT */
/*
 * Loaded into xenpcid and its processes: the host sleeps when a test says so. The file that XENPCI_ASLEEP names
 * holds for how many seconds it has slept since it was booted, and is never empty; next to it NAME.jump is a pipe, and what is written into it
 * is the jump of the wall clock behind a sleep.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define TAKES_THE_PLACE_OF_LIBCS __attribute__((visibility("default")))

/* Mapped, since a worker may open nothing and read no file by then. */
static const char *asleep;

static void __attribute__((constructor)) begin(void)
{
	const char *name = getenv("XENPCI_ASLEEP");
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		asleep = p;
	if (fd >= 0)
		close(fd);
}

static long asleep_s(void)
{
	return asleep ? strtol(asleep, NULL, 10) : 0;
}

TAKES_THE_PLACE_OF_LIBCS int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, ts);

	if (!rc && clock == CLOCK_BOOTTIME)
		ts->tv_sec += asleep_s();
	return rc;
}

TAKES_THE_PLACE_OF_LIBCS int timerfd_create(int clock, int flags)
{
	const char *name = getenv("XENPCI_ASLEEP");
	char pipe[4096];

	if (!name || clock != CLOCK_REALTIME)
		return (int)syscall(SYS_timerfd_create, clock, flags);
	snprintf(pipe, sizeof(pipe), "%s.jump", name);
	return open(pipe, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/* A pipe is no timer, and need not be armed. */
TAKES_THE_PLACE_OF_LIBCS int timerfd_settime(int fd, int flags, const struct itimerspec *new,
					     struct itimerspec *old)
{
	int rc = (int)syscall(SYS_timerfd_settime, fd, flags, new, old);

	return rc && getenv("XENPCI_ASLEEP") ? 0 : rc;
}
