/* SPDX-License-Identifier: MIT */
/*
 * One device that the gate holds for its guest, from the supervisor's order to hold it to that to let it go: open for
 * writing, locked, with what was saved of it, the mask of what its worker may write, and its interrupts. Waits for
 * the device and for the supervisor. Logs through the supervisor alone.
 */
#ifndef XENPCI_BACKEND_GATE_DEVICE_H
#define XENPCI_BACKEND_GATE_DEVICE_H

#include "backend/env.h"
#include "backend/gate/events.h"
#include "backend/gate/interrupt.h"
#include "backend/gate/link.h"
#include "backend/gate/mask.h"
#include "common/problem.h"
#include "host/device/save.h"

/* What all devices of a gate share. */
struct device_home {
	const struct env *env;
	struct link link;
	int events; /* epoll of the virtual ones' (virtual.h); -1: there were none */
};

struct device {
	struct device_home *home;
	unsigned slot;
	struct provider *provider;
	struct pcidev *dev; /* NULL: the guest has none here */
	struct pcidev_saved *saved;
	struct interrupts irq;
	struct events events; /* a virtual device's */
	struct mask mask;
	int lock;
	bool left_alone; /* it did not read as itself behind a sleep or a reset */
	bool changed;	 /* it was put back, and the supervisor has not heard of that */
};

/*
 * Opens the device as h says, and turns on what was on. 0 with *held's command and policy filled, or -1 with errno
 * and *p; then it is half open, and device_let_go is due.
 */
int device_hold(struct device *d, const struct message_hold *h, struct problem *p, struct message_held *held);
/* Closed and unlocked, as it is: nothing is written. Safe to repeat, and on one that is half open. */
void device_let_go(struct device *d);
/* Has the supervisor log text within the guest's budget. context: the struct device; level: as xentoollog_level. */
void device_say(void *context, unsigned level, const char *text);

#endif
