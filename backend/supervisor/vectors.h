/* SPDX-License-Identifier: MIT */
/*
 * The vectors of one assigned function, on Xen's side: mapped for its guest when its gate asks, and
 * remembered by who asked for which, in xenstore as well, so that a request that is done again, after
 * the death of a worker, a gate or the supervisor, is recognised. One thread, waits for nobody but
 * xenstored. What a guest can cause is logged through its talk.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_VECTORS_H
#define XENPCI_BACKEND_SUPERVISOR_VECTORS_H

#include "backend/messages/messages.h"
#include "backend/supervisor/successor.h"
#include "common/talk.h"
#include "host/hypercall.h"

struct vector_record {
	struct sbdf sbdf;
	struct hypercall *hypercall;
	struct talk *talk; /* also tells whose pirqs these are */
	struct successor_device *successor;
	uint32_t owner; /* the domain that has it to Xen; 0: the one that talk is about */
	bool has_msi, has_msix, no_msix;
	bool no_vectors; /* Xen lets this domain map none */
	uint16_t entries;  /* of the MSI-X table */
	uint64_t base;	   /* start of the BAR that holds it */
	bool stuck;	   /* a vector may still be mapped that nobody will unmap */
	bool doubtful;	   /* its domain may have followed the one that had them: what Xen does not know is no loss */
	enum vectors_mode mode;
	uint16_t nr;	   /* of the guest, in use */
	uint16_t pirqs;	   /* entries of pirq to unmap: one stands for a whole multi-MSI block */
	uint16_t entry[SH_INFO_MAX_VEC]; /* MSI-X: which was asked for */
	uint32_t pirq[SH_INFO_MAX_VEC];
};

/*
 * Maps what *want says, or none, and fills *got: err is 0 or errno (EINVAL: no such vectors; EBUSY:
 * some are mapped; Xen's). What is mapped already for the same request is told again, if want->first.
 */
void vectors_map(struct vector_record *v, const struct message_map *want, struct message_mapped *got);
/* Unmaps all. Safe to repeat. */
void vectors_unmap(struct vector_record *v);

/*
 * Goes on where the supervisor before us stopped: takes over what is mapped, finishes what was being
 * unmapped. Returns 1 if vectors may have been mapped that nobody remembers, else 0; -1 with errno
 * EINVAL: what is remembered is damaged.
 */
int vectors_recall(struct vector_record *v);
/*
 * The lowest pirq that Xen would hand out now: of those above it, all are in use. 0, or -1 with errno.
 */
int vectors_probe(struct vector_record *v, uint32_t *pirq);
/* Whether pirq is one of these. */
bool vectors_have(const struct vector_record *v, uint32_t pirq);
/* Writes down anew what is mapped: xenstored is another one. Logs. */
void vectors_remember(struct vector_record *v);
/* Nothing is mapped that has to be remembered. */
void vectors_forget(struct vector_record *v);

#endif
