/* SPDX-License-Identifier: MIT */
/*
 * The PM control/status register, and what a device that forgets its
 * configuration between D3hot and D0 has to be given back.
 */
#include "backend/config/table.h"
#include "common/util.h"

/* A function may take 10 ms from D3hot to D0 (PCI PM 1.2, 5.6.1); twice that, to be sure. */
#define SETTLE_NS 20000000u
#define SETTLE_TRIES 16 /* at least, before a device is given up that never holds what it gets */

enum { D0, D1, D2, D3HOT };

/* Whether the device goes from state to state: to D0 always, else deeper; D1, D2 if it has them. */
static bool may_enter(const struct config *cfg, const struct field *f, uint32_t from, uint32_t to)
{
	uint32_t pmc;

	if (to == from || to == D0)
		return true;
	if (to < from)
		return false;
	if (to == D3HOT)
		return true;
	if (pcidev_read(cfg->dev, f->offset - PCI_PM_CTRL + PCI_PM_PMC, 2, &pmc))
		return false;
	return pmc & (to == D1 ? PCI_PM_CAP_D1 : PCI_PM_CAP_D2);
}

/* Writes back what reads otherwise. true: all of it stood already. */
static bool restore(const struct config *cfg)
{
	const struct field *command = &cfg->fields[cfg->command];
	struct pcidev *dev = cfg->dev;
	bool stood = true;
	uint32_t hw;
	unsigned i;

	for (i = 1; i < cfg->nr_fields; i++) {
		const struct field *f = &cfg->fields[i];

		if (f->row->write == WRITE_BAR || f->row->write == WRITE_ROM)
			stood &= !bar_restore(cfg, f);
	}
	if (pcidev_read(dev, PCI_CACHE_LINE_SIZE, 1, &hw))
		return false;
	if (hw != cfg->restore_cache_line) {
		pcidev_write(dev, PCI_CACHE_LINE_SIZE, 1, cfg->restore_cache_line);
		stood = false;
	}
	/* Decoding last, when the addresses stand. */
	if (field_read(cfg, command, &hw))
		return false;
	if (hw != cfg->restore_command) {
		field_write(cfg, command, cfg->restore_command);
		stood = false;
	}
	return stood;
}

/*
 * Nobody sleeps for the device, other guests are waiting: it is restored at once,
 * and again before each access until it holds what it was given.
 */
void power_settle(struct config *cfg)
{
	bool over = !cfg->settle_tries && now_ns() >= cfg->settle_until;

	if (restore(cfg) || over)
		cfg->settle_until = 0;
	else if (cfg->settle_tries)
		cfg->settle_tries--;
}

int power_write(struct config *cfg, struct field *f, const struct access *a, uint32_t lanes,
		uint32_t value)
{
	const uint32_t once = PCI_PM_CTRL_PME_STATUS; /* a one clears it */
	uint32_t hw, v, next, refused, from, to, command, cache_line;
	bool forgets;

	if (field_read(cfg, f, &hw))
		return XEN_PCI_ERR_op_failed;
	v = (hw & ~lanes & ~once) | value;
	from = hw & PCI_PM_CTRL_STATE_MASK;
	to = v & PCI_PM_CTRL_STATE_MASK;
	refused = (v ^ hw) & ~f->bits & lanes;
	if (!may_enter(cfg, f, from, to)) {
		refused |= from ^ to;
		v = (v & ~(uint32_t)PCI_PM_CTRL_STATE_MASK) | from;
	}
	if (refused)
		denial_count(cfg, f, a, refused);

	forgets = from == D3HOT && (v & PCI_PM_CTRL_STATE_MASK) == D0 &&
		  !(hw & PCI_PM_CTRL_NO_SOFT_RESET);
	if (forgets && (field_read(cfg, &cfg->fields[cfg->command], &command) ||
			pcidev_read(cfg->dev, PCI_CACHE_LINE_SIZE, 1, &cache_line)))
		return XEN_PCI_ERR_op_failed;
	next = (hw & ~f->bits & ~(uint32_t)PCI_PM_CTRL_PME_ENABLE) | (v & f->bits);
	if ((((next ^ hw) & ~once) || (v & once)) && field_write(cfg, f, next))
		return XEN_PCI_ERR_op_failed;
	if (forgets) {
		cfg->restore_command = (uint16_t)command;
		cfg->restore_cache_line = (uint8_t)cache_line;
		cfg->settle_until = now_ns() + SETTLE_NS;
		cfg->settle_tries = SETTLE_TRIES;
		restore(cfg);
	}
	return refused & PCI_PM_CTRL_STATE_MASK ? XEN_PCI_ERR_access_denied : XEN_PCI_ERR_success;
}
