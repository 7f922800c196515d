/* SPDX-License-Identifier: MIT */
/*
 * Going on for guests that an earlier xenpcid served until it was killed: their
 * side of the channel, their grant and their nodes are still there, what else is
 * needed is remembered (memory.h). One thread.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_RESUME_H
#define XENPCI_BACKEND_SUPERVISOR_RESUME_H

#include "backend/supervisor/guest.h"

/*
 * Takes the guest over, its instance being in state own, step by step: devices as they stand, and the
 * channel if it was connected. A device that cannot be resumed is reported and lost, the others go
 * on. 1: through with it; 0: not yet, the guest will be looked at again; -1 with errno and *p: the
 * guest cannot go on.
 */
int guest_resume(struct guest *g, unsigned own, struct problem *p);

/*
 * For a guest that a predecessor served and whose directory has gone meanwhile: its devices are taken on,
 * to be given back at its end. Logs what is damaged. true: it was one.
 */
bool guest_resume_gone(struct guest *g);

#endif
