/* SPDX-License-Identifier: MIT */
#include "operator/give.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "host/gsi.h"
#include "common/util.h"

/* The steps, undone from the last one that was done. */
enum step { STEP_NONE = -1, STEP_BARS, STEP_IRQ = PCIDEV_RESOURCES, STEP_IOMMU, STEPS };

static int failed(const struct place *place, const char *what, bool on)
{
	operator_fail("%s: Xen does not %s %s: %s", place->name, on ? "grant" : "revoke", what,
		      strerror(errno));
	return -1;
}

static int assign_failed(const struct place *place, bool relaxed, bool on)
{
	if (!on)
		return failed(place, "its place in the IOMMU", on);
	operator_fail("%s: Xen does not grant its place in the IOMMU: %s%s", place->name,
		      strerror(errno), hypercall_assign_cause(errno, relaxed));
	return -1;
}

static int bar(struct operator *op, const struct place *place, uint32_t domid, int number, bool on)
{
	const struct pcidev_resource *r = &place->fn->info.resource[number];
	int rc;

	if (!r->size || !r->start)
		return 0;
	if (number != PCIDEV_ROM && r->flags & PCI_BASE_ADDRESS_SPACE_IO)
		rc = hypercall_allow_ports(op->hypercall, domid, (uint32_t)r->start,
					   (uint32_t)r->size, on);
	else
		rc = hypercall_allow_memory(op->hypercall, domid, r->start, r->size, on);
	return rc ? failed(place, number == PCIDEV_ROM ? "its ROM" : "a BAR", on) : 0;
}

static int allow(struct operator *op, uint32_t domid, bool pirqs, uint32_t gsi, bool on)
{
	return pirqs ? hypercall_allow_irq(op->hypercall, domid, gsi, on) :
		       hypercall_allow_gsi(op->hypercall, domid, gsi, on);
}

/* Another device of the guest uses the same line. */
static bool line_shared(const struct place *place, uint32_t domid)
{
	const struct topology *t = &place->machine->topology;

	for (int k = 0; k < t->nr; k++) {
		const struct topology_function *fn = &t->function[k];

		if (k != place->i && fn->guest == domid && fn->intx && pcidev_is_line(fn->info.irq) &&
		    fn->info.irq == place->fn->info.irq)
			return true;
	}
	return false;
}

/*
 * The pirq of a legacy interrupt is the GSI's own number, as the guest learns it from its
 * config space; on a dom0 without pirqs it is any, which mapping tells. A line that is not
 * there, or not known, is no failure: there is MSI.
 */
static int irq(struct operator *op, const struct place *place, uint32_t domid, bool on)
{
	uint32_t gsi;
	bool pirqs;
	int pirq;

	if (!place->fn->intx ||
	    gsi_find(place->machine->provider, &place->fn->info, op->hypercall, &gsi, &pirqs) ||
	    (!on && line_shared(place, domid)))
		return 0;
	pirq = pirqs ? (int)gsi : -1;
	if ((on || !pirqs) && hypercall_map_gsi(op->hypercall, domid, gsi, &pirq))
		return failed(place, "its interrupt line", on);
	if (on)
		return allow(op, domid, pirqs, gsi, true) ? failed(place, "its interrupt", on) : 0;
	/* xl unmaps with the first device of a shared line. */
	if (hypercall_unmap_pirq(op->hypercall, domid, (uint32_t)pirq) && errno != EINVAL)
		return failed(place, "its interrupt line", on);
	return allow(op, domid, pirqs, gsi, false) && errno != ESRCH ?
		       failed(place, "its interrupt", on) : 0;
}

static int iommu(struct operator *op, const struct place *place, uint32_t domid, bool relaxed,
		 bool on)
{
	struct sbdf a = place->fn->info.sbdf;
	int rc = on ? hypercall_assign(op->hypercall, domid, a, relaxed) :
		      hypercall_deassign(op->hypercall, domid, a);

	/* A PV guest can do without an IOMMU, as libxl has it. */
	return rc && errno != ENOSYS ? assign_failed(place, relaxed, on) : 0;
}

static int step(struct operator *op, const struct place *place, uint32_t domid, int which,
		bool relaxed, bool on)
{
	if (which < STEP_IRQ)
		return bar(op, place, domid, which, on);
	return which == STEP_IRQ ? irq(op, place, domid, on) : iommu(op, place, domid, relaxed, on);
}

static int undo(struct operator *op, const struct place *place, uint32_t domid, int last)
{
	int rc = 0;

	for (int which = last; which > STEP_NONE; which--)
		rc |= step(op, place, domid, which, false, false);
	return rc;
}

int give_device(struct operator *op, const struct place *place, uint32_t domid, bool relaxed)
{
	for (int which = STEP_BARS; which < STEPS; which++) {
		if (!step(op, place, domid, which, relaxed, true))
			continue;
		undo(op, place, domid, which - 1);
		return -1;
	}
	return 0;
}

int take_device_back(struct operator *op, const struct place *place, uint32_t domid)
{
	return undo(op, place, domid, STEPS - 1);
}
