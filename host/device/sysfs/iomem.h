/* SPDX-License-Identifier: MIT */
/*
 * The Xen plumbing seam: registers that are in the machine's memory, mapped into this process, to
 * be read without a system call. Only a PV dom0 may have them, and only pages that the processor's
 * range registers (MTRR) make uncacheable: Xen offers no way to ask for that page by page. Read
 * only; Xen itself sees to that. One thread; a page may be read by several.
 */
#ifndef XENPCI_HOST_DEVICE_SYSFS_IOMEM_H
#define XENPCI_HOST_DEVICE_SYSFS_IOMEM_H

#include <stdbool.h>
#include <stdint.h>
#include <xentoollog.h>

/* Frames [first, first + nr) have this type (Intel SDM volume 3, 12.11; AMD APM volume 2, 7.7). */
struct iomem_range {
	uint64_t first;
	uint64_t nr; /* 0: the register is not used */
	uint32_t type;
};

enum { IOMEM_UNCACHEABLE = 0, IOMEM_WRITE_BACK = 6 };

/*
 * Whether frame is surely uncacheable. Where ranges overlap, uncacheable wins. A frame in no range
 * has the default type, which Xen does not tell: it is uncacheable where RAM needs a range to be
 * write-back.
 */
bool iomem_uncacheable(const struct iomem_range *range, unsigned nr, uint64_t frame);

struct iomem;

/*
 * Opens libxenforeignmemory and asks Xen for the ranges. The libraries log to lg why they cannot.
 * NULL with errno: ENOMEM, EPERM (not a dom0 that may ask), or the OS's.
 */
struct iomem *iomem_open(xentoollog_logger *lg);
/* Pages stay mapped. NULL is allowed. */
void iomem_close(struct iomem *m);

/*
 * Maps the page at machine address `address` (a multiple of 4096). NULL with errno: EOPNOTSUPP (it
 * may be cacheable), or the hypervisor's (EINVAL, EPERM). Logs nothing.
 */
void *iomem_map(struct iomem *m, uint64_t address);
/* NULL is allowed. */
void iomem_unmap(struct iomem *m, void *page);

#endif
