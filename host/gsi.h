/* SPDX-License-Identifier: MIT */
/*
 * The GSI behind a device's INTx line. To a PV dom0 the kernel's irq number is the
 * GSI; on a PVH dom0 it is not, and the kernel has to be asked (PROTOCOL.md 2.12).
 */
#ifndef XENPCI_HOST_GSI_H
#define XENPCI_HOST_GSI_H

#include "host/device/pcidev.h"
#include "host/hypercall.h"

/*
 * Finds it for the device of p that info tells of. 0, *gsi and *pirqs (whether this dom0 has
 * pirqs, so that a guest's is the GSI's number), or -1 with errno: ENOENT (no line), ENODATA
 * (there is one, but on this dom0 nobody tells its GSI). Logs nothing.
 */
int gsi_find(struct provider *p, const struct pcidev_info *info, struct hypercall *hc,
	     uint32_t *gsi, bool *pirqs);

/*
 * In a domain that is not the machine's own: whether the device's register, PCI_INTERRUPT_LINE, is the
 * machine's. It is in a PV guest, by its backend; an HVM guest's is what its device model made up. sysfs_root
 * as for the sysfs provider; where it does not tell, it is.
 */
bool gsi_in_register(const char *sysfs_root);

#endif
