/* SPDX-License-Identifier: MIT */
#include "host/policy.h"

#include <stddef.h>

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
