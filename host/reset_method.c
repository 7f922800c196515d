/* SPDX-License-Identifier: MIT */
#include "host/reset_method.h"

#include <linux/pci_regs.h>

#include "host/device/slow.h"
#include "common/util.h"

/* Milliseconds. PCI Express base specification 6.6.1, 6.6.2; PCI PM 5.4.1. */
enum {
	PENDING_FIRST = 50, /* doubled each time; 350 in all */
	PENDING_TRIES = 3,
	FLR_DONE = 100,
	D3HOT_DELAY = 10,
	BUS_RESET_HELD = 2,
	BUS_RESET_DONE = 100,
	COME_BACK_LOOK = 1000, /* the longest between two looks */
};

static void sleep_really(void *context, unsigned ms)
{
	(void)context;
	slow_sleep(ms * 1000000ull);
}

const struct reset_wait reset_wait_default = {
	.sleep = sleep_really,
	.patience_ms = RESET_PATIENCE_MS,
};

/* Waits, and counts what was waited into *waited. */
static void sleep_counted(const struct reset_wait *wait, unsigned ms, unsigned *waited)
{
	wait->sleep(wait->context, ms);
	*waited += ms;
}

/* Waits until `bit` of a size-byte register clears; whether it was still set in the end. */
static bool still_set(struct pcidev *dev, unsigned offset, unsigned size, uint32_t bit,
		      const struct reset_wait *wait, unsigned *waited)
{
	unsigned ms = PENDING_FIRST;
	uint32_t v;

	for (int tries = 0;; tries++, ms *= 2) {
		if (pcidev_read(dev, offset, size, &v) || !(v & bit))
			return false;
		if (tries == PENDING_TRIES)
			return true;
		sleep_counted(wait, ms, waited);
	}
}

int reset_by_flr(struct pcidev *dev, const struct reset_wait *wait, unsigned *waited,
		 bool *pending)
{
	unsigned exp = pcidev_find_cap(dev, PCI_CAP_ID_EXP);
	uint32_t v;

	if (!exp || pcidev_read(dev, exp + PCI_EXP_DEVCAP, 4, &v) || !(v & PCI_EXP_DEVCAP_FLR))
		return fail(ENOTTY);
	*pending = still_set(dev, exp + PCI_EXP_DEVSTA, 2, PCI_EXP_DEVSTA_TRPND, wait, waited);
	if (pcidev_read(dev, exp + PCI_EXP_DEVCTL, 2, &v) ||
	    pcidev_write(dev, exp + PCI_EXP_DEVCTL, 2, v | PCI_EXP_DEVCTL_BCR_FLR))
		return -1;
	sleep_counted(wait, FLR_DONE, waited);
	return 0;
}

int reset_by_af_flr(struct pcidev *dev, const struct reset_wait *wait, unsigned *waited,
		    bool *pending)
{
	const uint32_t both = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
	unsigned af = pcidev_find_cap(dev, PCI_CAP_ID_AF);
	uint32_t v;

	if (!af || pcidev_read(dev, af + PCI_AF_CAP, 1, &v) || (v & both) != both)
		return fail(ENOTTY);
	*pending = still_set(dev, af + PCI_AF_STATUS, 1, PCI_AF_STATUS_TP, wait, waited);
	if (pcidev_write(dev, af + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR))
		return -1;
	sleep_counted(wait, FLR_DONE, waited);
	return 0;
}

int reset_by_pm(struct pcidev *dev, const struct reset_wait *wait, unsigned *waited)
{
	unsigned pm = pcidev_find_cap(dev, PCI_CAP_ID_PM);
	const uint32_t d3hot = 3;
	uint32_t v;

	if (!pm || pcidev_read(dev, pm + PCI_PM_CTRL, 2, &v) || v & PCI_PM_CTRL_NO_SOFT_RESET)
		return fail(ENOTTY);
	/* PME status clears when a one is written. */
	v &= ~(uint32_t)(PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_STATUS);
	if (pcidev_write(dev, pm + PCI_PM_CTRL, 2, v | d3hot))
		return -1;
	sleep_counted(wait, D3HOT_DELAY, waited);
	if (pcidev_write(dev, pm + PCI_PM_CTRL, 2, v))
		return -1;
	sleep_counted(wait, D3HOT_DELAY, waited);
	return 0;
}

