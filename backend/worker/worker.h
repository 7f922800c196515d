/* SPDX-License-Identifier: MIT */
/*
 * The worker of one guest: the only process that maps the guest's page, and so the only one that
 * reads what the guest writes. It has a user of its own, no capability, no file system, and few
 * system calls (syscalls.h): who takes it over gains what the guest had before. It reads the guest's
 * devices through descriptors that cannot be written, has the filter (config.h), and asks the gate to
 * write. Private to this room.
 */
#ifndef XENPCI_BACKEND_WORKER_WORKER_H
#define XENPCI_BACKEND_WORKER_WORKER_H

#include <xenevtchn.h>
#include <xengnttab.h>

#include "backend/messages/ledger.h"
#include "backend/messages/messages.h"
#include "backend/worker/poller.h"
#include "common/ratelimit.h"
#include "protocol/page.h"

struct worker;

struct device {
	struct pcidev dev; /* first: what the filter has */
	struct worker *worker;
	unsigned slot;
	struct message_reader reader;
	int fd;
	struct sbdf virt;
	struct config *cfg; /* NULL: there is no device in this place */
	struct ledger_state kept; /* as the ledger has it */
	uint32_t denied; /* bits that the write at hand was refused */
	bool was_reset;	 /* by the write at hand */
};

struct worker {
	int supervisor, gate;
	xenevtchn_handle *evtchn;
	xengnttab_handle *gnttab; /* until the page is mapped */
	evtchn_port_t port;
	page_t *page;
	struct ledger *ledger;
	struct message_setup setup;
	struct poller poller;
	bool gave_way; /* to the gate, since the poller's clocks were read: nobody took the processor */
	uint64_t now_ns;    /* boot_ns(), as last looked at (look_at_clock) */
	bool may_have_slept; /* the host: that clock went so far at once */
	uint64_t unmask_ns; /* when the port is to be unmasked; 0: not waiting */
	uint32_t spurious;  /* events in a row that had nothing to do */
	bool event;	    /* there is an event, to be taken when its work is done */
	bool masked;	    /* an event was taken, and its port not unmasked */
	bool served;	    /* something was, since the last event was let go */
	bool first;	    /* no request was served yet; one waited, and may have been carried out before */
	bool paused;
	uint64_t slept_ns; /* sleeps of the host that are seen to (message_resume) */
	bool aer_waiting;
	struct ratelimit denials; /* of refused writes that are told of: below what the supervisor prints */
	bool untold;	    /* some wait for that */
	struct sbdf aer_virt;
	struct device *last; /* the one asked for last: requests come in bursts */
	struct sbdf gone[SLOT_COUNT]; /* where devices were that are another's now */
	unsigned nr_gone;
	struct device device[SLOT_COUNT];
};

/* ---- confine.c ---- */

/*
 * Gives up what the process has: file system, user, capabilities, new privileges, limits. What is
 * open stays. Where the process is not root, what only root can give up stays as well. 0, or -1 with
 * errno and *what.
 */
int confine(uint32_t uid, const char *empty, const char **what);
/* Reads the seccomp program at fd, which it closes. 0, or -1 with errno. */
int confine_prepare(int fd);
/*
 * The rest: from now on nothing is said on the three descriptors that came from the daemon, and only
 * the calls that the program allows are made. 0, or -1 with errno.
 */
int confine_calls(void);

/* ---- device.c ---- */

/* A device that the supervisor adds (fd is taken over), takes away, or has reset. 0 or errno. */
int device_add(struct worker *w, unsigned slot, const struct message_add *add, int fd);
int device_drop(struct worker *w, unsigned slot);
/*
 * The host has what was at virt, in that slot perhaps: nothing of it is read or written, and the guest
 * reads ones there until another device has that address. 0 or errno.
 */
int device_gone(struct worker *w, unsigned slot, struct sbdf virt);
/* Whether that is such an address. */
bool device_is_gone(const struct worker *w, uint32_t domain, uint32_t bus, uint32_t devfn);
int device_reload(struct device *d);
/* The device that the guest calls so, or NULL. */
struct device *device_find(struct worker *w, uint32_t domain, uint32_t bus, uint32_t devfn);
/* Writes the shadow into the ledger, if it changed. */
void device_keep(struct device *d);

/* Asks the gate, whose answer takes m's place. Ends the process where there is no gate any more. */
void ask_gate(struct worker *w, struct message *m);
/* Tells the supervisor; ends the process where there is none. */
void tell_supervisor(struct worker *w, const struct message *m, int fd);
/* The same: false where it finds no room, and may be told later. */
bool try_to_tell(struct worker *w, const struct message *m);

/* ---- requests.c ---- */

/* Once for each request or so: it is a system call where Xen is emulated. */
void look_at_clock(struct worker *w);
/* What was refused and not told yet is, as far as the budget goes. */
void tell_denials_later(struct worker *w);
/* Serves the request that waits in the page, if one does, and notifies. Whether there was one. */
bool serve_request(struct worker *w);

/* ---- record.c ---- */

/* What fits of text (NULL: none) into out, of room bytes, and zeros behind it. */
void copy_text(char *out, size_t room, const char *text);

/* A refusal of the filter's (config_listen), written into the ledger. context: the device. */
void record_denial(void *context, const struct config_denial *denial);
/* The request op of device d (NULL: there is none), as it was answered, if those that look on want it (TRACE_*). */
void record_trace(struct worker *w, const struct device *d, const struct xen_pci_op *op,
		  uint64_t took_ns, uint32_t tracing);

/* ---- channel.c ---- */

/* Maps the page and binds the port as w->setup says. 0, or -1 with errno and *what. */
int channel_open(struct worker *w, const char **what);
/* Serves until the supervisor has gone. */
void channel_serve(struct worker *w) __attribute__((noreturn));

/* ---- orders.c ---- */

/* Takes what the supervisor sends, one message. */
void obey_supervisor(struct worker *w);

#endif
