/* SPDX-License-Identifier: MIT */
#include "common/file.h"

#include <fcntl.h>

#include "common/util.h"

int file_text(int dir, const char *path, char *buf, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close_keep(fd);
	if (n < 0)
		return -1;
	buf[n] = '\0';
	return (int)n;
}
