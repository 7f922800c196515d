/* SPDX-License-Identifier: MIT */
#include "backend/lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "common/util.h"

#define LOCK_PREFIX "lock-"

enum { PATH_SIZE = 512 };

int device_lock(const char *dir, struct sbdf a)
{
	char path[PATH_SIZE], name[SBDF_TEXT];
	int fd;

	if (snprintf(path, sizeof(path), "%s/" LOCK_PREFIX "%s", dir, sbdf_format(a, name)) >= PATH_SIZE)
		return fail(ENAMETOOLONG);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX) && errno == EINTR)
		;
	return fd;
}

void device_locks_remove(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, LOCK_PREFIX, strlen(LOCK_PREFIX)))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}
