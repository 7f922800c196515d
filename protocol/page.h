/* SPDX-License-Identifier: MIT */
/*
 * The shared page, both ends: one request slot (frontend to backend), one AER
 * slot (backend to frontend), and the flags word, which is only ever changed by
 * atomic or/and. What is read from the page is read once, word by word, with
 * volatile reads, into private memory (XSA-155, XSA-478). Everything here is
 * safe against a peer that writes at any time; nothing logs, allocates or waits.
 * One thread per slot and end.
 */
#ifndef XENPCI_PROTOCOL_PAGE_H
#define XENPCI_PROTOCOL_PAGE_H

#include "protocol/pciif.h"

/* A mapped page of PCIIF_PAGE_SIZE bytes. The peer may write to it at any time. */
typedef volatile struct xen_pci_sharedinfo page_t;

/* Whether any of the flag bits `mask` (XEN_PCIF_active, ...) is set; acquires. */
static inline bool page_flag(page_t *page, uint32_t mask)
{
	return __atomic_load_n(&page->flags, __ATOMIC_ACQUIRE) & mask;
}

/*
 * Frontend: clears the whole page (before it is granted) and, where aer is true,
 * sets XEN_PCIB_AERHANDLER.
 */
void page_init(page_t *page, bool aer);

/* --- The request slot: frontend --- */

/* Writes the whole of op into the slot and raises XEN_PCIF_active. The caller notifies. */
void page_post(page_t *page, const struct xen_pci_op *op);
/*
 * The same without the entries: nine words instead of 137, for commands that have no use for
 * any. What stands in the page's entries stays there.
 */
void page_post_head(page_t *page, const struct xen_pci_op *op);
/* Whether the answer is there (XEN_PCIF_active is clear). */
static inline bool page_answered(page_t *page)
{
	return !page_flag(page, XEN_PCIF_active);
}
/* Copies the slot into *op, once. Call after page_answered. */
void page_collect(page_t *page, struct xen_pci_op *op);
/* The same without the entries, which stay as they are in *op. */
void page_collect_head(page_t *page, struct xen_pci_op *op);

/* --- The request slot: backend --- */

/* Whether a request waits (XEN_PCIF_active is set). */
static inline bool page_requested(page_t *page)
{
	return page_flag(page, XEN_PCIF_active);
}
/*
 * Copies the request into *op, once. The entries are copied only where cmd (of
 * the copy) is enable_msix, and only as many as the copied value says, at most
 * SH_INFO_MAX_VEC; the others are left as they were.
 */
void page_snapshot(page_t *page, struct xen_pci_op *op);
/*
 * Writes the answer: err, value, info (only if with_info), and the vector half
 * of the first `vectors` entries (at most SH_INFO_MAX_VEC), then clears
 * XEN_PCIF_active. The caller notifies.
 */
void page_answer(page_t *page, const struct xen_pci_op *op, unsigned vectors, bool with_info);

/* --- The AER slot --- */

/* Backend: writes *aer into the slot and raises XEN_PCIB_active. The caller notifies. */
void page_aer_post(page_t *page, const struct xen_pcie_aer_op *aer);
/* Frontend: whether an AER request waits. */
static inline bool page_aer_requested(page_t *page)
{
	return page_flag(page, XEN_PCIB_active);
}
/* Either end: copies the AER slot into *aer, once. */
void page_aer_collect(page_t *page, struct xen_pcie_aer_op *aer);
/* Frontend: writes the result (enum pciif_aer_result) and clears XEN_PCIB_active. The caller notifies. */
void page_aer_answer(page_t *page, int32_t result);
/* Backend: takes a request back that was not answered in time (XEN_PCIB_active off). */
void page_aer_withdraw(page_t *page);

#endif
