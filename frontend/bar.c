/* SPDX-License-Identifier: MIT */
/* BARs of a device behind the channel: sized, and watched for moves afterwards. */
#include <string.h>

#include <linux/pci_regs.h>

#include "frontend/bar_decode.h"
#include "frontend/config.h"
#include "frontend/front.h"

/* Reads what bars_update needs. The slot is taken. */
static int read_values(struct channel *ch, struct xenpcifront_address a,
		       struct bar_registers *regs)
{
	uint32_t v;

	if (config_read_taken(ch, a, PCI_HEADER_TYPE, 1, &v))
		return -1;
	regs->header_type = v & 0x7f;
	if (config_read_taken(ch, a, PCI_COMMAND, 2, &v))
		return -1;
	regs->command = (uint16_t)v;
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++) {
		unsigned offset = bar_offset(regs->header_type, i);

		if (offset && config_read_taken(ch, a, offset, 4, &regs->value[i]))
			return -1;
	}
	return 0;
}

/* All ones in, the mask out, the old value back. The slot is taken. */
static int read_mask(struct channel *ch, struct xenpcifront_address a, unsigned index,
		     struct bar_registers *regs)
{
	unsigned offset = bar_offset(regs->header_type, index);
	uint32_t back;

	if (!offset)
		return 0;
	if (config_write_taken(ch, a, offset, 4, bar_ones(index)) ||
	    config_read_taken(ch, a, offset, 4, &regs->mask[index]) ||
	    config_write_taken(ch, a, offset, 4, regs->value[index]) ||
	    config_read_taken(ch, a, offset, 4, &back))
		return -1;
	return back == regs->value[index] ? 0 : fail(EPROTO);
}

static int read_all(struct channel *ch, struct xenpcifront_address a, struct bar_registers *regs)
{
	int rc;

	if (channel_take(ch))
		return -1;
	rc = read_values(ch, a, regs);
	for (unsigned i = 0; !rc && i < XENPCIFRONT_BARS; i++)
		rc = read_mask(ch, a, i, regs);
	channel_give(ch);
	return rc;
}

int xenpcifront_bars(struct xenpcifront *fe, struct xenpcifront_address address,
		     struct xenpcifront_bar bars[XENPCIFRONT_BARS])
{
	struct bar_registers regs = { 0 };
	struct device *dev;
	int rc;

	/* fe->lock keeps a write of another thread from comparing with what is half known. */
	pthread_mutex_lock(&fe->lock);
	rc = read_all(&fe->channel, address, &regs);
	if (!rc) {
		bars_decode(&regs, bars);
		dev = device_find(fe, to_sbdf(address));
		if (dev) {
			memcpy(dev->bars, bars, sizeof(dev->bars));
			dev->bars_watched = true;
		}
	}
	pthread_mutex_unlock(&fe->lock);
	return rc;
}

static bool touches(unsigned offset, unsigned size, unsigned start, unsigned end)
{
	return offset < end && offset + size > start;
}

static bool may_move(unsigned offset, unsigned size)
{
	return touches(offset, size, PCI_COMMAND, PCI_STATUS) ||
	       touches(offset, size, PCI_BASE_ADDRESS_0, PCI_CARDBUS_CIS) ||
	       touches(offset, size, PCI_ROM_ADDRESS, PCI_ROM_ADDRESS + 4) ||
	       touches(offset, size, PCI_ROM_ADDRESS1, PCI_ROM_ADDRESS1 + 4);
}

/* Brings dev->bars up to date; the changes go into `changes`. Returns how many. */
static unsigned compare(struct xenpcifront *fe, struct device *dev,
			struct xenpcifront_bar_change changes[XENPCIFRONT_BARS])
{
	struct bar_registers regs = { 0 };
	struct xenpcifront_bar now[XENPCIFRONT_BARS];
	unsigned n = 0;
	int rc;

	if (channel_take(&fe->channel))
		return 0;
	rc = read_values(&fe->channel, dev->info.address, &regs);
	channel_give(&fe->channel);
	if (rc)
		return 0;
	memcpy(now, dev->bars, sizeof(now));
	bars_update(&regs, now);
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++)
		if (bar_moved(&dev->bars[i], &now[i]))
			changes[n++] = (struct xenpcifront_bar_change){
				dev->info.address, i, dev->bars[i], now[i]
			};
	memcpy(dev->bars, now, sizeof(now));
	return n;
}

void bars_after_write(struct xenpcifront *fe, struct xenpcifront_address a, unsigned offset,
		      unsigned size)
{
	struct xenpcifront_bar_change changes[XENPCIFRONT_BARS];
	struct device *dev;
	unsigned n = 0;

	if (!fe->handlers.bar_changed || !may_move(offset, size))
		return;
	pthread_mutex_lock(&fe->lock);
	dev = device_find(fe, to_sbdf(a));
	if (dev && dev->present && dev->bars_watched)
		n = compare(fe, dev, changes);
	pthread_mutex_unlock(&fe->lock);
	for (unsigned i = 0; i < n; i++)
		fe->handlers.bar_changed(fe->opaque, &changes[i]);
}
