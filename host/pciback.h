/* SPDX-License-Identifier: MIT */
/*
 * Devices that are held for guests: moved from their host driver to pciback, and
 * back, as `xl pci-assignable-add` and -remove do it. Which driver a device had is kept where
 * libxl keeps it (/libxl/pci/<address>/driver_path), so that xl and we can undo each other's.
 * Linux only (PROTOCOL.md 2.3, 2.12). Nothing logs.
 */
#ifndef XENPCI_HOST_PCIBACK_H
#define XENPCI_HOST_PCIBACK_H

#include <stdbool.h>
#include <xenstore.h>

#include "host/hypercall.h"
#include "common/problem.h"
#include "common/sbdf.h"

#define PCIBACK_DRIVER "pciback"
#define PCIBACK_NOTES "/libxl/pci" /* a directory for each device */

/* Where pciback is, and who is told of what it gets. */
struct pciback {
	const char *sysfs; /* /sys, or a tree that stands for it */
	struct xs_handle *xs;
	struct hypercall *hypercall;
};

/*
 * Takes a from `driver` ("": it has none) to pciback and into Xen's quarantine. Nothing
 * is done where pciback has it. On a PVH dom0, pciback is kept from resetting it. 0, or
 * -1 with errno and *p.
 */
int pciback_take(const struct pciback *h, struct sbdf a, const char *driver, struct problem *p);
/*
 * The reverse; rebind: also back to the driver it was taken from. 0, 1 (no driver is
 * remembered to go back to), or -1 with errno and *p.
 */
int pciback_give_up(const struct pciback *h, struct sbdf a, bool rebind, struct problem *p);

/*
 * What is noted of a device: /libxl/pci/<address>/node, which libxl and we share. read: the length, or -1 with errno.
 * write: 0, or -1 with errno. forget also removes a directory that is empty then.
 */
int pciback_note_read(struct xs_handle *xs, struct sbdf a, const char *node, char *buf,
		      unsigned size);
int pciback_note_write(struct xs_handle *xs, struct sbdf a, const char *node, const char *value);
int pciback_note_forget(struct xs_handle *xs, struct sbdf a, const char *node);

#endif
