/* SPDX-License-Identifier: MIT */
/*
 * One guest: the instance of the protocol behind /local/domain/<us>/backend/pci/
 * <domid>/0, its life as named steps, each safe to repeat and safe on a half-built
 * instance. Judged by level (protocol/states.h): events only say "look again".
 * What touches devices may wait for them, in a helper (helper.h), and then others run: only
 * the guest's own things are as they were. What a guest can cause is logged through its talk.
 */
#ifndef XENPCI_BACKEND_GUEST_H
#define XENPCI_BACKEND_GUEST_H

#include "backend/aer.h"
#include "backend/claim.h"
#include "backend/entries.h"
#include "backend/poller.h"
#include "backend/schedule.h"
#include "host/kernel_backend.h"
#include "backend/xen.h"

struct helped;

/* Threads that do what may have to wait for a device (helper.h). */
struct helpers {
	int fd; /* readable: one is done */
	unsigned nr;
	unsigned nr_work; /* of them, those that do more than one request */
	TAILQ_HEAD(helped_list, helped) list;
};

#define BACKEND_ROOT_MAX 48
#define GUEST_DIR_MAX 64

/* What all guests share. */
struct backend {
	struct xen xen;
	struct host host; /* with what must outlive us */
	struct schedule schedule;
	struct poller poller;
	struct helpers helpers;
	uint64_t now_ns; /* the clock, as last looked at: in this turn, or at the last answer */
	struct takeover takeover;
	uint64_t look_ns; /* when to look for errors of devices (recovery.h); 0: there is none to look at */
	char root[BACKEND_ROOT_MAX]; /* /local/domain/<us>/backend/pci */
	bool closing;		  /* we are to end: guests are asked to close */
	bool inject_due;	  /* an operator's AER request waits for a guest's helper */
	struct guest *guests[DOMID_FIRST_RESERVED]; /* by domid */
};

struct guest {
	struct backend *be;
	uint32_t domid;
	struct talk talk;
	struct scheduled sched;
	struct polled polled;
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
	bool halted;		      /* it is shut down, and waits to be destroyed */
	bool check_alive;	      /* a domain died: see whether it was this one */
	bool resumed;		      /* taken over from another process, no request served yet */
	bool roots_told;	      /* the one root of slot mode is published */
	/* The channel (channel.h). */
	page_t *page; /* NULL: not connected */
	evtchn_port_t port;
	uint32_t spurious;   /* events in a row that had nothing to do */
	uint64_t unmask_ns;  /* when the port is to be unmasked; 0: not waiting */
	struct ratelimit changes; /* looks at its nodes that the guest caused */
	/* Its devices, in the order they were given. */
	struct claims claims;
	unsigned nr_claims;
	struct claim *last; /* the one asked for last: requests come in bursts */
	struct aer aer;
	struct helped *helped; /* what a thread does for it (helper.h); NULL: nothing */
	bool slow;	       /* one of its devices was, of late (helper.h) */
	bool update_due;       /* a look at its nodes waits for that */
	bool turn_due;	       /* its channel, whose port is masked, does */
};

/* The guest of the lowest domid not below *domid, which it sets; NULL: none. */
struct guest *backend_next_guest(struct backend *be, uint32_t *domid);

/* An instance that knows nothing but its place. NULL with errno ENOMEM. */
struct guest *guest_new(struct backend *be, uint32_t domid);
/*
 * Forgets the instance: channel closed, watch gone, devices given back (their
 * state nodes are untouched). NULL is allowed.
 */
void guest_free(struct guest *g);

/*
 * Reads both states and does what they ask for, until there is nothing more to
 * do. true while the instance exists; false: nothing is left of it, free it.
 */
bool guest_update(struct guest *g);
/*
 * The same where no device is concerned, which mostly is so: there is nothing to do, or but a state to write.
 * false: guest_update is needed, which may wait for devices.
 */
bool guest_look_lightly(struct guest *g);

/* Asks the frontend to close (we are to end): state 5. Nothing if it is closed. */
void guest_ask_to_close(struct guest *g);
/* Whether nothing of the guest is connected any more. */
bool guest_closed(const struct guest *g);
/* Closes without asking further: devices released, state 6 if the node is there. */
void guest_close_now(struct guest *g);

/*
 * Logs p, bounded where it is by_guest, and writes it into the error node that
 * xenbus has for the instance.
 */
void guest_report(struct guest *g, const struct problem *p, bool by_guest);

/* Who the guest is: our path says it, frontend-id and frontend must agree. Watches the frontend. */
int guest_identify(struct guest *g, struct problem *p);

/* The device that the guest calls so, or NULL. */
struct claim *guest_find(struct guest *g, uint32_t domain, uint32_t bus, uint32_t devfn);

#endif
