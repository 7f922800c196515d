/* SPDX-License-Identifier: MIT */
#include "host/policy.h"

#include <stdio.h>

enum { CONFIG_SPACE = 4096 }; /* bytes of the largest */

const char *config_quirk_error(const struct config_quirk *quirk)
{
	if (quirk->width != 1 && quirk->width != 2 && quirk->width != 4)
		return "width is not 1, 2 or 4";
	if (quirk->offset >= CONFIG_SPACE)
		return "offset is not below 0x1000";
	if (quirk->offset % quirk->width)
		return "offset is not a multiple of width";
	if (!quirk->mask)
		return "mask is 0";
	if (quirk->width < 4 && quirk->mask >> (8 * quirk->width))
		return "mask is wider than width";
	return NULL;
}

struct config_quirk config_quirk_fit(unsigned offset, uint32_t mask)
{
	unsigned first = (unsigned)__builtin_ctz(mask) / 8, last = (31u - (unsigned)__builtin_clz(mask)) / 8;
	unsigned width = 1;

	while ((offset + first) / width != (offset + last) / width)
		width *= 2;
	first = (offset + first) / width * width;
	return (struct config_quirk){
		.offset = (uint16_t)first,
		.width = (uint8_t)width,
		.mask = first >= offset ? mask >> 8 * (first - offset) : mask << 8 * (offset - first),
	};
}

int config_quirk_text(char *buf, size_t size, uint16_t vendor, uint16_t device,
		      const struct config_quirk *quirk, const char *reason)
{
	return snprintf(buf, size,
			"{ vendor = 0x%04x; device = 0x%04x; offset = 0x%x; width = %u; mask = 0x%x; "
			"reason = \"%s\"; }",
			vendor, device, quirk->offset, quirk->width, quirk->mask, reason);
}
