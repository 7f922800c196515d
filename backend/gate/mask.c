/* SPDX-License-Identifier: MIT */
#include "backend/gate/mask.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"

int mask_init(struct mask *m, struct pcidev *dev, const struct config_policy *policy)
{
	struct config *cfg = config_open(dev, policy);
	uint32_t command;

	memset(m, 0, sizeof(*m));
	if (!cfg)
		return -1;
	m->size = dev->info.config_size;
	m->byte = calloc(m->size, sizeof(*m->byte));
	for (unsigned i = 0; m->byte && i < m->size; i++)
		config_opening(cfg, i, &m->byte[i]);
	config_close(cfg);
	if (!m->byte)
		return -1;
	/* Nobody has used it yet: what it has is what it gets back. */
	if (!pcidev_read(dev, PCI_COMMAND, 2, &command) && command != UINT16_MAX)
		m->command = (uint16_t)command;
	return 0;
}

void mask_dispose(struct mask *m)
{
	free_keep(m->byte);
	memset(m, 0, sizeof(*m));
}

void mask_note_command(struct mask *m, struct pcidev *dev)
{
	uint32_t command;

	/* One that has just been reset is in no use, and is to get back what it had. */
	if (!pcidev_read(dev, PCI_COMMAND, 2, &command) && command != UINT16_MAX &&
	    (command & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY)))
		m->command = (uint16_t)command;
}

void mask_note_intx(struct mask *m, bool before, bool now)
{
	if (before == now)
		return;
	m->command &= (uint16_t)~PCI_COMMAND_INTX_DISABLE;
	m->command |= now ? PCI_COMMAND_INTX_DISABLE : 0;
}

static bool byte_allowed(const struct mask *m, uint32_t offset, uint8_t old, uint8_t new)
{
	const struct config_opening *b = &m->byte[offset];
	uint8_t changed = old ^ new, fixed = b->fixed, value = b->value;

	if (b->command) {
		fixed = (uint8_t)~b->open;
		value = (uint8_t)(m->command >> 8 * (offset - PCI_COMMAND));
	}
	/* A one to a bit that it clears is a change of it. */
	changed |= old & new & b->clears;
	changed &= (uint8_t)~b->open;
	return !(changed & (uint8_t)~(fixed & (uint8_t)~(new ^ value)));
}

bool mask_allows(const struct mask *m, uint32_t offset, uint32_t size, uint32_t old, uint32_t new)
{
	bool partial = false, changes = false;

	if ((size != 1 && size != 2 && size != 4) || offset & (size - 1) || offset >= m->size)
		return false;
	for (uint32_t i = 0; i < size; i++) {
		const struct config_opening *b = &m->byte[offset + i];
		uint8_t was = (uint8_t)(old >> 8 * i), will = (uint8_t)(new >> 8 * i);

		if (!byte_allowed(m, offset + i, was, will))
			return false;
		partial |= b->whole && (size != 4 || will != b->value);
		changes |= was != will;
	}
	return !partial || !changes;
}
