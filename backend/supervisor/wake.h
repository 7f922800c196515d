/* SPDX-License-Identifier: MIT */
/*
 * Behind a sleep of the host. Its kernel has put back config space and BARs of what pciback holds, and
 * knows nothing of the vectors, which are Xen's and the gate's (seen: a NIC with MSI-X stayed dumb until its
 * driver was loaded anew). Guest by guest: its worker answers nothing more; of each device the gate looks
 * whether it is itself, puts back what is lost, has Xen write the messages and turns them on; the worker goes
 * on. The guest sees a pause. Where a device does not read as itself nothing is written to it, and the log
 * says so. None of these waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_WAKE_H
#define XENPCI_BACKEND_SUPERVISOR_WAKE_H

#include "backend/messages/messages.h"
#include "backend/supervisor/claim.h"

/* Of all guests with a PV frontend: QEMU and Xen see to the others'. */
void wake_all(struct backend *be);

/* What wakes are not concerned with goes on to recoveries (upward.h). */
void wake_gate_answered(struct claim *claim, const struct message *m);
void wake_worker_answered(struct claim *claim, enum message_kind to);
void wake_gate_died(struct guest *g);
void wake_worker_died(struct guest *g);

#endif
