/* SPDX-License-Identifier: MIT */
#include "host/device/provider.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"

#define LIST_MORE 64 /* functions that there is room for at first, besides those that are expected */

_Static_assert(PCIDEV_CAPS_MAX == (256 - PCI_STD_HEADER_SIZEOF) / 4, "as many as fit");

void provider_close(struct provider *p)
{
	if (p)
		p->ops->close(p);
}

struct pcidev *provider_open_device(struct provider *p, struct sbdf sbdf)
{
	return p->ops->open_device(p, sbdf);
}

struct pcidev *provider_look(struct provider *p, struct sbdf sbdf)
{
	return p->ops->look(p, sbdf);
}

int provider_attribute(struct provider *p, struct sbdf sbdf, const char *name, char *buf,
		       size_t size)
{
	return p->ops->attribute(p, sbdf, name, buf, size);
}

int provider_binding(struct provider *p, struct sbdf sbdf, uint64_t *binding)
{
	return p->ops->binding(p, sbdf, binding);
}

int provider_power_on(struct provider *p, struct sbdf sbdf)
{
	return p->ops->power_on ? p->ops->power_on(p, sbdf) : fail(ENOTTY);
}

uint8_t pcidev_header_type(uint32_t reg)
{
	return (reg & 0xff) == 0xff ? PCI_HEADER_TYPE_NORMAL : reg & 0x7f;
}

void pcidev_read_ids(struct pcidev *dev)
{
	struct pcidev_info *info = &dev->info;
	uint32_t v;

	if (!pcidev_read(dev, PCI_REVISION_ID, 1, &v))
		info->revision = (uint8_t)v;
	if (info->header_type || pcidev_read(dev, PCI_SUBSYSTEM_VENDOR_ID, 4, &v))
		return;
	info->subsystem_vendor = (uint16_t)v;
	info->subsystem_device = (uint16_t)(v >> 16);
}

int pcidev_refuse_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	(void)dev, (void)offset, (void)size, (void)value;
	return fail(EACCES);
}

int pcidev_refuse_reset(struct pcidev *dev)
{
	(void)dev;
	return fail(EACCES);
}

int pcidev_refuse_enable(struct pcidev *dev, bool on)
{
	(void)dev, (void)on;
	return fail(EACCES);
}

int provider_list(struct provider *p, struct sbdf *list, size_t max)
{
	return p->ops->list(p, list, max);
}

struct sbdf *provider_list_all(struct provider *p, int *nr)
{
	int room = *nr + LIST_MORE, n;
	struct sbdf *list;

	for (;;) {
		list = calloc((size_t)room, sizeof(*list));
		if (!list)
			return NULL;
		n = provider_list(p, list, (size_t)room);
		if (n >= 0 && n <= room)
			break;
		free_keep(list);
		if (n < 0)
			return NULL;
		room = n + LIST_MORE;
	}
	*nr = n;
	return list;
}

int provider_parent(struct provider *p, struct sbdf sbdf, struct sbdf *parent)
{
	return p->ops->parent(p, sbdf, parent);
}

/* Whether the access is one that a device can be asked for. */
static bool access_valid(const struct pcidev *dev, unsigned offset, unsigned size)
{
	return (size == 1 || size == 2 || size == 4) && !(offset & (size - 1)) &&
	       offset < dev->info.config_size;
}

int pcidev_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	*value = UINT32_MAX;
	if (!access_valid(dev, offset, size))
		return fail(EINVAL);
	return dev->ops->read(dev, offset, size, value);
}

int pcidev_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	if (!access_valid(dev, offset, size))
		return fail(EINVAL);
	return dev->ops->write(dev, offset, size, value);
}

