/* SPDX-License-Identifier: MIT */
/*
 * Small helpers that every layer uses. Nothing here logs; everything may be
 * called from several threads.
 */
#ifndef XENPCI_COMMON_UTIL_H
#define XENPCI_COMMON_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Monotonic clock in nanoseconds. */
static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The same with what the host has slept, in nanoseconds since it was booted. */
static inline uint64_t boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* For how long the host has slept since it was booted. No sleep is shorter than ASLEEP_LEAST_NS: two clocks are read. */
#define ASLEEP_LEAST_NS 10000000u
static inline uint64_t asleep_ns(void)
{
	uint64_t awake = now_ns(), all = boot_ns();

	return all < awake ? 0 : all - awake;
}

/*
 * Looks at that clock, which was *last: whether it has gone so far at once that the host may have slept. Only then
 * are two clocks worth reading, which are system calls where Xen is emulated.
 */
static inline bool may_have_slept(uint64_t *last)
{
	uint64_t now = boot_ns();
	bool far = now - *last >= ASLEEP_LEAST_NS;

	*last = now;
	return far;
}

/* A time as the OS wants it. */
static inline struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000u),
				  .tv_nsec = (long)(ns % 1000000000u) };
}

/* free() and close() that keep errno, for clean-up paths; close_keep takes -1. */
static inline void free_keep(void *p)
{
	int saved = errno;

	free(p);
	errno = saved;
}

static inline void close_keep(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

/* Sets errno and fails: `return fail(EINVAL);`. Returns -1. */
static inline int fail(int err)
{
	errno = err;
	return -1;
}

#endif
