/* SPDX-License-Identifier: MIT */
/*
 * What the two parts of a claim tell each other: claim.c (its phases, and whose turn it is) and
 * claim_job.c (the job at hand, and what came of it). Nobody else includes it. Nothing waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_CLAIM_PARTS_H
#define XENPCI_BACKEND_SUPERVISOR_CLAIM_PARTS_H

#include "backend/supervisor/claim.h"

/* Its turn has come: the job of its phase begins, or the log tells why it cannot. */
void claim_start_job(struct claim *claim);
/* The guest does not get it: problem tells err and text, and others may have it. */
void claim_refused(struct claim *claim, int err, const char *text);
/* Its guest, if it has one, is looked at anew. */
void claim_changed(struct claim *claim);
/* It is found by its address no more. */
void claim_unhold(struct claim *claim);

#endif
