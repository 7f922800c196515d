/* SPDX-License-Identifier: MIT */
#include "host/pciback_words.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/device/sysfs/attr.h"
#include "host/pciback.h"
#include "common/number.h"
#include "common/util.h"

#define DRIVER "bus/pci/drivers/" PCIBACK_DRIVER
#define PARAMETERS "module/xen_pciback/parameters"

enum { PAGE = 4096 }; /* as much as a file of sysfs holds */

static int read_file(const char *sysfs, const char *dir, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s/%s", sysfs, dir, name) >= sizeof(path))
		return fail(ENAMETOOLONG);
	return sysfs_attr_read(AT_FDCWD, path, text, size);
}

bool pciback_parameter(const char *sysfs, const char *name)
{
	char text[8];

	return read_file(sysfs, PARAMETERS, name, text, sizeof(text)) > 0 &&
	       (!strcmp(text, "Y") || !strcmp(text, "1"));
}

int pciback_hidden(const char *sysfs, char text[PCIBACK_HIDE_MAX])
{
	int n = read_file(sysfs, PARAMETERS, "hide", text, PCIBACK_HIDE_MAX);

	/* A string parameter that was not given. */
	if (n > 0 && strcmp(text, "(null)"))
		return n;
	text[0] = '\0';
	return 0;
}

/* Whether the driver's file lists a, an address in each line. */
static bool lists(const char *sysfs, const char *name, struct sbdf a)
{
	char text[PAGE + 1], *save, *line;
	struct sbdf listed;

	if (read_file(sysfs, DRIVER, name, text, sizeof(text)) < 0)
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!sbdf_parse(line, &listed) && sbdf_equal(listed, a))
			return true;
	}
	return false;
}

/* The nr numbers of text, hexadecimal with colons between, blanks around. 0, or -1 with errno EINVAL. */
static int take_numbers(const char *text, uint64_t value[], size_t nr)
{
	char buf[64], *save, *word, *part;
	size_t n = 0;

	snprintf(buf, sizeof(buf), "%s", text);
	word = strtok_r(buf, " \t", &save);
	if (!word || strlen(text) >= sizeof(buf) || strtok_r(NULL, " \t", &save))
		return fail(EINVAL);
	for (part = strtok_r(word, ":", &save); part; part = strtok_r(NULL, ":", &save)) {
		if (n == nr || number_parse(part, 16, UINT32_MAX, &value[n++]))
			return fail(EINVAL);
	}
	return n == nr ? 0 : fail(EINVAL);
}

/* "60:1:ff": register, bytes, mask; a mask of 0 is one that nobody has written. */
static void take_field(const char *text, struct pciback_words *out)
{
	struct config_quirk quirk;
	uint64_t field[3];

	if (take_numbers(text, field, ARRAY_SIZE(field)) || field[0] > UINT16_MAX || field[1] > 4)
		return;
	quirk = (struct config_quirk){
		.offset = (uint16_t)field[0], .width = (uint8_t)field[1], .mask = (uint32_t)field[2],
	};
	if (quirk.width && quirk.width < 4)
		quirk.mask &= (1u << 8 * quirk.width) - 1;
	if (!config_quirk_error(&quirk) && out->nr_quirks < PCIBACK_QUIRKS_MAX)
		out->quirk[out->nr_quirks++] = quirk;
}

/* The address that text begins with, and what follows it. */
static const char *leading_address(const char *text, struct sbdf *a)
{
	size_t n = strspn(text, "0123456789abcdefABCDEF:.");
	char buf[SBDF_TEXT];

	if (!n || n >= sizeof(buf))
		return NULL;
	memcpy(buf, text, n);
	buf[n] = '\0';
	return sbdf_parse(buf, a) ? NULL : text + n;
}

/*
 * A line is a device's address, of which pciback prints no segment; or, behind tabs, its ids, or one
 * of its registers. What was written, "address-register", is understood too.
 */
static void read_quirks(const char *sysfs, const struct pcidev_info *info, struct pciback_words *out)
{
	char text[PAGE + 1], *save, *line;
	bool mine = false;

	if (read_file(sysfs, DRIVER, "quirks", text, sizeof(text)) < 0)
		return;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *rest;
		uint64_t id[4];
		struct sbdf a;

		if (!isspace((unsigned char)*line)) {
			rest = leading_address(line, &a);
			mine = rest && a.bus == info->sbdf.bus && a.devfn == info->sbdf.devfn &&
			       (!a.segment || a.segment == info->sbdf.segment);
			rest = rest ? strchr(rest, '-') : NULL;
			if (mine && rest)
				take_field(rest + 1, out);
		} else if (!take_numbers(line, id, ARRAY_SIZE(id))) {
			mine &= id[0] == info->vendor && id[1] == info->device;
		} else if (mine) {
			take_field(line, out);
		}
	}
}

void pciback_read(const char *sysfs, const struct pcidev_info *info, struct pciback_words *out)
{
	memset(out, 0, sizeof(*out));
	if (lists(sysfs, "permissive", info->sbdf))
		out->permissive = DRIVER "/permissive";
	else if (pciback_parameter(sysfs, "permissive"))
		out->permissive = PARAMETERS "/permissive";
	if (lists(sysfs, "allow_interrupt_control", info->sbdf))
		out->interrupt_control = DRIVER "/allow_interrupt_control";
	read_quirks(sysfs, info, out);
}
