/* SPDX-License-Identifier: MIT */
#include "host/lockdown.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"

int lockdown_refuses_writes(const char *sysfs_root, char *level, size_t size)
{
	char path[256], text[128], *from, *to;
	ssize_t n;
	int fd;

	/* The levels, with the present one in brackets: "none [integrity] confidentiality". */
	snprintf(path, sizeof(path), "%s/kernel/security/lockdown", sysfs_root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	from = strchr(text, '[');
	to = from ? strchr(from, ']') : NULL;
	if (!to)
		return 0;
	*to = '\0';
	snprintf(level, size, "%s", from + 1);
	return strcmp(level, "none") != 0;
}
