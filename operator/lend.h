/* SPDX-License-Identifier: MIT */
/*
 * A driver domain that serves another guest with a device that it was itself given: what dom0 does for it,
 * since that domain may not, and libxl does not. One thread.
 */
#ifndef XENPCI_OPERATOR_LEND_H
#define XENPCI_OPERATOR_LEND_H

#include "operator/operator.h"

/* Whether the backend that was named is another domain, which the toolstack has given device a. */
bool lend_is_backends(struct operator *op, struct sbdf a);

/*
 * Where that backend sees a: what this host's backend, or the device model, tells of it. a itself where
 * nothing is told, as for a domain that sees the machine's own addresses.
 */
struct sbdf lend_seen(struct operator *op, struct sbdf a);

/*
 * a leaves the backend's IOMMU context, for the guest's (begin), and comes back to it (end). 0, or -1 having
 * told why.
 */
int lend_begin(struct operator *op, const struct place *place);
int lend_end(struct operator *op, const struct place *place);

#endif
