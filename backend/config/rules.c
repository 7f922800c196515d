/* SPDX-License-Identifier: MIT */
/* The write rules of single registers: what of a write reaches the device, and as what. */
#include "backend/config/table.h"

#define DECODE (uint32_t)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY)

/* What mwi_ready puts into an empty cache line size: 64 bytes, in dwords. */
#define CACHE_LINE_DWORDS 16u

static int set_cache_line(struct config *cfg, uint32_t value)
{
	cfg->restore_cache_line = (uint8_t)value;
	return pcidev_write(cfg->dev, PCI_CACHE_LINE_SIZE, 1, value);
}

/* Memory write and invalidate needs a cache line size; a device that takes none cannot. */
static bool mwi_ready(struct config *cfg)
{
	struct pcidev *dev = cfg->dev;
	uint32_t size;

	if (pcidev_read(dev, PCI_CACHE_LINE_SIZE, 1, &size))
		return false;
	if (size)
		return true;
	return !set_cache_line(cfg, CACHE_LINE_DWORDS) &&
	       !pcidev_read(dev, PCI_CACHE_LINE_SIZE, 1, &size) && size == CACHE_LINE_DWORDS;
}

/*
 * The guest's decode bits are wishes: the first enables the device, none disables
 * it, and the hardware's own bits stay with the OS, so that no guest can make a
 * memory access fail (XSA-120).
 */
static int follow_decode(struct config *cfg, uint32_t v)
{
	bool on = v & DECODE;

	if (on == cfg->enabled)
		return 0;
	/* A device that cannot be disabled just stays enabled. */
	if (pcidev_enable(cfg->dev, on) && on)
		return -1;
	cfg->enabled = on;
	return 0;
}

static int write_command(struct config *cfg, struct field *f, const struct access *a,
			 uint32_t lanes, uint32_t value)
{
	uint32_t from_hw = f->row->hw;
	uint32_t hw, v, next, refused = 0;

	if (field_read(cfg, f, &hw))
		return XEN_PCI_ERR_op_failed;
	v = (((hw & from_hw) | (f->value & ~from_hw)) & ~lanes) | value;
	/* Enabling and disabling change the register behind our back. */
	if (follow_decode(cfg, v) || field_read(cfg, f, &hw))
		return XEN_PCI_ERR_op_failed;
	if ((v & ~hw & PCI_COMMAND_INVALIDATE) && !mwi_ready(cfg)) {
		v &= ~(uint32_t)PCI_COMMAND_INVALIDATE;
		refused = PCI_COMMAND_INVALIDATE;
	}
	next = (hw & ~f->bits) | (v & f->bits);
	if (cfg->interrupt_control && ((v ^ f->value) & PCI_COMMAND_INTX_DISABLE))
		next = (next & ~(uint32_t)PCI_COMMAND_INTX_DISABLE) |
		       (v & PCI_COMMAND_INTX_DISABLE);
	if (cfg->permissive)
		next = (next & ~from_hw) | (v & from_hw);
	refused |= (v ^ next) & from_hw & lanes;
	if (next != hw && field_write(cfg, f, next))
		return XEN_PCI_ERR_op_failed;
	f->value = v;
	/* What decodes goes on decoding, should the device still be about to forget. */
	cfg->restore_command = (uint16_t)(next | (cfg->restore_command & ~from_hw));
	table_set_virt(cfg, f, v);
	if (refused)
		denial_count(cfg, f, a, refused);
	return XEN_PCI_ERR_success;
}

/* Only the start bit, alone or on what stands there already. */
static int write_bist(struct config *cfg, struct field *f, const struct access *a, uint32_t v)
{
	uint32_t hw;

	if (field_read(cfg, f, &hw))
		return XEN_PCI_ERR_op_failed;
	if (v != f->bits && ((v ^ hw) & ~f->bits)) {
		denial_count(cfg, f, a, v ^ hw);
		return XEN_PCI_ERR_success;
	}
	return field_write(cfg, f, v) ? XEN_PCI_ERR_op_failed : XEN_PCI_ERR_success;
}

