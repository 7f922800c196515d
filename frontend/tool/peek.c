/* SPDX-License-Identifier: MIT */
/* peek: the device's memory, where the guest's kernel lets a program have it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "frontend/tool/tool.h"

static uint32_t load(const volatile void *at, unsigned width)
{
	switch (width) {
	case 1:
		return *(const volatile uint8_t *)at;
	case 2:
		return *(const volatile uint16_t *)at;
	default:
		return *(const volatile uint32_t *)at;
	}
}

int run_peek(struct tool *tool, int argc, char **argv)
{
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint64_t bar, offset, width = 4;
	struct xenpcifront_address a;
	void *at;

	tool_options(tool, NULL, NULL, NULL, 3, 4, &argc, &argv);
	if (tool_address(argv[1], &a) || tool_number(argv[2], "BAR", XENPCIFRONT_BAR_ROM_INDEX, &bar) ||
	    tool_number(argv[3], "offset", INT64_MAX, &offset) ||
	    (argc > 4 && tool_number(argv[4], "size", 4, &width)))
		return EXIT_USAGE;
	if ((width != 1 && width != 2 && width != 4) || offset % width)
		return tool_usage("sizes are 1, 2 and 4, and an offset is a multiple of the size");
	if (tool_connect(tool, 0))
		return EXIT_FAILED;
	if (xenpcifront_bars(tool->fe, a, bars))
		return tool_refused("sizing the BARs", a, NULL);
	at = xenpcifront_bar_map(&bars[bar], offset, width);
	if (!at && errno == EINVAL)
		return tool_failed("%s: BAR %u has no memory at 0x%llx: xenpci-front bars %s", tool_name(a), (unsigned)bar,
				   (unsigned long long)offset, tool_name(a));
	if (!at && errno == ENXIO)
		return tool_failed("%s: memory decoding is off: xenpci-front write %s 4 0x2 2", tool_name(a), tool_name(a));
	if (!at)
		return tool_failed("%s: /dev/mem: %s; it takes root, and a kernel that lets a program have memory "
				   "of devices", tool_name(a), strerror(errno));
	printf("%0*x\n", (int)width * 2, load(at, (unsigned)width));
	xenpcifront_bar_unmap(at, width);
	return EXIT_OK;
}
