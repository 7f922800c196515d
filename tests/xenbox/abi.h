/* SPDX-License-Identifier: MIT */
/*
 * The hypercalls that the box knows, once: the preloaded library takes the sizes of what to carry
 * to the hypervisor from here, the hypervisor the names and who may call.
 */
#ifndef XENBOX_ABI_H
#define XENBOX_ABI_H

#include <stdint.h>

/* domctl.h wants anonymous unions and does not know that C11 has them. */
#ifdef __STRICT_ANSI__
#undef __STRICT_ANSI__
#define ABI_STRICT_ANSI
#endif
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/version.h>
#ifdef ABI_STRICT_ANSI
#define __STRICT_ANSI__ 1
#endif

#define PHYSDEVOP_pci_device_reset 32 /* since Xen 4.20 */

struct abi_device_reset {
	struct physdev_pci_device dev;
	uint32_t flags;
};

/* Since Xen 4.20; the headers of older ones have neither number nor argument. */
#define ABI_DOMCTL_GSI_PERMISSION 88

struct abi_gsi_permission {
	uint32_t gsi;
	uint32_t flags; /* 1: grant */
};

/*
 * The Xens that the box can be, 4.minor, and which version of domctl and sysctl they take: any
 * other is answered with EACCES. 99 is one to come, whose versions nobody knows yet.
 */
#define ABI_XENS(X)                                                                              \
	X(17, 0x15, 0x15)                                                                        \
	X(18, 0x16, 0x15)                                                                        \
	X(19, 0x17, 0x15)                                                                        \
	X(20, 0x17, 0x15)                                                                        \
	X(99, 0x7e, 0x7f)

/*
 * What libxenctrl sends counts as of this Xen, whichever it is: xenstored and the tools of the
 * machine are in place of those that would have come with it. Stands as the call's second argument.
 */
#define ABI_TOOLS_OF_THIS_XEN 1

/* Which dom0 may use a physdev operation, by Xen version and kind of dom0. */
enum {
	ABI_PV17 = 1,
	ABI_PVH17 = 2,
	ABI_PV20 = 4,
	ABI_PVH20 = 8,
	ABI_PV = ABI_PV17 | ABI_PV20,
	ABI_NEW = ABI_PV20 | ABI_PVH20,
	ABI_ALL = 15
};

/* name, argument type, dom0 kinds, may a guest call it */
#define ABI_PHYSDEV_OPS(X)                                                                       \
	X(irq_status_query, struct physdev_irq_status_query, ABI_PV, true)                       \
	X(eoi, struct physdev_eoi, ABI_PV, true)                                                 \
	X(map_pirq, struct physdev_map_pirq, ABI_PV | ABI_PVH20, true)                           \
	X(unmap_pirq, struct physdev_unmap_pirq, ABI_PV | ABI_PVH20, true)                       \
	X(manage_pci_add, struct physdev_manage_pci, ABI_PV, false)                              \
	X(manage_pci_remove, struct physdev_manage_pci, ABI_PV, false)                           \
	X(setup_gsi, struct physdev_setup_gsi, ABI_PV | ABI_PVH20, false)                        \
	X(get_free_pirq, struct physdev_get_free_pirq, ABI_PV, true)                             \
	X(pci_device_add, struct physdev_pci_device_add, ABI_ALL, false)                         \
	X(pci_device_remove, struct physdev_pci_device, ABI_ALL, false)                          \
	X(restore_msi_ext, struct physdev_pci_device, ABI_PV, false)                             \
	X(prepare_msix, struct physdev_pci_device, ABI_PV, false)                                \
	X(release_msix, struct physdev_pci_device, ABI_PV, false)                                \
	X(pci_device_reset, struct abi_device_reset, ABI_NEW, false)

/* name, argument type */
#define ABI_VERSION_OPS(X)                                                                       \
	X(extraversion, xen_extraversion_t)                                                      \
	X(compile_info, xen_compile_info_t)                                                      \
	X(capabilities, xen_capabilities_info_t)                                                 \
	X(changeset, xen_changeset_info_t)                                                       \
	X(platform_parameters, xen_platform_parameters_t)                                        \
	X(get_features, xen_feature_info_t)                                                      \
	X(guest_handle, xen_domain_handle_t)                                                     \
	X(commandline, xen_commandline_t)

/* name, argument type */
#define ABI_EVTCHN_OPS(X)                                                                        \
	X(alloc_unbound, struct evtchn_alloc_unbound)                                            \
	X(status, struct evtchn_status)                                                          \
	X(close, struct evtchn_close)                                                            \
	X(send, struct evtchn_send)

/* Calls of the libraries that are no plain hypercalls, and the names of what is left. */
#define ABI_OTHER_CALLS(X)                                                                       \
	X(evtchn_alloc)                                                                          \
	X(evtchn_bind)                                                                           \
	X(evtchn_virq)                                                                           \
	X(evtchn_unbind)                                                                         \
	X(gnttab_map)                                                                            \
	X(gnttab_unmap)                                                                          \
	X(gnttab_notify)                                                                         \
	X(gntshr_share)                                                                          \
	X(gntshr_unshare)                                                                        \
	X(gntshr_notify)                                                                         \
	X(pcidev_get_gsi)                                                                        \
	X(foreign_map)                                                                           \
	X(physdev_op)                                                                            \
	X(domctl)                                                                                \
	X(sysctl)                                                                                \
	X(getdomaininfolist)                                                                     \
	X(physinfo)                                                                              \
	X(xen_version)                                                                           \
	X(event_channel_op)                                                                      \
	X(sched_op)                                                                              \
	X(remote_shutdown)                                                                       \
	X(hypercall)

/* Domain operations, beside those that hypercall.c answers with EOPNOTSUPP by number. */
#define ABI_DOMCTLS(X)                                                                           \
	X(createdomain)                                                                          \
	X(destroydomain)                                                                         \
	X(pausedomain)                                                                           \
	X(unpausedomain)                                                                         \
	X(getdomaininfo)                                                                         \
	X(max_mem)                                                                               \
	X(max_vcpus)                                                                             \
	X(irq_permission)                                                                        \
	X(iomem_permission)                                                                      \
	X(ioport_permission)                                                                     \
	X(assign_device)                                                                         \
	X(test_assign_device)                                                                    \
	X(deassign_device)                                                                       \
	X(resumedomain)                                                                          \
	X(set_target)

#endif
