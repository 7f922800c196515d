/* SPDX-License-Identifier: MIT */
#include "host/reset_offer.h"

#include <linux/pci_regs.h>
#include <stddef.h>

#include "host/device/reset_quirks.h"

#define BUS_BITS (RESET_BIT(RESET_SLOT) | RESET_BIT(RESET_BUS))

/* A bridge above that can reset what is behind it. Virtual functions are no part of a bus. */
static bool has_bus(const struct topology *t, int i)
{
	const struct topology_function *fn = &t->function[i];

	return !fn->info.is_vf && fn->parent != TOPOLOGY_NONE &&
	       t->function[fn->parent].info.header_type == PCI_HEADER_TYPE_BRIDGE;
}

unsigned reset_present(const struct topology *t, int i)
{
	const struct topology_function *fn = &t->function[i];

	return (fn->kernel_reset ? RESET_BIT(RESET_KERNEL) : 0) |
	       (fn->flr ? RESET_BIT(RESET_FLR) : 0) | (fn->af_flr ? RESET_BIT(RESET_AF_FLR) : 0) |
	       (fn->pm_reset ? RESET_BIT(RESET_PM) : 0) | (has_bus(t, i) ? BUS_BITS : 0);
}

static const char *unless_listed(const struct topology_function *fn, unsigned way)
{
	return fn->os_tells && !(fn->os_ways & way) ? "the kernel does not offer it" : NULL;
}

/* Of the bus that i is on: all that is behind the bridge counts, and the bridge. */
static const char *bus_withheld(const struct topology *t, int i)
{
	int bridge = t->function[i].parent;
	bool alone = true;
	const char *why = reset_quirk(&t->function[bridge].info, RESET_QUIRK_NO_BUS);

	for (int k = 0; k < t->nr && !why; k++) {
		if (!topology_is_below(t, k, bridge))
			continue;
		why = reset_quirk(&t->function[k].info, RESET_QUIRK_NO_BUS);
		alone &= k == i;
	}
	/* Of more than one function the kernel resets no bus by itself, so that it does not list it. */
	return why || !alone ? why : unless_listed(&t->function[i], TOPOLOGY_WAY_BUS);
}

const char *reset_withheld(const struct topology *t, int i, enum reset_method method)
{
	const struct topology_function *fn = &t->function[i];
	const char *why = NULL;

	if (!(reset_present(t, i) & RESET_BIT(method)))
		return NULL;
	switch (method) {
	case RESET_FLR:
	case RESET_AF_FLR:
		why = reset_quirk(&fn->info, RESET_QUIRK_NO_FLR);
		return why ? why : unless_listed(fn, method == RESET_FLR ? TOPOLOGY_WAY_FLR :
							    TOPOLOGY_WAY_AF_FLR);
	case RESET_PM:
		if (fn->parent != TOPOLOGY_NONE)
			why = reset_quirk(&fn->info, RESET_QUIRK_NO_PM);
		return why ? why : unless_listed(fn, TOPOLOGY_WAY_PM);
	case RESET_SLOT:
	case RESET_BUS:
		return bus_withheld(t, i);
	default:
		return NULL;
	}
}

unsigned reset_offered(const struct topology *t, int i)
{
	unsigned set = reset_present(t, i);

	for (enum reset_method m = 0; m < RESET_METHODS_COUNT; m++) {
		if (set & RESET_BIT(m) && reset_withheld(t, i, m))
			set &= ~RESET_BIT(m);
	}
	return set;
}

bool reset_offered_alone(const struct topology *t, int i)
{
	return reset_offered(t, i) & (RESET_BIT(RESET_FLR) | RESET_BIT(RESET_AF_FLR));
}
