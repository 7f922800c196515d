/* SPDX-License-Identifier: MIT */
/* What outlives the process: shadow, latches, moved BARs. */
#include <string.h>

#include "backend/config/table.h"
#include "common/util.h"

/* The resource that f is the register of; -1: no BAR, no ROM. */
static int resource_of(const struct field *f)
{
	if (f->row->write == WRITE_ROM)
		return PCIDEV_ROM;
	if (f->row->write == WRITE_BAR)
		return (f->offset - PCI_BASE_ADDRESS_0) / 4;
	return -1;
}

void config_save_state(const struct config *cfg, struct config_state *out)
{
	const struct field *command = &cfg->fields[cfg->command];
	unsigned i;

	memset(out, 0, sizeof(*out));
	out->command = (uint16_t)command->value;
	out->command_home = (uint16_t)command->home;
	out->enabled = cfg->enabled;
	for (i = 1; i < cfg->nr_fields; i++) {
		const struct field *f = &cfg->fields[i];
		int r = resource_of(f);

		if (r < 0)
			continue;
		out->bar[r] = f->value;
		if (f->latch)
			out->latches |= (uint8_t)(1u << r);
	}
}

static int load_bar(struct config *cfg, struct field *f, uint32_t value, bool latch)
{
	/* Only a movable BAR may stand elsewhere than the host says. */
	if ((value ^ f->home) & (cfg->dev->info.bars_movable ? ~f->bits : 0xffffffffu))
		return fail(EINVAL);
	f->value = value;
	f->latch = latch;
	table_set_virt(cfg, f, latch ? f->sizing : f->value);
	return cfg->dev->info.bars_movable && bar_restore(cfg, f) < 0 ? -1 : 0;
}

int config_load_state(struct config *cfg, const struct config_state *state)
{
	struct field *command = &cfg->fields[cfg->command];
	unsigned i;

	for (i = 1; i < cfg->nr_fields; i++) {
		struct field *f = &cfg->fields[i];
		int r = resource_of(f);

		if (r >= 0 && load_bar(cfg, f, state->bar[r], state->latches >> r & 1))
			return -1;
	}
	command->value = state->command;
	command->home = state->command_home;
	table_set_virt(cfg, command, command->value);
	cfg->enabled = state->enabled;
	return 0;
}
