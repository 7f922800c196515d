/* SPDX-License-Identifier: MIT */
#include "backend/gate/put_back.h"

#include <linux/pci_regs.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "host/device/slow.h"

enum {
	RESET_MS = 100, /* PCI Express base specification 6.6.2; more than D3hot to D0 takes (PCI PM 5.6.1) */
	D3HOT = 3,
};

static void __attribute__((format(printf, 3, 4))) say(struct interrupts *irq, unsigned level,
							 const char *fmt, ...)
{
	char text[sizeof(((struct message_say *)0)->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	irq->vectors.say(irq->vectors.context, level, text);
}

int put_back_vectors(struct interrupts *irq, const char *what)
{
	char name[SBDF_TEXT];

	if (irq->mode == VECTORS_NONE)
		return 0;
	if (!irq->vectors.restore(irq->vectors.context) && !interrupt_turn_on(irq))
		return 0;
	say(irq, XTL_WARN, "%s: its %s did not survive the %s: %s", sbdf_format(irq->dev->info.sbdf, name),
	    irq->mode == VECTORS_MSIX ? "MSI-X" : "MSI", what, strerror(errno));
	return -1;
}

bool put_back_config(struct interrupts *irq, const struct pcidev_saved *saved)
{
	char name[SBDF_TEXT];
	int rc;

	if (!pcidev_lost_config(irq->dev, saved))
		return false;
	rc = pcidev_restore(irq->dev, saved);
	say(irq, rc ? XTL_WARN : XTL_INFO, "%s: was reset by others: its configuration is %s%s",
	    sbdf_format(irq->dev->info.sbdf, name), rc ? "not restored: " : "restored",
	    rc ? strerror(errno) : "");
	return true;
}

bool put_back(struct interrupts *irq, const struct pcidev_saved *saved)
{
	bool was = put_back_config(irq, saved);

	if (was)
		put_back_vectors(irq, "reset");
	return was;
}

int put_back_behind_sleep(struct interrupts *irq, const struct pcidev_saved *saved, bool *changed)
{
	char name[SBDF_TEXT];

	if (!pcidev_is_itself(irq->dev)) {
		say(irq, XTL_ERROR, "%s: does not answer as itself behind the host's sleep: it is left alone; "
		    "detach it, and attach it again when it is back", sbdf_format(irq->dev->info.sbdf, name));
		return fail(ENODEV);
	}
	*changed |= put_back_config(irq, saved);
	return put_back_vectors(irq, "host's sleep");
}

/* The byte at `at` as w leaves it. false: w does not touch it. */
static bool writes_byte(const struct message_write *w, unsigned at, uint8_t *value)
{
	if (at < w->offset || at >= w->offset + w->size)
		return false;
	*value = (uint8_t)(w->value >> 8 * (at - w->offset));
	return true;
}

/* The bit means something else in a bridge. */
static bool begins_flr(struct pcidev *dev, const struct message_write *w)
{
	unsigned exp = pcidev_find_cap(dev, PCI_CAP_ID_EXP), af = pcidev_find_cap(dev, PCI_CAP_ID_AF);
	uint32_t can;
	uint8_t v;

	if (exp && writes_byte(w, exp + PCI_EXP_DEVCTL + 1, &v) && v & PCI_EXP_DEVCTL_BCR_FLR >> 8)
		return !pcidev_read(dev, exp + PCI_EXP_DEVCAP, 4, &can) && can & PCI_EXP_DEVCAP_FLR;
	if (af && writes_byte(w, af + PCI_AF_CTRL, &v) && v & PCI_AF_CTRL_FLR)
		return !pcidev_read(dev, af + PCI_AF_CAP, 1, &can) && can & PCI_AF_CAP_FLR;
	return false;
}

static bool leaves_d3hot(struct pcidev *dev, const struct message_write *w)
{
	unsigned pm = pcidev_find_cap(dev, PCI_CAP_ID_PM);
	uint32_t now;
	uint8_t v;

	return pm && writes_byte(w, pm + PCI_PM_CTRL, &v) && !(v & PCI_PM_CTRL_STATE_MASK) &&
	       !pcidev_read(dev, pm + PCI_PM_CTRL, 2, &now) &&
	       (now & PCI_PM_CTRL_STATE_MASK) == D3HOT && !(now & PCI_PM_CTRL_NO_SOFT_RESET);
}

bool put_back_is_reset(struct interrupts *irq, const struct message_write *w)
{
	if (irq->dev->info.header_type)
		return false;
	/* Without vectors the filter gives back what such a device forgets, and nobody waits. */
	return begins_flr(irq->dev, w) || (irq->mode != VECTORS_NONE && leaves_d3hot(irq->dev, w));
}

/* Waits until it reads as itself. 0, or -1 with errno ENODEV, logged. */
static int wait_for(struct interrupts *irq)
{
	char name[SBDF_TEXT];

	/* An image is reset at once. */
	if (!irq->dev->info.bars_movable)
		slow_sleep(RESET_MS * 1000000ull);
	if (!pcidev_wait_itself(irq->dev, PUT_BACK_PATIENCE_MS))
		return 0;
	say(irq, XTL_ERROR, "%s: does not come back from its guest's reset: it is left alone; detach "
	    "it, and attach it again when it is back", sbdf_format(irq->dev->info.sbdf, name));
	return fail(ENODEV);
}

int put_back_behind_reset(struct interrupts *irq, const struct pcidev_saved *saved)
{
	char name[SBDF_TEXT];

	if (wait_for(irq))
		return -1;
	sbdf_format(irq->dev->info.sbdf, name);
	if (pcidev_restore(irq->dev, saved)) {
		say(irq, XTL_WARN, "%s: was reset by its guest: its configuration is not restored: %s", name,
		    strerror(errno));
		return -1;
	}
	if (put_back_vectors(irq, "guest's reset"))
		return -1;
	say(irq, XTL_INFO, "%s: was reset by its guest: its configuration %s put back", name,
	    irq->mode == VECTORS_NONE ? "is" : "and its vectors are");
	return 0;
}
