/* SPDX-License-Identifier: MIT */
/*
 * Devices that nobody has, asleep in D3hot. It is we who put them there: the kernel's runtime PM takes a device
 * for used from its driver's probe on, until that driver lets go of it, and xen-pciback never does (it has no PM
 * operations at all), so that power/control = "auto" changes nothing for what it holds. By the same count the
 * ports above stay awake, and D3hot never becomes D3cold. The kernel goes on to think of such a device as in D0; it
 * looks at the register before it enables one for a driver, and behind a sleep of the host it wakes and restores all.
 *
 * What sleeps answers config accesses and decodes nothing. One that has no No_Soft_Reset returns reset, so its
 * registers are noted before, in the state directory, where jobs, successors and the operator's command find them:
 *	asleep-<address> = BINDING SAVED, in its envelope (common/state.h)
 * It counts as long as the device's binding to its driver is that one: after another, whoever had it has woken it.
 * One thread. Waits 10 ms for the device each way; nothing logs.
 */
#ifndef XENPCI_HOST_ASLEEP_H
#define XENPCI_HOST_ASLEEP_H

#include <stdbool.h>

#include "host/device/pcidev.h"

/* Whether it was put to sleep and not woken since, as the state directory tells (NULL: there is none); or any was. */
bool asleep_noted(const char *state_dir, struct sbdf a);
bool asleep_any_noted(const char *state_dir);

/*
 * Puts dev, which is p's, to sleep. 0, or -1 with errno, *why in words (static), and dev as it was: ENOTSUP (it has
 * no such state, or does not enter it or answer there), EBUSY (somebody uses it), EIO (it does not answer, or did not
 * wake either), or what kept it from being noted.
 */
int asleep_begin(const char *state_dir, struct provider *p, struct pcidev *dev, const char **why);
/*
 * Wakes dev, if it was put to sleep, and puts back what it forgot. others: a guest's device model may have it by
 * now, so that it is only touched where it sleeps still. 1, 0 (it did not sleep, or others have woken it), or -1 with
 * errno EIO (it does not wake, or not all of it came back) or the device's; who asks next tries it again.
 */
int asleep_end(const char *state_dir, struct provider *p, struct pcidev *dev, bool others);

#endif
