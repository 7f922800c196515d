/* SPDX-License-Identifier: MIT */
#include "host/device/saved.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "host/device/slow.h"
#include "common/util.h"

enum {
	D3HOT_DELAY_NS = 10000000,
	LOOK_MS = 10,
	EXP_CONTROLS_2 = 2, /* the express version that has second control registers */
	BRIDGE_DISCARD_STATUS = 0x400,
};

/* The tables, in the order of restoring. Capabilities count from their offset. */
static const struct saved_register type0[] = {
	{ PCI_BASE_ADDRESS_0, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_BASE_ADDRESS_1, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_BASE_ADDRESS_2, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_BASE_ADDRESS_3, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_BASE_ADDRESS_4, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_BASE_ADDRESS_5, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_ROM_ADDRESS, 4, true, UINT32_MAX, 0, 0 },
};
static const struct saved_register type1[] = {
	{ PCI_PRIMARY_BUS, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_BASE_ADDRESS_0, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_BASE_ADDRESS_1, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_IO_BASE, 2, true, 0xffff, 0, 0 },
	{ PCI_MEMORY_BASE, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_PREF_MEMORY_BASE, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_PREF_BASE_UPPER32, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_PREF_LIMIT_UPPER32, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_IO_BASE_UPPER16, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_ROM_ADDRESS1, 4, true, UINT32_MAX, 0, 0 },
	{ PCI_BRIDGE_CONTROL, 2, false, 0xffff & ~BRIDGE_DISCARD_STATUS, BRIDGE_DISCARD_STATUS, 0 },
};
static const struct saved_register header[] = {
	{ PCI_CACHE_LINE_SIZE, 1, false, 0xff, 0, 0 },
	{ PCI_LATENCY_TIMER, 1, false, 0xff, 0, 0 },
	{ PCI_INTERRUPT_LINE, 1, false, 0xff, 0, 0 },
};
static const struct saved_register cap_pm[] = {
	/* The power state is not a value to go back to: restoring begins with D0. */
	{ PCI_PM_CTRL, 2, false, PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_DATA_SEL_MASK,
	  PCI_PM_CTRL_PME_STATUS, 0 },
};
static const struct saved_register cap_pcix[] = {
	{ PCI_X_CMD, 2, false, 0xffff, 0, 0 },
};
static const struct saved_register cap_express[] = {
	{ PCI_EXP_DEVCTL, 2, false, 0x7fff, 0, 0 },
};
static const struct saved_register express_link[] = {
	{ PCI_EXP_LNKCTL, 2, false, 0xffff & ~PCI_EXP_LNKCTL_RL, 0, 0 },
};
static const struct saved_register express_slot[] = {
	{ PCI_EXP_SLTCTL, 2, false, 0xffff, 0, 0 },
};
static const struct saved_register express_root[] = {
	{ PCI_EXP_RTCTL, 2, false, 0xffff, 0, 0 },
};
static const struct saved_register express_2[] = {
	{ PCI_EXP_DEVCTL2, 2, false, 0xffff, 0, 0 },
};
static const struct saved_register express_2_link[] = {
	{ PCI_EXP_LNKCTL2, 2, false, 0xffff, 0, 0 },
};
static const struct saved_register msi_address[] = {
	{ PCI_MSI_ADDRESS_LO, 4, false, UINT32_MAX, 0, 0 },
};
static const struct saved_register msi_32[] = {
	{ PCI_MSI_DATA_32, 2, false, 0xffff, 0, 0 },
};
static const struct saved_register msi_32_mask[] = {
	{ PCI_MSI_MASK_32, 4, false, UINT32_MAX, 0, 0 },
};
static const struct saved_register msi_64[] = {
	{ PCI_MSI_ADDRESS_HI, 4, false, UINT32_MAX, 0, 0 },
	{ PCI_MSI_DATA_64, 2, false, 0xffff, 0, 0 },
};
static const struct saved_register msi_64_mask[] = {
	{ PCI_MSI_MASK_64, 4, false, UINT32_MAX, 0, 0 },
};

/* Copies a table's registers, read now, behind those that saved has. */
static int save_table(struct pcidev *dev, struct pcidev_saved *saved, unsigned base,
		      const struct saved_register *table, size_t n)
{
	for (; n--; table++) {
		struct saved_register *r = &saved->reg[saved->nr];

		if (saved->nr == SAVED_MAX)
			return fail(ENOSPC);
		*r = *table;
		r->offset = (uint16_t)(base + table->offset);
		/* A capability near the end of the space has not all of its registers. */
		if (r->offset + r->width > 256)
			continue;
		if (pcidev_read(dev, r->offset, r->width, &r->value))
			return -1;
		saved->nr++;
	}
	return 0;
}
#define SAVE(dev, saved, base, table) save_table(dev, saved, base, table, ARRAY_SIZE(table))

