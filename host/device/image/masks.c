/* SPDX-License-Identifier: MIT */
/*
 * Which bits of a function's registers can be written, as in a data book: what is
 * in no table is read-only. A bit with a reset value of one is named as such; every
 * other writable bit is zero after a reset.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "host/device/image/function.h"
#include "common/util.h"

/* Express capability version 2 has these registers; older headers do not name them. */
enum {
	EXP_LNKSTA2 = 0x32,
	EXP_BRIDGE_RETRY = 0x8000, /* device control of a PCIe-to-PCI bridge: not FLR */
	STATUS_CLEAR = 0xf900, /* the secondary status register's as well */
	BRIDGE_DISCARD_STATUS = 0x0400,
};

struct mask {
	uint8_t offset;
	uint8_t width;
	uint16_t writable;
	uint16_t clear;
	uint16_t reset;
};

static const struct mask header[] = {
	{ PCI_STATUS, 2, 0, STATUS_CLEAR, 0 },
};

/* A virtual function has zeros here. */
static const struct mask own_header[] = {
	{ PCI_CACHE_LINE_SIZE, 1, 0xff, 0, 0 },
	{ PCI_INTERRUPT_LINE, 1, 0xff, 0, 0 },
};

/* Conventional PCI only: express hardwires these to zero. */
static const struct mask conventional[] = {
	{ PCI_COMMAND, 2, PCI_COMMAND_INVALIDATE | PCI_COMMAND_FAST_BACK, 0, 0 },
	{ PCI_LATENCY_TIMER, 1, 0xf8, 0, 0 },
};

static const struct mask bridge[] = {
	{ PCI_PRIMARY_BUS, 1, 0xff, 0, 0 },
	{ PCI_SECONDARY_BUS, 1, 0xff, 0, 0 },
	{ PCI_SUBORDINATE_BUS, 1, 0xff, 0, 0 },
	{ PCI_IO_BASE, 1, 0xf0, 0, 0 },
	{ PCI_IO_LIMIT, 1, 0xf0, 0, 0 },
	{ PCI_SEC_STATUS, 2, 0, STATUS_CLEAR, 0 },
	{ PCI_MEMORY_BASE, 2, 0xfff0, 0, 0 },
	{ PCI_MEMORY_LIMIT, 2, 0xfff0, 0, 0 },
	{ PCI_PREF_MEMORY_BASE, 2, 0xfff0, 0, 0 },
	{ PCI_PREF_MEMORY_LIMIT, 2, 0xfff0, 0, 0 },
	{ PCI_BRIDGE_CONTROL, 2, 0x007f, 0, 0 },
};

/* With a conventional secondary bus. */
static const struct mask conventional_bridge[] = {
	{ PCI_SEC_LATENCY_TIMER, 1, 0xf8, 0, 0 },
	{ PCI_BRIDGE_CONTROL, 2, 0x0bff, BRIDGE_DISCARD_STATUS, 0 },
};

/* Present where the base register says that the window is a wide one. */
static const struct mask bridge_io32[] = {
	{ PCI_IO_BASE_UPPER16, 2, 0xffff, 0, 0 },
	{ PCI_IO_LIMIT_UPPER16, 2, 0xffff, 0, 0 },
};
static const struct mask bridge_pref64[] = {
	{ PCI_PREF_BASE_UPPER32, 2, 0xffff, 0, 0 },
	{ PCI_PREF_BASE_UPPER32 + 2, 2, 0xffff, 0, 0 },
	{ PCI_PREF_LIMIT_UPPER32, 2, 0xffff, 0, 0 },
	{ PCI_PREF_LIMIT_UPPER32 + 2, 2, 0xffff, 0, 0 },
};

