/* SPDX-License-Identifier: MIT */
#include "backend/serve.h"

#include <inttypes.h>

#include "backend/custody.h"
#include "backend/helper.h"
#include "common/util.h"

/* Tells the operator of refused writes, each register once. */
static void tell_denials(struct guest *g, struct claim *claim)
{
	struct config_denial d;
	char buf[SBDF_TEXT];

	while (config_take_denial(claim->cfg, &d))
		talk_say(&g->talk, XTL_WARN, "%s: write of 0x%0*x at 0x%03x refused (%s, bits 0x%x)%s%s",
			 sbdf_format(claim->dev->info.sbdf, buf), 2 * d.size, d.value, d.offset,
			 d.field, d.bits, d.remedy ? "; to allow it: " : "",
			 d.remedy ? d.remedy : "");
}

static unsigned serve_write(struct guest *g, struct claim *claim, struct xen_pci_op *op)
{
	op->err = config_guest_write(claim->cfg, op->offset, op->size, op->value);
	claim_remember_shadow(claim);
	tell_denials(g, claim);
	return 0;
}

unsigned serve_op(struct guest *g, struct xen_pci_op *op)
{
	struct claim *claim = guest_find(g, op->domain, op->bus, op->devfn);

	if (!claim) {
		op->err = XEN_PCI_ERR_dev_not_found;
		return 0;
	}
	switch (op->cmd) {
	case XEN_PCI_OP_conf_read:
		op->err = config_guest_read(claim->cfg, op->offset, op->size, &op->value);
		return 0;
	case XEN_PCI_OP_conf_write:
		return serve_write(g, claim, op);
	case XEN_PCI_OP_enable_msi:
		return interrupt_enable_msi(&claim->irq, op);
	case XEN_PCI_OP_disable_msi:
		custody_mend(claim);
		return interrupt_disable_msi(&claim->irq, op);
	case XEN_PCI_OP_enable_msix:
		return interrupt_enable_msix(&claim->irq, op);
	case XEN_PCI_OP_disable_msix:
		custody_mend(claim);
		return interrupt_disable_msix(&claim->irq, op);
	case XEN_PCI_OP_enable_multi_msi:
		return interrupt_enable_multi_msi(&claim->irq, op);
	default:
		op->err = XEN_PCI_ERR_not_implemented;
		return 0;
	}
}

/* The first request after a resume may be one that was carried out, but not answered. */
static unsigned serve_first(struct guest *g, struct xen_pci_op *op)
{
	struct claim *claim = guest_find(g, op->domain, op->bus, op->devfn);
	unsigned vectors;

	g->resumed = false;
	if (claim && interrupt_replayed(&claim->irq, op, &vectors))
		return vectors;
	return serve_op(g, op);
}

uint64_t serve_done(struct guest *g, const struct xen_pci_op *op, unsigned vectors, uint64_t start_ns)
{
	uint64_t took;

	page_answer(g->page, op, vectors, op->cmd == XEN_PCI_OP_enable_multi_msi);
	xen_notify(&g->be->xen, g->port);
	/* The guest goes on already: the clock is looked at behind its back. */
	g->be->now_ns = now_ns();
	took = g->be->now_ns - start_ns;
	if (took / 1000000 >= g->be->host.settings.answer_warning_ms)
		talk_say(&g->talk, XTL_WARN, "the answer to command %u took %" PRIu64
			 " ms; guests give up after 2000", op->cmd, took / 1000000);
	return took;
}

bool serve_request(struct guest *g)
{
	uint64_t start = g->be->now_ns;
	struct xen_pci_op op;
	unsigned vectors;

	if (!page_requested(g->page))
		return false;
	page_snapshot(g->page, &op);
	if (!g->resumed && helper_take(g, &op))
		return true;
	vectors = g->resumed ? serve_first(g, &op) : serve_op(g, &op);
	helper_note(g, serve_done(g, &op, vectors, start));
	return true;
}
