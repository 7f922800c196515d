/* SPDX-License-Identifier: MIT */
#include "host/device_file.h"

#include <stdio.h>

#include "common/util.h"

int device_file(const char *dir, const char *kind, struct sbdf a, const char *tail, char path[DEVICE_FILE_PATH])
{
	char name[SBDF_TEXT];
	int n;

	if (!dir)
		return fail(ENOENT);
	n = snprintf(path, DEVICE_FILE_PATH, "%s/%s-%s%s", dir, kind, sbdf_format(a, name), tail);
	return n >= DEVICE_FILE_PATH ? fail(ENAMETOOLONG) : 0;
}
