/* SPDX-License-Identifier: MIT */
#include "host/lockdown.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"

int lockdown_refuses_writes(const char *sysfs_root, char *level, size_t size)
{
	char path[256], text[128], *from, *to;

	/* The levels, with the present one in brackets: "none [integrity] confidentiality". */
	snprintf(path, sizeof(path), "%s/kernel/security/lockdown", sysfs_root);
	if (file_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	from = strchr(text, '[');
	to = from ? strchr(from, ']') : NULL;
	if (!to)
		return 0;
	*to = '\0';
	snprintf(level, size, "%s", from + 1);
	return strcmp(level, "none") != 0;
}
