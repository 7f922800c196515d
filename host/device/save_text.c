/* SPDX-License-Identifier: MIT */
/* The golden image as text, which outlives the process in xenstore. */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "host/device/saved.h"
#include "common/number.h"
#include "common/util.h"

enum { ITEM_MAX = 16 };

_Static_assert((SAVED_MAX + 3) * sizeof("fff=ffffffff") < PCIDEV_SAVED_TEXT, "all items fit");

static int put(char *at, unsigned offset, uint32_t value)
{
	return sprintf(at, "%x=%x ", offset, value);
}

int pcidev_saved_format(const struct pcidev_saved *saved, char buf[PCIDEV_SAVED_TEXT])
{
	int n = put(buf, PCI_COMMAND, saved->command);

	if (saved->msi)
		n += put(buf + n, saved->msi + PCI_MSI_FLAGS, saved->msi_flags);
	if (saved->msix)
		n += put(buf + n, saved->msix + PCI_MSIX_FLAGS, saved->msix_flags);
	for (unsigned i = 0; i < saved->nr; i++)
		n += put(buf + n, saved->reg[i].offset, saved->reg[i].value);
	buf[--n] = 0;
	return n;
}

/* The place of the register at offset; NULL: the image has none there. */
static uint32_t *find(struct pcidev_saved *saved, unsigned offset)
{
	if (offset == PCI_COMMAND)
		return &saved->command;
	if (saved->msi && offset == saved->msi + PCI_MSI_FLAGS)
		return &saved->msi_flags;
	if (saved->msix && offset == saved->msix + PCI_MSIX_FLAGS)
		return &saved->msix_flags;
	for (unsigned i = 0; i < saved->nr; i++)
		if (saved->reg[i].offset == offset)
			return &saved->reg[i].value;
	return NULL;
}

static int take_item(struct pcidev_saved *saved, const char *text, size_t len)
{
	char item[2 * ITEM_MAX], *equals;
	uint64_t offset, value;
	uint32_t *place;

	if (len >= sizeof(item))
		return fail(EINVAL);
	memcpy(item, text, len);
	item[len] = 0;
	equals = strchr(item, '=');
	if (!equals)
		return fail(EINVAL);
	*equals++ = 0;
	if (number_parse(item, 16, UINT16_MAX, &offset) ||
	    number_parse(equals, 16, UINT32_MAX, &value))
		return fail(EINVAL);
	place = find(saved, (unsigned)offset);
	if (!place)
		return fail(EINVAL);
	*place = (uint32_t)value;
	return 0;
}

struct pcidev_saved *pcidev_saved_parse(struct pcidev *dev, const char *text)
{
	/* Which registers there are, the device still knows; their values come from text. */
	struct pcidev_saved *saved = pcidev_save(dev);

	while (saved && *text) {
		size_t len = strcspn(text, " ");

		if (take_item(saved, text, len)) {
			free_keep(saved);
			return NULL;
		}
		text += len + (text[len] == ' ');
	}
	return saved;
}
