/* SPDX-License-Identifier: MIT */
/*
 * Attribute files of one function's sysfs directory. `dir` is a descriptor of it.
 * A failure is -1 with errno. Nothing here logs; everything may be called from several
 * threads.
 */
#ifndef XENPCI_HOST_DEVICE_SYSFS_ATTR_H
#define XENPCI_HOST_DEVICE_SYSFS_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/device/pcidev.h"

/* Reads a file as text into buf of size bytes, without its last newline. Length, or -1 (ELOOP: a link). */
int sysfs_attr_read(int dir, const char *name, char *buf, size_t size);
/* Reads a number as the kernel prints it, "0x8086" or "17". 0, or -1 (EINVAL, ERANGE). */
int sysfs_attr_number(int dir, const char *name, uint64_t max, uint64_t *value);
/* Writes text to an existing file. 0, or -1 with errno. */
int sysfs_attr_write(int dir, const char *name, const char *text);
/* The function that a link (physfn) leads to. 1, 0 where there is no such link, or -1. */
int sysfs_attr_link(int dir, const char *name, struct sbdf *to);

/*
 * The seven regions of the `resource` file: a device's BARs and ROM (a bridge's
 * windows follow and are not read). 0, or -1 with errno EINVAL (malformed) or the OS's.
 */
int sysfs_attr_resources(int dir, struct pcidev_resource resource[PCIDEV_RESOURCES]);

#endif
