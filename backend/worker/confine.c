/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "backend/worker/worker.h"
#include "common/util.h"

/* gcc tells by a macro, clang by a feature. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum { FILTER_MAX = 512, CAP_LAST = 63, FILES_MAX = 2 * SLOT_COUNT };

static struct sock_filter program[FILTER_MAX];
static unsigned short program_length;
static int null_fd = -1;

static int set_limits(void)
{
	static const struct {
		unsigned resource;
		rlim_t limit;
	} limits[] = {
		{ RLIMIT_CORE, 0 }, { RLIMIT_FSIZE, 0 }, { RLIMIT_NOFILE, FILES_MAX },
		{ RLIMIT_MEMLOCK, 0 }, { RLIMIT_MSGQUEUE, 0 }, { RLIMIT_NPROC, 0 },
		{ RLIMIT_AS, 64 << 20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit r = { limits[i].limit, limits[i].limit };

		/* A sanitizer maps terabytes. */
		if (SANITIZED && limits[i].resource == RLIMIT_AS)
			continue;
		if (setrlimit(limits[i].resource, &r))
			return -1;
	}
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return (int)syscall(SYS_capset, &head, none);
}

/* What only root can give up, and has to. */
static int drop_root(uint32_t uid, const char *empty, const char **what)
{
	*what = "chroot";
	if (chroot(empty) || chdir("/"))
		return -1;
	*what = "capability bounding set";
	for (int cap = 0; cap <= CAP_LAST; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			return -1;
	*what = "user";
	if (setgroups(0, NULL) && errno != EPERM)
		return -1;
	if (!setresgid(uid, uid, uid) && !setresuid(uid, uid, uid))
		/* Capabilities went with the user; and there is no way back. */
		return !setresuid(0, 0, 0) || !setresgid(0, 0, 0) ? fail(EPERM) : 0;
	/* The root of a user namespace that has no other users: no root on the host either. */
	return errno == EINVAL ? drop_capabilities() : -1;
}

/*
 * The daemon's own three descriptors go: behind them is its log, which a guest must not fill. A
 * sanitizer's complaints are to be seen.
 */
static int leave_log(void)
{
	for (int fd = STDIN_FILENO; fd <= (SANITIZED ? STDOUT_FILENO : STDERR_FILENO); fd++)
		if (dup2(null_fd, fd) < 0)
			return -1;
	if (null_fd > STDERR_FILENO)
		close_keep(null_fd);
	return 0;
}

int confine(uint32_t uid, const char *empty, const char **what)
{
	*what = "/dev/null";
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0)
		return -1;
	if (!geteuid() && drop_root(uid, empty, what))
		return -1;
	*what = "limits";
	if (set_limits())
		return -1;
	*what = "no new privileges";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return -1;
	return 0;
}

int confine_prepare(int fd)
{
	ssize_t n = pread(fd, program, sizeof(program), 0);

	close_keep(fd);
	if (n <= 0 || (size_t)n % sizeof(program[0]) || (size_t)n == sizeof(program))
		return fail(EINVAL);
	program_length = (unsigned short)((size_t)n / sizeof(program[0]));
	return 0;
}

int confine_calls(void)
{
	struct sock_fprog prog = { .len = program_length, .filter = program };

	if (leave_log())
		return -1;
	if (SANITIZED)
		return 0;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
}
