/* SPDX-License-Identifier: MIT */
#include "frontend/bar_decode.h"

#include <linux/pci_regs.h>

#define BRIDGE_BARS 2

unsigned bar_offset(uint8_t header_type, unsigned index)
{
	if (header_type == PCI_HEADER_TYPE_BRIDGE) {
		if (index == XENPCIFRONT_BAR_ROM_INDEX)
			return PCI_ROM_ADDRESS1;
		return index < BRIDGE_BARS ? PCI_BASE_ADDRESS_0 + 4 * index : 0;
	}
	if (header_type != PCI_HEADER_TYPE_NORMAL)
		return 0;
	return index == XENPCIFRONT_BAR_ROM_INDEX ? PCI_ROM_ADDRESS
						  : PCI_BASE_ADDRESS_0 + 4 * index;
}

uint32_t bar_ones(unsigned index)
{
	return index == XENPCIFRONT_BAR_ROM_INDEX ? (uint32_t)PCI_ROM_ADDRESS_MASK : UINT32_MAX;
}

static uint64_t address_bits(enum xenpcifront_bar_kind kind)
{
	switch (kind) {
	case XENPCIFRONT_BAR_IO:
		return (uint32_t)PCI_BASE_ADDRESS_IO_MASK;
	case XENPCIFRONT_BAR_ROM:
		return (uint32_t)PCI_ROM_ADDRESS_MASK;
	case XENPCIFRONT_BAR_MEM64:
		return (uint64_t)PCI_BASE_ADDRESS_MEM_MASK;
	case XENPCIFRONT_BAR_MEM32:
	case XENPCIFRONT_BAR_BELOW_1M:
		return (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
	case XENPCIFRONT_BAR_NONE:
	case XENPCIFRONT_BAR_HIGH:
		break;
	}
	return 0;
}

static enum xenpcifront_bar_kind kind_of(const struct bar_registers *regs, unsigned i)
{
	uint32_t mask = regs->mask[i];

	if (!mask || !bar_offset(regs->header_type, i))
		return XENPCIFRONT_BAR_NONE;
	if (i == XENPCIFRONT_BAR_ROM_INDEX)
		return XENPCIFRONT_BAR_ROM;
	if (mask & PCI_BASE_ADDRESS_SPACE_IO)
		return XENPCIFRONT_BAR_IO;
	switch (mask & PCI_BASE_ADDRESS_MEM_TYPE_MASK) {
	case PCI_BASE_ADDRESS_MEM_TYPE_32:
		return XENPCIFRONT_BAR_MEM32;
	case PCI_BASE_ADDRESS_MEM_TYPE_1M:
		return XENPCIFRONT_BAR_BELOW_1M;
	case PCI_BASE_ADDRESS_MEM_TYPE_64:
		/* The last register has no other half: a broken device. */
		if (i + 1 < XENPCIFRONT_BAR_ROM_INDEX && bar_offset(regs->header_type, i + 1))
			return XENPCIFRONT_BAR_MEM64;
		return XENPCIFRONT_BAR_MEM32;
	default:
		return XENPCIFRONT_BAR_NONE;
	}
}

/* The register's value and, for a 64-bit one, that of its other half. */
static uint64_t whole(const uint32_t words[XENPCIFRONT_BARS], enum xenpcifront_bar_kind kind,
		      unsigned i)
{
	uint64_t v = words[i];

	return kind == XENPCIFRONT_BAR_MEM64 ? v | (uint64_t)words[i + 1] << 32 : v;
}

static bool decoded(const struct bar_registers *regs, enum xenpcifront_bar_kind kind, unsigned i)
{
	if (kind == XENPCIFRONT_BAR_IO)
		return regs->command & PCI_COMMAND_IO;
	if (kind == XENPCIFRONT_BAR_ROM && !(regs->value[i] & PCI_ROM_ADDRESS_ENABLE))
		return false;
	return address_bits(kind) && (regs->command & PCI_COMMAND_MEMORY);
}

void bars_decode(const struct bar_registers *regs, struct xenpcifront_bar bars[XENPCIFRONT_BARS])
{
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++) {
		enum xenpcifront_bar_kind kind = kind_of(regs, i);
		uint64_t mask = whole(regs->mask, kind, i) & address_bits(kind);
		struct xenpcifront_bar *bar = &bars[i];

		*bar = (struct xenpcifront_bar){ .offset = bar_offset(regs->header_type, i) };
		if (i && bars[i - 1].kind == XENPCIFRONT_BAR_MEM64) {
			bar->kind = XENPCIFRONT_BAR_HIGH;
			continue;
		}
		/* The lowest bit that could be set is the size, whatever the others say. */
		bar->size = mask & -mask;
		if (!bar->size)
			continue;
		bar->kind = kind;
		bar->start = whole(regs->value, kind, i) & address_bits(kind);
		bar->prefetchable = kind != XENPCIFRONT_BAR_IO && kind != XENPCIFRONT_BAR_ROM &&
				    (regs->mask[i] & PCI_BASE_ADDRESS_MEM_PREFETCH);
		bar->decoded = decoded(regs, kind, i);
	}
}

/* Either half with all ones in it: `ones` are the bits that a sized register shows. */
static bool being_sized(uint64_t v, uint64_t ones, bool wide)
{
	uint32_t low = (uint32_t)ones, high = (uint32_t)(ones >> 32);

	if (low && ((uint32_t)v & low) == low && ((uint32_t)v & ~low & 0xfffff000u) == 0)
		return true;
	return wide && high && (uint32_t)(v >> 32) == high;
}

void bars_update(const struct bar_registers *regs, struct xenpcifront_bar bars[XENPCIFRONT_BARS])
{
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++) {
		struct xenpcifront_bar *bar = &bars[i];
		uint64_t bits = address_bits(bar->kind), v;

		if (!bits)
			continue;
		v = whole(regs->value, bar->kind, i) & bits;
		bar->decoded = decoded(regs, bar->kind, i);
		if (!being_sized(v, bits & ~(bar->size - 1), bar->kind == XENPCIFRONT_BAR_MEM64))
			bar->start = v;
	}
}

bool bar_moved(const struct xenpcifront_bar *old, const struct xenpcifront_bar *now)
{
	return old->start != now->start || old->decoded != now->decoded;
}

const char *xenpcifront_bar_name(enum xenpcifront_bar_kind kind)
{
	static const char *const names[] = {
		[XENPCIFRONT_BAR_NONE] = "none",
		[XENPCIFRONT_BAR_IO] = "I/O",
		[XENPCIFRONT_BAR_MEM32] = "Memory 32-bit",
		[XENPCIFRONT_BAR_BELOW_1M] = "Memory low-1M",
		[XENPCIFRONT_BAR_MEM64] = "Memory 64-bit",
		[XENPCIFRONT_BAR_HIGH] = "upper half",
		[XENPCIFRONT_BAR_ROM] = "Expansion ROM",
	};

	return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}
