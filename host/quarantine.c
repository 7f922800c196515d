/* SPDX-License-Identifier: MIT */
#include "host/quarantine.h"

#include "common/store.h"
#include "protocol/nodes.h"

#define QUARANTINE_DIR "xenpci/quarantine"

int quarantine_add(struct xs_handle *xs, struct sbdf a, const char *why)
{
	char name[NODE_VALUE_MAX];

	return store_write(xs, XBT_NULL, QUARANTINE_DIR, node_bdf_format(a, name), "%s", why);
}

int quarantine_remove(struct xs_handle *xs, struct sbdf a)
{
	char name[NODE_VALUE_MAX];

	return store_remove(xs, XBT_NULL, QUARANTINE_DIR, node_bdf_format(a, name));
}

bool quarantine_has(struct xs_handle *xs, struct sbdf a)
{
	char name[NODE_VALUE_MAX];

	return store_exists(xs, XBT_NULL, QUARANTINE_DIR, node_bdf_format(a, name)) == 1;
}
