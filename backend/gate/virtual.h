/* SPDX-License-Identifier: MIT */
/*
 * What is otherwise for a device that a program implements: no hardware is behind it, and Xen knows nothing of it.
 * Its interrupts are event channels (events.h), or refused, and what a guest will miss is told. May wait for the
 * device's program; logs as irq's vectors say.
 */
#ifndef XENPCI_BACKEND_GATE_VIRTUAL_H
#define XENPCI_BACKEND_GATE_VIRTUAL_H

#include "backend/gate/device.h"

/*
 * The interrupts of d, which is open and virtual, from now on. Those of an earlier gate are off, as their channels
 * ended with it. What cannot be had is refused to the guest, and told.
 */
void virtual_hold(struct device *d, uint32_t domid);
/* Sends what was raised by any of the devices whose events are in that epoll set. Bounded. */
void virtual_turn(int events);

#endif
