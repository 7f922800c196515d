/* SPDX-License-Identifier: MIT */
/*
 * Every hypercall that is made here: physdev operations for interrupts, MSI-X
 * tables, GSIs and resets; and what a toolstack does to give a domain a device, for
 * the operator's command. Arguments and errors are those of xen/physdev.h,
 * xen/domctl.h and PROTOCOL.md 5.9, 5.10. An error is Xen's, as errno. One thread.
 *
 * Only libxencall is used, whose name stays: one program serves on every Xen that control.c
 * knows. On another, physdev operations work, and what is a domctl or sysctl (domain_halted,
 * domains_running, iommu, pause, destroy, allow_*, assign, deassign) fails with EPROTONOSUPPORT.
 */
#ifndef XENPCI_HOST_HYPERCALL_H
#define XENPCI_HOST_HYPERCALL_H

#include <stdbool.h>
#include <stdint.h>
#include <xentoollog.h>

#include "common/sbdf.h"

struct hypercall;

enum { HYPERCALL_MSI = -1 }; /* `entry` of hypercall_map_msi: MSI, no table */
#define HYPERCALL_MULTI_MSI_MAX 32

/*
 * NULL with errno; logs why to lg, and what will not work where Xen is not one of ours. The
 * libraries get mute, which stays the caller's: what they would log, a guest can cause.
 */
struct hypercall *hypercall_open(xentoollog_logger *lg, xentoollog_logger *mute);
/* NULL is allowed. */
void hypercall_close(struct hypercall *hc);

/*
 * Whether the domain runs no more: shut down (but not suspended), crashed or dying. 1, 0, or
 * -1 with errno (EPERM: not ours to ask, as in a driver domain).
 */
int hypercall_domain_halted(struct hypercall *hc, uint32_t domid);

/*
 * Whether the domain is suspended: it runs no more until it is resumed, and may be saved or destroyed
 * meanwhile. 1, 0 (also where there is none), or -1 with errno, as above.
 */
int hypercall_domain_suspended(struct hypercall *hc, uint32_t domid);

/* Whether it is an HVM or a PVH guest. 1, 0, or -1 with errno (ESRCH: there is none; EPERM: as above). */
int hypercall_domain_is_hvm(struct hypercall *hc, uint32_t domid);

/*
 * What Xen knows the domain by, apart from its number: 16 bytes that the toolstack gave it, its uuid.
 * 1; 0: there is no such domain, or it is dying; -1 with errno (EPERM: as above).
 */
int hypercall_domain_handle(struct hypercall *hc, uint32_t domid, uint8_t handle[16]);

/*
 * The same of all domains below nr, with few calls: running[domid] for those that do run. 0, or -1
 * with errno.
 */
int hypercall_domains_running(struct hypercall *hc, bool *running, uint32_t nr);

/* Whether Xen has an IOMMU to confine devices with. 1, 0, or -1 with errno (EPERM: as above). */
int hypercall_iommu(struct hypercall *hc);

/*
 * Maps one vector of device a for guest domid: MSI, or entry of the MSI-X table in the
 * BAR that starts at table_base. Xen programs the message; the enable bit is the
 * caller's. *pirq is in the guest's numbering.
 * 0, or -1 with errno: ENOSPC (no pirq left), ENODEV (not the guest's, or no such
 * capability), ENXIO (memory decoding off), ENODATA (table not prepared), ESRCH (no
 * such guest), EINVAL (also: a segment that Xen cannot name), ...
 */
int hypercall_map_msi(struct hypercall *hc, uint32_t domid, struct sbdf a, int entry,
		      uint64_t table_base, uint32_t *pirq);
/*
 * Maps *count consecutive MSI vectors; *pirq is the first. 0, or -1 with errno as
 * above and: ENFILE (*count is then what the device has), EOPNOTSUPP (no interrupt
 * remapping), EDOM. Only the first is ever unmapped; that frees all.
 */
int hypercall_map_multi_msi(struct hypercall *hc, uint32_t domid, struct sbdf a, uint32_t *count,
			    uint32_t *pirq);
