/* SPDX-License-Identifier: MIT */
/*
 * Errors of passed-through devices: noticed by the kernel's AER counters
 * (sysfs: aer_dev_fatal, aer_dev_nonfatal), and carried to the guest in the order in
 * which Linux recovers: detected, then mmio enabled or a reset and slot reset,
 * then resume (protocol notes 7). A guest that fails, or does not answer in time, loses the
 * device, or more, by the settings. Resets wait, and others run meanwhile (helper.h).
 */
#ifndef XENPCI_BACKEND_RECOVERY_H
#define XENPCI_BACKEND_RECOVERY_H

#include "backend/guest.h"

/* Begins to watch the device that claim holds for g, where its errors are counted. */
void recovery_watch(struct guest *g, struct claim *claim);

/* g's timer: whether the counters of its devices tell of errors, if it is time to look at them. */
bool recovery_look(struct guest *g, uint64_t now);
/* Begins to recover from what recovery_look found. Logs it. May wait for the device. */
void recovery_begin(struct guest *g);

/*
 * A step of g's device host has ended with result. Goes on with the recovery it
 * belonged to, and may wait for the device; false: it belonged to none.
 */
bool recovery_verdict(struct guest *g, struct sbdf host, int32_t result);

#endif
