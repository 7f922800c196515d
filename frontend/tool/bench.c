/* SPDX-License-Identifier: MIT */
/* bench: how long a config read takes, there and back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "frontend/tool/tool.h"

#define WARM_UP	  100
#define DEFAULT_N 2000
#define MAX_N	  10000000

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double us(uint64_t ns)
{
	return (double)ns / 1000;
}

static int measure(struct tool *tool, struct xenpcifront_address a, uint64_t *times, uint64_t n)
{
	uint32_t value;

	for (uint64_t i = 0; i < n + WARM_UP; i++) {
		uint64_t start = now_ns();

		if (xenpcifront_read32(tool->fe, a, 0, &value, NULL))
			return tool_refused("reading a register", a, NULL);
		if (i >= WARM_UP)
			times[i - WARM_UP] = now_ns() - start;
	}
	return EXIT_OK;
}

int run_bench(struct tool *tool, int argc, char **argv)
{
	struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES];
	const char *how = tool->sleep ? "sleep" : tool->poll ? "poll" : "mixed";
	uint64_t n = DEFAULT_N, *times;
	int found, status;

	tool_options(tool, NULL, NULL, NULL, 0, 2, &argc, &argv);
	if (argc > 1 && tool_number(argv[1], "number of reads", MAX_N, &n))
		return EXIT_USAGE;
	if (!n)
		return tool_usage("one read at least");
	found = tool_devices(tool, argc > 2 ? argv[2] : NULL, devices, &status);
	if (found <= 0)
		return found ? status : tool_failed("there is no device to read from");
	times = calloc(n, sizeof(*times));
	if (!times)
		return tool_failed("%s", strerror(errno));
	status = measure(tool, devices[0].address, times, n);
	if (!status) {
		qsort(times, n, sizeof(*times), by_size);
		printf("conf_read.%s.min %.3f us\n", how, us(times[0]));
		printf("conf_read.%s.median %.3f us\n", how, us(times[n / 2]));
		printf("conf_read.%s.p99 %.3f us\n", how, us(times[n * 99 / 100]));
		printf("conf_read.%s.max %.3f us\n", how, us(times[n - 1]));
	}
	free(times);
	return status;
}
