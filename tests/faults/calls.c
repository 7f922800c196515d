/* SPDX-License-Identifier: MIT */
/*
 * The library's calls: each is counted, and made, or failed in the way that it would on a machine
 * that has run out, or broken. One row for each.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xencall.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "tests/faults/core.h"

#define EXPORT __attribute__((visibility("default")))

/* The real one is looked up at the start: later a process may be confined. */
#define REAL(ret, name, params)                                         \
	static ret(*real_##name) params;                                \
	__attribute__((constructor(101))) static void find_##name(void) \
	{                                                               \
		*(void **)&real_##name = dlsym(RTLD_NEXT, #name);       \
	}

/* Library constructors that run before ours call, too. */
#define NEED(name)              \
	do {                    \
		if (!real_##name) \
			find_##name(); \
	} while (0)

#define CALL(kind, ret, name, params, args, bad, err)                           \
	REAL(ret, name, params)                                                 \
	EXPORT ret name params;                                                 \
	EXPORT ret name params                                                  \
	{                                                                       \
		ret rc_;                                                        \
		NEED(name);                                                     \
		if (core_fails(KIND_##kind, #name, __builtin_return_address(0))) { \
			errno = err;                                            \
			return bad;                                             \
		}                                                               \
		rc_ = real_##name args;                                         \
		core_after();                                                   \
		return rc_;                                                     \
	}

/* ---- Xen ---- */

CALL(HYPERCALL, int, xencall1, (xencall_handle *h, unsigned op, uint64_t a), (h, op, a), -1, ENOMEM)
CALL(HYPERCALL, int, xencall2, (xencall_handle *h, unsigned op, uint64_t a, uint64_t b), (h, op, a, b), -1, ENOMEM)
CALL(HYPERCALL, xencall_handle *, xencall_open, (struct xentoollog_logger *lg, unsigned fl), (lg, fl), NULL, EMFILE)
CALL(ALLOC, void *, xencall_alloc_buffer, (xencall_handle *h, size_t n), (h, n), NULL, ENOMEM)
CALL(BIND, xenevtchn_handle *, xenevtchn_open, (struct xentoollog_logger *lg, unsigned fl), (lg, fl), NULL, EMFILE)
CALL(BIND, xenevtchn_port_or_error_t, xenevtchn_bind_interdomain,
     (xenevtchn_handle *h, uint32_t domid, evtchn_port_t port), (h, domid, port), -1, ENOSPC)
CALL(BIND, int, xenevtchn_notify, (xenevtchn_handle *h, evtchn_port_t p), (h, p), -1, EINVAL)
CALL(BIND, xenevtchn_port_or_error_t, xenevtchn_pending, (xenevtchn_handle *h), (h), -1, EIO)
CALL(BIND, int, xenevtchn_unmask, (xenevtchn_handle *h, evtchn_port_t p), (h, p), -1, EINVAL)
CALL(BIND, int, xenevtchn_restrict, (xenevtchn_handle *h, domid_t d), (h, d), -1, EPERM)
CALL(MAP, xengnttab_handle *, xengnttab_open, (struct xentoollog_logger *lg, unsigned fl), (lg, fl), NULL, EMFILE)
CALL(MAP, void *, xengnttab_map_grant_ref, (xengnttab_handle *h, uint32_t d, uint32_t ref, int prot),
     (h, d, ref, prot), NULL, ENOMEM)

/* ---- xenstore ---- */

/* Those about a path, which is their parameter p. */
#define ABOUT(ret, name, params, args, bad, err)                              \
	REAL(ret, name, params)                                               \
	EXPORT ret name params                                                \
	{                                                                     \
		ret rc_;                                                      \
		NEED(name);                                                   \
		core_about(p);                                                \
		if (core_fails(KIND_STORE, #name, __builtin_return_address(0))) { \
			errno = err;                                          \
			return bad;                                           \
		}                                                             \
		rc_ = real_##name args;                                       \
		core_after();                                                 \
		return rc_;                                                   \
	}

CALL(STORE, struct xs_handle *, xs_open, (unsigned long fl), (fl), NULL, EMFILE)
ABOUT(void *, xs_read, (struct xs_handle *h, xs_transaction_t t, const char *p, unsigned *n), (h, t, p, n),
     NULL, ENOMEM)
ABOUT(char **, xs_directory, (struct xs_handle *h, xs_transaction_t t, const char *p, unsigned *n),
     (h, t, p, n), NULL, ENOMEM)
ABOUT(bool, xs_write, (struct xs_handle *h, xs_transaction_t t, const char *p, const void *d, unsigned n),
     (h, t, p, d, n), false, ENOSPC)
ABOUT(bool, xs_mkdir, (struct xs_handle *h, xs_transaction_t t, const char *p), (h, t, p), false, ENOSPC)
ABOUT(bool, xs_rm, (struct xs_handle *h, xs_transaction_t t, const char *p), (h, t, p), false, EIO)
ABOUT(bool, xs_set_permissions,
     (struct xs_handle *h, xs_transaction_t t, const char *p, struct xs_permissions *perms, unsigned n),
     (h, t, p, perms, n), false, EIO)
ABOUT(bool, xs_watch, (struct xs_handle *h, const char *p, const char *token), (h, p, token), false, E2BIG)
ABOUT(bool, xs_unwatch, (struct xs_handle *h, const char *p, const char *token), (h, p, token), false, EIO)
/* (What libxenstore says where it cannot ask.) */
CALL(STORE, bool, xs_is_domain_introduced, (struct xs_handle *h, unsigned d), (h, d), true, EIO)
CALL(OTHER, char **, xs_check_watch, (struct xs_handle *h), (h), NULL, EIO)
CALL(TRANSACTION, xs_transaction_t, xs_transaction_start, (struct xs_handle *h), (h), XBT_NULL, ENOSPC)

/* One that fails is over all the same; every other time another client's change was the cause. */
REAL(bool, xs_transaction_end, (struct xs_handle *h, xs_transaction_t t, bool abort))
EXPORT bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
	static unsigned times;
	bool rc;

	NEED(xs_transaction_end);
	if (core_fails(KIND_TRANSACTION, "xs_transaction_end", __builtin_return_address(0))) {
		real_xs_transaction_end(h, t, true);
		errno = times++ % 2 ? EAGAIN : EIO;
		return false;
	}
	rc = real_xs_transaction_end(h, t, abort);
	core_after();
	return rc;
}

/* ---- Files ---- */

#define OPENS(name, params, args, last)                                           \
	REAL(int, name, params)                                                   \
	EXPORT int name params;                                                   \
	EXPORT int name params                                                    \
	{                                                                         \
		int mode = 0, rc;                                                 \
		va_list ap;                                                       \
		va_start(ap, last);                                               \
		if ((last & O_CREAT) || (last & O_TMPFILE) == O_TMPFILE)          \
			mode = va_arg(ap, int);                                   \
		va_end(ap);                                                       \
		NEED(name);                                                       \
		if (core_fails(KIND_FILE, #name, __builtin_return_address(0))) {  \
			errno = EMFILE;                                           \
			return -1;                                                \
		}                                                                 \
		rc = real_##name args;                                            \
		core_after();                                                     \
		return rc;                                                        \
	}
OPENS(open, (const char *path, int flags, ...), (path, flags, mode), flags)
OPENS(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode), flags)
int __openat_2(int at, const char *path, int flags);
CALL(FILE, int, __openat_2, (int at, const char *path, int flags), (at, path, flags), -1, EMFILE)
CALL(FILE, FILE *, fopen, (const char *path, const char *how), (path, how), NULL, EMFILE)
CALL(FILE, DIR *, opendir, (const char *path), (path), NULL, EMFILE)
CALL(FILE, DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)
CALL(FILE, ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1, EIO)
CALL(FILE, ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), -1, ENOSPC)
CALL(CONFIG, ssize_t, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at), -1, EIO)
CALL(CONFIG, ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at), -1, EIO)
CALL(FILE, int, fstat, (int fd, struct stat *st), (fd, st), -1, EIO)
CALL(FILE, int, fstatat, (int at, const char *p, struct stat *st, int fl), (at, p, st, fl), -1, EIO)
CALL(FILE, int, ftruncate, (int fd, off_t n), (fd, n), -1, ENOSPC)
CALL(FILE, int, posix_fallocate, (int fd, off_t at, off_t n), (fd, at, n), ENOSPC, ENOSPC)
CALL(FILE, int, flock, (int fd, int what), (fd, what), -1, ENOLCK)
CALL(FILE, int, mkdir, (const char *p, mode_t mode), (p, mode), -1, ENOSPC)
CALL(FILE, int, chmod, (const char *p, mode_t mode), (p, mode), -1, EROFS)
CALL(FILE, int, unlink, (const char *p), (p), -1, EROFS)
CALL(FILE, int, unlinkat, (int at, const char *p, int fl), (at, p, fl), -1, EROFS)
CALL(FILE, ssize_t, readlink, (const char *p, char *buf, size_t n), (p, buf, n), -1, EIO)
CALL(FILE, ssize_t, readlinkat, (int at, const char *p, char *buf, size_t n), (at, p, buf, n), -1, EIO)
CALL(FILE, int, memfd_create, (const char *name, unsigned fl), (name, fl), -1, EMFILE)
CALL(FILE, ssize_t, getdents64, (int fd, void *p, size_t n), (fd, p, n), -1, EIO)

