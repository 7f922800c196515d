/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into xenpcid (slow_threads.sh): making a thread takes 5 ms, as it may under emulation,
 * and adds a byte to the file "made" below $SLOW_THREADS; a sleep takes 0.2 ms while there is a file
 * "fast", so that a device that answers after a sleep is slow or fast as the test likes.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const struct timespec making = { 0, 5000000 }, fast = { 0, 200000 };

static const char *path_of(const char *file, char buf[512])
{
	const char *dir = getenv("SLOW_THREADS");

	snprintf(buf, 512, "%s/%s", dir ? dir : "", file);
	return buf;
}

static void count(void)
{
	char path[512];
	int fd = open(path_of("made", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	/* A thread that is not counted would be taken for none. */
	if (fd < 0 || write(fd, "x", 1) != 1)
		abort();
	close(fd);
}

EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr,
			  void *(*start)(void *), void *restrict arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	count();
	clock_nanosleep(CLOCK_MONOTONIC, 0, &making, NULL);
	return real(thread, attr, start, arg);
}

EXPORT int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	int (*real)(const struct timespec *, struct timespec *);
	char path[512];

	*(void **)&real = dlsym(RTLD_NEXT, "nanosleep");
	return real(access(path_of("fast", path), F_OK) ? wanted : &fast, left);
}
