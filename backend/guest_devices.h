/* SPDX-License-Identifier: MIT */
/*
 * The devices of a guest: the entries dev-N, state-N, opts-N that the toolstack
 * writes, and the vdev-N, state-N, root-N that answer them. N is not stable, so
 * devices are known by their address. One thread. What gives or takes devices may wait for them, and
 * others run meanwhile (device/slow.h).
 */
#ifndef XENPCI_BACKEND_GUEST_DEVICES_H
#define XENPCI_BACKEND_GUEST_DEVICES_H

#include "backend/guest.h"

/*
 * Serves every entry that asks for it: with all (a new instance) each that is not
 * leaving, else those whose state-N is 1; and those whose state-N is 5 are released. Then, in one
 * transaction that holds only while our state is `from`: vdev-N, state-N, roots, and our
 * state `to` (Unknown: stays). An entry that cannot be served is reported
 * and gets state-N 6; the others go on.
 * Returns how many entries changed, or -1 with errno and *p: ESTALE (look again),
 * EINVAL (num_devs is missing or malformed), or xenstore's.
 */
int guest_devices_serve(struct guest *g, bool all, unsigned from, unsigned to, struct problem *p);

/*
 * Whether all that is to change is devices that leave without ever having got a vdev-N: Linux'
 * frontend stumbles over those and would never answer.
 */
bool guest_devices_unseen(struct guest *g);

/* Gives every device back. */
void guest_devices_release(struct guest *g);
/*
 * Takes one device away for good, whatever the guest does: it is given back, its state-N
 * becomes 6, the error node says why.
 */
void guest_devices_lose(struct guest *g, struct claim *claim, const char *why);
/* The guest is away: interrupts off, sizing latches clear; devices stay claimed. */
void guest_devices_idle(struct guest *g);

#endif
