/* SPDX-License-Identifier: MIT */
/*
 * BARs and the expansion ROM: the guest sees the address that the host has
 * assigned, sizes by a latch, and moves nothing, unless the device is one that
 * the host projects (info.bars_movable).
 */
#include "backend/config/table.h"

/* Bits of the flags that a register's low bits show. */
#define IO_FLAGS 0x3u
#define MEM_FLAGS 0xfu
#define ROM_LOW 0x7ffu

static bool present(const struct pcidev_info *info, unsigned number)
{
	const struct pcidev_resource *r = &info->resource[number];

	return r->size && (!r->disabled || info->bars_movable);
}

static bool is_64bit(const struct pcidev_info *info, unsigned number)
{
	const struct pcidev_resource *r = &info->resource[number];

	return present(info, number) && !(r->flags & PCI_BASE_ADDRESS_SPACE_IO) &&
	       (r->flags & PCI_BASE_ADDRESS_MEM_TYPE_64);
}

/* Whether register `number` is the upper half of the one before: pairs count from BAR 0. */
static bool is_upper(const struct pcidev_info *info, unsigned number)
{
	bool upper = false;
	unsigned i;

	for (i = 0; i < number; i++)
		upper = !upper && is_64bit(info, i);
	return upper;
}

static void set(struct field *f, uint32_t address, uint32_t size_mask, uint32_t flags,
		uint32_t ignored)
{
	f->value = (address & ~ignored) | flags;
	f->sizing = (size_mask & ~ignored) | flags;
	f->home = f->value;
	f->bits = size_mask & ~ignored;
	f->ignored = (uint8_t)(ignored == ROM_LOW ? 0 : ignored);
}

void bar_init(struct field *f, const struct pcidev_info *info, unsigned number)
{
	const struct pcidev_resource *r = &info->resource[number];
	uint64_t start = r->disabled ? 0 : r->start;

	f->ignored = MEM_FLAGS;
	if (number == PCIDEV_ROM) {
		if (present(info, number))
			set(f, (uint32_t)start, (uint32_t)-r->size,
			    r->flags & PCI_ROM_ADDRESS_ENABLE, ROM_LOW);
	} else if (is_upper(info, number)) {
		r = &info->resource[number - 1];
		start = r->disabled ? 0 : r->start;
		set(f, (uint32_t)(start >> 32), (uint32_t)(-r->size >> 32), 0, 0);
	} else if (present(info, number)) {
		bool io = r->flags & PCI_BASE_ADDRESS_SPACE_IO;

		set(f, (uint32_t)start, (uint32_t)-r->size, r->flags & (io ? IO_FLAGS : MEM_FLAGS),
		    io ? IO_FLAGS : MEM_FLAGS);
	}
}

int bar_restore(const struct config *cfg, const struct field *f)
{
	uint32_t hw;

	/* A VF's registers are hardwired to zero; so is what is not implemented. */
	if (cfg->dev->info.is_vf || !f->sizing)
		return 0;
	if (field_read(cfg, f, &hw))
		return -1;
	if (hw == f->value)
		return 0;
	return field_write(cfg, f, f->value) ? -1 : 1;
}

/* Whether v, every address bit one, asks for the size. */
static bool asks_size(const struct field *f, uint32_t v)
{
	if (f->row->write == WRITE_ROM)
		return (v & ~ROM_LOW) == ~ROM_LOW;
	return (v | f->ignored) == 0xffffffffu;
}

int bar_write(struct config *cfg, struct field *f, const struct access *a, uint32_t lanes,
	      uint32_t value)
{
	/* A partial write lands in what the guest sees, address or size mask. */
	uint32_t v = ((f->latch ? f->sizing : f->value) & ~lanes) | value;
	uint32_t moved = (v ^ f->value) & f->bits;
	uint32_t refused = 0;

	f->latch = asks_size(f, v);
	if (!f->latch && f->sizing) {
		if (f->row->write == WRITE_ROM)
			refused = (v ^ f->value) & PCI_ROM_ADDRESS_ENABLE;
		if (moved && cfg->dev->info.bars_movable)
			f->value ^= moved;
		else
			refused |= moved;
	}
	table_set_virt(cfg, f, f->latch ? f->sizing : f->value);
	if (refused)
		denial_count(cfg, f, a, refused);
	/* The address that the host assigned, or the guest's own: a reset may have lost it. */
	if (!f->latch && !(refused & f->bits) && bar_restore(cfg, f) < 0)
		return XEN_PCI_ERR_op_failed;
	return XEN_PCI_ERR_success;
}