/* Capabilities: offsets count from the capability. */
static const struct mask cap_pm[] = {
	{ PCI_PM_CTRL, 2, PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE |
	  PCI_PM_CTRL_DATA_SEL_MASK, PCI_PM_CTRL_PME_STATUS, 0 },
};
static const struct mask cap_vpd[] = {
	{ PCI_VPD_ADDR, 2, 0xffff, 0, 0 },
};
static const struct mask cap_msix[] = {
	{ PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 0, 0 },
};
static const struct mask cap_msi[] = {
	{ PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE, 0, 0 },
	{ PCI_MSI_ADDRESS_LO, 2, 0xfffc, 0, 0 },
	{ PCI_MSI_ADDRESS_LO + 2, 2, 0xffff, 0, 0 },
};
static const struct mask cap_msi32[] = {
	{ PCI_MSI_DATA_32, 2, 0xffff, 0, 0 },
};
static const struct mask cap_msi64[] = {
	{ PCI_MSI_ADDRESS_HI, 2, 0xffff, 0, 0 },
	{ PCI_MSI_ADDRESS_HI + 2, 2, 0xffff, 0, 0 },
	{ PCI_MSI_DATA_64, 2, 0xffff, 0, 0 },
};
static const struct mask cap_express[] = {
	{ PCI_EXP_DEVCTL, 2, 0x7fff, 0,
	  PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B },
	{ PCI_EXP_DEVSTA, 2, 0, 0x004f, 0 },
};
static const struct mask express_bridge[] = {
	{ PCI_EXP_DEVCTL, 2, EXP_BRIDGE_RETRY, 0, 0 },
};
static const struct mask express_link[] = {
	{ PCI_EXP_LNKCTL, 2, 0x01cb, 0, 0 },
};
/* A downstream or root port rules its link: disable, interrupts and their status. */
static const struct mask express_port[] = {
	{ PCI_EXP_LNKCTL, 2, 0x0fdb, 0, 0 },
	{ PCI_EXP_LNKSTA, 2, 0, 0xc000, 0 },
};
static const struct mask express_slot[] = {
	{ PCI_EXP_SLTCTL, 2, 0x1fff, 0, 0 },
	{ PCI_EXP_SLTSTA, 2, 0, 0x011f, 0 },
};
static const struct mask express_root[] = {
	{ PCI_EXP_RTCTL, 2, 0x001f, 0, 0 },
	{ PCI_EXP_RTSTA + 2, 2, 0, 0x0001, 0 },
};
static const struct mask express_2[] = {
	{ PCI_EXP_DEVCTL2, 2, 0xf7ff, 0, 0 },
};
static const struct mask express_2_link[] = {
	{ PCI_EXP_LNKCTL2, 2, 0xffff, 0, 0 },
	{ EXP_LNKSTA2, 2, 0, 0x0020, 0 },
};

static void set_bits(struct image_function *fn, unsigned offset, unsigned width, uint32_t writable,
		     uint32_t clear, uint32_t reset)
{
	for (unsigned i = 0; i < width && offset + i < fn->dev.info.config_size; i++) {
		fn->writable[offset + i] |= (uint8_t)(writable >> 8 * i);
		fn->clear[offset + i] |= (uint8_t)(clear >> 8 * i);
		fn->reset[offset + i] |= (uint8_t)(reset >> 8 * i);
	}
}

static void set_masks(struct image_function *fn, unsigned base, const struct mask *m, size_t n)
{
	for (; n--; m++)
		set_bits(fn, base + m->offset, m->width, m->writable, m->clear, m->reset);
}
#define SET(fn, base, table) set_masks(fn, base, table, ARRAY_SIZE(table))

/* Decode bits are there for what there is to decode, or where the dump shows them set. */
static void command_masks(struct image_function *fn, uint16_t command)
{
	const struct pcidev_info *info = &fn->dev.info;
	uint16_t bits = PCI_COMMAND_MASTER;
	unsigned i;

	if (info->is_vf) {
		set_bits(fn, PCI_COMMAND, 2, bits, 0, 0);
		return;
	}
	bits |= PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE;
	bits |= command & 0x07ff;
	for (i = 0; i < PCIDEV_RESOURCES; i++) {
		bool io = i < PCIDEV_ROM && info->resource[i].flags & PCI_BASE_ADDRESS_SPACE_IO;

		if (info->resource[i].size)
			bits |= io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
	}
	if (info->header_type == PCI_HEADER_TYPE_BRIDGE)
		bits |= PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	set_bits(fn, PCI_COMMAND, 2, bits, 0, 0);
}

