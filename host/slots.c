/* SPDX-License-Identifier: MIT */
#include "host/slots.h"

#include <string.h>

#include "common/util.h"

static bool same_slot(struct sbdf a, struct sbdf b)
{
	return a.segment == b.segment && a.bus == b.bus && sbdf_slot(a) == sbdf_slot(b);
}

/* The device that opened virtual slot `slot`: the first of list in it. */
static const struct slots_device *slot_owner(const struct slots_device *list, size_t n,
					     unsigned slot)
{
	for (size_t i = 0; i < n; i++)
		if (sbdf_slot(list[i].virt) == slot)
			return &list[i];
	return NULL;
}

/*
 * The virtual slot that dev's physical neighbours already share, else the lowest
 * empty one. A VF's function 0 is no neighbour: VFs spread over physical slots
 * by number, not by belonging together.
 */
static int find_slot(const struct slots_device *list, size_t n, const struct slots_device *dev)
{
	int empty = -1;

	for (unsigned slot = 0; slot < SLOTS_COUNT; slot++) {
		const struct slots_device *owner = slot_owner(list, n, slot);

		if (!owner && empty < 0)
			empty = (int)slot;
		if (!owner || (owner->is_vf && sbdf_function(owner->host) == 0))
			continue;
		if ((!dev->is_vf || sbdf_function(dev->host)) && same_slot(owner->host, dev->host))
			return (int)slot;
	}
	return empty < 0 ? fail(ENOSPC) : empty;
}

int slots_assign(enum slots_mode mode, const struct slots_device *list, size_t n,
		 const struct slots_device *dev, struct sbdf *virt)
{
	struct sbdf a = dev->host;

	if (mode == SLOTS_VPCI) {
		int slot = find_slot(list, n, dev);

		if (slot < 0)
			return -1;
		a = (struct sbdf){ .devfn = (uint8_t)((unsigned)slot << 3 | sbdf_function(dev->host)) };
	}
	for (size_t i = 0; i < n; i++)
		if (sbdf_equal(list[i].virt, a))
			return fail(EEXIST);
	*virt = a;
	return 0;
}

struct node_root slots_root(struct sbdf virt)
{
	return (struct node_root){ .segment = virt.segment, .bus = virt.bus };
}

static const char *const mode_names[] = {
	[SLOTS_VPCI] = "vpci",
	[SLOTS_PASSTHROUGH] = "passthrough",
};

const char *slots_mode_name(enum slots_mode mode)
{
	return mode_names[mode];
}

int slots_mode_parse(const char *name, enum slots_mode *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(mode_names); i++) {
		if (!strcmp(name, mode_names[i])) {
			*out = (enum slots_mode)i;
			return 0;
		}
	}
	return fail(EINVAL);
}
