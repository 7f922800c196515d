/* SPDX-License-Identifier: MIT */
#include "operator/capability.h"

#include <linux/pci_regs.h>

#include "common/util.h"

struct name {
	uint16_t id;
	const char *name;
};

static const struct name names[] = {
	{ PCI_CAP_ID_PM, "power management" },
	{ PCI_CAP_ID_AGP, "AGP" },
	{ PCI_CAP_ID_VPD, "vital product data" },
	{ PCI_CAP_ID_SLOTID, "slot id" },
	{ PCI_CAP_ID_MSI, "MSI" },
	{ PCI_CAP_ID_CHSWP, "CompactPCI hot swap" },
	{ PCI_CAP_ID_PCIX, "PCI-X" },
	{ PCI_CAP_ID_HT, "HyperTransport" },
	{ PCI_CAP_ID_VNDR, "vendor specific" },
	{ PCI_CAP_ID_DBG, "debug port" },
	{ PCI_CAP_ID_SHPC, "hot-plug controller" },
	{ PCI_CAP_ID_SSVID, "bridge subsystem" },
	{ PCI_CAP_ID_EXP, "PCI Express" },
	{ PCI_CAP_ID_MSIX, "MSI-X" },
	{ PCI_CAP_ID_SATA, "SATA" },
	{ PCI_CAP_ID_AF, "advanced features" },
	{ PCI_CAP_ID_EA, "enhanced allocation" },
};

static const struct name extended_names[] = {
	{ PCI_EXT_CAP_ID_ERR, "advanced error reporting" },
	{ PCI_EXT_CAP_ID_VC, "virtual channel" },
	{ PCI_EXT_CAP_ID_DSN, "serial number" },
	{ PCI_EXT_CAP_ID_PWR, "power budgeting" },
	{ PCI_EXT_CAP_ID_VNDR, "vendor specific" },
	{ PCI_EXT_CAP_ID_ACS, "access control" },
	{ PCI_EXT_CAP_ID_ARI, "alternative routing id" },
	{ PCI_EXT_CAP_ID_ATS, "address translation" },
	{ PCI_EXT_CAP_ID_SRIOV, "SR-IOV" },
	{ PCI_EXT_CAP_ID_MCAST, "multicast" },
	{ PCI_EXT_CAP_ID_PRI, "page request" },
	{ PCI_EXT_CAP_ID_REBAR, "resizable BAR" },
	{ PCI_EXT_CAP_ID_DPA, "dynamic power" },
	{ PCI_EXT_CAP_ID_TPH, "TLP hints" },
	{ PCI_EXT_CAP_ID_LTR, "latency tolerance" },
	{ PCI_EXT_CAP_ID_SECPCI, "secondary PCI Express" },
	{ PCI_EXT_CAP_ID_PASID, "PASID" },
	{ PCI_EXT_CAP_ID_DPC, "downstream port containment" },
	{ PCI_EXT_CAP_ID_L1SS, "L1 substates" },
	{ PCI_EXT_CAP_ID_PTM, "precision time" },
};

static const char *name_in(const struct name *table, size_t nr, uint16_t id)
{
	for (size_t i = 0; i < nr; i++)
		if (table[i].id == id)
			return table[i].name;
	return NULL;
}

static unsigned read_extended(struct pcidev *dev, struct capability *list, unsigned room)
{
	unsigned at = PCI_CFG_SPACE_SIZE, nr = 0;
	uint32_t head;

	while (nr < room && at >= PCI_CFG_SPACE_SIZE && at % 4 == 0 && at < dev->info.config_size &&
	       !pcidev_read(dev, at, 4, &head) && head && head != UINT32_MAX) {
		uint16_t id = (uint16_t)PCI_EXT_CAP_ID(head);

		list[nr++] = (struct capability){
			.offset = (uint16_t)at, .id = id, .extended = true,
			.name = name_in(extended_names, ARRAY_SIZE(extended_names), id),
		};
		at = PCI_EXT_CAP_NEXT(head);
	}
	return nr;
}

unsigned capabilities_read(struct pcidev *dev, struct capability list[CAPABILITIES_MAX])
{
	struct pcidev_cap cap = { 0 };
	unsigned nr = 0;

	while (nr < CAPABILITIES_MAX / 2 && pcidev_next_cap(dev, &cap))
		list[nr++] = (struct capability){
			.offset = (uint16_t)cap.offset, .id = cap.id,
			.name = name_in(names, ARRAY_SIZE(names), cap.id),
		};
	return nr + read_extended(dev, list + nr, CAPABILITIES_MAX - nr);
}
