/* SPDX-License-Identifier: MIT */
/*
 * Stub domains: one that runs the device model of an HVM guest has that guest's PCI frontends, while the
 * devices are the guest's to Xen. One thread; waits for xenstored, does not log.
 */
#ifndef XENPCI_HOST_STUB_H
#define XENPCI_HOST_STUB_H

#include <stdint.h>
#include <xenstore.h>

/*
 * The guest whose device model domid is, or domid itself where it is none's. libxl writes it at both ends,
 * where neither domain can (/local/domain/<stub>/target, /local/domain/<guest>/image/device-model-domid); it
 * counts where they agree.
 */
uint32_t stub_target(struct xs_handle *xs, uint32_t domid);

#endif
