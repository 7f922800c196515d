/* SPDX-License-Identifier: MIT */
/* Where the registers of a function are: in the memory of its image. */
#include "host/device/image/function.h"

enum { PLACE_ALIGN = 64 };

/* In front of the registers, a line of its own, is whether the function is held in reset. */
size_t image_place_size(size_t size)
{
	return PLACE_ALIGN + (size + PLACE_ALIGN - 1) / PLACE_ALIGN * PLACE_ALIGN;
}

void image_place(struct image_function *fn, size_t size)
{
	struct image *image = fn->image;

	fn->held = image->memory + image->memory_used;
	fn->now = fn->held + PLACE_ALIGN;
	image->memory_used += image_place_size(size);
}

uint32_t image_register(const struct image_function *fn, unsigned offset, unsigned size)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint32_t)fn->now[offset + i] << 8 * i;
	return v;
}
