/* SPDX-License-Identifier: MIT */
/*
 * Config space of one function of this machine: its config file in sysfs. Accesses may wait for
 * the device. Nothing logs.
 */
#ifndef XENPCI_HOST_DEVICE_SYSFS_CONFIG_H
#define XENPCI_HOST_DEVICE_SYSFS_CONFIG_H

#include <stdint.h>

struct sysfs_config {
	int fd; /* -1: not open */
};

/* As pcidev_ops' read and write. */
int sysfs_config_read(const struct sysfs_config *c, unsigned offset, unsigned size, uint32_t *value);
int sysfs_config_write(const struct sysfs_config *c, unsigned offset, unsigned size, uint32_t value);
/* size bytes as they are, by one call of the kernel. 0, or -1 with errno: EIO (not as many), the OS's. */
int sysfs_config_bytes(const struct sysfs_config *c, unsigned offset, unsigned size, uint8_t raw[]);

/* Closes what there is, keeping errno. */
void sysfs_config_close(struct sysfs_config *c);

#endif
