/* SPDX-License-Identifier: MIT */
/*
 * What oxenstored takes for granted of a host, and a box has not: /var/run/xenstored, whose name is
 * compiled in and holds its socket, and the right to raise the number of its descriptors. Other
 * processes of a box pass through.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/libc.h"
#include "box.h"
#include "preload.h"

static bool is_oxenstored(void)
{
	return getenv(BOX_ENV_OXENSTORED) && xb_rundir();
}

const char *xb_own_path(const char *path, char buf[static BOX_PATH_MAX])
{
	static const char *const dirs[] = { "/var/run/xenstored", "/run/xenstored" };

	for (size_t i = 0; path && i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		size_t n = strlen(dirs[i]);

		if (strncmp(path, dirs[i], n) || (path[n] && path[n] != '/') || !is_oxenstored())
			continue;
		snprintf(buf, BOX_PATH_MAX, "%s%s", getenv(BOX_ENV_OXENSTORED), path + n);
		return buf;
	}
	return path;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	char buf[BOX_PATH_MAX];

	return mkdirat(AT_FDCWD, xb_own_path(path, buf), mode);
}

#ifdef __GLIBC__
/* By which it looks for what the program left that it was executed over. */
EXPORT int stat64(const char *path, struct stat64 *st)
{
	char buf[BOX_PATH_MAX];

	return fstatat64(AT_FDCWD, xb_own_path(path, buf), st, 0);
}
#endif

EXPORT int stat(const char *path, struct stat *st)
{
	char buf[BOX_PATH_MAX];

	return fstatat(AT_FDCWD, xb_own_path(path, buf), st, 0);
}

EXPORT int unlink(const char *path)
{
	char buf[BOX_PATH_MAX];

	return unlinkat(AT_FDCWD, xb_own_path(path, buf), 0);
}

EXPORT int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char name[sizeof(un.sun_path) + 1] = "", buf[BOX_PATH_MAX];
	const char *path;

	if (len > sizeof(addr->sa_family) && len <= sizeof(un) && addr->sa_family == AF_UNIX) {
		memcpy(name, ((const struct sockaddr_un *)addr)->sun_path,
		       len - sizeof(addr->sa_family));
		path = xb_own_path(name, buf);
		if (path != name) {
			snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
			addr = (const struct sockaddr *)&un;
			len = sizeof(un);
		}
	}
	return (int)syscall(SYS_bind, fd, addr, len);
}

/* In a container root may not raise a hard limit; oxenstored ends where it cannot. */
EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	struct rlimit most;

	if (!prlimit(0, resource, limit, NULL))
		return 0;
	if (errno != EPERM || !is_oxenstored() || prlimit(0, resource, NULL, &most))
		return -1;
	most.rlim_cur = most.rlim_max;
	return prlimit(0, resource, &most, NULL);
}
