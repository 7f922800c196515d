/* SPDX-License-Identifier: MIT */
/* What Xen must allow a guest before it can use a device, as libxl asks for it. */
#ifndef XENPCI_OPERATOR_GIVE_H
#define XENPCI_OPERATOR_GIVE_H

#include "operator/operator.h"

/*
 * Lets domid use the device's BARs and interrupt line, and moves it into the domain's
 * IOMMU context. All or nothing. 0, or -1 having told why.
 */
int give_device(struct operator *op, const struct place *place, uint32_t domid, bool relaxed);
/* Takes all of it back; what fails is told, the rest goes on. 0, or -1. */
int take_device_back(struct operator *op, const struct place *place, uint32_t domid);

#endif
