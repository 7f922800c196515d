/* SPDX-License-Identifier: MIT */
/*
 * One PCI function on its way to a guest, with it, and on its way back: a record and its phases. What
 * touches the device is done by jobs and by the guest's gate; here is only what was asked for and
 * what came of it. Each change of phase has the guest looked at anew. Nothing waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_CLAIM_H
#define XENPCI_BACKEND_SUPERVISOR_CLAIM_H

#include <sys/queue.h>

#include "backend/messages/messages.h"
#include "backend/supervisor/handover.h"
#include "backend/supervisor/successor.h"
#include "backend/supervisor/vectors.h"
#include "common/problem.h"

struct backend;
struct guest;
struct process;
struct process_owner;

/* What the kernel has counted of errors that concern the device (recovery.h). */
struct claim_errors {
	bool counted; /* it does count */
	bool has_root;
	bool below_root; /* directly: no switch in between */
	struct sbdf root; /* its root port */
	uint64_t fatal; /* its own, and those of the ports above */
	uint64_t nonfatal;
	uint64_t root_fatal; /* told to its root port, by whomever */
	uint64_t since_ns; /* a fatal one, whose reset is awaited; 0: none */
};

enum claim_phase {
	CLAIM_QUEUED,	 /* waits for its turn to be taken */
	CLAIM_TAKING,	 /* a job takes it */
	CLAIM_REFUSED,	 /* problem tells why */
	CLAIM_TAKEN,	 /* the guest's */
	CLAIM_LEAVING,	 /* worker and gate let it go */
	CLAIM_RETURN_QUEUED, /* waits for its turn to be given back */
	CLAIM_RETURNING, /* a job gives it back */
	CLAIM_LEFT,	 /* nothing is left but the record */
	CLAIM_ERRAND,	 /* no guest's: a job on a device, and no more */
};

/* What of its errors is being seen to (recovery.h). */
enum claim_recovery {
	RECOVERY_NONE,
	RECOVERY_LOOK,	 /* the gate looks whether it answers */
	RECOVERY_MEND,	 /* the gate puts back what others' reset has lost */
	RECOVERY_GUEST,	 /* the guest was asked */
	RECOVERY_PAUSE,	 /* the worker stops */
	RECOVERY_LEND,	 /* the gate lends it */
	RECOVERY_RESET,	 /* a job resets it */
	RECOVERY_TURN_ON, /* the gate turns its vectors on again */
	RECOVERY_RELOAD, /* the worker puts the guest's BARs back */
};

/* What of it is being put back behind a sleep of the host (wake.h). */
enum claim_wake {
	WAKE_NONE,
	WAKE_DUE,    /* its turn comes */
	WAKE_GATE,   /* the gate sees to it */
	WAKE_RELOAD, /* the worker puts the guest's BARs back */
};

