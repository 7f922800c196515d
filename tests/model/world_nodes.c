/* SPDX-License-Identifier: MIT */
#include "tests/model/world_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "protocol/states.h"

unsigned node_domid(unsigned guest)
{
	return WORLD_FIRST_DOMID + guest;
}

const char *node_path(enum side side, unsigned guest, const char *name, unsigned n, char buf[NODE_PATH_MAX])
{
	size_t len = (size_t)(side == BACKEND ? snprintf(buf, NODE_PATH_MAX, BACKEND_FMT, node_domid(guest))
					      : snprintf(buf, NODE_PATH_MAX, FRONTEND_FMT, node_domid(guest)));
	char leaf[NODE_NAME_MAX];

	if (name)
		snprintf(buf + len, NODE_PATH_MAX - len, "/%s", node_numbered(name, n, leaf));
	return buf;
}

unsigned node_number(enum side side, unsigned guest, const char *name, unsigned n)
{
	char path[NODE_PATH_MAX];
	const char *text = world_read(node_path(side, guest, name, n, path));

	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

unsigned guest_own(unsigned i)
{
	return node_number(BACKEND, i, NODE_STATE, 0);
}

unsigned guest_peer(unsigned i)
{
	return node_number(FRONTEND, i, NODE_STATE, 0);
}

void node_set(enum side side, unsigned guest, const char *name, unsigned n, unsigned value)
{
	char path[NODE_PATH_MAX];

	world_write(node_path(side, guest, name, n, path), "%u", value);
}

int node_entry(unsigned guest, unsigned d)
{
	char path[NODE_PATH_MAX], text[SBDF_TEXT];

	sbdf_format(world.device[d].sbdf, text);
	for (unsigned n = 0; n < node_number(BACKEND, guest, NODE_NUM_DEVS, 0); n++) {
		const char *dev = world_read(node_path(BACKEND, guest, NODE_DEV_FMT, n, path));

		if (dev && !strcmp(dev, text))
			return (int)n;
	}
	return -1;
}

void node_add_entry(unsigned guest, unsigned d)
{
	unsigned n = node_number(BACKEND, guest, NODE_NUM_DEVS, 0);
	char path[NODE_PATH_MAX], text[SBDF_TEXT];

	world_write(node_path(BACKEND, guest, NODE_DEV_FMT, n, path), "%s",
		    sbdf_format(world.device[d].sbdf, text));
	node_set(BACKEND, guest, NODE_STATE_FMT, n, XenbusStateInitialising);
	node_set(BACKEND, guest, NODE_NUM_DEVS, 0, n + 1);
}

void node_remove_entry(unsigned guest, unsigned n)
{
	static const char *const names[] = { NODE_DEV_FMT, NODE_STATE_FMT, NODE_VDEV_FMT };
	unsigned last = node_number(BACKEND, guest, NODE_NUM_DEVS, 0) - 1;
	char path[NODE_PATH_MAX];

	for (unsigned i = n; i <= last; i++) {
		for (unsigned k = 0; k < ARRAY_SIZE(names); k++) {
			const char *next = i < last
				? world_read(node_path(BACKEND, guest, names[k], i + 1, path)) : NULL;
			char value[NODE_VALUE_MAX];

			if (next)
				snprintf(value, sizeof(value), "%s", next);
			node_path(BACKEND, guest, names[k], i, path);
			if (next)
				world_write(path, "%s", value);
			else
				world_remove(path);
		}
	}
	node_set(BACKEND, guest, NODE_NUM_DEVS, 0, last);
}