static int save_express(struct pcidev *dev, struct pcidev_saved *saved, unsigned cap)
{
	uint32_t flags, type;
	bool link;

	if (pcidev_read(dev, cap + PCI_EXP_FLAGS, 2, &flags))
		return -1;
	type = (flags & PCI_EXP_FLAGS_TYPE) >> 4;
	link = type != PCI_EXP_TYPE_RC_END && type != PCI_EXP_TYPE_RC_EC;
	if (SAVE(dev, saved, cap, cap_express) || (link && SAVE(dev, saved, cap, express_link)))
		return -1;
	if (flags & PCI_EXP_FLAGS_SLOT && SAVE(dev, saved, cap, express_slot))
		return -1;
	if (type == PCI_EXP_TYPE_ROOT_PORT && SAVE(dev, saved, cap, express_root))
		return -1;
	if ((flags & PCI_EXP_FLAGS_VERS) < EXP_CONTROLS_2)
		return 0;
	if (SAVE(dev, saved, cap, express_2))
		return -1;
	return link ? SAVE(dev, saved, cap, express_2_link) : 0;
}

static int save_msi(struct pcidev *dev, struct pcidev_saved *saved, unsigned cap)
{
	uint32_t flags;

	if (pcidev_read(dev, cap + PCI_MSI_FLAGS, 2, &flags))
		return -1;
	saved->msi = cap;
	saved->msi_flags = flags;
	if (SAVE(dev, saved, cap, msi_address))
		return -1;
	if (flags & PCI_MSI_FLAGS_64BIT) {
		if (SAVE(dev, saved, cap, msi_64))
			return -1;
		return flags & PCI_MSI_FLAGS_MASKBIT ? SAVE(dev, saved, cap, msi_64_mask) : 0;
	}
	if (SAVE(dev, saved, cap, msi_32))
		return -1;
	return flags & PCI_MSI_FLAGS_MASKBIT ? SAVE(dev, saved, cap, msi_32_mask) : 0;
}

static int save_caps(struct pcidev *dev, struct pcidev_saved *saved)
{
	unsigned express = pcidev_find_cap(dev, PCI_CAP_ID_EXP);
	unsigned pcix = pcidev_find_cap(dev, PCI_CAP_ID_PCIX);
	unsigned msi = pcidev_find_cap(dev, PCI_CAP_ID_MSI);

	saved->pm = pcidev_find_cap(dev, PCI_CAP_ID_PM);
	saved->msix = pcidev_find_cap(dev, PCI_CAP_ID_MSIX);
	if (saved->pm && SAVE(dev, saved, saved->pm, cap_pm))
		return -1;
	if (express && save_express(dev, saved, express))
		return -1;
	/* A bridge's PCI-X registers are others. */
	if (pcix && !dev->info.header_type && SAVE(dev, saved, pcix, cap_pcix))
		return -1;
	if (msi && save_msi(dev, saved, msi))
		return -1;
	if (saved->msix)
		return pcidev_read(dev, saved->msix + PCI_MSIX_FLAGS, 2, &saved->msix_flags);
	return 0;
}

bool pcidev_alive(struct pcidev *dev)
{
	uint32_t v;

	return !pcidev_read(dev, PCI_CLASS_REVISION, 4, &v) && v != UINT32_MAX;
}

bool pcidev_is_itself(struct pcidev *dev)
{
	const struct pcidev_info *info = &dev->info;
	uint32_t ids;

	/* A VF's own ids are ones; no function has class 0 with all the rest of that register. */
	if (info->is_vf)
		return !pcidev_read(dev, PCI_CLASS_REVISION, 4, &ids) && ids && ids != UINT32_MAX;
	return pcidev_alive(dev) && !pcidev_read(dev, PCI_VENDOR_ID, 4, &ids) &&
	       ids == ((uint32_t)info->device << 16 | info->vendor);
}

int pcidev_wait_itself(struct pcidev *dev, unsigned patience_ms)
{
	for (unsigned ms = 0; !pcidev_is_itself(dev); ms += LOOK_MS) {
		if (ms >= patience_ms)
			return fail(ENODEV);
		slow_sleep(LOOK_MS * 1000000ull);
	}
	return 0;
}