struct claim {
	TAILQ_ENTRY(claim) of_host;
	LIST_ENTRY(claim) of_address;
	TAILQ_ENTRY(claim) of_guest;
	struct backend *be;
	struct guest *guest;
	struct sbdf sbdf;
	enum claim_phase phase;
	bool carried_on; /* a predecessor took it */
	bool settled;	 /* ... and its vectors were recalled */
	bool unsure;	 /* ... and more may be mapped, that nobody remembers */
	bool unnamed;	 /* ... but no entry names it: it goes back */
	bool leaves;	 /* it is to leave as soon as it is taken */
	bool hands_off;	 /* its guest is an HVM one and has it, or keeps it: not to be touched */
	bool lost;	 /* its host has taken it: not to be touched */
	bool entry_stands; /* ... and its entry could not be closed: xenstored was lost */
	bool unasked;	 /* it leaves, but no entry of the toolstack's asked for that */
	bool holds;	 /* it is found by address */
	struct handover handover;
	struct process *job;
	enum job_kind errand;
	struct pristine pristine; /* of an errand */
	unsigned attempts; /* of the job at hand: one that dies is done again */
	uint64_t binding;  /* to its driver, when it began to be taken (provider_binding); 0: it had none */
	bool bound;	   /* that is known */
	unsigned slot;	   /* in the messages and in the ledger */
	char opts[256];
	char opts_node[NODE_NAME_MAX];
	struct problem problem;
	/* Of the job that took it. */
	uint32_t provider;
	struct pcidev_info info;
	uint32_t irq_line;
	uint16_t command;
	bool prepared, raw, unreset;
	bool line_judged, hide_intx; /* whether its line is withheld is known, and whether it is */
	char saved[PCIDEV_SAVED_TEXT];
	struct vector_record vectors;
	/* The guest's processes. */
	int reader_fd; /* its registers, to be read; -1: not known */
	struct message_reader reader;
	struct message_policy policy;
	bool gate_asked, in_gate, worker_asked, in_worker;
	uint64_t drop_by_ns; /* it leaves, and the worker is to have let go of it by then */
	/* To the outside. */
	struct successor_device successor;
	bool has_virt;
	struct sbdf virt;    /* where the guest sees it */
	bool published;	     /* vdev-N tells of it */
	bool recorded;	     /* a successor would find it */
	struct claim_errors errors;
	enum claim_recovery recovery;
	enum claim_wake wake;
	bool wake_again; /* the host has slept once more meanwhile */
	bool fatal, own_error; /* of what is seen to */
	int64_t since; /* it was begun, or carried on: seconds since 1970 */
};
TAILQ_HEAD(claims, claim);
LIST_HEAD(claims_at, claim);

/*
 * Function a is to be the guest's: it stands in line for it, and is in g's list from now on. opts is
 * the text of node opts_node. NULL with errno ENOMEM or ENOSPC (more devices than slots).
 */
struct claim *claim_begin(struct guest *g, struct sbdf a, const char *opts, const char *opts_node);
/*
 * The same for one that a predecessor took, as it stands: no reset, nothing told to Xen. NULL with
 * errno and *p (what is remembered of it is damaged).
 */
struct claim *claim_carry_on(struct guest *g, struct sbdf a, const char *opts,
			     const char *opts_node, struct problem *p);
/* It is to leave: vectors unmapped, function reset, configuration restored, silent. Safe to repeat. */
void claim_leave(struct claim *claim);
/*
 * The same where its host has it now: its vectors are unmapped, whoever sees to it is ended, and nobody
 * touches a register of it any more. Any phase; safe to repeat.
 */
void claim_lose(struct claim *claim);
/* Whether its host has bound it anew, to another driver or to none, since it began to be taken. */
bool claim_is_rebound(const struct claim *claim);
/* The guest's processes have let go of it. */
void claim_let_go(struct claim *claim);
/* Forgets a claim that is REFUSED or LEFT: out of all lists, and freed. */
void claim_free(struct claim *claim);

/* Starts what may start now: the jobs of those whose turn it is. */
void claims_run(struct backend *be);
/* Whether one more job may be started. */
bool claims_jobs_left(const struct backend *be);
/* Resets it under its guest (recovery.h hears of the result). */
void claim_reset(struct claim *claim);

/* Writes down what a successor needs to resume it, once. 0, or -1 with errno. */
int claim_record(struct claim *claim);
/* The same once more, if it was written down: xenstored is another one. Its interrupts, too. */
int claim_record_again(struct claim *claim);
/* Who has a, or NULL. */
struct claim *claim_find(const struct backend *be, struct sbdf a);
/* g's claim on a: the one that it has or is to have; else one that is on its way back; or NULL. */
struct claim *claim_of_guest(const struct guest *g, struct sbdf a);

/* What comes of a claim's job (upward.h); the context is the claim. */
extern const struct process_owner claim_job_owner;

/* Devices of the settings are hidden, and those left without decoding decode again; then nr_jobs is 0. */
void claims_hide(struct backend *be);
void claims_decode(struct backend *be);
/*
 * Device a of that provider, which nobody has: kind is JOB_IDLE or JOB_AWAKE (idle.h). One of that kind is enough;
 * where somebody has it by the time that its turn comes, JOB_IDLE is none. claims_run starts it.
 */
void claims_rest(struct backend *be, uint32_t provider, struct sbdf a, enum job_kind kind);

#endif
