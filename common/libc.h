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

/* Those that logs and tests have by name. */
static inline const char *strerrorname_np(int error)
{
	switch (error) {
#define X(name)                                                                                       \
	case name:                                                                                    \
		return #name;
		X(EPERM) X(ENOENT) X(ESRCH) X(EINTR) X(EIO) X(ENXIO) X(E2BIG) X(EBADF) X(ECHILD) X(EAGAIN) X(ENOMEM)
		X(EACCES) X(EFAULT) X(EBUSY) X(EEXIST) X(EXDEV) X(ENODEV) X(ENOTDIR) X(EISDIR) X(EINVAL) X(ENFILE)
		X(EMFILE) X(ENOTTY) X(EFBIG) X(ENOSPC) X(EROFS) X(EPIPE) X(EDOM) X(ERANGE) X(EDEADLK) X(ENAMETOOLONG)
		X(ENOSYS) X(ENOTEMPTY) X(ELOOP) X(ENODATA) X(EPROTO) X(EBADMSG) X(EOVERFLOW) X(EOPNOTSUPP)
		X(EADDRINUSE) X(ECONNABORTED) X(ECONNRESET) X(ENOBUFS) X(EISCONN) X(ENOTCONN) X(ETIMEDOUT)
		X(ECONNREFUSED) X(EALREADY) X(EINPROGRESS) X(EREMOTEIO) X(ECANCELED)
#undef X
	default:
		return NULL;
	}
}

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif
static inline int close_range(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

typedef int __rlimit_resource_t;

/* The kernel's, as its own. */
#ifndef dirent64
#define dirent64 dirent
#endif
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
