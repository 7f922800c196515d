/* SPDX-License-Identifier: MIT */
/*
 * The two processes of one guest: its gate, from its first device to its last, and its worker, while
 * it is connected. Started, told of devices, watched, replaced under the running guest when they die
 * or hang, and ended. Each change has the guest looked at anew. Nothing waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_SERVICE_H
#define XENPCI_BACKEND_SUPERVISOR_SERVICE_H

#include "backend/messages/ledger.h"
#include "backend/supervisor/loop.h"
#include "backend/supervisor/processes.h"
#include "common/problem.h"
#include "common/ratelimit.h"

struct guest;
struct claim;

enum service_phase {
	SERVICE_NONE,	  /* not connected */
	SERVICE_STARTING, /* a worker maps the page, and is told of the devices */
	SERVICE_UP,
	SERVICE_FAILED,	  /* problem tells why */
	SERVICE_ENDING,	  /* the worker ends, and the gate turns interrupts off */
};

struct service {
	enum service_phase phase;
	struct process *gate;
	struct process *worker;
	bool ready;	   /* the worker serves */
	uint64_t ready_by_ns; /* or it hangs, and is replaced */
	unsigned awaited;  /* answers of the worker that it owes, to all but DROP */
	uint64_t answer_by_ns; /* the next of them; or it hangs */
	uint64_t standby_ns; /* when the next guest's worker is started; 0: it was */
	bool resumed;	   /* requests may have been begun by another worker */
	unsigned quiet;	   /* answers of the gate that are awaited */
	uint32_t ref, port; /* what the guest has published */
	unsigned unread;    /* times in a row that it could not be read */
	struct problem problem;
	int ledger_fd;
	struct ledger *ledger; /* mapped: what is in it, a stranger wrote */
	/* Watching the worker: by its event channels, until something comes; then by its progress. */
	struct source events;
	int events_fd;
	uint64_t check_ns; /* when to look again; 0: it is asleep */
	uint64_t progress; /* as it was then */
	unsigned stuck;	   /* looks in a row without any */
	unsigned hangs;	   /* workers in a row that were replaced for that */
	uint64_t hung_ns;  /* when the last was; 0: none was */
	bool gate_asked;   /* whether it waits for a device, in whose place the worker would wait */
	bool gate_free;	   /* it did not, since the last look */
	struct ratelimit deaths; /* of either process: so many are replaced at once, others a little later */
	uint64_t restart_ns;	 /* when; 0: none is due */
	/* Where the guest, while it is connected, saw devices that others have now; each worker is told. */
	struct sbdf gone[SLOT_COUNT];
	unsigned nr_gone;
	uint64_t worker_deaths, gate_deaths;
	uint64_t traced; /* of the ledger's requests: so many were told */
};

void service_init(struct service *s);
/*
 * Nothing is left: both processes are ended without a word, the ledger is closed. Of a guest whose
 * devices have left.
 */
void service_dispose(struct guest *g);

/*
 * Connects the guest as it has published it. 1: it is connected; 0: not yet, the guest will be looked
 * at again; -1 with errno and *p: EINVAL (a node is absent or malformed, wrong magic, no such grant
 * or port), ENOMEM, or xenstore's.
 */
int service_connect(struct guest *g, struct problem *p);
/*
 * Ends the worker, and has interrupts turned off; devices stay. Safe to repeat. true: it is done;
 * false: not yet, the guest will be looked at again.
 */
bool service_disconnect(struct guest *g);
static inline bool service_is_up(const struct service *s)
{
	return s->phase == SERVICE_UP;
}
/* It could not begin, or not go on: service_connect tells why, until it is disconnected. */
static inline bool service_has_failed(const struct service *s)
{
	return s->phase == SERVICE_FAILED;
}

/* A device that the guest has, with its virtual address: told to the processes there are. */
void service_add(struct claim *claim);
/* Whether they all know of it. */
bool service_knows(const struct claim *claim);
/* It is to leave: claim_let_go will be called when they have let go of it. */
void service_drop(struct claim *claim);
/* The same at once, and none of them touches it any more: the guest reads ones in its place. */
void service_lose(struct claim *claim);
/* The guest saw a device at virt that another has now, and reads ones there until it has one again. */
void service_keep_gone(struct service *s, struct sbdf virt);
/* The gate's part of a recovery: MEND, LOOK, LEND, TURN_ON; recovery_gate_answered hears of it. */
void service_ask_gate(struct claim *claim, enum message_kind what);
/* The worker's: PAUSE, RELOAD; false where there is none. */
bool service_ask_worker(struct claim *claim, enum message_kind what);
/* Its worker goes on answering. One that is not up does when it is. */
void service_resume(struct guest *g);
/* To the worker as it is. false: there is none. */
bool service_tell_worker(struct guest *g, const struct message *m);

/* What is done about what the two say, and about their ends (upward.h); the context is the guest. */
extern const struct process_owner service_gate_owner, service_worker_owner;

/* The guest's timer has come. */
void service_check(struct guest *g, uint64_t now);

#endif
