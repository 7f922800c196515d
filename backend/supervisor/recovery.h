/* SPDX-License-Identifier: MIT */
/*
 * Errors of passed-through devices: noticed by the kernel's AER counters, and carried to the guest in
 * the order in which Linux recovers: detected, then mmio enabled or a reset and slot
 * reset, then resume (PROTOCOL.md 7). A guest that fails, or does not answer in time, loses the
 * device, or more, by the settings. What touches the device is done by the guest's gate and by a
 * job, one step after the other; each tells of its end.
 *
 * The counters are sysfs's (Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats): aer_dev_fatal and
 * aer_dev_nonfatal of the device and of the ports above it, and aer_rootport_total_err_fatal of its
 * root port, because Linux before 6.16 does not count a device's fatal errors there: it no longer
 * reads the device. It goes on to reset the bus below the port that the error came through, and
 * pciback, which knows of no guest of its own, lets everything pass; the device is left without
 * its configuration. So a fatal error is acted upon when that reset is over, 2.5 s later.
 * What the kernel does not count (firmware that keeps AER to itself) is not noticed.
 *
 * One timer serves all devices: a few short files are read for each, once a second; without devices whose
 * errors are counted it is off.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_RECOVERY_H
#define XENPCI_BACKEND_SUPERVISOR_RECOVERY_H

#include "backend/supervisor/guest.h"

/* Begins to watch the device that claim holds for g, where its errors are counted. */
void recovery_watch(struct guest *g, struct claim *claim);

/*
 * be->errors_due_ns has come: looks at the counters of all devices, and sets it anew. A guest whose devices have
 * errors has its timer set, and g->aer.found. Touches no device, does not wait.
 */
void recovery_look(struct backend *be, uint64_t now);
/* Begins to recover from what was found. Logs it. */
void recovery_begin(struct guest *g);

/*
 * A step of g's device host has ended with result. Goes on with the recovery it
 * belonged to; false: it belonged to none.
 */
bool recovery_verdict(struct guest *g, struct sbdf host, int32_t result);

/* What others have done: the gate, the worker, a job. */
void recovery_gate_answered(struct claim *claim, const struct message *m);
void recovery_worker_answered(struct claim *claim, enum message_kind to);
void recovery_was_reset(struct claim *claim, bool lost);
void recovery_worker_died(struct guest *g);
void recovery_gate_died(struct guest *g);
/* The device leaves: nothing of its recovery is waited for. */
void recovery_forget(struct claim *claim);

#endif
