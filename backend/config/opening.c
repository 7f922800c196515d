/* SPDX-License-Identifier: MIT */
/* Which bits of the device the rules can change, for the gate that watches over them. */
#include <string.h>

#include "backend/config/table.h"

/* A register's bits, in its own coordinates. */
struct bits {
	uint32_t open, fixed, value;
	bool command, whole;
};

static struct bits of_field(const struct config *cfg, const struct field *f)
{
	const uint32_t all = lanes_mask(f->width);
	struct bits b = { 0 };

	switch ((enum write_rule)f->row->write) {
	case WRITE_COMMAND:
		b.open = f->bits | (cfg->interrupt_control ? PCI_COMMAND_INTX_DISABLE : 0) |
			 (cfg->permissive ? f->row->hw : 0);
		b.command = true;
		break;
	case WRITE_BAR:
	case WRITE_ROM:
		/* What a reset has lost is written back. */
		b.open = cfg->dev->info.bars_movable ? f->bits : 0;
		b.fixed = all & ~b.open;
		b.value = f->home;
		b.whole = !b.open;
		break;
	case WRITE_BIST:
		b.open = f->bits ? all : 0;
		break;
	case WRITE_POWER:
		b.open = f->bits | PCI_PM_CTRL_PME_STATUS;
		b.fixed = PCI_PM_CTRL_PME_ENABLE & ~b.open;
		break;
	case WRITE_VPD:
		b.open = f->bits;
		b.fixed = all & ~f->bits;
		break;
	case WRITE_CONTROL:
		b.open = cfg->permissive ? all : cfg->interrupt_control ? f->bits : 0;
		break;
	case WRITE_CACHE_LINE:
		b.open = all;
		break;
	case WRITE_QUIRK:
		b.open = cfg->permissive ? all : f->bits;
		break;
	case WRITE_OPEN:
		b.open = cfg->permissive ? all : 0;
		break;
	case WRITE_NEVER:
		break;
	}
	return b;
}

void config_opening(const struct config *cfg, unsigned offset, struct config_opening *out)
{
	unsigned index = table_index(cfg, offset), shift;
	const struct field *f = &cfg->fields[index];
	struct bits b;

	memset(out, 0, sizeof(*out));
	if (!index) {
		out->open = cfg->permissive ? 0xff : 0;
		return;
	}
	shift = 8 * (offset - f->offset);
	b = of_field(cfg, f);
	out->open = (uint8_t)(b.open >> shift);
	out->fixed = (uint8_t)(b.fixed >> shift);
	out->value = (uint8_t)(b.value >> shift);
	out->clears = (uint8_t)(f->row->w1c >> shift);
	out->command = b.command;
	out->whole = b.whole;
}
