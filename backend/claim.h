/* SPDX-License-Identifier: MIT */
/*
 * One PCI function held for one guest: taken from a provider, filtered, given
 * back clean (PROTOCOL.md 5.1 to 5.5). What takes it, or gives it back, may wait, and
 * others run meanwhile (device/slow.h): only this guest's things stay as they were.
 */
#ifndef XENPCI_BACKEND_CLAIM_H
#define XENPCI_BACKEND_CLAIM_H

#include <sys/queue.h>

#include "backend/config/config.h"
#include "host/device/save.h"
#include "backend/handover.h"
#include "backend/interrupt.h"
#include "common/problem.h"
#include "host/settings.h"

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

struct claim {
	TAILQ_ENTRY(claim) of_host;
	LIST_ENTRY(claim) of_address;
	TAILQ_ENTRY(claim) of_guest;
	struct host *host;
	struct provider *provider;
	struct pcidev *dev;
	struct handover handover;
	struct pcidev_saved *saved; /* as it was before the guest */
	struct config *cfg;
	struct interrupts irq;
	struct memory_device memory;
	struct sbdf virt;    /* where the guest sees it */
	bool published;	     /* vdev-N tells of it */
	bool recorded;	     /* a successor would find it */
	bool prepared;	     /* we prepared its MSI-X table, so we release it */
	bool permissive;
	bool raw;	     /* its guest may write registers that nobody knows (permissive, quirks) */
	struct claim_errors errors;
	bool unreset;	     /* it should have been reset, or put back, and was not */
	bool hide_intx;	     /* its line is shared: the guest gets MSI only */
	uint32_t irq_line;   /* the line that the device has, whatever the guest is told */
	uint8_t slowness;    /* of its answers of late (helper.h) */
};
TAILQ_HEAD(claims, claim);
LIST_HEAD(claims_at, claim);

#define CLAIMS_BUCKETS 256

/* Our side of the passthrough: what serves every guest alike. */
struct host {
	xentoollog_logger *lg;
	const struct takeover *takeover; /* NULL: there is no backend of the kernel's */
	struct hypercall *hypercall;
	struct settings settings;
	struct memory memory;
	struct provider **providers; /* the first that has a function wins */
	unsigned nr_providers;
	struct custody *custody; /* one for each provider */
	struct claims claims;
	struct claims_at claims_at[CLAIMS_BUCKETS]; /* the same, by address */
	struct handovers handovers;
	const struct reset_wait *reset_wait; /* how resets wait; NULL: for real */
	bool reset_untold; /* said once: Xen does not want to know of resets */
};

/*
 * Takes function a for the guest of talk: waits for devices that change hands and concern it
 * (handover.h), judges whether it may, tells Xen of it, saves its configuration, resets it (unless
 * nobody can have used it since it was taken back, untouched.h), silences it and compiles its
 * filter. opts is the text of node opts_node, or NULL; what is wrong in it is logged, and
 * *opts_wrong tells it. The effective policy is logged. The caller assigns ->virt and puts it into
 * its list. NULL with errno and *p: ENODEV, EBUSY (another guest's or the host's, named), EPERM (a
 * rule of assignable.h), EIO (it did not come back from a reset), ENODATA (no usable interrupt),
 * ENOMEM, or the device's.
 */
struct claim *claim_take(struct host *host, struct talk *talk, struct sbdf a, const char *opts,
			 const char *opts_node, struct problem *p);

/*
 * Takes over what an earlier process held for the same guest, as it stands: no reset, nothing told
 * to Xen; ->virt is where it was, and the caller says whether it is ->published. *unsure is set if
 * vectors may be mapped that nobody remembers. NULL with errno and *p.
 */
struct claim *claim_resume(struct host *host, struct talk *talk, struct sbdf a, const char *opts,
			   const char *opts_node, bool *unsure, struct problem *p);

/* It will be given back, after others perhaps: who wants it from now on waits for that. */
void claim_leaves(struct claim *claim);

/* Writes down what a successor needs to resume it, once. 0, or -1 with errno. */
int claim_record(struct claim *claim);

/*
 * Gives it back: vectors unmapped, function reset, configuration restored, silent and, where that
 * spares the next reset (untouched.h), without decoding. The
 * caller has taken it out of its own list. Failures are logged, the rest is done. NULL is allowed.
 */
void claim_release(struct claim *claim);

/* The guest is away but keeps the device: interrupts off, sizing latches clear. */
void claim_idle(struct claim *claim);

/* After a request that may have changed the shadow of config space. */
void claim_remember_shadow(struct claim *claim);

/* Who holds a, or NULL. */
struct claim *claim_find(const struct host *host, struct sbdf a);

#endif
