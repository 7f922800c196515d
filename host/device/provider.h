/* SPDX-License-Identifier: MIT */
/* What the providers share among themselves; everybody else uses pcidev.h. */
#ifndef XENPCI_HOST_DEVICE_PROVIDER_H
#define XENPCI_HOST_DEVICE_PROVIDER_H

#include "host/device/pcidev.h"

/* As provider_open; root stands for /sys. lg must outlive the provider. */
struct provider *sysfs_provider_open(const char *root, xentoollog_logger *lg);
struct provider *image_provider_open(const char *spec, xentoollog_logger *lg);

/*
 * The command register that enables a function without the OS's help (decoding of
 * what it has), or disables it (bus mastering off, decoding left alone).
 */
uint16_t pcidev_enabled_command(const struct pcidev_info *info, uint32_t command, bool on);

/* The ops of a function that provider_look opened, as far as they refuse: EACCES. */
int pcidev_refuse_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value);
int pcidev_refuse_reset(struct pcidev *dev);
int pcidev_refuse_enable(struct pcidev *dev, bool on);

#endif
