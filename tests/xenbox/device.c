/* SPDX-License-Identifier: MIT */
/* Which PCI devices there are, and whose. Answers are those of Xen's drivers/passthrough/pci.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "box.h"
#include "hv.h"

#define DEVICE_MSI HV_MSI_MAX /* what a device has that nobody described */
#define DEVICE_MSIX 2048

static struct hv_device *devices;
static bool device_list_closed;

static struct hv_device *device_known(uint32_t sbdf)
{
	struct hv_device *dev = devices;

	while (dev && dev->sbdf != sbdf)
		dev = dev->next;
	return dev;
}

static struct hv_device *device_new(uint32_t sbdf)
{
	struct hv_device *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	*dev = (struct hv_device){
		.sbdf = sbdf, .msi = DEVICE_MSI, .msix = DEVICE_MSIX, .next = devices,
		/* As a chipset would wire them: eight lines behind the ISA ones. */
		.gsi = (uint8_t)(16 + ((sbdf >> 3) + sbdf) % 8)
	};
	devices = dev;
	return dev;
}

struct hv_device *hv_device_find(uint32_t sbdf)
{
	struct hv_device *dev = device_known(sbdf);

	if (dev)
		return dev->removed ? NULL : dev;
	return device_list_closed ? NULL : device_new(sbdf);
}

int hv_device_declare(const char *spec)
{
	unsigned long msi = DEVICE_MSI, msix = DEVICE_MSIX, gsi = 0;
	struct hv_device *dev;
	const char *p;
	uint32_t sbdf;
	char *end;

	if (box_parse_sbdf(spec, &sbdf, &p))
		return -EINVAL;
	for (; *p; p = end) {
		if (!strncmp(p, ",msi=", 5))
			msi = strtoul(p + 5, &end, 10);
		else if (!strncmp(p, ",msix=", 6))
			msix = strtoul(p + 6, &end, 10);
		else if (!strncmp(p, ",gsi=", 5))
			gsi = strtoul(p + 5, &end, 10);
		else
			return -EINVAL;
		if (end == strchr(p, '=') + 1)
			return -EINVAL;
	}
	if (msi > HV_MSI_MAX || msix > DEVICE_MSIX || gsi > UINT8_MAX)
		return -EINVAL;
	dev = device_new(sbdf);
	if (!dev)
		return -ENOMEM;
	dev->msi = (uint16_t)msi;
	dev->msix = (uint16_t)msix;
	dev->gsi = gsi ? (uint8_t)gsi : dev->gsi;
	device_list_closed = true;
	return 0;
}

int hv_device_assign(unsigned int domid, uint32_t sbdf, bool test_only)
{
	struct hv_device *dev = hv_device_find(sbdf);

	if (!dev)
		return -ENODEV;
	if (dev->owner && dev->owner != HV_DOMID_IO)
		return -EBUSY;
	if (!test_only)
		dev->owner = (uint16_t)domid;
	return 0;
}

int hv_device_deassign(unsigned int domid, uint32_t sbdf)
{
	struct hv_device *dev = hv_device_find(sbdf);

	if (!dev || dev->owner != domid)
		return -ENODEV;
	/* Out of a guest into quarantine; out of quarantine to dom0. */
	dev->owner = dev->owner == HV_DOMID_IO ? 0 : HV_DOMID_IO;
	return 0;
}

unsigned int hv_device_count(unsigned int domid)
{
	unsigned int n = 0;

	for (const struct hv_device *dev = devices; dev; dev = dev->next)
		n += domid && dev->owner == domid;
	return n;
}

int hv_device_gsi(uint32_t sbdf)
{
	const struct hv_device *dev = hv_device_find(sbdf);

	if (!hv_config.pvh_dom0)
		return -EOPNOTSUPP;
	if (hv_config.xen_minor < 20)
		return -ENOTTY; /* a kernel of that time has no such call */
	return dev ? dev->gsi : -ENODEV;
}

void hv_devices_release(unsigned int domid)
{
	for (struct hv_device *dev = devices; dev; dev = dev->next)
		if (domid && dev->owner == domid)
			dev->owner = HV_DOMID_IO;
}

int hv_device_add(uint32_t sbdf)
{
	struct hv_device *dev = device_known(sbdf);

	if (!dev)
		dev = device_new(sbdf);
	if (!dev)
		return -ENOMEM;
	dev->removed = false;
	return 0;
}

int hv_device_remove(uint32_t sbdf)
{
	struct hv_device *dev = hv_device_find(sbdf);

	if (!dev)
		return -ENODEV;
	*dev = (struct hv_device){ .sbdf = sbdf, .removed = true, .next = dev->next,
				   .msi = dev->msi, .msix = dev->msix, .gsi = dev->gsi };
	return 0;
}
