/* SPDX-License-Identifier: MIT */
/* A guest's requests about interrupts, and their answers, through the page. */
#ifndef XENPCI_TESTS_FUZZ_REQUESTS_H
#define XENPCI_TESTS_FUZZ_REQUESTS_H

#include "protocol/pciif.h"
#include "tests/fuzz/fuzz.h"

/* What the backend copies out of a page that the guest has filled, with as many entries as it asks for. */
void request_take(struct bytes *in, uint8_t what, struct xen_pci_op *op);
/* The answer of n vectors goes into a page, and changes no more of it than it says. */
void request_answer(const struct xen_pci_op *op, unsigned n, bool with_info);

#endif
