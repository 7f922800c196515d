/* SPDX-License-Identifier: MIT */
#include "host/device/reset_quirks.h"

#include "common/util.h"

#define ANY RESET_QUIRK_ANY

static const struct {
	uint16_t vendor;
	uint16_t device;
	uint16_t device_mask;
	uint16_t class_code;
	uint16_t revision;
	enum reset_quirk forbids;
	const char *why;
} rows[] = {
#define X(vendor, device, mask, class_code, revision, what, source) \
	{ vendor, device, mask, class_code, revision, RESET_QUIRK_##what, \
	  "Linux knows that it does not work for it (" source ")" },
	RESET_QUIRKS(X)
#undef X
};

const char *reset_quirk(const struct pcidev_info *info, enum reset_quirk what)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].forbids == what && rows[i].vendor == info->vendor &&
		    (info->device & rows[i].device_mask) == rows[i].device &&
		    (rows[i].class_code == ANY || rows[i].class_code == info->class_code >> 8) &&
		    (rows[i].revision == ANY || rows[i].revision == info->revision))
			return rows[i].why;
	}
	return NULL;
}
