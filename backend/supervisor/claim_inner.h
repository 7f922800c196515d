/* SPDX-License-Identifier: MIT */
/*
 * What the files of a claim tell each other, from the upper ones to the lower: claim_result.c (what comes of its
 * jobs), claim.c (its phases, and whose turn it is), claim_job.c (what a job is told). Nobody else includes it.
 * Nothing waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_CLAIM_INNER_H
#define XENPCI_BACKEND_SUPERVISOR_CLAIM_INNER_H

#include "backend/supervisor/claim.h"

struct backend_pristine;

/* ---- claim.c ---- */

/* The guest does not get it: problem tells err and text, and others may have it. */
void claim_refused(struct claim *claim, int err, const char *text);
/* Its guest, if it has one, is looked at anew. */
void claim_changed(struct claim *claim);
/* It is found by its address no more. */
void claim_unhold(struct claim *claim);

/* ---- claim_job.c ---- */

/* Its turn has come: the job of its phase begins, or the log tells why it cannot. */
void claim_start_job(struct claim *claim);
/* The place where it is kept that a is as a reset left it; where there is none, an empty one (room), or NULL. */
struct backend_pristine *claim_pristine(struct backend *be, struct sbdf a, bool room);

#endif
