/* SPDX-License-Identifier: MIT */
/* BARs of a device behind the channel: sized, and watched for moves afterwards. */
#include <string.h>

#include <linux/pci_regs.h>

#include "frontend/access.h"
#include "frontend/bar_decode.h"
#include "frontend/front.h"

/* Reads what bars_update needs. The slot is locked. */
static int read_values(const struct call *call, struct bar_registers *regs)
{
	struct xenpcifront_address a = call->address;
	struct channel *ch = call->ch;
	uint32_t v;

	if (access_read_locked(ch, a, PCI_HEADER_TYPE, 1, &v))
		return -1;
	regs->header_type = v & 0x7f;
	if (access_read_locked(ch, a, PCI_COMMAND, 2, &v))
		return -1;
	regs->command = (uint16_t)v;
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++) {
		unsigned offset = bar_offset(regs->header_type, i);

		if (offset && access_read_locked(ch, a, offset, 4, &regs->value[i]))
			return -1;
	}
	return 0;
}

/* All ones in, the mask out, the old value back. The slot is locked. */
static int read_mask(const struct call *call, unsigned index, struct bar_registers *regs)
{
	unsigned offset = bar_offset(regs->header_type, index);
	struct xenpcifront_address a = call->address;
	struct channel *ch = call->ch;
	uint32_t back;
	int rc, err;

	if (!offset)
		return 0;
	rc = access_write_locked(ch, a, offset, 4, bar_ones(index));
	if (!rc)
		rc = access_read_locked(ch, a, offset, 4, &regs->mask[index]);
	err = errno;
	/* After a failure, too: the ones may stand there, or be written late. */
	if (access_restore_locked(ch, a, offset, 4, regs->value[index]) && !rc)
		return -1;
	if (rc)
		return fail(err);
	if (access_read_locked(ch, a, offset, 4, &back))
		return -1;
	return back == regs->value[index] ? 0 : fail(EPROTO);
}

static int read_all(const struct call *call, struct bar_registers *regs)
{
	int rc;

	if (channel_lock(call->ch, call->limit))
		return -1;
	rc = read_values(call, regs);
	for (unsigned i = 0; !rc && i < XENPCIFRONT_BARS; i++)
		rc = read_mask(call, i, regs);
	channel_unlock(call->ch);
	return rc;
}

/* The BARs as they were seen last; false where the device is not there or is not watched. */
static bool recall(struct xenpcifront *fe, struct xenpcifront_address a,
		   struct xenpcifront_bar bars[XENPCIFRONT_BARS])
{
	struct device *dev;
	bool watched;

	pthread_mutex_lock(&fe->lock);
	dev = device_find(fe, to_sbdf(a));
	watched = dev && dev->present && dev->bars_watched;
	if (watched)
		memcpy(bars, dev->bars, sizeof(dev->bars));
	pthread_mutex_unlock(&fe->lock);
	return watched;
}

static void remember(struct xenpcifront *fe, struct xenpcifront_address a,
		     const struct xenpcifront_bar bars[XENPCIFRONT_BARS])
{
	struct device *dev;

	pthread_mutex_lock(&fe->lock);
	dev = device_find(fe, to_sbdf(a));
	if (dev && dev->present) {
		memcpy(dev->bars, bars, sizeof(dev->bars));
		dev->bars_watched = true;
	}
	pthread_mutex_unlock(&fe->lock);
}

int xenpcifront_bars(struct xenpcifront *fe, struct xenpcifront_address address,
		     struct xenpcifront_bar bars[XENPCIFRONT_BARS])
{
	struct call call = call_begin(&fe->channel, address);
	struct bar_registers regs = { 0 };
	int rc;

	/* A write of another thread must not compare with what is half known. */
	if (lock_until(&fe->sizing, call.limit))
		return -1;
	rc = read_all(&call, &regs);
	if (!rc) {
		bars_decode(&regs, bars);
		remember(fe, address, bars);
	}
	pthread_mutex_unlock(&fe->sizing);
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

/*
 * Looks where the watched BARs are now; what differs goes into `changes`. Returns how many. What
 * there is no time for is seen after the next write.
 */
static unsigned compare(struct xenpcifront *fe, const struct call *call,
			struct xenpcifront_bar_change changes[XENPCIFRONT_BARS])
{
	struct xenpcifront_bar old[XENPCIFRONT_BARS], now[XENPCIFRONT_BARS];
	struct bar_registers regs = { 0 };
	unsigned n = 0;
	int rc;

	if (!recall(fe, call->address, old) || channel_lock(call->ch, call->limit))
		return 0;
	rc = read_values(call, &regs);
	channel_unlock(call->ch);
	if (rc)
		return 0;
	memcpy(now, old, sizeof(now));
	bars_update(&regs, now);
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++)
		if (bar_moved(&old[i], &now[i]))
			changes[n++] = (struct xenpcifront_bar_change){
				.address = call->address, .index = i, .old = old[i], .now = now[i],
			};
	remember(fe, call->address, now);
	return n;
}

int bars_write(struct xenpcifront *fe, const struct call *call, unsigned offset, unsigned size,
	       uint32_t value, struct xenpcifront_answer *answer)
{
	struct xenpcifront_bar_change changes[XENPCIFRONT_BARS];
	struct call whole = *call;
	unsigned n = 0;

	if (!fe->handlers.bar_changed || !may_move(offset, size))
		return access_write(call, offset, size, value, answer);
	if (whole.limit == NO_LIMIT)
		whole.limit = now_ns() + (uint64_t)call->ch->timeout_ms * NS_PER_MS;
	if (access_write(&whole, offset, size, value, answer))
		return -1;
	if (!lock_until(&fe->sizing, whole.limit)) {
		n = compare(fe, &whole, changes);
		pthread_mutex_unlock(&fe->sizing);
	}
	for (unsigned i = 0; i < n; i++)
		fe->handlers.bar_changed(fe->opaque, &changes[i]);
	return 0;
}