/* 0 (also where the guest is gone), or -1 with errno: EINVAL (not mapped), ... */
int hypercall_unmap_pirq(struct hypercall *hc, uint32_t domid, uint32_t pirq);

/*
 * Tells Xen that a's MSI-X table will be (is no longer) used for guests. Only for a
 * function with an MSI-X capability: Xen does not check. 0, or -1 with errno:
 * EBUSY (prepared already; vectors still mapped), ENOSYS (PVH dom0, old Xen), ENXIO, ENODEV.
 */
int hypercall_prepare_msix(struct hypercall *hc, struct sbdf a);
int hypercall_release_msix(struct hypercall *hc, struct sbdf a);

/*
 * Has Xen write the messages of a's mapped vectors into the device again, which lost them in a
 * reset, and turn MSI or MSI-X on. 0, or -1 with errno: ENOSYS (PVH dom0), ENXIO (memory decoding
 * off), ENODEV.
 */
int hypercall_restore_msi(struct hypercall *hc, struct sbdf a);

/* Sets gsi up as PCI interrupts are: level, low. 0 (also where it was), or -1 with errno. */
int hypercall_setup_gsi(struct hypercall *hc, uint32_t gsi);

/* How the device was reset; the numbers are Xen's (xen/physdev.h of 4.20). */
enum hypercall_reset {
	HYPERCALL_RESET_COLD = 0,
	HYPERCALL_RESET_WARM = 1,
	HYPERCALL_RESET_HOT = 2,
	HYPERCALL_RESET_FLR = 3,
};
/* Tells Xen that a was reset. 0, or -1 with errno: ENOSYS, EOPNOTSUPP (not this Xen), ENODEV. */
int hypercall_device_reset(struct hypercall *hc, struct sbdf a, enum hypercall_reset how);

/*
 * What Xen knows of our interrupt irq. 0 and *shared, or -1 with errno: ENOSYS (we are
 * a domain without pirqs: a PVH dom0, where an irq number is no GSI), EINVAL.
 */
int hypercall_irq_shared(struct hypercall *hc, uint32_t irq, bool *shared);

/* Stops domid, or ends it. 0 (also where it is gone), or -1 with errno. */
int hypercall_pause(struct hypercall *hc, uint32_t domid);
int hypercall_destroy(struct hypercall *hc, uint32_t domid);

/*
 * Lets domid use (or no longer use) the pages that hold size bytes from start on,
 * nr I/O ports, a pirq. 0, or -1 with errno: ESRCH (no such domain), EINVAL, EPERM.
 */
int hypercall_allow_memory(struct hypercall *hc, uint32_t domid, uint64_t start, uint64_t size,
			   bool allow);
int hypercall_allow_ports(struct hypercall *hc, uint32_t domid, uint32_t first, uint32_t nr,
			  bool allow);
int hypercall_allow_irq(struct hypercall *hc, uint32_t domid, uint32_t pirq, bool allow);
/* The same for a dom0 without pirqs; ENOSYS or EOPNOTSUPP: a Xen before 4.20. */
int hypercall_allow_gsi(struct hypercall *hc, uint32_t domid, uint32_t gsi, bool allow);
/*
 * Gives domid gsi as pirq *pirq (-1: the one that it has, or any), told in *pirq. 0, or -1
 * with errno as hypercall_map_msi and EEXIST, EBUSY.
 */
int hypercall_map_gsi(struct hypercall *hc, uint32_t domid, uint32_t gsi, int *pirq);
/*
 * Moves a into domid's IOMMU context, or to quarantine. 0, or -1 with errno: ENOSYS (no
 * IOMMU), EOPNOTSUPP (not for this domain), ENODEV, EBUSY (another domain's), ESRCH.
 */
int hypercall_assign(struct hypercall *hc, uint32_t domid, struct sbdf a, bool relaxed);
/*
 * The usual cause of hypercall_assign's errno err, and what the person can do, as a clause to stand
 * behind strerror's words; "" where there is none to tell. Static.
 */
const char *hypercall_assign_cause(int err, bool relaxed);
int hypercall_deassign(struct hypercall *hc, uint32_t domid, struct sbdf a);

#endif
