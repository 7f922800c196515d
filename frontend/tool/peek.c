/* SPDX-License-Identifier: MIT */
/* peek and poke: what is behind a BAR, where a program can have it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "frontend/bus.h"
#include "frontend/tool/tool.h"

/* What both are asked for. */
struct place {
	struct xenpcifront_address a;
	unsigned index;
	uint64_t offset, size;
	struct xenpcifront_bar bar;
};

static int failed(const struct place *p)
{
	const char *bus = bus_path(), *name = tool_name(p->a);

	if (errno == EINVAL)
		return tool_failed("%s: BAR %u has no memory at 0x%llx: xenpci-front bars %s", name, p->index,
				   (unsigned long long)p->offset, name);
	if (errno == ENXIO)
		return tool_failed("%s: %s decoding is off: xenpci-front write %s 4 0x%x 2", name,
				   p->bar.kind == XENPCIFRONT_BAR_IO ? "I/O" : "memory", name,
				   p->bar.kind == XENPCIFRONT_BAR_IO ? 1 : 2);
	if (bus)
		return tool_failed("%s: its bus at %s (XENPCIFRONT_BUS): %s", name, bus, strerror(errno));
	if (p->bar.kind == XENPCIFRONT_BAR_IO)
		return tool_failed("%s: ports: %s; it takes root, and a kernel that lets a program have them", name,
				   strerror(errno));
	return tool_failed("%s: /dev/mem: %s; it takes root, and a kernel that lets a program have memory "
			   "of devices", name, strerror(errno));
}

/* BDF BAR OFFSET, and the size at argv[at] where there is one. The exit status; EXIT_OK: connected, and *p is filled. */
static int find_place(struct tool *tool, struct place *p, int argc, char **argv, int at)
{
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint64_t bar;

	p->size = 4;
	if (tool_address(argv[1], &p->a) || tool_number(argv[2], "BAR", XENPCIFRONT_BAR_ROM_INDEX, &bar) ||
	    tool_number(argv[3], "offset", INT64_MAX, &p->offset) ||
	    (argc > at && tool_number(argv[at], "size", 4, &p->size)))
		return EXIT_USAGE;
	if ((p->size != 1 && p->size != 2 && p->size != 4) || p->offset % p->size)
		return tool_usage("sizes are 1, 2 and 4, and an offset is a multiple of the size");
	if (tool_connect(tool, 0))
		return EXIT_FAILED;
	if (xenpcifront_bars(tool->fe, p->a, bars))
		return tool_refused("sizing the BARs", p->a, NULL);
	p->index = (unsigned)bar;
	p->bar = bars[bar];
	return EXIT_OK;
}

int run_peek(struct tool *tool, int argc, char **argv)
{
	struct place p;
	uint64_t value;
	int status;

	tool_options(tool, NULL, NULL, NULL, 3, 4, &argc, &argv);
	status = find_place(tool, &p, argc, argv, 4);
	if (status)
		return status;
	if (xenpcifront_bar_read(&p.bar, p.offset, (unsigned)p.size, &value))
		return failed(&p);
	printf("%0*llx\n", (int)p.size * 2, (unsigned long long)value);
	return EXIT_OK;
}

int run_poke(struct tool *tool, int argc, char **argv)
{
	struct place p;
	uint64_t value;
	int status;

	tool_options(tool, NULL, NULL, NULL, 4, 5, &argc, &argv);
	if (tool_number(argv[4], "value", UINT32_MAX, &value))
		return EXIT_USAGE;
	status = find_place(tool, &p, argc, argv, 5);
	if (status)
		return status;
	if (value >> 8 * p.size)
		return tool_usage("the value does not fit into %u bytes", (unsigned)p.size);
	return xenpcifront_bar_write(&p.bar, p.offset, (unsigned)p.size, value) ? failed(&p) : EXIT_OK;
}