static void msi_masks(struct image_function *fn, unsigned cap)
{
	uint32_t flags = image_register(fn, cap + PCI_MSI_FLAGS, 2);
	unsigned vectors = 1u << (flags >> 1 & 7);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;

	SET(fn, cap, cap_msi);
	if (wide)
		SET(fn, cap, cap_msi64);
	else
		SET(fn, cap, cap_msi32);
	if (flags & PCI_MSI_FLAGS_MASKBIT)
		set_bits(fn, cap + (wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32), 4,
			 vectors >= 32 ? UINT32_MAX : (1u << vectors) - 1, 0, 0);
}

static void express_masks(struct image_function *fn, unsigned cap)
{
	uint32_t flags = image_register(fn, cap + PCI_EXP_FLAGS, 2);
	unsigned version = flags & PCI_EXP_FLAGS_VERS;
	unsigned type = (flags & PCI_EXP_FLAGS_TYPE) >> 4;
	bool root = type == PCI_EXP_TYPE_ROOT_PORT, port = root || type == PCI_EXP_TYPE_DOWNSTREAM;
	bool integrated = type == PCI_EXP_TYPE_RC_END || type == PCI_EXP_TYPE_RC_EC;

	fn->express = (uint8_t)cap;
	SET(fn, cap, cap_express);
	if (type == PCI_EXP_TYPE_PCI_BRIDGE)
		SET(fn, cap, express_bridge);
	if (!integrated)
		SET(fn, cap, express_link);
	if (port)
		SET(fn, cap, express_port);
	if (port && flags & PCI_EXP_FLAGS_SLOT)
		SET(fn, cap, express_slot);
	if (root || type == PCI_EXP_TYPE_RC_EC)
		SET(fn, cap, express_root);
	if (version < 2)
		return;
	SET(fn, cap, express_2);
	if (!integrated)
		SET(fn, cap, express_2_link);
}

/* What is used without a further look; a capability with less room to the end is none. */
static const uint8_t cap_length[] = {
	[PCI_CAP_ID_PM] = PCI_PM_CTRL + 2,
	[PCI_CAP_ID_VPD] = PCI_VPD_ADDR + 2,
	[PCI_CAP_ID_MSI] = PCI_MSI_FLAGS + 2,
	[PCI_CAP_ID_MSIX] = PCI_MSIX_FLAGS + 2,
	[PCI_CAP_ID_EXP] = PCI_EXP_DEVSTA + 2,
	[PCI_CAP_ID_AF] = PCI_AF_STATUS + 1,
};

/* Capabilities that this model knows; all others are read-only. */
static void cap_masks(struct image_function *fn, unsigned id, unsigned cap)
{
	if (id >= ARRAY_SIZE(cap_length) || !cap_length[id] || cap + cap_length[id] > 256)
		return;
	switch (id) {
	case PCI_CAP_ID_PM:
		fn->pm = (uint8_t)cap;
		SET(fn, cap, cap_pm);
		break;
	case PCI_CAP_ID_VPD:
		fn->vpd = (uint8_t)cap;
		SET(fn, cap, cap_vpd);
		/* A reset finds the interface as the dump did: at rest. */
		memcpy(fn->reset + cap + PCI_VPD_ADDR, fn->now + cap + PCI_VPD_ADDR, 2);
		break;
	case PCI_CAP_ID_MSI:
		msi_masks(fn, cap);
		break;
	case PCI_CAP_ID_MSIX:
		SET(fn, cap, cap_msix);
		break;
	case PCI_CAP_ID_EXP:
		express_masks(fn, cap);
		break;
	default:
		fn->af = (uint8_t)cap;
		break;
	}
}

