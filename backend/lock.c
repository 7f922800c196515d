/* SPDX-License-Identifier: MIT */
#include "backend/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#include "common/util.h"

enum { PATH_SIZE = 512 };

int device_lock(const char *dir, struct sbdf a)
{
	char path[PATH_SIZE], name[SBDF_TEXT];
	int fd;

	if (snprintf(path, sizeof(path), "%s/lock-%s", dir, sbdf_format(a, name)) >= PATH_SIZE)
		return fail(ENAMETOOLONG);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX) && errno == EINTR)
		;
	return fd;
}
