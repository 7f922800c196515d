/* SPDX-License-Identifier: MIT */
/*
 * One guest: the instance of the protocol behind /local/domain/<us>/backend/pci/<domid>/<devid>, its life
 * as named steps, each safe to repeat and safe on a half-built instance. Judged by level
 * (protocol/states.h): events only say "look again". A step that needs something done elsewhere, by a
 * job, a gate or a worker, has it begun and ends; what comes of it has the guest looked at anew. So
 * nothing waits. What the guest can cause is logged through its talk.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_GUEST_H
#define XENPCI_BACKEND_SUPERVISOR_GUEST_H

#include "backend/supervisor/aer.h"
#include "backend/supervisor/backend.h"
#include "backend/supervisor/claim.h"
#include "backend/supervisor/entries.h"
#include "backend/supervisor/schedule.h"
#include "backend/supervisor/service.h"

#define GUEST_DIR_MAX 64

/* For who asks (report.h). */
struct guest_told {
	char name[64];	/* as the toolstack wrote it; "": not asked for yet, or none */
	uint64_t named; /* when it was asked for, in nanoseconds of boot time; 0: never */
	int64_t since;	/* in seconds since 1970 */
	int64_t error_time; /* 0: never */
	char error[256];
};

struct guest {
	struct backend *be;
	uint32_t domid, devid; /* guest_id.h */
	uint32_t owner;	       /* whose its devices are to Xen: domid, or the HVM guest whose device model it is */
	struct guest *next;    /* of the same domain, by devid */
	struct talk talk;
	struct talk denials; /* refused writes: nothing else takes their lines */
	struct scheduled sched;
	char dir[GUEST_DIR_MAX];      /* ours */
	char frontend[GUEST_DIR_MAX]; /* the guest's; empty: not read yet */
	unsigned state;		      /* ours, as last read or written */
	unsigned peer;		      /* the frontend's, as last read */
	bool state_known;	      /* nothing was heard of our state node since it was read */
	bool peer_known;	      /* nor of the frontend's */
	struct entries entries;	      /* of the toolstack's list */
	bool foreign_told;	      /* that another backend serves it */
	bool complained;	      /* of a malformed state node */
	bool watching;		      /* frontend's state */
	bool introduced;	      /* xenstored was seen to know the domain */
	uint64_t slept_ns;	      /* sleeps of the host that its devices are put back behind */
	bool waking, pausing;	      /* behind a sleep of the host (wake.h); the worker is to stop first */
	bool hvm;		      /* or PVH: no PV frontend, and what has its devices is QEMU or Xen */
	bool halted;		      /* it is shut down, and waits to be destroyed */
	bool untold;		      /* ... this xenstored was not seen to: it may not have been told */
	bool nodes_lost;	      /* with xenstored: what it has it keeps (guest_kept.h) */
	unsigned peer_lost;	      /* the frontend's state before that */
	bool check_alive;	      /* a domain died: see whether it was this one */
	char life[SUCCESSOR_LIFE_MAX];   /* what tells it from others of its domid; "": not known */
	bool met;		      /* what is remembered of its domid is its own, or nothing */
	bool taking_back;	      /* it is another's, and goes back first (earlier.h) */
	bool same_life;		      /* ... or this domain's, from before its nodes had gone */
	bool resuming;		      /* taken over from a predecessor, not all of it yet */
	bool recalled;		      /* ... but what its devices have mapped is known */
	bool ending;		      /* nothing of it is to stay; it is freed when nothing does */
	bool closes;		      /* ... and its state node is there, to be told */
	bool again;		      /* its nodes have come anew meanwhile */
	bool failing;		      /* state 5 is to be written when it is disconnected */
	bool roots_told;	      /* the one root of slot mode is published */
	bool wants_job;		      /* it waits until one more job may be started */
	char why[160];		      /* it is ending or failing */
	struct guest_told told;
	struct ratelimit changes;     /* looks at its nodes that the guest caused */
	struct service service;
	/* Its devices, in the order they were given. */
	struct claims claims;
	unsigned nr_claims;
	struct aer aer;
};

static inline struct guest_id guest_id(const struct guest *g)
{
	return (struct guest_id){ g->domid, g->devid };
}

/* Its nodes are looked at, and what is due is done, at the next turn of the loop. */
static inline void guest_look_again(struct guest *g)
{
	schedule_dirty(&g->be->schedule, g);
}

/* An instance that knows nothing but its place. NULL with errno ENOMEM. */
struct guest *guest_new(struct backend *be, struct guest_id id);
/* Frees one of which nothing is left; or, at our end, whatever is left of it. NULL is allowed. */
void guest_free(struct guest *g);

/*
 * Reads both states and does what they ask for, until there is nothing more to do. true while the
 * instance exists; false: nothing is left of it, free it.
 */
bool guest_update(struct guest *g);

/* Asks the frontend to close (we are to end): state 5. Nothing if it is closed. */
void guest_ask_to_close(struct guest *g);
/* Whether nothing of the guest is connected any more. */
bool guest_closed(const struct guest *g);
/* We end, and an HVM guest keeps its devices: nothing is done, and that is told. */
void guest_leave(struct guest *g);
/* Closes without asking further: devices released, state 6 if the node is there. */
void guest_end(struct guest *g, const char *why);

/* A job has ended: guests that waited for one to be left are looked at. */
void guests_job_done(struct backend *be);

#endif