/* The address bits from the size up: what a driver's sizing reads back. */
static void bar_masks(struct image_function *fn)
{
	const struct pcidev_info *info = &fn->dev.info;
	bool is_bridge = info->header_type == PCI_HEADER_TYPE_BRIDGE;
	unsigned i, rom = is_bridge ? PCI_ROM_ADDRESS1 : PCI_ROM_ADDRESS;

	for (i = 0; i < PCIDEV_RESOURCES; i++) {
		const struct pcidev_resource *r = &info->resource[i];
		uint64_t bits = ~(r->size - 1);

		if (!r->size || fn->fixed & 1u << i)
			continue;
		if (i == PCIDEV_ROM) {
			bits = (bits & PCI_ROM_ADDRESS_MASK) | PCI_ROM_ADDRESS_ENABLE;
			set_bits(fn, rom, 4, (uint32_t)bits, 0, 0);
			continue;
		}
		bits &= ~(uint64_t)(r->flags & PCI_BASE_ADDRESS_SPACE_IO ? 0x3 : 0xf);
		set_bits(fn, PCI_BASE_ADDRESS_0 + 4 * i, 4, (uint32_t)bits, 0, 0);
		if (r->flags & PCI_BASE_ADDRESS_MEM_TYPE_64)
			set_bits(fn, PCI_BASE_ADDRESS_0 + 4 * i + 4, 4, (uint32_t)(bits >> 32), 0,
				 0);
	}
}

/* Whether a bridge's secondary bus is a conventional one. */
static bool leads_to_conventional(const struct image_function *fn)
{
	uint32_t flags = fn->express ? image_register(fn, fn->express + PCI_EXP_FLAGS, 2) : 0;

	return !fn->express || (flags & PCI_EXP_FLAGS_TYPE) >> 4 == PCI_EXP_TYPE_PCI_BRIDGE;
}

static void bridge_masks(struct image_function *fn)
{
	SET(fn, 0, bridge);
	if (leads_to_conventional(fn))
		SET(fn, 0, conventional_bridge);
	if ((image_register(fn, PCI_IO_BASE, 1) & PCI_IO_RANGE_TYPE_MASK) == PCI_IO_RANGE_TYPE_32)
		SET(fn, 0, bridge_io32);
	if ((image_register(fn, PCI_PREF_MEMORY_BASE, 2) & PCI_PREF_RANGE_TYPE_MASK) ==
	    PCI_PREF_RANGE_TYPE_64)
		SET(fn, 0, bridge_pref64);
}

/* Read-only bits that say what is happening, and so nothing after a reset. */
static void forget_events(struct image_function *fn)
{
	fn->reset[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
	if (fn->express)
		fn->reset[fn->express + PCI_EXP_DEVSTA] &= (uint8_t)~PCI_EXP_DEVSTA_TRPND;
	if (fn->af)
		fn->reset[fn->af + PCI_AF_STATUS] &= (uint8_t)~PCI_AF_STATUS_TP;
}

void image_masks_build(struct image_function *fn)
{
	const struct pcidev_info *info = &fn->dev.info;
	struct pcidev_cap cap = { 0 };
	unsigned i;

	while (pcidev_next_cap(&fn->dev, &cap))
		cap_masks(fn, cap.id, cap.offset);
	command_masks(fn, (uint16_t)image_register(fn, PCI_COMMAND, 2));
	SET(fn, 0, header);
	if (!info->is_vf) {
		SET(fn, 0, own_header);
		bar_masks(fn);
		if (!fn->express)
			SET(fn, 0, conventional);
		if (info->header_type == PCI_HEADER_TYPE_BRIDGE)
			bridge_masks(fn);
	}
	for (i = 0; i < info->config_size; i++)
		fn->reset[i] |= fn->now[i] & (uint8_t)~(fn->writable[i] | fn->clear[i]);
	forget_events(fn);
}
