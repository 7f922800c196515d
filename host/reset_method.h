/* SPDX-License-Identifier: MIT */
/*
 * The ways to reset that go through config space, each on an open function (or
 * bridge) and without saving anything. For reset_function.c only. Nothing here logs.
 */
#ifndef XENPCI_HOST_RESET_METHOD_H
#define XENPCI_HOST_RESET_METHOD_H

#include "host/reset_function.h"

/*
 * Each: 0, or -1 with errno: ENOTTY (not offered), or the device's. Pending transactions
 * are waited for, a while; *pending tells if some were left.
 */
int reset_by_flr(struct pcidev *dev, const struct reset_wait *wait, unsigned *waited,
		 bool *pending);
int reset_by_af_flr(struct pcidev *dev, const struct reset_wait *wait, unsigned *waited,
		    bool *pending);
int reset_by_pm(struct pcidev *dev, const struct reset_wait *wait, unsigned *waited);

/* Whether the bridge's slot has hot-plug events that a bus reset would raise. */
bool reset_has_hotplug_slot(struct pcidev *bridge);
/* Secondary bus reset; with the events of a hot-plug slot kept quiet meanwhile. */
int reset_bus_of(struct pcidev *bridge, const struct reset_wait *wait, unsigned *waited);
int reset_slot_of(struct pcidev *bridge, const struct reset_wait *wait, unsigned *waited);

/* Waits until dev answers as itself again. 0, or -1 with errno ETIMEDOUT. */
int reset_wait_alive(struct pcidev *dev, const struct reset_wait *wait, unsigned *waited);

#endif
