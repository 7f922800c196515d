/* SPDX-License-Identifier: MIT */
/* Who on the host listens to an interrupt line, as /proc/interrupts tells. Nothing logs. */
#ifndef XENPCI_HOST_IRQ_LINES_H
#define XENPCI_HOST_IRQ_LINES_H

#include <stddef.h>
#include <stdint.h>

#define LINES_FILE "/proc/interrupts"

/*
 * The names of the handlers on interrupt irq in file, "ehci_hcd:usb1, i801_smbus", into
 * buf, cut to size; pciback's own stand-ins do not count. Returns the length, 0 where
 * nobody listens, or -1 with the OS's errno.
 */
int lines_users(const char *file, uint32_t irq, char *buf, size_t size);

#endif
