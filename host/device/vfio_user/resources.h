/* SPDX-License-Identifier: MIT */
/* BARs and the ROM of a virtual device, from its regions' sizes and its registers. */
#ifndef XENPCI_HOST_DEVICE_VFIO_USER_RESOURCES_H
#define XENPCI_HOST_DEVICE_VFIO_USER_RESOURCES_H

#include "host/device/pcidev.h"

/*
 * size: of regions 0 to 6 in bytes, 0 where there is none; config: PCIDEV_BASIC bytes. A size that
 * is no power of two is taken as the next one, as its register can say no other. 0, or -1 with
 * EINVAL: a size that this kind of BAR cannot have, a kind that PCI does not know.
 */
int vfio_user_resources(const uint64_t size[PCIDEV_RESOURCES], const uint8_t config[],
			struct pcidev_resource out[PCIDEV_RESOURCES]);

/*
 * Places what nobody has placed, as a machine's firmware does before an OS runs, each at a multiple of its size; the
 * ROM is decoded as well, since guests may not turn that on. values: of the registers 0x10 to 0x24 and 0x30, to be
 * written. What finds no room stays where it is.
 */
void vfio_user_place(struct pcidev_resource r[PCIDEV_RESOURCES], const uint8_t config[],
		     uint32_t values[PCIDEV_RESOURCES]);

#endif
