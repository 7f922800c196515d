/* SPDX-License-Identifier: MIT */
/* What all guests share: the supervisor's own handles, records and queues. */
#ifndef XENPCI_BACKEND_SUPERVISOR_BACKEND_H
#define XENPCI_BACKEND_SUPERVISOR_BACKEND_H

#include "backend/env.h"
#include "backend/supervisor/claim.h"
#include "backend/supervisor/guest_id.h"
#include "backend/supervisor/handover.h"
#include "backend/supervisor/loop.h"
#include "backend/supervisor/processes.h"
#include "backend/supervisor/schedule.h"
#include "backend/supervisor/successor.h"
#include "backend/supervisor/upward.h"
#include "backend/supervisor/xen.h"
#include "common/util.h"
#include "host/hypercall.h"
#include "host/kernel_backend.h"
#include "host/topology.h"

#define BACKEND_ROOT_MAX 48
#define BACKEND_RETRY_NS 1000000000ull /* before what the machine refused us is tried again */
#define CLAIMS_BUCKETS 256
#define PRISTINE_MAX 256
#define SLEEPLESS_MAX 64

struct guest;

/* A provider's machine, as the last job saw it. */
struct machine {
	int fd; /* as jobs hand it on; -1: not known */
	struct topology topology;
};

/* A device that nobody can have used since it was taken back. */
struct backend_pristine {
	struct sbdf sbdf;
	uint32_t provider;
	struct pristine p;
};

struct backend {
	const struct env *env;
	const struct upward *upward; /* who hears what the lower files of this room have news of */
	xentoollog_logger *lg;
	struct xen xen;
	struct hypercall *hypercall;
	struct successor successor; /* what must outlive us */
	struct loop loop;
	struct processes processes;
	struct schedule schedule;
	struct kernel_backend kernel_backend;
	struct claims claims;
	struct claims_at claims_at[CLAIMS_BUCKETS]; /* those that hold their device, by address */
	struct handovers handovers;
	struct machine *machine; /* one for each provider */
	struct backend_pristine pristine[PRISTINE_MAX];
	unsigned nr_jobs;
	unsigned denied;   /* what Xen refuses to this domain (host/privileges.h) */
	bool reset_untold; /* said once: Xen does not want to know of resets */
	uint64_t slept_ns; /* so long the host had slept, as last noticed; UINT64_MAX: it is not noticed */
	uint64_t now_ns;  /* the clock, as last looked at in this turn */
	uint64_t retry_ns; /* when to try again what the machine refused us (claims, the list of guests); 0: nothing */
	uint64_t errors_due_ns; /* when to look for errors of devices (recovery.h); 0: there is none to look at */
	bool idles;	  /* devices that nobody has are to sleep, some of them */
	bool idle_all;	  /* ... also those that were found asleep are looked at next time */
	uint64_t idle_ns; /* when to look for those (idle.h); 0: nothing has changed hands */
	uint64_t idle_again_ns; /* so much later once more: a toolstack is about to have one */
	struct sbdf sleepless[SLEEPLESS_MAX]; /* are not put to sleep again: the last that could not be */
	unsigned nr_sleepless;
	char root[BACKEND_ROOT_MAX]; /* /local/domain/<us>/backend/pci */
	bool no_memory;		     /* a guest has come, and there was no room for it */
	bool closing;		     /* we are to end: guests are asked to close */
	struct guest *guests[DOMID_FIRST_RESERVED]; /* by domid, the first of each */
};

/* A device has changed hands: when that has been so for a while, those that nobody has may sleep. */
static inline void backend_idle_soon(struct backend *be)
{
	if (!be->idles || be->closing)
		return;
	be->idle_again_ns = be->env->settings.idle_d3_after_ms * 1000000ull;
	be->idle_ns = now_ns() + be->idle_again_ns;
}

/* That guest, or NULL. */
struct guest *backend_guest(const struct backend *be, struct guest_id id);
/*
 * All guests, by domid and devid: the first whose number is not below *at, which it sets; NULL: there is
 * none. So each of them is met by
 *	for (uint64_t at = 0; (g = backend_next_guest(be, &at)); at++)
 * whichever come and go meanwhile.
 */
struct guest *backend_next_guest(const struct backend *be, uint64_t *at);
/* The guest of that number, or NULL. */
struct guest *backend_guest_at(const struct backend *be, uint64_t at);
/* g, of which there is none yet, into its place; it stays the caller's. */
void backend_add_guest(struct backend *be, struct guest *g);
/* g, which is there, out of it. */
void backend_remove_guest(struct backend *be, struct guest *g);

#endif