/* ---- Memory ---- */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

#define ALLOC(name, params, args)                                                 \
	EXPORT void *name params                                                  \
	{                                                                         \
		void *p_;                                                         \
		if (core_fails(KIND_ALLOC, #name, __builtin_return_address(0))) { \
			errno = ENOMEM;                                           \
			return NULL;                                              \
		}                                                                 \
		p_ = __libc_##name args;                                          \
		core_after();                                                     \
		return p_;                                                        \
	}
ALLOC(malloc, (size_t n), (n))
ALLOC(calloc, (size_t n, size_t size), (n, size))
ALLOC(realloc, (void *p, size_t n), (p, n))
CALL(ALLOC, void *, mmap, (void *p, size_t n, int prot, int fl, int fd, off_t at), (p, n, prot, fl, fd, at),
     MAP_FAILED, ENOMEM)

/* ---- Processes ---- */

REAL(pid_t, fork, (void))
EXPORT pid_t fork(void)
{
	pid_t pid;

	NEED(fork);
	if (core_fails(KIND_FORK, "fork", __builtin_return_address(0))) {
		errno = EAGAIN;
		return -1;
	}
	pid = real_fork();
	if (!pid)
		core_forked();
	else
		core_after();
	return pid;
}

REAL(int, prctl, (int what, ...))
EXPORT int prctl(int what, ...)
{
	unsigned long a[4];
	va_list ap;
	int rc;

	va_start(ap, what);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	NEED(prctl);
	if (what == PR_SET_NAME)
		core_named((const char *)a[0]); /* NOLINT: that is what it takes */
	if (core_fails(KIND_CONFINE, "prctl", __builtin_return_address(0))) {
		errno = EINVAL;
		return -1;
	}
	rc = real_prctl(what, a[0], a[1], a[2], a[3]);
	core_after();
	return rc;
}
CALL(FORK, int, execv, (const char *p, char *const argv[]), (p, argv), -1, ENOMEM)
CALL(CONFINE, int, setresuid, (uid_t a, uid_t b, uid_t c), (a, b, c), -1, EAGAIN)
CALL(CONFINE, int, setresgid, (gid_t a, gid_t b, gid_t c), (a, b, c), -1, EPERM)
CALL(CONFINE, int, setgroups, (size_t n, const gid_t *g), (n, g), -1, EPERM)
CALL(CONFINE, int, chroot, (const char *p), (p), -1, EPERM)
CALL(CONFINE, int, chdir, (const char *p), (p), -1, EACCES)
CALL(CONFINE, int, setrlimit, (__rlimit_resource_t r, const struct rlimit *l), (r, l), -1, EPERM)
CALL(CONFINE, int, unshare, (int fl), (fl), -1, ENOSPC)
CALL(CONFINE, int, setns, (int fd, int type), (fd, type), -1, EPERM)
CALL(OTHER, pid_t, waitpid, (pid_t pid, int *st, int fl), (pid, st, fl), -1, ECHILD)

/* ---- Sockets and descriptors ---- */

CALL(SEND, ssize_t, send, (int fd, const void *p, size_t n, int fl), (fd, p, n, fl), -1, ENOBUFS)
CALL(SEND, ssize_t, sendto,
     (int fd, const void *p, size_t n, int fl, const struct sockaddr *a, socklen_t l),
     (fd, p, n, fl, a, l), -1, ENOBUFS)
CALL(SEND, ssize_t, sendmsg, (int fd, const struct msghdr *m, int fl), (fd, m, fl), -1, ENOBUFS)
CALL(SEND, ssize_t, recv, (int fd, void *p, size_t n, int fl), (fd, p, n, fl), -1, ENOMEM)
CALL(SEND, ssize_t, recvmsg, (int fd, struct msghdr *m, int fl), (fd, m, fl), -1, ENOMEM)
CALL(DESCRIPTOR, int, socket, (int d, int t, int p), (d, t, p), -1, EMFILE)
CALL(DESCRIPTOR, int, socketpair, (int d, int t, int p, int sv[2]), (d, t, p, sv), -1, EMFILE)
CALL(DESCRIPTOR, int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1, EADDRINUSE)
CALL(DESCRIPTOR, int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1, ECONNREFUSED)
CALL(DESCRIPTOR, int, listen, (int fd, int n), (fd, n), -1, EADDRINUSE)
CALL(DESCRIPTOR, int, pipe2, (int fd[2], int fl), (fd, fl), -1, EMFILE)
CALL(DESCRIPTOR, int, dup2, (int a, int b), (a, b), -1, EMFILE)
CALL(DESCRIPTOR, int, signalfd, (int fd, const sigset_t *set, int fl), (fd, set, fl), -1, EMFILE)
CALL(DESCRIPTOR, int, timerfd_create, (clockid_t c, int fl), (c, fl), -1, EMFILE)
CALL(DESCRIPTOR, int, timerfd_settime,
     (int fd, int fl, const struct itimerspec *t, struct itimerspec *old), (fd, fl, t, old), -1, EINVAL)
CALL(DESCRIPTOR, int, epoll_create1, (int fl), (fl), -1, EMFILE)
CALL(DESCRIPTOR, int, epoll_ctl, (int e, int op, int fd, struct epoll_event *ev), (e, op, fd, ev), -1, ENOMEM)
CALL(WAIT, int, epoll_wait, (int e, struct epoll_event *ev, int n, int ms), (e, ev, n, ms), -1, EINTR)
CALL(WAIT, int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms), -1, EINTR)
CALL(WAIT, int, ppoll, (struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *s), (p, n, t, s), -1,
     EINTR)
CALL(OTHER, int, close, (int fd), (fd), -1, EIO)
CALL(OTHER, int, munmap, (void *p, size_t n), (p, n), -1, EINVAL)
CALL(OTHER, int, kill, (pid_t pid, int sig), (pid, sig), -1, EPERM)
