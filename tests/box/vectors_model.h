/* SPDX-License-Identifier: MIT */
/*
 * Which kind of messages a guest has on for a function, by the protocol's rules alone: what the tests compare every
 * sequence of requests with. It shares nothing with the backend.
 */
#ifndef XENPCI_TESTS_BOX_VECTORS_MODEL_H
#define XENPCI_TESTS_BOX_VECTORS_MODEL_H

#include <stdbool.h>

#include "protocol/pciif.h"

struct vectors_model {
	bool msi, msix;
};

enum vectors_step { MSI_ON, MSI_OFF, MSIX_ON, MSIX_OFF, VECTORS_STEPS };

/* The request that a step is, for two vectors; which entries of MSI-X, is the caller's. */
static inline struct xen_pci_op vectors_request(enum vectors_step step)
{
	static const uint32_t cmd[] = {
		[MSI_ON] = XEN_PCI_OP_enable_msi, [MSI_OFF] = XEN_PCI_OP_disable_msi,
		[MSIX_ON] = XEN_PCI_OP_enable_msix, [MSIX_OFF] = XEN_PCI_OP_disable_msix,
	};

	return (struct xen_pci_op){ .cmd = cmd[step], .value = 2 };
}

/* Whether step may succeed; what is on after it. */
static inline bool vectors_step(struct vectors_model *m, enum vectors_step step)
{
	bool may = !m->msi && !m->msix;

	switch (step) {
	case MSI_ON:
		m->msi |= may;
		return may;
	case MSIX_ON:
		m->msix |= may;
		return may;
	case MSI_OFF: /* Linux guests turn MSI-X off with it. */
		m->msi = false;
		m->msix = false;
		return true;
	case MSIX_OFF:
		m->msix = false;
		return true;
	case VECTORS_STEPS:
		break;
	}
	return true;
}

#endif
