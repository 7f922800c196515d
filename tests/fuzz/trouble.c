/* SPDX-License-Identifier: MIT */
/* The linker has the calls below come here first (make/fuzz.mk, from FUZZ_WRAP's list in this file). */
#include "tests/fuzz/trouble.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static struct count {
	unsigned now, at;
	int err;
} memory, calls;
static uint64_t ahead_ns;
static struct {
	bool said;
	unsigned peer, own;
} users;
static int timer = -1;

static void begin(struct count *c, unsigned at, int err)
{
	*c = (struct count){ .at = at, .err = err };
}

void trouble_memory(unsigned allocation)
{
	begin(&memory, allocation, ENOMEM);
}

void trouble_system(unsigned call, int err)
{
	begin(&calls, call, err);
}

unsigned trouble_allocations(void)
{
	return memory.now;
}

unsigned trouble_calls(void)
{
	return calls.now;
}

void trouble_later(uint64_t ns)
{
	ahead_ns += ns;
}

void trouble_users(unsigned peer, unsigned own)
{
	users.said = true;
	users.peer = peer;
	users.own = own;
}

void trouble_over(void)
{
	users.said = false;
	begin(&memory, 0, 0);
	begin(&calls, 0, 0);
	ahead_ns = 0;
}

static int fails(struct count *c)
{
	if (++c->now != c->at)
		return 0;
	errno = c->err;
	return 1;
}

/* WRAP(what counts, type, name, parameters, arguments, what it returns where it fails) */
#define WRAP(count, type, name, parameters, arguments, failed)                \
	type __real_##name parameters;                                        \
	type __wrap_##name parameters;                                        \
	type __wrap_##name parameters                                         \
	{                                                                     \
		return fails(&(count)) ? (failed) : __real_##name arguments; \
	}

WRAP(memory, void *, malloc, (size_t size), (size), NULL)
WRAP(memory, void *, calloc, (size_t n, size_t size), (n, size), NULL)
WRAP(memory, void *, realloc, (void *p, size_t size), (p, size), NULL)
WRAP(memory, char *, strdup, (const char *text), (text), NULL)

/* json-c's own allocations are out of reach: what it says when they fail. */
typedef struct json_object *object;
WRAP(memory, struct json_tokener *, json_tokener_new_ex, (int depth), (depth), NULL)
WRAP(memory, object, json_object_new_object, (void), (), NULL)
WRAP(memory, object, json_object_new_array, (void), (), NULL)
WRAP(memory, object, json_object_new_string, (const char *text), (text), NULL)
WRAP(memory, object, json_object_new_string_len, (const char *text, int len), (text, len), NULL)
WRAP(memory, object, json_object_new_int64, (int64_t n), (n), NULL)
WRAP(memory, object, json_object_new_boolean, (json_bool on), (on), NULL)
WRAP(memory, int, json_object_object_add, (object o, const char *key, object value), (o, key, value), -1)
WRAP(memory, int, json_object_array_add, (object a, object value), (a, value), -1)
WRAP(memory, const char *, json_object_to_json_string_length, (object o, int flags, size_t *len),
     (o, flags, len), NULL)

WRAP(calls, int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1)
WRAP(calls, int, bind, (int fd, const struct sockaddr *a, socklen_t len), (fd, a, len), -1)
WRAP(calls, int, listen, (int fd, int backlog), (fd, backlog), -1)
WRAP(calls, int, chmod, (const char *path, mode_t mode), (path, mode), -1)
WRAP(calls, int, accept4, (int fd, struct sockaddr *a, socklen_t *len, int flags), (fd, a, len, flags), -1)
WRAP(calls, ssize_t, send, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags), -1)
WRAP(calls, ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), -1)
WRAP(calls, ssize_t, recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags), -1)
WRAP(calls, ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), -1)
WRAP(calls, int, epoll_create1, (int flags), (flags), -1)
WRAP(calls, int, epoll_ctl, (int fd, int op, int of, struct epoll_event *e), (fd, op, of, e), -1)
WRAP(calls, int, timerfd_create, (int clock, int flags), (clock, flags), -1)
WRAP(calls, ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at), -1)
WRAP(calls, ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at), -1)
WRAP(calls, int, ftruncate, (int fd, off_t size), (fd, size), -1)
WRAP(calls, int, fstat, (int fd, struct stat *st), (fd, st), -1)
WRAP(calls, int, flock, (int fd, int how), (fd, how), -1)
WRAP(calls, int, posix_fallocate, (int fd, off_t at, off_t n), (fd, at, n), errno)
WRAP(calls, int, memfd_create, (const char *name, unsigned flags), (name, flags), -1)
WRAP(calls, void *, mmap, (void *at, size_t n, int prot, int flags, int fd, off_t from),
     (at, n, prot, flags, fd, from), MAP_FAILED)

int __real_getsockopt(int fd, int level, int name, void *to, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *to, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *to, socklen_t *len)
{
	int rc = fails(&calls) ? -1 : __real_getsockopt(fd, level, name, to, len);

	if (!rc && users.said && level == SOL_SOCKET && name == SO_PEERCRED)
		((struct ucred *)to)->uid = users.peer;
	return rc;
}

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return users.said ? users.own : __real_geteuid();
}

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc = __real_clock_gettime(clock, t);

	if (clock != CLOCK_MONOTONIC)
		return rc;
	t->tv_nsec += (long)(ahead_ns % 1000000000u);
	t->tv_sec += (time_t)(ahead_ns / 1000000000u) + t->tv_nsec / 1000000000;
	t->tv_nsec %= 1000000000;
	return rc;
}

int __real_timerfd_settime(int fd, int flags, const struct itimerspec *in, struct itimerspec *old);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *in, struct itimerspec *old);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *in, struct itimerspec *old)
{
	timer = fd;
	return __real_timerfd_settime(fd, flags, in, old);
}

void trouble_tick(void)
{
	const struct itimerspec now = { .it_value.tv_nsec = 1 };
	struct timespec moment = { .tv_nsec = 1000 };

	if (timer < 0 || __real_timerfd_settime(timer, 0, &now, NULL))
		return;
	nanosleep(&moment, NULL);
}
