/* SPDX-License-Identifier: MIT */
/*
 * The devices of a guest: the entries dev-N, state-N, opts-N that the toolstack writes, and the
 * vdev-N, state-N, root-N that answer them. N is not stable, so devices are known by their address.
 * Devices are taken and given back by others (claim.h): the entries are answered when all that they
 * ask for is done. Nothing waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_GUEST_DEVICES_H
#define XENPCI_BACKEND_SUPERVISOR_GUEST_DEVICES_H

#include "backend/supervisor/guest.h"

/*
 * Serves every entry that asks for it: with all (a new instance) each that is not
 * leaving, else those whose state-N is 1; and those whose state-N is 5 are released. Then, in one
 * transaction that holds only while our state is `from`: vdev-N, state-N, roots, and our
 * state `to` (Unknown: stays). An entry that cannot be served is reported
 * and gets state-N 6; the others go on.
 * Returns how many entries changed, or -1 with errno and *p: ESTALE (look again), EAGAIN (devices
 * are on their way; the guest will be looked at again),
 * EINVAL (num_devs is missing or malformed), or xenstore's.
 */
int guest_devices_serve(struct guest *g, bool all, unsigned from, unsigned to, struct problem *p);

/*
 * Whether all that is to change is devices that leave without ever having got a vdev-N: Linux'
 * frontend stumbles over those and would never answer.
 */
bool guest_devices_unseen(struct guest *g);
/* Whether all that is to change is devices that leave. */
bool guest_devices_leave(struct guest *g);

/* Records of devices that have left without the toolstack's having asked for it are dropped. */
void guest_devices_reap(struct guest *g);
/* Whether all devices of the guest that are to be given are, and none is on its way. */
bool guest_devices_settled(const struct guest *g);
/* Has every device given back. true: none is left; false: the guest will be looked at again. */
bool guest_devices_release(struct guest *g);

/*
 * The nodes of a guest were lost, and written as for a new one, with our state `from`: those of the
 * devices that it has seen are written as they were, with our state `to`. How many, or -1 with errno:
 * ENOENT (the list is not there yet), ESTALE or EAGAIN (it changes: again later), xenstore's. Does not log.
 */
int guest_devices_tell_again(struct guest *g, unsigned from, unsigned to);

#endif
