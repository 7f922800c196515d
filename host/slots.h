/* SPDX-License-Identifier: MIT */
/*
 * Where a guest sees its devices (PROTOCOL.md 2.6). 'vpci': one bus 0000:00
 * with 32 slots, functions of one physical slot kept together. 'passthrough':
 * the host's own addresses. Pure functions; callable from several threads.
 */
#ifndef XENPCI_HOST_SLOTS_H
#define XENPCI_HOST_SLOTS_H

#include <stddef.h>

#include "protocol/nodes.h"

#define SLOTS_COUNT 32

enum slots_mode {
	SLOTS_VPCI,
	SLOTS_PASSTHROUGH,
};

struct slots_device {
	struct sbdf host;
	struct sbdf virt;
	bool is_vf;
};

/*
 * Finds an address for device dev (its virt is ignored) beside the n devices of
 * list, in the order they were given to the guest. 0 and *virt, or -1 with errno: ENOSPC (32
 * slots in use), EEXIST (another device of the guest has that address already: the host has
 * two functions that the guest would see as one).
 */
int slots_assign(enum slots_mode mode, const struct slots_device *list, size_t n,
		 const struct slots_device *dev, struct sbdf *virt);

/* The root bus that a device at virt hangs from, as root-N tells it. */
struct node_root slots_root(struct sbdf virt);

/* "vpci", "passthrough"; the reverse: 0 or -1 with errno EINVAL. */
const char *slots_mode_name(enum slots_mode mode);
int slots_mode_parse(const char *name, enum slots_mode *out);

#endif
