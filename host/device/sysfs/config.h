/* SPDX-License-Identifier: MIT */
/*
 * Config space of one function of this machine: its config file in sysfs and, where Xen lets us
 * have it (ecam.h), the same in memory. Registers are read there, else through the kernel; all
 * writes go through the kernel. Accesses may wait for the device (slow.h). Nothing logs but
 * sysfs_config_map.
 */
#ifndef XENPCI_HOST_DEVICE_SYSFS_CONFIG_H
#define XENPCI_HOST_DEVICE_SYSFS_CONFIG_H

#include "host/device/sysfs/ecam.h"

struct sysfs_config {
	int fd;		   /* -1: not open */
	struct ecam *ecam; /* whose window is */
	void *window;	   /* config space in memory; NULL: not for us */
};

/* As pcidev_ops' read and write. */
int sysfs_config_read(const struct sysfs_config *c, unsigned offset, unsigned size, uint32_t *value);
int sysfs_config_write(const struct sysfs_config *c, unsigned offset, unsigned size, uint32_t value);
/* size bytes as they are, by one call of the kernel. 0, or -1 with errno: EIO (not as many), the OS's. */
int sysfs_config_bytes(const struct sysfs_config *c, unsigned offset, unsigned size, uint8_t raw[]);

/*
 * Has sbdf's registers read from memory from now on, if they are there and are what the kernel
 * shows. Without is no error: the kernel's way is always there. Logs which it is.
 */
void sysfs_config_map(struct sysfs_config *c, struct ecam *ecam, struct sbdf sbdf,
		      xentoollog_logger *lg);
/* Unmaps and closes what there is, keeping errno. */
void sysfs_config_close(struct sysfs_config *c);

#endif
