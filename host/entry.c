/* SPDX-License-Identifier: MIT */
#include "host/entry.h"

#include "common/util.h"
#include "protocol/nodes.h"

int entry_device(struct xs_handle *xs, xs_transaction_t t, const char *dir, unsigned n,
		 struct sbdf *device)
{
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];

	if (store_read(xs, t, dir, node_numbered(NODE_DEV_FMT, n, node), text, sizeof(text)) < 0)
		return -1;
	return node_dev_parse(text, device);
}

int entry_find(struct xs_handle *xs, xs_transaction_t t, const char *dir, struct sbdf device)
{
	struct sbdf at;
	uint64_t nr;

	if (store_read_number(xs, t, dir, NODE_NUM_DEVS, 10, NODES_MAX_DEVS, &nr))
		return -1;
	for (unsigned n = 0; n < nr; n++) {
		if (!entry_device(xs, t, dir, n, &at) && sbdf_equal(at, device))
			return (int)n;
	}
	return fail(ENOENT);
}
