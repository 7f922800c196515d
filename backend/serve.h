/* SPDX-License-Identifier: MIT */
/*
 * One request of a guest: copied once, judged on the copy, answered. No
 * allocation, no xenstore, no waiting; what is logged is bounded. One thread.
 */
#ifndef XENPCI_BACKEND_SERVE_H
#define XENPCI_BACKEND_SERVE_H

#include "backend/guest.h"

/*
 * Serves the request that waits in g's page, if one does, and notifies; or has a
 * helper begin it (helper_busy). Returns whether there was one.
 */
bool serve_request(struct guest *g);

/*
 * The answer to op, for g's devices: fills op's OUT fields. Returns how many
 * vectors the answer carries. (serve_request without page and channel.)
 */
unsigned serve_op(struct guest *g, struct xen_pci_op *op);

/* Gives op's answer, which was begun at start_ns, to g, and notifies. Returns how long it took, in ns. */
uint64_t serve_done(struct guest *g, const struct xen_pci_op *op, unsigned vectors, uint64_t start_ns);

#endif
