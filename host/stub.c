/* SPDX-License-Identifier: MIT */
#include "host/stub.h"

#include <stdio.h>
#include <xen/xen.h>

#include "common/store.h"

uint32_t stub_target(struct xs_handle *xs, uint32_t domid)
{
	char dir[STORE_PATH_MAX];
	uint64_t target, stub;

	snprintf(dir, sizeof(dir), "/local/domain/%u", domid);
	if (store_read_number(xs, XBT_NULL, dir, "target", 10, DOMID_FIRST_RESERVED - 1, &target) || !target)
		return domid;
	snprintf(dir, sizeof(dir), "/local/domain/%u", (uint32_t)target);
	if (store_read_number(xs, XBT_NULL, dir, "image/device-model-domid", 10, DOMID_FIRST_RESERVED - 1,
			      &stub) || stub != domid)
		return domid;
	return (uint32_t)target;
}
