/* SPDX-License-Identifier: MIT */
#include "protocol/page.h"

#include "common/util.h"

#define WORD sizeof(uint32_t)
#define OP_WORDS (sizeof(struct xen_pci_op) / WORD)
#define AER_WORDS (sizeof(struct xen_pcie_aer_op) / WORD)

_Static_assert(sizeof(struct xen_pci_op) % WORD == 0, "op is whole words");
_Static_assert(sizeof(struct xen_msix_entry) == WORD, "an entry is one word");

static void copy_in(void *to, const volatile void *from, size_t words)
{
	const volatile uint32_t *src = from;
	uint32_t *dst = to;

	for (size_t i = 0; i < words; i++)
		dst[i] = src[i];
}

static void copy_out(volatile void *to, const void *from, size_t words)
{
	volatile uint32_t *dst = to;
	const uint32_t *src = from;

	for (size_t i = 0; i < words; i++)
		dst[i] = src[i];
}

/* The head is copied for every config access: field by field, no loop. */
static void head_in(struct xen_pci_op *op, const page_t *page)
{
	op->cmd = page->op.cmd;
	op->err = page->op.err;
	op->domain = page->op.domain;
	op->bus = page->op.bus;
	op->devfn = page->op.devfn;
	op->offset = page->op.offset;
	op->size = page->op.size;
	op->value = page->op.value;
	op->info = page->op.info;
}

static void head_out(page_t *page, const struct xen_pci_op *op)
{
	page->op.cmd = op->cmd;
	page->op.err = op->err;
	page->op.domain = op->domain;
	page->op.bus = op->bus;
	page->op.devfn = op->devfn;
	page->op.offset = op->offset;
	page->op.size = op->size;
	page->op.value = op->value;
	page->op.info = op->info;
}

_Static_assert(offsetof(struct xen_pci_op, msix_entries) == 9 * WORD, "the head is nine words");

/* Both orders are full barriers on x86; release is what the protocol asks for. */
static void flag_raise(page_t *page, uint32_t mask)
{
	__atomic_fetch_or(&page->flags, mask, __ATOMIC_RELEASE);
}

static void flag_drop(page_t *page, uint32_t mask)
{
	__atomic_fetch_and(&page->flags, ~mask, __ATOMIC_RELEASE);
}

void page_init(page_t *page, bool aer)
{
	volatile uint32_t *word = (volatile uint32_t *)page;

	for (size_t i = 0; i < PCIIF_PAGE_SIZE / WORD; i++)
		word[i] = 0;
	if (aer)
		flag_raise(page, XEN_PCIB_AERHANDLER);
}

void page_post(page_t *page, const struct xen_pci_op *op)
{
	copy_out(&page->op, op, OP_WORDS);
	flag_raise(page, XEN_PCIF_active);
}

void page_post_head(page_t *page, const struct xen_pci_op *op)
{
	head_out(page, op);
	flag_raise(page, XEN_PCIF_active);
}

void page_collect(page_t *page, struct xen_pci_op *op)
{
	copy_in(op, &page->op, OP_WORDS);
}

void page_collect_head(page_t *page, struct xen_pci_op *op)
{
	head_in(op, page);
}

void page_snapshot(page_t *page, struct xen_pci_op *op)
{
	uint32_t n;

	head_in(op, page);
	if (op->cmd != XEN_PCI_OP_enable_msix)
		return;
	n = op->value < SH_INFO_MAX_VEC ? op->value : SH_INFO_MAX_VEC;
	copy_in(op->msix_entries, page->op.msix_entries, n);
}

void page_answer(page_t *page, const struct xen_pci_op *op, unsigned vectors, bool with_info)
{
	page->op.err = op->err;
	page->op.value = op->value;
	if (with_info)
		page->op.info = op->info;
	for (unsigned i = 0; i < vectors && i < SH_INFO_MAX_VEC; i++)
		page->op.msix_entries[i].vector = op->msix_entries[i].vector;
	flag_drop(page, XEN_PCIF_active);
}

void page_aer_post(page_t *page, const struct xen_pcie_aer_op *aer)
{
	copy_out(&page->aer_op, aer, AER_WORDS);
	flag_raise(page, XEN_PCIB_active);
}

void page_aer_collect(page_t *page, struct xen_pcie_aer_op *aer)
{
	copy_in(aer, &page->aer_op, AER_WORDS);
}

void page_aer_answer(page_t *page, int32_t result)
{
	page->aer_op.err = result;
	flag_drop(page, XEN_PCIB_active);
}

void page_aer_withdraw(page_t *page)
{
	flag_drop(page, XEN_PCIB_active);
}