int pcidev_read_basic(struct pcidev *dev, uint8_t config[PCIDEV_BASIC])
{
	uint32_t v;

	if (dev->ops->read_basic)
		return dev->ops->read_basic(dev, config);
	for (unsigned i = 0; i < PCIDEV_BASIC; i += 4) {
		if (pcidev_read(dev, i, 4, &v))
			return -1;
		memcpy(config + i, &v, 4);
	}
	return 0;
}

int pcidev_reset(struct pcidev *dev)
{
	return dev->ops->reset(dev);
}

int pcidev_enable(struct pcidev *dev, bool on)
{
	return dev->ops->enable(dev, on);
}

int pcidev_share(struct pcidev *dev, struct pcidev_reader *out)
{
	return dev->ops->share ? dev->ops->share(dev, out) : fail(EACCES);
}

int pcidev_vector(struct pcidev *dev, enum pcidev_interrupt kind, enum pcidev_vector what, unsigned nr,
		  int eventfd)
{
	return dev->ops->vector ? dev->ops->vector(dev, kind, what, nr, eventfd) : fail(ENOTTY);
}

void pcidev_close(struct pcidev *dev)
{
	if (dev)
		dev->ops->close(dev);
}

/* Whether the list has been at offset `at` before. */
static bool was_seen(const struct pcidev_caps *caps, uint8_t at)
{
	for (unsigned i = 0; i < caps->nr; i++) {
		if (caps->cap[i].offset == at)
			return true;
	}
	return false;
}

/*
 * Reads the list into caps; its end is proper if the last pointer is zero, or there is no list. 0, or -1
 * with the device's errno.
 */
static int read_caps(struct pcidev *dev, struct pcidev_caps *caps)
{
	uint32_t v;

	if (pcidev_read(dev, PCI_STATUS, 2, &v))
		return -1;
	if (!(v & PCI_STATUS_CAP_LIST)) {
		caps->known = true;
		return 0;
	}
	if (pcidev_read(dev, PCI_CAPABILITY_LIST, 1, &v))
		return -1;
	while ((v & ~3u) >= PCI_STD_HEADER_SIZEOF && caps->nr < PCIDEV_CAPS_MAX) {
		uint8_t at = v & 0xfc;

		if (was_seen(caps, at))
			return 0;
		if (pcidev_read(dev, at + PCI_CAP_LIST_ID, 2, &v))
			return -1;
		if ((v & 0xff) == 0xff)
			return 0;
		caps->cap[caps->nr].offset = at;
		caps->cap[caps->nr++].id = v & 0xff;
		v >>= 8 * PCI_CAP_LIST_NEXT;
	}
	caps->known = !(v & ~3u);
	return 0;
}

bool pcidev_next_cap(struct pcidev *dev, struct pcidev_cap *cap)
{
	struct pcidev_caps *caps = &dev->caps;

	if (!caps->known && !cap->seen) {
		caps->nr = 0;
		caps->unread = read_caps(dev, caps);
	}
	if (cap->seen >= caps->nr)
		return false;
	cap->offset = caps->cap[cap->seen].offset;
	cap->id = caps->cap[cap->seen++].id;
	return true;
}

unsigned pcidev_find_cap(struct pcidev *dev, uint8_t id)
{
	struct pcidev_cap cap = { 0 };

	while (pcidev_next_cap(dev, &cap)) {
		if (cap.id == id)
			return cap.offset;
	}
	return 0;
}

uint16_t pcidev_enabled_command(const struct pcidev_info *info, uint32_t command, bool on)
{
	unsigned i;

	if (!on)
		return (uint16_t)(command & ~(uint32_t)PCI_COMMAND_MASTER);
	/* A virtual function decodes as its physical one does. */
	for (i = 0; i < PCIDEV_BARS && !info->is_vf; i++) {
		if (info->resource[i].size && !info->resource[i].disabled)
			command |= info->resource[i].flags & PCI_BASE_ADDRESS_SPACE_IO ?
					   PCI_COMMAND_IO :
					   PCI_COMMAND_MEMORY;
	}
	return (uint16_t)command;
}