struct pcidev_saved *pcidev_save(struct pcidev *dev)
{
	struct pcidev_saved *saved = calloc(1, sizeof(*saved));
	int ret;

	if (!saved)
		return NULL;
	if (!pcidev_alive(dev)) {
		errno = EIO;
		goto out;
	}
	ret = dev->info.header_type ? SAVE(dev, saved, 0, type1) : SAVE(dev, saved, 0, type0);
	if (ret || SAVE(dev, saved, 0, header) || save_caps(dev, saved) ||
	    pcidev_read(dev, PCI_COMMAND, 2, &saved->command))
		goto out;
	return saved;
out:
	free_keep(saved);
	return NULL;
}

bool pcidev_lost_config(struct pcidev *dev, const struct pcidev_saved *saved)
{
	uint32_t now;

	return pcidev_is_itself(dev) && !pcidev_read(dev, PCI_COMMAND, 2, &now) &&
	       saved->command & ~now & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

bool pcidev_masked_since(struct pcidev *dev, const struct pcidev_saved *saved)
{
	uint32_t now;

	return saved->msix && pcidev_alive(dev) &&
	       !pcidev_read(dev, saved->msix + PCI_MSIX_FLAGS, 2, &now) &&
	       now & ~saved->msix_flags & PCI_MSIX_FLAGS_MASKALL;
}

uint16_t pcidev_saved_command(const struct pcidev_saved *saved)
{
	return (uint16_t)saved->command;
}

void pcidev_saved_set_command(struct pcidev_saved *saved, uint16_t command)
{
	saved->command = command;
}

void pcidev_saved_free(struct pcidev_saved *saved)
{
	free_keep(saved);
}

/* Remembers the first errno of several steps that all are to be taken. */
static void note(int *err, int failed)
{
	if (failed && !*err)
		*err = errno;
}

/* Sets the bits of mask to value where they differ; `clear` bits are written as zero. */
static int set_bits(struct pcidev *dev, unsigned offset, unsigned width, uint32_t mask,
		    uint32_t clear, uint32_t value)
{
	uint32_t now;

	if (pcidev_read(dev, offset, width, &now))
		return -1;
	if (!((now ^ value) & mask))
		return 0;
	return pcidev_write(dev, offset, width, (now & ~mask & ~clear) | (value & mask));
}

static bool differs(struct pcidev *dev, const struct saved_register *r)
{
	uint32_t now;

	return pcidev_read(dev, r->offset, r->width, &now) || (now ^ r->value) & r->mask;
}

bool pcidev_lost_addresses(struct pcidev *dev, const struct pcidev_saved *saved)
{
	bool lost = false;

	for (unsigned i = 0; i < saved->nr; i++)
		lost |= saved->reg[i].address && differs(dev, &saved->reg[i]);
	return lost && pcidev_lost_config(dev, saved);
}

/* To D0, where registers can be written and hold. */
static int wake(struct pcidev *dev, unsigned pm)
{
	uint32_t ctrl;

	if (!pm)
		return 0;
	if (pcidev_read(dev, pm + PCI_PM_CTRL, 2, &ctrl))
		return -1;
	if (!(ctrl & PCI_PM_CTRL_STATE_MASK))
		return 0;
	if (set_bits(dev, pm + PCI_PM_CTRL, 2, PCI_PM_CTRL_STATE_MASK, PCI_PM_CTRL_PME_STATUS, 0))
		return -1;
	/* An image is awake at once. */
	if (!dev->info.bars_movable)
		slow_sleep(D3HOT_DELAY_NS);
	return 0;
}

int pcidev_wake(struct pcidev *dev)
{
	return pcidev_alive(dev) ? wake(dev, pcidev_find_cap(dev, PCI_CAP_ID_PM)) : 0;
}

bool pcidev_in_d3hot(struct pcidev *dev)
{
	unsigned pm = pcidev_alive(dev) ? pcidev_find_cap(dev, PCI_CAP_ID_PM) : 0;
	uint32_t ctrl;

	return pm && !pcidev_read(dev, pm + PCI_PM_CTRL, 2, &ctrl) &&
	       (ctrl & PCI_PM_CTRL_STATE_MASK) == PCI_PM_CTRL_STATE_MASK;
}

/* Interrupts that are on now and were not: off before their addresses change. */
static int stop_messages(struct pcidev *dev, const struct pcidev_saved *saved)
{
	int err = 0;

	if (saved->msi && !(saved->msi_flags & PCI_MSI_FLAGS_ENABLE))
		note(&err, set_bits(dev, saved->msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE, 0,
				    0));
	if (saved->msix && !(saved->msix_flags & PCI_MSIX_FLAGS_ENABLE))
		note(&err, set_bits(dev, saved->msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE, 0,
				    0));
	return err ? fail(err) : 0;
}

static int restore_registers(struct pcidev *dev, const struct pcidev_saved *saved)
{
	const uint32_t decoding = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	const struct saved_register *r, *end = saved->reg + saved->nr;
	bool decodes = true;
	int err = 0;

	for (r = saved->reg; r < end; r++) {
		if (!differs(dev, r))
			continue;
		if (r->address && decodes) {
			note(&err, set_bits(dev, PCI_COMMAND, 2, decoding, 0, 0));
			decodes = false;
		}
		note(&err, set_bits(dev, r->offset, r->width, r->mask, r->clear, r->value));
		if (differs(dev, r)) {
			errno = EIO;
			note(&err, -1);
		}
	}
	return err ? fail(err) : 0;
}

int pcidev_restore(struct pcidev *dev, const struct pcidev_saved *saved)
{
	const uint32_t msi = PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE;
	const uint32_t msix = PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL;
	int err = 0;

	if (!pcidev_is_itself(dev))
		return fail(EIO);
	note(&err, wake(dev, saved->pm));
	note(&err, stop_messages(dev, saved));
	note(&err, restore_registers(dev, saved));
	if (saved->msi)
		note(&err, set_bits(dev, saved->msi + PCI_MSI_FLAGS, 2, msi, 0, saved->msi_flags));
	if (saved->msix)
		note(&err, set_bits(dev, saved->msix + PCI_MSIX_FLAGS, 2, msix, 0,
				    saved->msix_flags));
	note(&err, set_bits(dev, PCI_COMMAND, 2, 0xffff, 0, saved->command));
	return err ? fail(err) : 0;
}

/* BAR number b, and the register above it where the address has 64 bits. */
static int readdress_bar(struct pcidev *dev, unsigned b)
{
	const struct pcidev_resource *r = &dev->info.resource[b];
	unsigned at = b == PCIDEV_ROM ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * b;
	bool wide = b != PCIDEV_ROM && !(r->flags & PCI_BASE_ADDRESS_SPACE_IO) &&
		    (r->flags & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
	const uint32_t address = (uint32_t)r->start;
	uint32_t now, flags = b == PCIDEV_ROM ? ~(uint32_t)PCI_ROM_ADDRESS_MASK :
			      r->flags & PCI_BASE_ADDRESS_SPACE_IO ?
					      ~(uint32_t)PCI_BASE_ADDRESS_IO_MASK :
					      ~(uint32_t)PCI_BASE_ADDRESS_MEM_MASK;

	if (!r->size || !r->start || r->disabled)
		return 0;
	if (pcidev_write(dev, at, 4, address) || pcidev_read(dev, at, 4, &now) ||
	    (wide && pcidev_write(dev, at + 4, 4, (uint32_t)(r->start >> 32))))
		return -1;
	return (now ^ address) & ~flags ? fail(EIO) : 0;
}

int pcidev_readdress(struct pcidev *dev)
{
	int err = 0;

	if (dev->info.is_vf || dev->info.header_type)
		return fail(ENOTSUP);
	if (!pcidev_alive(dev))
		return fail(EIO);
	note(&err, set_bits(dev, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0, 0));
	for (unsigned b = 0; b < PCIDEV_RESOURCES; b++)
		note(&err, readdress_bar(dev, b));
	return err ? fail(err) : 0;
}

int pcidev_quiesce(struct pcidev *dev)
{
	const uint32_t off = PCI_COMMAND_MASTER | PCI_COMMAND_INVALIDATE | PCI_COMMAND_INTX_DISABLE;
	unsigned msi, msix;
	int err = 0;

	if (dev->info.header_type) {
		note(&err, set_bits(dev, PCI_COMMAND, 2, PCI_COMMAND_INVALIDATE, 0, 0));
		return err ? fail(err) : 0;
	}
	msix = pcidev_find_cap(dev, PCI_CAP_ID_MSIX);
	if (msix)
		note(&err, set_bits(dev, msix + PCI_MSIX_FLAGS, 2,
				    PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 0, 0));
	msi = pcidev_find_cap(dev, PCI_CAP_ID_MSI);
	if (msi)
		note(&err, set_bits(dev, msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE, 0, 0));
	note(&err, pcidev_enable(dev, false));
	note(&err, set_bits(dev, PCI_COMMAND, 2, off, 0, 0));
	return err ? fail(err) : 0;
}