/* An address with bit 15 clear asks for data; with bit 15 set it writes to the device's memory. */
static int write_vpd(struct config *cfg, struct field *f, const struct access *a, uint32_t lanes,
		     uint32_t value)
{
	uint32_t hw;

	if (value & ~f->bits) {
		denial_count(cfg, f, a, value & ~f->bits);
		return XEN_PCI_ERR_access_denied;
	}
	if (field_read(cfg, f, &hw))
		return XEN_PCI_ERR_op_failed;
	if (field_write(cfg, f, (hw & f->bits & ~lanes) | value))
		return XEN_PCI_ERR_op_failed;
	return XEN_PCI_ERR_success;
}

/* Whether the other of MSI and MSI-X is on: a device signals one way at a time. */
static bool other_msi_on(const struct config *cfg, const struct field *f)
{
	unsigned other = f == &cfg->fields[cfg->msi] ? cfg->msix : cfg->msi;
	const struct field *control = &cfg->fields[other];
	uint32_t hw;

	if (!other)
		return false;
	return field_read(cfg, control, &hw) || (hw & control->row->enable);
}

/*
 * MSI and MSI-X control. A device model may enable and mask, and where part of a
 * write is refused the rest is done: Linux enables MSI-X masked, fills the
 * table, disables INTx, unmasks.
 */
static int write_control(struct config *cfg, struct field *f, const struct access *a,
			 uint32_t lanes, uint32_t value)
{
	uint32_t may = cfg->interrupt_control ? f->bits : 0;
	uint32_t hw, v, refused;

	if (field_read(cfg, f, &hw))
		return XEN_PCI_ERR_op_failed;
	v = (hw & ~lanes) | value;
	if (cfg->permissive)
		return field_write(cfg, f, v) ? XEN_PCI_ERR_op_failed : XEN_PCI_ERR_success;
	if ((v & may & f->row->enable) && other_msi_on(cfg, f))
		may &= ~f->row->enable;
	refused = (v ^ hw) & ~may;
	if (refused)
		denial_count(cfg, f, a, refused);
	v = (hw & ~may) | (v & may);
	if (v != hw && field_write(cfg, f, v))
		return XEN_PCI_ERR_op_failed;
	/* Hardwired bits would be ignored by any device; with control given they are no error. */
	if (cfg->interrupt_control)
		refused &= ~f->row->hardwired;
	return refused ? XEN_PCI_ERR_access_denied : XEN_PCI_ERR_success;
}

/* A window that the operator opened: the mask's bits, in the window's own width. */
static int write_quirk(struct config *cfg, struct field *f, const struct access *a, uint32_t lanes,
		       uint32_t value)
{
	uint32_t hw, refused;

	if (field_read(cfg, f, &hw))
		return XEN_PCI_ERR_op_failed;
	refused = (value ^ hw) & lanes & ~f->bits;
	if (refused)
		denial_count(cfg, f, a, refused);
	lanes &= f->bits;
	if (lanes && field_write(cfg, f, (hw & ~lanes) | (value & lanes)))
		return XEN_PCI_ERR_op_failed;
	return XEN_PCI_ERR_success;
}

int rule_write(struct config *cfg, struct field *f, const struct access *a, uint32_t lanes,
	       uint32_t value)
{
	switch ((enum write_rule)f->row->write) {
	case WRITE_COMMAND:
		return write_command(cfg, f, a, lanes, value);
	case WRITE_BAR:
	case WRITE_ROM:
		return bar_write(cfg, f, a, lanes, value);
	case WRITE_BIST:
		return write_bist(cfg, f, a, value);
	case WRITE_POWER:
		return power_write(cfg, f, a, lanes, value);
	case WRITE_VPD:
		return write_vpd(cfg, f, a, lanes, value);
	case WRITE_CONTROL:
		return write_control(cfg, f, a, lanes, value);
	case WRITE_CACHE_LINE: /* one byte: there is no part of it */
		return set_cache_line(cfg, value) ? XEN_PCI_ERR_op_failed : XEN_PCI_ERR_success;
	case WRITE_QUIRK:
		return write_quirk(cfg, f, a, lanes, value);
	case WRITE_NEVER:
	case WRITE_OPEN:
		break;
	}
	return XEN_PCI_ERR_success;
}
