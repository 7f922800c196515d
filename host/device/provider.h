/* SPDX-License-Identifier: MIT */
/* What the providers share among themselves; everybody else uses pcidev.h. */
#ifndef XENPCI_HOST_DEVICE_PROVIDER_H
#define XENPCI_HOST_DEVICE_PROVIDER_H

#include "host/device/pcidev.h"

/* As provider_open; root stands for /sys. lg must outlive the provider. */
struct provider *sysfs_provider_open(const char *root, xentoollog_logger *lg);
struct provider *image_provider_open(const char *spec, xentoollog_logger *lg);
struct provider *vfio_user_provider_open(const char *spec, xentoollog_logger *lg);

/*
 * The command register that enables a function without the OS's help (decoding of
 * what it has), or disables it (bus mastering off, decoding left alone).
 */
uint16_t pcidev_enabled_command(const struct pcidev_info *info, uint32_t command, bool on);

/*
 * Fills in what info has from registers alone: revision and subsystem. A function that reads ones
 * is taken for one with the plain header, so that it can be opened for a reset.
 */
void pcidev_read_ids(struct pcidev *dev);
/* What the header type register says: a function that reads ones has the plain header. */
uint8_t pcidev_header_type(uint32_t reg);

/* The ops of a function that provider_look opened, as far as they refuse: EACCES. */
int pcidev_refuse_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value);
int pcidev_refuse_reset(struct pcidev *dev);
int pcidev_refuse_enable(struct pcidev *dev, bool on);

#endif
