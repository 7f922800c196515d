/* SPDX-License-Identifier: MIT */
/* Cases: config space accesses and the header's registers. */
#include "frontend/tool/conform.h"

#include <errno.h>

#include <linux/pci_regs.h>

#include "common/util.h"
#include "frontend/bar_decode.h"

#define MARK 0x00c0ffeeu
#define DECODE (PCI_COMMAND_IO | PCI_COMMAND_MEMORY)
#define SHADOWED (DECODE | PCI_COMMAND_INTX_DISABLE)

static const int32_t bad_sizes[] = { 0, 3, 5, 8, -1, INT32_MIN, INT32_MAX };
static const struct {
	int32_t offset, size;
} unaligned[] = { { 1, 2 }, { 1, 4 }, { 2, 4 }, { 3, 2 }, { 3, 4 }, { 0xfd, 4 }, { 0xffe, 4 } };
static const int32_t negative[] = { -4, -256, INT32_MIN };

void conform_read_sizes(struct conform *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_sizes); i++)
		conform_expect(c, "a wrong size",
			       conform_access(c, XEN_PCI_OP_conf_read, 0, bad_sizes[i], 0),
			       XEN_PCI_ERR_invalid_offset, 0);
}

void conform_read_alignment(struct conform *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(unaligned); i++)
		conform_expect(c, "an unaligned offset",
			       conform_access(c, XEN_PCI_OP_conf_read, unaligned[i].offset,
					      unaligned[i].size, 0),
			       XEN_PCI_ERR_invalid_offset, 0);
}

static bool out_of_range(const struct xenpcifront_request *req)
{
	return req->err == XEN_PCI_ERR_invalid_offset || req->err == -EINVAL;
}

void conform_read_end(struct conform *c)
{
	struct xenpcifront_request req = conform_access(c, XEN_PCI_OP_conf_read, 4096, 4, 0);

	conform_ask(c, &req);
	if (!out_of_range(&req) || req.value != UINT32_MAX)
		conform_fail(c, "at 4096: err %d value 0x%x", req.err, req.value);
}

void conform_read_negative(struct conform *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(negative); i++) {
		struct xenpcifront_request req =
			conform_access(c, XEN_PCI_OP_conf_read, negative[i], 4, 0);

		conform_ask(c, &req);
		if (out_of_range(&req) && req.value == UINT32_MAX)
			continue;
		if (req.err == XEN_PCI_ERR_success)
			conform_differs(c, "at %d: value 0x%x", negative[i], req.value);
		else
			conform_fail(c, "at %d: err %d value 0x%x", negative[i], req.err, req.value);
	}
}

void conform_read_lanes(struct conform *c)
{
	for (unsigned offset = 0; offset < PCI_STD_HEADER_SIZEOF; offset += 4) {
		uint32_t whole = conform_read(c, offset, 4);

		for (unsigned size = 1; size < 4; size *= 2) {
			for (unsigned at = 0; at < 4; at += size) {
				uint32_t want = whole >> at * 8 & ((1u << size * 8) - 1);
				uint32_t got = conform_read(c, offset + at, size);

				if (got != want)
					conform_fail(c, "%u bytes at 0x%x: 0x%x instead of 0x%x", size,
						     offset + at, got, want);
			}
		}
	}
}

void conform_read_cut(struct conform *c)
{
	for (unsigned offset = 0; offset < PCI_STD_HEADER_SIZEOF; offset++) {
		struct xenpcifront_request req =
			conform_access(c, XEN_PCI_OP_conf_read, (int32_t)offset, 1, 0);

		if (conform_ask(c, &req) && req.value > 0xff)
			conform_differs(c, "a byte at 0x%x reads 0x%x", offset, req.value);
	}
}

void conform_read_extended(struct conform *c)
{
	unsigned good = 0, refused = 0;

	for (int32_t offset = 256; offset < 4096; offset += 4) {
		struct xenpcifront_request req =
			conform_access(c, XEN_PCI_OP_conf_read, offset, 4, 0);

		if (conform_ask(c, &req))
			good++;
		else if (out_of_range(&req) && req.value == UINT32_MAX)
			refused++;
		else
			conform_fail(c, "at 0x%x: err %d value 0x%x", (unsigned)offset, req.err,
				     req.value);
	}
	if (good && refused)
		conform_fail(c, "%u double words read, %u are refused", good, refused);
}

void conform_write_sizes(struct conform *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_sizes); i++)
		conform_expect(c, "a wrong size",
			       conform_access(c, XEN_PCI_OP_conf_write, 0, bad_sizes[i], MARK),
			       XEN_PCI_ERR_invalid_offset, MARK);
}