/* Offset of the express capability of a bridge whose slot tells of devices that come and go. */
static unsigned hotplug_slot(struct pcidev *bridge)
{
	unsigned exp = pcidev_find_cap(bridge, PCI_CAP_ID_EXP);
	uint32_t v;

	if (!exp || pcidev_read(bridge, exp + PCI_EXP_FLAGS, 2, &v) || !(v & PCI_EXP_FLAGS_SLOT) ||
	    pcidev_read(bridge, exp + PCI_EXP_SLTCAP, 4, &v) || !(v & PCI_EXP_SLTCAP_HPC))
		return 0;
	return exp;
}

bool reset_has_hotplug_slot(struct pcidev *bridge)
{
	return hotplug_slot(bridge);
}

int reset_bus_of(struct pcidev *bridge, const struct reset_wait *wait, unsigned *waited)
{
	uint32_t control;

	if (pcidev_read(bridge, PCI_BRIDGE_CONTROL, 2, &control) ||
	    pcidev_write(bridge, PCI_BRIDGE_CONTROL, 2, control | PCI_BRIDGE_CTL_BUS_RESET))
		return -1;
	sleep_counted(wait, BUS_RESET_HELD, waited);
	if (pcidev_write(bridge, PCI_BRIDGE_CONTROL, 2,
			 control & ~(uint32_t)PCI_BRIDGE_CTL_BUS_RESET))
		return -1;
	sleep_counted(wait, BUS_RESET_DONE, waited);
	return 0;
}

int reset_slot_of(struct pcidev *bridge, const struct reset_wait *wait, unsigned *waited)
{
	const uint32_t events = PCI_EXP_SLTCTL_DLLSCE | PCI_EXP_SLTCTL_PDCE;
	unsigned exp = hotplug_slot(bridge);
	uint32_t control;
	int rc, err;

	/* The link goes down meanwhile, which the kernel would take for a device pulled out. */
	if (pcidev_read(bridge, exp + PCI_EXP_SLTCTL, 2, &control) ||
	    pcidev_write(bridge, exp + PCI_EXP_SLTCTL, 2, control & ~events))
		return -1;
	rc = reset_bus_of(bridge, wait, waited);
	err = errno;
	if (pcidev_write(bridge, exp + PCI_EXP_SLTSTA, 2, PCI_EXP_SLTSTA_DLLSC | PCI_EXP_SLTSTA_PDC) ||
	    pcidev_write(bridge, exp + PCI_EXP_SLTCTL, 2, control))
		return -1;
	errno = err;
	return rc;
}

/* A VF's id register reads ones always. A device that is not ready may show another id. */
static bool answers(struct pcidev *dev)
{
	const struct pcidev_info *info = &dev->info;
	uint32_t v;

	if (!pcidev_alive(dev))
		return false;
	return info->is_vf || (!pcidev_read(dev, PCI_VENDOR_ID, 4, &v) &&
			       v == ((uint32_t)info->device << 16 | info->vendor));
}

int reset_wait_alive(struct pcidev *dev, const struct reset_wait *wait, unsigned *waited)
{
	unsigned ms = 1, spent = 0, told = 1000;

	while (!answers(dev)) {
		if (spent >= wait->patience_ms)
			return fail(ETIMEDOUT);
		if (wait->progress && spent >= told) {
			wait->progress(wait->context, spent, wait->patience_ms);
			told *= 2;
		}
		sleep_counted(wait, ms, waited);
		spent += ms;
		ms = 2 * ms < COME_BACK_LOOK ? 2 * ms : COME_BACK_LOOK;
	}
	return 0;
}
