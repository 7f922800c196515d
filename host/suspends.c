/* SPDX-License-Identifier: MIT */
#include "host/suspends.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/file.h"
#include "common/util.h"

int suspends_listen(const char *sysfs_root)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[256];

	snprintf(path, sizeof(path), "%s/power/state", sysfs_root);
	/* A write that failed, halfway into the suspend, shows by the end of who wrote alone. */
	if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY | IN_CLOSE_WRITE) < 0) {
		close_keep(fd);
		fd = -1;
	}
	return fd;
}

void suspends_hear(int fd)
{
	char events[1024];

	while (fd >= 0 && read(fd, events, sizeof(events)) > 0)
		;
	errno = 0;
}

static uint64_t number(const char *sysfs_root, const char *name)
{
	char path[256], text[32];

	snprintf(path, sizeof(path), "%s/power/suspend_stats/%s", sysfs_root, name);
	return file_text(AT_FDCWD, path, text, sizeof(text)) < 0 ? 0 : strtoull(text, NULL, 10);
}

uint64_t suspends_count(const char *sysfs_root)
{
	return number(sysfs_root, "success") + number(sysfs_root, "fail");
}
