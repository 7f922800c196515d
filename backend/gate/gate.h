/* SPDX-License-Identifier: MIT */
/*
 * The gate of one guest: a process that holds the descriptors through which the guest's devices are
 * written, so that the worker, which reads what the guest writes, holds none. It carries a worker's
 * write out only if each bit that changes is open for that device (mask.h), and turns interrupts on
 * and off, with vectors that the supervisor maps. Where a device hangs, its gate hangs, and nobody
 * but its own guest.
 *
 * The door of this room.
 */
#ifndef XENPCI_BACKEND_GATE_GATE_H
#define XENPCI_BACKEND_GATE_GATE_H

#include "backend/env.h"

/* The process: obeys the supervisor at sock until that is gone. Returns the exit status. */
int gate_main(const struct env *env, int sock);

#endif
