/* SPDX-License-Identifier: MIT */
#include "backend/lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "common/util.h"
#include "host/device_file.h"

#define KIND "lock"

int device_lock(const char *dir, struct sbdf a)
{
	char path[DEVICE_FILE_PATH];
	int fd;

	if (device_file(dir, KIND, a, "", path))
		return -1;
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
		if (!strncmp(e->d_name, KIND "-", strlen(KIND "-")))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}
