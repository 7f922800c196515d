/* SPDX-License-Identifier: MIT */
#include "operator/lend.h"

#include <stdio.h>
#include <string.h>

#include "common/number.h"
#include "common/store.h"
#include "common/util.h"
#include "host/entry.h"
#include "host/pciback.h"
#include "operator/nodes.h"

bool lend_is_backends(struct operator *op, struct sbdf a)
{
	char text[NODE_VALUE_MAX];
	uint32_t domid;

	return op->backend != op->domid &&
	       pciback_note_read(op->xs, a, "domid", text, sizeof(text)) >= 0 &&
	       !number_u32(text, &domid) && domid == op->backend;
}

/* As entry i of the instance's directory tells: vdev-N is a PV backend's, vdevfn-N (hexadecimal) a device model's. */
static int read_seen(struct operator *op, const char *dir, unsigned i, struct sbdf *seen)
{
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];
	uint64_t devfn;

	if (store_read(op->xs, XBT_NULL, dir, node_numbered(NODE_VDEV_FMT, i, node), text, sizeof(text)) >= 0)
		return node_vdev_parse(text, seen);
	if (store_read_number(op->xs, XBT_NULL, dir, node_numbered(NODE_VDEVFN_FMT, i, node), 16, UINT8_MAX,
			      &devfn))
		return -1;
	*seen = (struct sbdf){ .devfn = (uint8_t)devfn };
	return 0;
}

struct sbdf lend_seen(struct operator *op, struct sbdf a)
{
	char root[STORE_PATH_MAX], dir[2 * STORE_PATH_MAX], **list;
	struct sbdf seen = a;
	unsigned n = 0;
	bool found = false;

	snprintf(root, sizeof(root), "/local/domain/%u/" NODE_BACKEND_ROOT "/%u", op->domid, op->backend);
	list = xs_directory(op->xs, XBT_NULL, root, &n);
	for (unsigned k = 0; list && k < n && !found; k++) {
		int i;

		snprintf(dir, sizeof(dir), "%s/%s", root, list[k]);
		i = entry_find(op->xs, XBT_NULL, dir, a);
		found = i >= 0 && !read_seen(op, dir, (unsigned)i, &seen);
	}
	free(list);
	return found ? seen : a;
}

int lend_begin(struct operator *op, const struct place *place)
{
	/* ENODEV: Xen does not have it as that domain's, so that there is nothing to take. */
	if (!hypercall_deassign(op->hypercall, op->backend, place->fn->info.sbdf) || errno == ENODEV ||
	    errno == ENOSYS)
		return 0;
	operator_fail("%s: Xen does not take it from domain %u, which is to serve it: %s", place->name,
		      op->backend, strerror(errno));
	return -1;
}

int lend_end(struct operator *op, const struct place *place)
{
	if (!hypercall_assign(op->hypercall, op->backend, place->fn->info.sbdf, false) || errno == ENOSYS)
		return 0;
	operator_fail("%s: Xen does not give it back to domain %u: %s", place->name, op->backend,
		      strerror(errno));
	return -1;
}
