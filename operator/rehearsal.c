/* SPDX-License-Identifier: MIT */
#include "operator/rehearsal.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"

static struct rehearsal *of(struct pcidev *dev)
{
	return (struct rehearsal *)dev; /* its first member */
}

static void note(struct rehearsal *r, struct rehearsal_step step)
{
	if (r->nr < REHEARSAL_STEPS_MAX)
		r->step[r->nr] = step;
	r->nr++;
}

static int rehearse_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	struct rehearsal *r = of(dev);
	bool all = true;

	for (unsigned i = 0; i < size; i++)
		all &= r->covered[offset + i];
	*value = 0;
	if (!all && pcidev_read(r->real, offset, size, value))
		return -1;
	for (unsigned i = 0; i < size; i++) {
		if (r->covered[offset + i])
			*value = (*value & ~(0xffu << (8 * i))) |
				 (uint32_t)r->value[offset + i] << (8 * i);
	}
	return 0;
}

static void cover(struct rehearsal *r, unsigned offset, unsigned size, uint32_t value)
{
	for (unsigned i = 0; i < size; i++) {
		r->value[offset + i] = (uint8_t)(value >> (8 * i));
		r->covered[offset + i] = true;
	}
}

static int rehearse_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct rehearsal *r = of(dev);

	cover(r, offset, size, value);
	note(r, (struct rehearsal_step){ .kind = REHEARSAL_WRITE, .offset = (uint16_t)offset,
					 .size = (uint8_t)size, .value = value });
	return 0;
}

/* As the kernel does: enabling decodes what there is, disabling ends mastering. */
static int rehearse_enable(struct pcidev *dev, bool on)
{
	struct rehearsal *r = of(dev);
	uint32_t command;

	if (rehearse_read(dev, PCI_COMMAND, 2, &command))
		return -1;
	for (unsigned i = 0; i < PCIDEV_RESOURCES && on; i++) {
		const struct pcidev_resource *res = &dev->info.resource[i];

		if (res->size && !res->disabled && i != PCIDEV_ROM)
			command |= res->flags & PCI_BASE_ADDRESS_SPACE_IO ? PCI_COMMAND_IO :
									     PCI_COMMAND_MEMORY;
	}
	if (!on)
		command &= ~(uint32_t)PCI_COMMAND_MASTER;
	cover(r, PCI_COMMAND, 2, command);
	note(r, (struct rehearsal_step){ .kind = on ? REHEARSAL_ENABLE : REHEARSAL_DISABLE });
	return 0;
}

static int no_reset(struct pcidev *dev)
{
	(void)dev;
	return fail(ENOTTY);
}

static int no_share(struct pcidev *dev, struct pcidev_reader *out)
{
	(void)dev;
	(void)out;
	return fail(EACCES);
}

static void no_close(struct pcidev *dev)
{
	(void)dev;
}

static const struct pcidev_ops ops = {
	.read = rehearse_read,
	.write = rehearse_write,
	.reset = no_reset,
	.enable = rehearse_enable,
	.share = no_share,
	.close = no_close,
};

void rehearsal_init(struct rehearsal *r, struct pcidev *real)
{
	memset(r, 0, sizeof(*r));
	r->real = real;
	r->dev.info = real->info;
	/* A captured machine stands for the one that it was captured on, where nobody moves what the host placed. */
	r->dev.info.bars_movable = false;
	r->dev.ops = &ops;
}

void rehearsal_mark(struct rehearsal *r)
{
	r->nr = 0;
}
