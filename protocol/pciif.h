/* SPDX-License-Identifier: MIT */
/*
 * The names of the wire: commands, error numbers, xenbus states, flags. The
 * numbers come from Xen's public headers (xen/io/pciif.h, xen/io/xenbus.h); the
 * layout they give is asserted here, so that a header that drifted cannot build.
 * Nothing here logs; everything may be called from several threads.
 */
#ifndef XENPCI_PROTOCOL_PCIIF_H
#define XENPCI_PROTOCOL_PCIIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/io/pciif.h>
#include <xen/io/xenbus.h>

#define PCIIF_MAGIC "7"
#define PCIIF_PAGE_SIZE 4096
#define PCIIF_CONFIG_SIZE 4096 /* bytes of an express function's config space */

_Static_assert(offsetof(struct xen_pci_sharedinfo, op) == 4, "op follows flags");
_Static_assert(sizeof(struct xen_pci_op) == 548, "op is 548 bytes");
_Static_assert(offsetof(struct xen_pci_op, value) == 28, "value at page offset 32");
_Static_assert(offsetof(struct xen_pci_op, msix_entries) == 36, "entries at page offset 40");
_Static_assert(offsetof(struct xen_pci_sharedinfo, aer_op) == 552, "aer_op at 552");
_Static_assert(sizeof(struct xen_pci_sharedinfo) == 572, "572 bytes of the page are used");
_Static_assert(offsetof(struct xen_msix_entry, entry) == 2, "vector, then entry");

/*
 * X(number, name, sent in the request slot by a frontend)
 * enable_multi_msi is XenLinux's; the kernel's backend answers it not_implemented.
 */
#define PCIIF_COMMANDS(X)                                  \
	X(XEN_PCI_OP_conf_read, conf_read, true)           \
	X(XEN_PCI_OP_conf_write, conf_write, true)         \
	X(XEN_PCI_OP_enable_msi, enable_msi, true)         \
	X(XEN_PCI_OP_disable_msi, disable_msi, true)       \
	X(XEN_PCI_OP_enable_msix, enable_msix, true)       \
	X(XEN_PCI_OP_disable_msix, disable_msix, true)     \
	X(XEN_PCI_OP_aer_detected, aer_detected, false)    \
	X(XEN_PCI_OP_aer_resume, aer_resume, false)        \
	X(XEN_PCI_OP_aer_mmio, aer_mmio, false)            \
	X(XEN_PCI_OP_aer_slotreset, aer_slotreset, false)  \
	X(XEN_PCI_OP_enable_multi_msi, enable_multi_msi, true)

/* X(number, name, meaning) */
#define PCIIF_ERRORS(X)                                                     \
	X(XEN_PCI_ERR_success, success, "success")                          \
	X(XEN_PCI_ERR_dev_not_found, dev_not_found, "no such device")       \
	X(XEN_PCI_ERR_invalid_offset, invalid_offset, "invalid offset or size") \
	X(XEN_PCI_ERR_access_denied, access_denied, "access denied")        \
	X(XEN_PCI_ERR_not_implemented, not_implemented, "not implemented")  \
	X(XEN_PCI_ERR_op_failed, op_failed, "operation failed")

/* X(number, name) */
#define PCIIF_STATES(X)                                     \
	X(XenbusStateUnknown, Unknown)                      \
	X(XenbusStateInitialising, Initialising)            \
	X(XenbusStateInitWait, InitWait)                    \
	X(XenbusStateInitialised, Initialised)              \
	X(XenbusStateConnected, Connected)                  \
	X(XenbusStateClosing, Closing)                      \
	X(XenbusStateClosed, Closed)                        \
	X(XenbusStateReconfiguring, Reconfiguring)          \
	X(XenbusStateReconfigured, Reconfigured)

#define PCIIF_STATE_COUNT 9

/* Channel states that aer_op.err carries to the guest with aer_detected. */
enum pciif_aer_channel {
	PCIIF_AER_NORMAL = 1,
	PCIIF_AER_FROZEN = 2,
	PCIIF_AER_PERM_FAILURE = 3,
};

/* X(number, name): results that a guest puts into aer_op.err. */
#define PCIIF_AER_RESULTS(X)       \
	X(1, none)                 \
	X(2, can_recover)          \
	X(3, need_reset)           \
	X(4, disconnect)           \
	X(5, recovered)            \
	X(6, no_aer_driver)

#define PCIIF_ENUM_AER(nr, name) PCIIF_AER_##name = (nr),
enum pciif_aer_result { PCIIF_AER_RESULTS(PCIIF_ENUM_AER) };
#undef PCIIF_ENUM_AER

/* The name of a command, "op N" style names excluded: NULL for an unknown number. */
const char *pciif_command_name(uint32_t cmd);
/* The number of a command's name into *cmd: 0, or -1 with errno EINVAL. */
int pciif_command_number(const char *name, uint32_t *cmd);
/* What one of the six error numbers means, for people; NULL for any other (a raw errno). */
const char *pciif_error_text(int32_t err);
/* The name of a xenbus state; "invalid" for any other number. */
const char *pciif_state_name(unsigned state);
/* The name of an AER result, NULL for any other number. */
const char *pciif_aer_result_name(int32_t result);

#endif
