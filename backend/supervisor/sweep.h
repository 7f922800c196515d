/* SPDX-License-Identifier: MIT */
/*
 * Vectors of a domain that nobody remembers: the process before us was killed while it mapped them. They are the
 * domain's, whichever of its frontends they were for, so what all of those remember has to be known first.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_SWEEP_H
#define XENPCI_BACKEND_SUPERVISOR_SWEEP_H

#include <stdint.h>

struct backend;

/* Unmaps them, where a claim of the domain is unsure, and none of its vectors is still to be recalled. Logs. */
void sweep_vectors(struct backend *be, uint32_t domid);

#endif
