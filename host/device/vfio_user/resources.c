/* SPDX-License-Identifier: MIT */
#include "host/device/vfio_user/resources.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"

/* The least and the most bytes that each kind may have. */
struct bounds {
	uint64_t least, most;
};

static const struct bounds io = { 4, 1u << 16 }, memory = { 16, 1u << 31 }, low = { 16, 1u << 20 },
			   wide = { 16, 1ull << 48 }, rom = { 2048, 1u << 24 };

static uint64_t next_power(uint64_t size)
{
	uint64_t power = 1;

	while (power < size && power)
		power <<= 1;
	return power;
}

static uint32_t register_at(const uint8_t config[], unsigned offset)
{
	uint32_t v;

	memcpy(&v, config + offset, sizeof(v));
	return v;
}

static int fill(struct pcidev_resource *r, uint64_t size, const struct bounds *b, uint64_t start,
		uint32_t flags)
{
	if (size > b->most)
		return fail(EINVAL);
	r->size = next_power(size);
	if (r->size < b->least)
		r->size = b->least;
	r->flags = (uint8_t)flags;
	/* Nobody has placed it, or not where it could be. */
	r->disabled = !start || start & (r->size - 1);
	r->start = r->disabled ? 0 : start;
	return 0;
}

/* BAR i; *wide_bar: it has the next register too. */
static int bar(struct pcidev_resource *r, unsigned i, uint64_t size, const uint8_t config[],
	       bool *wide_bar)
{
	uint32_t reg = register_at(config, PCI_BASE_ADDRESS_0 + 4 * i);
	uint32_t flags = reg & 0xf, type = reg & PCI_BASE_ADDRESS_MEM_TYPE_MASK;
	uint64_t start = reg & ~0xfu;

	*wide_bar = false;
	if (reg & PCI_BASE_ADDRESS_SPACE_IO)
		return fill(r, size, &io, reg & ~3u, PCI_BASE_ADDRESS_SPACE_IO);
	if (type == PCI_BASE_ADDRESS_MEM_TYPE_32)
		return fill(r, size, &memory, start, flags);
	if (type == PCI_BASE_ADDRESS_MEM_TYPE_1M)
		return fill(r, size, &low, start, flags);
	if (type != PCI_BASE_ADDRESS_MEM_TYPE_64 || i + 1 >= PCIDEV_BARS)
		return fail(EINVAL);
	*wide_bar = true;
	start |= (uint64_t)register_at(config, PCI_BASE_ADDRESS_0 + 4 * (i + 1)) << 32;
	return fill(r, size, &wide, start, flags);
}

int vfio_user_resources(const uint64_t size[PCIDEV_RESOURCES], const uint8_t config[],
			struct pcidev_resource out[PCIDEV_RESOURCES])
{
	bool wide_bar = false;
	uint32_t reg = register_at(config, PCI_ROM_ADDRESS);

	memset(out, 0, PCIDEV_RESOURCES * sizeof(out[0]));
	for (unsigned i = 0; i < PCIDEV_BARS; i++) {
		/* The upper half of the one before is no BAR of its own. */
		if (wide_bar && size[i])
			return fail(EINVAL);
		wide_bar = false;
		if (size[i] && bar(&out[i], i, size[i], config, &wide_bar))
			return -1;
	}
	if (!size[PCIDEV_ROM])
		return 0;
	return fill(&out[PCIDEV_ROM], size[PCIDEV_ROM], &rom, reg & PCI_ROM_ADDRESS_MASK,
		    reg & PCI_ROM_ADDRESS_ENABLE);
}

/* Where each kind is put, one after the other. No processor decodes these: they only have to differ. */
struct room {
	uint64_t next, end;
};

static bool put(struct pcidev_resource *r, struct room *room)
{
	uint64_t start = (room->next + r->size - 1) & ~(r->size - 1);

	if (start < room->next || start >= room->end || r->size > room->end - start)
		return false;
	r->start = start;
	r->disabled = false;
	room->next = start + r->size;
	return true;
}

void vfio_user_place(struct pcidev_resource r[PCIDEV_RESOURCES], const uint8_t config[],
		     uint32_t values[PCIDEV_RESOURCES])
{
	struct room ports = { 0xc000, 0x10000 }, below_1m = { 0xc0000, 0x100000 },
		    below_4g = { 0x80000000, 0xfec00000 }, above = { 1ull << 40, 1ull << 49 };

	for (unsigned i = 0; i < PCIDEV_BARS; i++)
		values[i] = register_at(config, PCI_BASE_ADDRESS_0 + 4 * i);
	values[PCIDEV_ROM] = register_at(config, PCI_ROM_ADDRESS);
	for (unsigned i = 0; i < PCIDEV_RESOURCES; i++) {
		const bool is_rom = i == PCIDEV_ROM, ports_bar = !is_rom && r[i].flags & PCI_BASE_ADDRESS_SPACE_IO;
		const uint32_t type = is_rom || ports_bar ? 0 : r[i].flags & PCI_BASE_ADDRESS_MEM_TYPE_MASK;
		struct room *room = ports_bar ? &ports : type == PCI_BASE_ADDRESS_MEM_TYPE_1M ? &below_1m
				    : type == PCI_BASE_ADDRESS_MEM_TYPE_64 ? &above : &below_4g;

		if (!r[i].size || (r[i].disabled && !put(&r[i], room)))
			continue;
		if (is_rom)
			r[i].flags |= PCI_ROM_ADDRESS_ENABLE;
		values[i] = (uint32_t)r[i].start | r[i].flags;
		if (type == PCI_BASE_ADDRESS_MEM_TYPE_64)
			values[i + 1] = (uint32_t)(r[i].start >> 32);
	}
}
