/* SPDX-License-Identifier: MIT */
#include "host/own_nodes.h"

#include <errno.h>
#include <stdbool.h>
#include <xen/xen.h>

#include "common/state.h"
#include "common/store.h"

uint32_t own_domid(struct xs_handle *xs)
{
	static bool known;
	static uint64_t domid;

	if (!known)
		known = !store_read_number(xs, XBT_NULL, "domid", NULL, 10, DOMID_FIRST_RESERVED, &domid) ||
			errno == ENOENT;
	return known ? (uint32_t)domid : 0;
}

const char *own_nodes(struct xs_handle *xs)
{
	return state_nodes(own_domid(xs));
}
