/* SPDX-License-Identifier: MIT */
/*
 * What Linux knows of resets that a device offers and that hang it, or do nothing: facts of its
 * drivers/pci/quirks.c, as of 6.18 (where a row does not say otherwise). The kernel heeds them when
 * it lists a function's resets; for resets of a bus with several functions, and where there is no
 * list, we do. Nothing logs; any thread.
 */
#ifndef XENPCI_HOST_DEVICE_RESET_QUIRKS_H
#define XENPCI_HOST_DEVICE_RESET_QUIRKS_H

#include "host/device/pcidev.h"

/* What a row forbids. */
enum reset_quirk {
	RESET_QUIRK_NO_FLR = 1, /* of either kind */
	RESET_QUIRK_NO_PM = 2,	/* but on a root bus, where it may be better than nothing */
	RESET_QUIRK_NO_BUS = 4, /* of its own bus, and of any bus that it hangs from */
};

/* Which part of an id counts; the value of a row that fits any class or revision. */
#define RESET_QUIRK_ONE 0xffff
#define RESET_QUIRK_ANY 0xffff

/* Vendor, device, which of its bits count, class (base and sub), revision, what it forbids, source. */
#define RESET_QUIRKS(X) \
	X(0x1022, 0x1487, RESET_QUIRK_ONE, ANY, ANY, NO_FLR, "quirk_no_flr") \
	X(0x1022, 0x148c, RESET_QUIRK_ONE, ANY, ANY, NO_FLR, "quirk_no_flr") \
	X(0x1022, 0x149c, RESET_QUIRK_ONE, ANY, ANY, NO_FLR, "quirk_no_flr") \
	X(0x1022, 0x7901, RESET_QUIRK_ONE, ANY, ANY, NO_FLR, "quirk_no_flr") \
	X(0x8086, 0x1502, RESET_QUIRK_ONE, ANY, ANY, NO_FLR, "quirk_no_flr") \
	X(0x8086, 0x1503, RESET_QUIRK_ONE, ANY, ANY, NO_FLR, "quirk_no_flr") \
	X(0x14c3, 0x0616, RESET_QUIRK_ONE, ANY, ANY, NO_FLR, "quirk_no_flr") \
	X(0xd063, 0x1000, RESET_QUIRK_ONE, ANY, 0x01, NO_FLR, "quirk_no_flr_snet") \
	X(0x1002, 0, 0, 0x0300, ANY, NO_PM, "quirk_no_pm_reset") \
	X(0x15b3, 0xcb84, RESET_QUIRK_ONE, ANY, ANY, NO_PM, "quirk_no_pm_reset") \
	X(0x15b3, 0xcf6c, RESET_QUIRK_ONE, ANY, ANY, NO_PM, "quirk_no_pm_reset") \
	X(0x15b3, 0xcf70, RESET_QUIRK_ONE, ANY, ANY, NO_PM, "quirk_no_pm_reset") \
	X(0x15b3, 0xcf80, RESET_QUIRK_ONE, ANY, ANY, NO_PM, "quirk_no_pm_reset") \
	X(0x10de, 0x2340, 0xffc0, ANY, ANY, NO_BUS, "quirk_nvidia_no_bus_reset") \
	X(0x168c, 0x0030, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset") \
	X(0x168c, 0x0032, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset") \
	X(0x168c, 0x0033, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset") \
	X(0x168c, 0x0034, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset") \
	X(0x168c, 0x003c, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset") \
	X(0x168c, 0x003e, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset") \
	X(0x177d, 0xa100, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset") \
	X(0x104c, 0xb005, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset") \
	X(0x1b21, 0x1164, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset, since 6.19") \
	X(0x17cb, 0x0308, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset, posted in 2026") \
	X(0x17cb, 0x1103, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset, posted in 2026") \
	X(0x17cb, 0x1107, RESET_QUIRK_ONE, ANY, ANY, NO_BUS, "quirk_no_bus_reset, posted in 2026")

/*
 * Why the device that info tells of must not be reset so, "Linux knows that it does not work for it
 * (quirk_no_flr)", or NULL. Static.
 */
const char *reset_quirk(const struct pcidev_info *info, enum reset_quirk what);

#endif
