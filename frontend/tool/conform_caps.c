/* SPDX-License-Identifier: MIT */
/* Cases: what the filter lets through in capabilities. */
#include "frontend/tool/conform.h"

#include <linux/pci_regs.h>

/* Registers that a permissive assignment opens are told apart from wrong ones by the detail. */
#define PERMISSIVE_HINT "(is the assignment permissive?)"

void conform_cap_headers(struct conform *c)
{
	struct xenpcifront_capability caps[64];
	int n = xenpcifront_capabilities(c->fe, c->dev.address, caps, 64);

	for (int i = 0; i < n; i++) {
		uint32_t before;

		if (caps[i].extended)
			continue;
		before = conform_read(c, caps[i].offset, 2);
		conform_write_gives(c, caps[i].offset, 2, ~before & 0xffff, 0xffff, before);
	}
	if (n <= 0)
		conform_skip(c, "no capabilities");
}

void conform_pm_pme_hidden(struct conform *c)
{
	unsigned at = conform_capability(c, PCI_CAP_ID_PM, "power management");
	uint32_t control;

	if (!at)
		return;
	if (conform_read(c, at + PCI_PM_PMC, 2) & PCI_PM_CAP_PME_MASK)
		conform_fail(c, "PMC is 0x%x", conform_read(c, at + PCI_PM_PMC, 2));
	control = conform_read(c, at + PCI_PM_CTRL, 2);
	conform_write_gives(c, at + PCI_PM_CTRL, 2, control | PCI_PM_CTRL_PME_ENABLE,
			    PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_STATE_MASK,
			    control & PCI_PM_CTRL_STATE_MASK);
}

/* A write that is refused and changes nothing. */
static void refused(struct conform *c, unsigned offset, uint32_t value, uint32_t mask)
{
	struct xenpcifront_request req =
		conform_access(c, XEN_PCI_OP_conf_write, (int32_t)offset, 2, value);
	uint32_t before = conform_read(c, offset, 2), after;

	conform_ask(c, &req);
	after = conform_read(c, offset, 2);
	if (req.err != XEN_PCI_ERR_access_denied || req.value != value)
		conform_fail(c, "0x%x at 0x%x: err %d value 0x%x instead of -3 " PERMISSIVE_HINT,
			     value, offset, req.err, req.value);
	if ((after ^ before) & mask) {
		conform_fail(c, "0x%x at 0x%x: 0x%x became 0x%x", value, offset, before, after);
		conform_write(c, offset, 2, before);
	}
}

void conform_vpd_write(struct conform *c)
{
	unsigned at = conform_capability(c, PCI_CAP_ID_VPD, "VPD");

	if (at)
		refused(c, at + PCI_VPD_ADDR, PCI_VPD_ADDR_F, 0);
}

/* The enable bit flipped is refused; the same value again is no write at all. */
static void control_by_hand(struct conform *c, unsigned offset, uint16_t enable)
{
	uint32_t before = conform_read(c, offset, 2);

	refused(c, offset, before ^ enable, enable);
	conform_write_gives(c, offset, 2, before, 0xffff, before);
}

void conform_msi_control(struct conform *c)
{
	unsigned at = conform_capability(c, PCI_CAP_ID_MSI, "MSI");

	if (at)
		control_by_hand(c, at + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE);
}

void conform_msix_control(struct conform *c)
{
	unsigned at = conform_capability(c, PCI_CAP_ID_MSIX, "MSI-X");

	if (at)
		control_by_hand(c, at + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
}

void conform_express_control(struct conform *c)
{
	unsigned at = conform_capability(c, PCI_CAP_ID_EXP, "express");
	uint32_t before;

	if (!at)
		return;
	before = conform_read(c, at + PCI_EXP_DEVCTL, 2);
	/* Relaxed ordering: harmless where it gets through. */
	conform_write(c, at + PCI_EXP_DEVCTL, 2, before ^ PCI_EXP_DEVCTL_RELAX_EN);
	if (conform_read(c, at + PCI_EXP_DEVCTL, 2) != before) {
		conform_fail(c, "device control was written " PERMISSIVE_HINT);
		conform_write(c, at + PCI_EXP_DEVCTL, 2, before);
	}
}

void conform_extended_write(struct conform *c)
{
	struct xenpcifront_request req = conform_access(c, XEN_PCI_OP_conf_read, 256, 4, 0);

	if (!conform_ask(c, &req))
		return conform_skip(c, "no extended space");
	conform_write_gives(c, 256, 4, ~req.value, UINT32_MAX, req.value);
}
