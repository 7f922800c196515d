/* SPDX-License-Identifier: MIT */
/*
 * The interrupts of one assigned function, on the device's side: MSI, multi-MSI or MSI-X, one of
 * them at a time (PROTOCOL.md 3.3 to 3.7 and 6). Vectors are mapped by the supervisor, which is
 * asked; Xen programs the messages when it maps one. The enable bit, and INTx that goes off with it,
 * are ours. One thread. May wait for the device.
 */
#ifndef XENPCI_BACKEND_GATE_INTERRUPT_H
#define XENPCI_BACKEND_GATE_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/messages/messages.h"
#include "host/device/pcidev.h"
#include "protocol/pciif.h"

/* Who maps vectors, and logs within the guest's budget: the supervisor. */
struct vectors {
	/* Fills *got (its err too) from *want. */
	void (*map)(void *context, const struct message_map *want, struct message_mapped *got);
	/* All that are mapped. */
	void (*unmap)(void *context);
	void (*say)(void *context, unsigned level, const char *text);
	void *context;
	/* Has Xen write the messages of all that are mapped anew. 0, or -1 with errno. */
	int (*restore)(void *context);
};

struct interrupts {
	struct pcidev *dev;
	struct vectors vectors;
	uint16_t msi;	   /* offsets of the capabilities; 0: none */
	uint16_t msix;
	bool no_vectors;   /* Xen lets this domain map none: refused before anything is done */
	bool told;	   /* ... which was said */
	bool no_msix;	   /* Xen could not be told of the table (PVH dom0): refuse, so that guests use MSI */
	enum vectors_mode mode;
	uint16_t nr;	   /* vectors of the guest, in use */
};

/* Finds dev's capabilities; nothing is enabled. dev must outlive *irq. */
void interrupt_init(struct interrupts *irq, struct pcidev *dev, const struct vectors *vectors);

/*
 * The guest's requests. Each takes op's arguments and fills op->err and op->value (op->info:
 * multi-MSI) as the protocol answers them; MSI-X fills the vector half of op->msix_entries. Returns
 * how many entries the answer carries. first: it may be a request that was carried out and not
 * answered, before the worker's death: one for just what is on is then answered as it was.
 */
unsigned interrupt_enable_msi(struct interrupts *irq, struct xen_pci_op *op, bool first);
unsigned interrupt_enable_multi_msi(struct interrupts *irq, struct xen_pci_op *op, bool first);
unsigned interrupt_enable_msix(struct interrupts *irq, struct xen_pci_op *op, bool first);
/* Turn off what is on (disable_msix: if it is MSI-X); never fail. value: the INTx pirq. */
unsigned interrupt_disable_msi(struct interrupts *irq, struct xen_pci_op *op);
unsigned interrupt_disable_msix(struct interrupts *irq, struct xen_pci_op *op);

/*
 * Whether MSI or MSI-X (mode) is on: as *irq has it, or as the device itself says, whoever turned it on. false, too, where
 * the device has none or cannot be read.
 */
bool interrupt_is_on(struct interrupts *irq, enum vectors_mode mode);

/* Sets the device's enable bits for what *irq says is on. 0, or -1 with errno. */
int interrupt_turn_on(struct interrupts *irq);

/* Everything off and unmapped: detach, close, death. Safe to repeat. */
void interrupt_release(struct interrupts *irq);

#endif
