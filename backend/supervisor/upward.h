/* SPDX-License-Identifier: MIT */
/*
 * What the lower files of this room have news of, and the upper ones hear: a guest's service of its
 * claims, of recoveries and of AER; a claim of recoveries and of guests. Calls point down everywhere else.
 * None of these waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_UPWARD_H
#define XENPCI_BACKEND_SUPERVISOR_UPWARD_H

#include "backend/messages/messages.h"

struct backend;
struct claim;
struct guest;
struct process_owner;

struct upward {
	/* Of a guest's gate and of its worker, whatever they say; the context is the guest. */
	const struct process_owner *gate, *worker;
	/* Of a claim's job; the context is the claim. */
	const struct process_owner *job;
	/* Of a guest's service: its processes have let go of the device, or cannot hold it. */
	void (*let_go)(struct claim *claim);
	void (*not_held)(struct claim *claim);
	/* ... answered what a recovery asked for, or died. */
	void (*gate_answered)(struct claim *claim, const struct message *m);
	void (*worker_answered)(struct claim *claim, enum message_kind to);
	void (*gate_died)(struct guest *g);
	void (*worker_died)(struct guest *g);
	/* ... the guest answered an error's step, or (heard: false) never took it; nobody will any more. */
	void (*aer_answered)(struct guest *g, bool heard, int32_t err);
	void (*aer_cancel)(struct guest *g);
	/* Of a claim: it leaves; its reset under its guest is over; a job's place is free. */
	void (*leaves)(struct claim *claim);
	void (*was_reset)(struct claim *claim, bool failed);
	void (*job_done)(struct backend *be);
};

/* Each of them heard by whom it concerns; tests have tables of their own. */
extern const struct upward upward_all;

#endif