void conform_write_alignment(struct conform *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(unaligned); i++)
		conform_expect(c, "an unaligned offset",
			       conform_access(c, XEN_PCI_OP_conf_write, unaligned[i].offset,
					      unaligned[i].size, MARK),
			       XEN_PCI_ERR_invalid_offset, MARK);
}

void conform_write_end(struct conform *c)
{
	static const int32_t offsets[] = { 4096, -4, INT32_MIN };

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct xenpcifront_request req =
			conform_access(c, XEN_PCI_OP_conf_write, offsets[i], 4, MARK);

		if (conform_ask(c, &req))
			conform_differs(c, "a write at %d answers 0", offsets[i]);
		else if (!out_of_range(&req) || req.value != MARK)
			conform_fail(c, "at %d: err %d value 0x%x", offsets[i], req.err, req.value);
	}
}

void conform_write_echo(struct conform *c)
{
	/* The ids: nothing can come of it. */
	conform_expect(c, "a write", conform_access(c, XEN_PCI_OP_conf_write, 0, 4, MARK),
		       XEN_PCI_ERR_success, MARK);
	conform_expect(c, "a 1-byte write with more bits",
		       conform_access(c, XEN_PCI_OP_conf_write, 0, 1, MARK), XEN_PCI_ERR_success,
		       MARK);
}

