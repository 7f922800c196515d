/* SPDX-License-Identifier: MIT */
/*
 * The interrupts of one assigned function: MSI, multi-MSI or MSI-X, one of them
 * at a time (PROTOCOL.md 3.3 to 3.7 and 6). Xen programs the messages when a
 * vector is mapped; the enable bit, and INTx that goes off with it, are ours.
 * One thread. What a guest can cause is logged through its talk.
 */
#ifndef XENPCI_BACKEND_INTERRUPT_H
#define XENPCI_BACKEND_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include "host/device/pcidev.h"
#include "host/hypercall.h"
#include "backend/memory.h"
#include "common/talk.h"
#include "protocol/pciif.h"

enum interrupt_mode {
	INTERRUPT_NONE, /* INTx, if the function has it */
	INTERRUPT_MSI,
	INTERRUPT_MSIX,
};

struct interrupts {
	struct pcidev *dev;
	struct hypercall *hypercall;
	struct talk *talk; /* also tells whose pirqs these are */
	struct memory_device *memory;
	uint16_t msi;	   /* offsets of the capabilities; 0: none */
	uint16_t msix;
	bool no_msix;	   /* Xen could not be told of the table (PVH dom0): refuse, so that guests use MSI */
	bool stuck;	   /* a vector may still be mapped that nobody will unmap */
	enum interrupt_mode mode;
	uint16_t vectors; /* of the guest, in use */
	uint16_t pirqs;	  /* entries of pirq to unmap: one stands for a whole multi-MSI block */
	uint32_t pirq[SH_INFO_MAX_VEC];
};

/* Finds dev's capabilities; nothing is enabled. All pointers must outlive *irq. */
void interrupt_init(struct interrupts *irq, struct pcidev *dev, struct hypercall *hc,
		    struct talk *talk, struct memory_device *memory);

/*
 * The guest's requests. Each takes op's arguments and fills op->err and
 * op->value (op->info: multi-MSI) as the protocol answers them; MSI-X fills the vector half of
 * op->msix_entries. Returns how many entries the answer carries.
 */
unsigned interrupt_enable_msi(struct interrupts *irq, struct xen_pci_op *op);
unsigned interrupt_enable_multi_msi(struct interrupts *irq, struct xen_pci_op *op);
unsigned interrupt_enable_msix(struct interrupts *irq, struct xen_pci_op *op);
/* Turn off what is on (disable_msix: if it is MSI-X); never fail. value: the INTx pirq. */
unsigned interrupt_disable_msi(struct interrupts *irq, struct xen_pci_op *op);
unsigned interrupt_disable_msix(struct interrupts *irq, struct xen_pci_op *op);

/*
 * What is remembered of the interrupts, as text: "none 0", "enabling 0", "off V pirq...",
 * "msi V pirq", "msix V pirq...". Written before what it tells of can be seen from outside:
 * enabling before vectors are mapped, off before they are unmapped.
 */
#define INTERRUPT_TEXT_MAX (32 + 12 * SH_INFO_MAX_VEC)
void interrupt_remember(struct interrupts *irq, const char *word);
/* Sets the device's enable bits for what *irq says is on. 0, or -1 with errno. */
int interrupt_turn_on(struct interrupts *irq);
/*
 * Goes on where the process before us stopped: takes over what is on, finishes what was
 * going off. Returns 1 if vectors may have been mapped that nobody remembers, else 0;
 * -1 with errno EINVAL: what is remembered is damaged.
 */
int interrupt_recall(struct interrupts *irq);
/*
 * The lowest pirq that Xen would hand out now: of those above it, all are in use. 0, or
 * -1 with errno (as hypercall_map_msi).
 */
int interrupt_probe(struct interrupts *irq, uint32_t *pirq);
/*
 * A request that the process before us carried out but did not answer comes a second
 * time: whether op is one, that is, asks for just what is on. Its answer is then filled in as
 * by the functions above, and *vectors.
 */
bool interrupt_replayed(struct interrupts *irq, struct xen_pci_op *op, unsigned *vectors);

/* Everything off and unmapped: detach, close, death. Safe to repeat. */
void interrupt_release(struct interrupts *irq);

#endif
