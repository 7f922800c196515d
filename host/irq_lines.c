/* SPDX-License-Identifier: MIT */
#include "host/irq_lines.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

/* What pciback puts on the line of a device that it holds: its name, in newer and in old kernels. */
static const char *const stand_ins[] = { "xen-pciback[", "xen-pcibk[" };

/*
 * A line is "NR: COUNT... CHIP [HWIRQ-]FLOW  HANDLER, HANDLER": handlers follow the
 * last double space, unless it is the flow's name that does.
 */
static const char *handlers(const char *line)
{
	const char *last = NULL, *at = line, *end;

	while ((at = strstr(at, "  "))) {
		at += strspn(at, " ");
		if (*at)
			last = at;
	}
	if (!last)
		return "";
	end = last + strspn(last, "0123456789");
	return *end == '-' || !*end ? "" : last;
}

static void add_handler(const char *name, size_t len, char *buf, size_t size)
{
	size_t used = strlen(buf);

	for (size_t i = 0; i < ARRAY_SIZE(stand_ins); i++) {
		if (!strncmp(name, stand_ins[i], strlen(stand_ins[i])))
			return;
	}
	if (len)
		snprintf(buf + used, size - used, "%s%.*s", used ? ", " : "", (int)len, name);
}

static void list_handlers(char *line, char *buf, size_t size)
{
	const char *at;
	size_t len = strlen(line);

	while (len && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';
	for (at = handlers(line); *at;) {
		len = strcspn(at, ",");
		add_handler(at, len, buf, size);
		at += len;
		at += strspn(at, ", ");
	}
}

int lines_users(const char *file, uint32_t irq, char *buf, size_t size)
{
	FILE *f = fopen(file, "re");
	char *line = NULL, *end;
	size_t room = 0;

	if (!f)
		return -1;
	buf[0] = '\0';
	while (getline(&line, &room, f) > 0) {
		unsigned long nr = strtoul(line, &end, 10);

		if (end == line || *end != ':' || nr != irq)
			continue;
		list_handlers(end + 1, buf, size);
		break;
	}
	free(line);
	fclose(f);
	return (int)strlen(buf);
}
