/* SPDX-License-Identifier: MIT */
/* What glibc has and musl has not, for those who use it. Nothing where glibc has it. */
#ifndef XENPCI_COMMON_LIBC_H
#define XENPCI_COMMON_LIBC_H

#include <features.h>

#ifndef __GLIBC__
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Here both are the same text for ever, as musl knows one language. */
#define strerrordesc_np(error) strerror(error)
#define sigdescr_np(number) strsignal(number)
/* A text in the place of the name. */
#define sigabbrev_np(number) strsignal(number)

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif
static inline int close_range(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

#undef getdents64
#define getdents64(fd, buf, size) syscall(SYS_getdents64, fd, buf, size)

/* Its mutexes wait by the wall clock. */
static inline int pthread_mutex_clocklock(pthread_mutex_t *lock, clockid_t clock, const struct timespec *until)
{
	struct timespec now, wall;

	clock_gettime(clock, &now);
	clock_gettime(CLOCK_REALTIME, &wall);
	wall.tv_sec += until->tv_sec - now.tv_sec;
	wall.tv_nsec += until->tv_nsec - now.tv_nsec;
	wall.tv_sec += wall.tv_nsec < 0 ? -1 : wall.tv_nsec >= 1000000000 ? 1 : 0;
	wall.tv_nsec += wall.tv_nsec < 0 ? 1000000000 : wall.tv_nsec >= 1000000000 ? -1000000000 : 0;
	return pthread_mutex_timedlock(lock, &wall);
}
#endif

#endif
