/* SPDX-License-Identifier: MIT */
/*
 * Constants answered from the table: what the specification calls read-only or set once
 * by firmware, of the registers that the table knows. Everything volatile, everything unlisted and
 * everything that a guest can write goes to the device. A device that has gone (all ones)
 * keeps its constants here, as it keeps its ids, which the kernel's backend answers alike:
 * its volatile registers tell.
 */
#include "backend/config/table.h"

#define CLASS_IDE 0x0101 /* its interface byte can be written */

static uint32_t fixed_bits(const struct config *cfg, const struct field *f)
{
	uint32_t fixed = f->row->fixed & f->row->hw & lanes_mask(f->width);

	if (f->offset == PCI_CLASS_REVISION && cfg->dev->info.class_code >> 8 == CLASS_IDE)
		fixed &= ~0xff00u;
	return fixed;
}

static void set_fixed(struct config *cfg, const struct field *f, uint32_t fixed, uint32_t value,
		      bool on)
{
	unsigned shift = 8 * (f->offset % 4), i = f->offset / 4;

	cfg->virt[i] &= ~(fixed << shift);
	if (!on) {
		cfg->pass[i] |= fixed << shift;
		return;
	}
	cfg->pass[i] &= ~(fixed << shift);
	cfg->virt[i] |= (value & fixed) << shift;
}

/* A device that does not answer reads as ones, and no class is that. */
static bool answers(const struct config *cfg)
{
	uint32_t class;

	return !pcidev_read(cfg->dev, PCI_CLASS_REVISION, 4, &class) && class != UINT32_MAX;
}

void shadow_take(struct config *cfg)
{
	bool on;

	if (!cfg->shadow)
		return;
	on = answers(cfg);
	for (unsigned i = 1; i < cfg->nr_fields; i++) {
		const struct field *f = &cfg->fields[i];
		uint32_t fixed = fixed_bits(cfg, f), value;
		bool known;

		if (!fixed)
			continue;
		known = on && !field_read(cfg, f, &value);
		set_fixed(cfg, f, fixed, known ? value : 0, known);
	}
}