void conform_header_readonly(struct conform *c)
{
	static const struct {
		unsigned offset, size;
	} fields[] = {
		{ PCI_VENDOR_ID, 4 }, { PCI_VENDOR_ID, 2 }, { PCI_DEVICE_ID, 2 }, { PCI_STATUS, 2 },
		{ PCI_CLASS_REVISION, 4 }, { PCI_CLASS_REVISION, 1 }, { PCI_LATENCY_TIMER, 1 },
		{ PCI_HEADER_TYPE, 1 }, { PCI_SUBSYSTEM_VENDOR_ID, 4 }, { PCI_SUBSYSTEM_ID, 2 },
		{ PCI_CAPABILITY_LIST, 1 }, { PCI_INTERRUPT_LINE, 1 }, { PCI_INTERRUPT_PIN, 1 },
		{ PCI_INTERRUPT_LINE, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint32_t before = conform_read(c, fields[i].offset, fields[i].size);
		uint32_t ones = fields[i].size == 4 ? UINT32_MAX : (1u << fields[i].size * 8) - 1;

		conform_write_gives(c, fields[i].offset, fields[i].size, ~before & ones, ones,
				    before);
	}
}

void conform_command_shadow(struct conform *c)
{
	static const uint16_t flips[] = { PCI_COMMAND_IO, PCI_COMMAND_MEMORY, DECODE,
					  PCI_COMMAND_INTX_DISABLE, SHADOWED };
	uint32_t before = conform_read(c, PCI_COMMAND, 2);

	for (size_t i = 0; i < ARRAY_SIZE(flips); i++)
		conform_write_gives(c, PCI_COMMAND, 2, before ^ flips[i], SHADOWED,
				    before ^ flips[i]);
	conform_write_gives(c, PCI_COMMAND, 2, before, SHADOWED, before);
}

void conform_command_bytes(struct conform *c)
{
	uint32_t before = conform_read(c, PCI_COMMAND, 2);
	uint32_t low = before ^ PCI_COMMAND_IO, high = before ^ PCI_COMMAND_INTX_DISABLE;
	uint32_t got;

	conform_write(c, PCI_COMMAND, 1, low & 0xff);
	got = conform_read(c, PCI_COMMAND, 2);
	if ((got ^ low) & SHADOWED)
		conform_fail(c, "the low byte 0x%x gives 0x%x", low & 0xff, got);
	conform_write(c, PCI_COMMAND, 1, before & 0xff);
	conform_write(c, PCI_COMMAND + 1, 1, high >> 8);
	got = conform_read(c, PCI_COMMAND, 2);
	if ((got ^ high) & SHADOWED)
		conform_fail(c, "the high byte 0x%x gives 0x%x", high >> 8, got);
	conform_write_gives(c, PCI_COMMAND, 2, before, SHADOWED, before);
}

void conform_command_status(struct conform *c)
{
	uint32_t before = conform_read(c, PCI_COMMAND, 4);
	uint32_t flipped = before ^ PCI_COMMAND_INTX_DISABLE;

	conform_write_gives(c, PCI_COMMAND, 4, flipped | 0xffff0000u, SHADOWED | 0xffff0000u,
			    flipped);
	conform_write_gives(c, PCI_COMMAND, 4, before, SHADOWED | 0xffff0000u, before);
}

struct bar_case {
	unsigned offset;
	uint32_t before, mask;
	uint32_t flags; /* the bits that are no address */
};

/* Calls fn for each BAR register of the device; the ROM is not among them. */
static void each_bar(struct conform *c, void (*fn)(struct conform *c, const struct bar_case *bar))
{
	bool high = false;

	for (unsigned i = 0; i < XENPCIFRONT_BAR_ROM_INDEX; i++) {
		struct bar_case bar = { .offset = bar_offset(c->dev.header_type, i) };

		if (!bar.offset)
			continue;
		bar.before = conform_read(c, bar.offset, 4);
		conform_write(c, bar.offset, 4, UINT32_MAX);
		bar.mask = conform_read(c, bar.offset, 4);
		conform_write(c, bar.offset, 4, bar.before);
		bar.flags = high ? 0 : bar.mask & PCI_BASE_ADDRESS_SPACE_IO ? 0x3 : 0xf;
		fn(c, &bar);
		high = !high && (bar.mask & 0x7) == PCI_BASE_ADDRESS_MEM_TYPE_64;
	}
}

/* One run of ones, to the top, or (I/O) to bit 15. */
static bool is_mask(uint32_t mask, uint32_t flags)
{
	uint32_t bits = mask & ~flags;

	if (flags == 0x3 && !(bits >> 16))
		bits |= 0xffff0000u;
	return !bits || (bits & -bits) == ~bits + 1;
}

static void check_sizing(struct conform *c, const struct bar_case *bar)
{
	uint32_t after = conform_read(c, bar->offset, 4);

	if (!is_mask(bar->mask, bar->flags))
		conform_fail(c, "the BAR at 0x%x sizes as 0x%x", bar->offset, bar->mask);
	if (!bar->mask && bar->before)
		conform_fail(c, "the BAR at 0x%x holds 0x%x and has no size", bar->offset,
			     bar->before);
	if (after != bar->before)
		conform_fail(c, "the BAR at 0x%x held 0x%x and now 0x%x", bar->offset, bar->before,
			     after);
}

void conform_bar_sizing(struct conform *c)
{
	each_bar(c, check_sizing);
}

/*
 * Writes `value`, which makes the register `merged` if it takes it: a fixed BAR keeps its old
 * value, one that can be moved holds the new one, cut to its mask.
 */
static void check_lands(struct conform *c, const struct bar_case *bar, unsigned size,
			uint32_t value, uint32_t merged)
{
	uint32_t moved = (merged & bar->mask & ~bar->flags) | (bar->before & bar->flags);
	uint32_t got;

	conform_write(c, bar->offset, size, value);
	got = conform_read(c, bar->offset, 4);
	if (got != bar->before && got != moved)
		conform_fail(c, "%u bytes 0x%x at 0x%x over 0x%x: reads 0x%x", size, value,
			     bar->offset, bar->before, got);
	conform_write(c, bar->offset, 4, bar->before);
	got = conform_read(c, bar->offset, 4);
	if (got != bar->before)
		conform_fail(c, "0x%x at 0x%x did not come back: 0x%x", bar->before, bar->offset,
			     got);
}

static void check_partial(struct conform *c, const struct bar_case *bar)
{
	if (!bar->mask)
		return;
	check_lands(c, bar, 2, 0xffff, bar->before | 0xffff);
	check_lands(c, bar, 1, 0xff, bar->before | 0xff);
}

void conform_bar_partial(struct conform *c)
{
	each_bar(c, check_partial);
}

static void check_move(struct conform *c, const struct bar_case *bar)
{
	uint32_t bits = bar->mask & ~bar->flags, size = bits & -bits;

	if (size)
		check_lands(c, bar, 4, bar->before ^ size, bar->before ^ size);
}

void conform_bar_move(struct conform *c)
{
	each_bar(c, check_move);
}

void conform_rom_sizing(struct conform *c)
{
	unsigned offset = bar_offset(c->dev.header_type, XENPCIFRONT_BAR_ROM_INDEX);
	uint32_t before, mask, after;

	if (!offset)
		return conform_skip(c, "no ROM in this kind of header");
	before = conform_read(c, offset, 4);
	conform_write(c, offset, 4, (uint32_t)PCI_ROM_ADDRESS_MASK);
	mask = conform_read(c, offset, 4);
	conform_write(c, offset, 4, before);
	after = conform_read(c, offset, 4);
	if (mask & ~(uint32_t)PCI_ROM_ADDRESS_MASK || !is_mask(mask, 0))
		conform_fail(c, "the ROM sizes as 0x%x", mask);
	/* The kernel's backend shows the mask until a value is written that is none. */
	if (after != before)
		conform_fail(c, "the ROM's register held 0x%x and now 0x%x", before, after);
}
