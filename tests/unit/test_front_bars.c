/* SPDX-License-Identifier: MIT */
/* BARs: decoding by numbers, sizing through the channel, moves noticed. */
#include "tests/unit/front_fake.h"

#include <stdio.h>

#include "frontend/bar_decode.h"
#include "frontend/map.h"

/* One register pair of a type-0 header, and what it is. */
struct decode_row {
	uint32_t value, high, mask, high_mask;
	uint16_t command;
	enum xenpcifront_bar_kind kind;
	uint64_t start, size;
	bool prefetchable, decoded;
};

static const struct decode_row rows[] = {
	{ 0, 0, 0, 0, 7, XENPCIFRONT_BAR_NONE, 0, 0, false, false },
	{ 0xfeb40000, 0, 0xfffe0000, 0, 2, XENPCIFRONT_BAR_MEM32, 0xfeb40000, 0x20000, false, true },
	{ 0xfeb40000, 0, 0xfffe0000, 0, 5, XENPCIFRONT_BAR_MEM32, 0xfeb40000, 0x20000, false, false },
	{ 0xe0000008, 0, 0xf0000008, 0, 2, XENPCIFRONT_BAR_MEM32, 0xe0000000, 0x10000000, true, true },
	{ 0x000c0002, 0, 0xffff8002, 0, 2, XENPCIFRONT_BAR_BELOW_1M, 0xc0000, 0x8000, false, true },
	{ 0x0000c041, 0, 0xffffffe1, 0, 1, XENPCIFRONT_BAR_IO, 0xc040, 0x20, false, true },
	{ 0x0000c041, 0, 0x0000ffe1, 0, 1, XENPCIFRONT_BAR_IO, 0xc040, 0x20, false, true },
	{ 0x0000c041, 0, 0xfffffffd, 0, 2, XENPCIFRONT_BAR_IO, 0xc040, 4, false, false },
	{ 0xf000000c, 0x38, 0xfff0000c, 0xffffffff, 2, XENPCIFRONT_BAR_MEM64, 0x38f0000000, 0x100000,
	  true, true },
	{ 0x00000004, 0x38, 0x00000004, 0xfffffffe, 2, XENPCIFRONT_BAR_MEM64, 0x3800000000,
	  0x200000000, false, true },
	/* a reserved type, and a mask of flags only */
	{ 0xfeb40006, 0, 0xfffe0006, 0, 2, XENPCIFRONT_BAR_NONE, 0, 0, false, false },
	{ 0x00000008, 0, 0x00000008, 0, 2, XENPCIFRONT_BAR_NONE, 0, 0, false, false },
	/* a mask with holes: the lowest bit counts */
	{ 0xfeb40000, 0, 0xf0f10000, 0, 2, XENPCIFRONT_BAR_MEM32, 0xfeb40000, 0x10000, false, true },
	{ 0xfffffff0, 0, 0xfffffff0, 0, 2, XENPCIFRONT_BAR_MEM32, 0xfffffff0, 0x10, false, true },
};

static void decodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct decode_row *r = &rows[i];
		struct bar_registers regs = { .command = r->command };
		struct xenpcifront_bar bars[XENPCIFRONT_BARS];

		regs.value[2] = r->value;
		regs.value[3] = r->high;
		regs.mask[2] = r->mask;
		regs.mask[3] = r->high_mask;
		bars_decode(&regs, bars);
		assert_int_equal(bars[2].kind, r->kind);
		assert_int_equal(bars[2].offset, 0x18);
		assert_true(bars[2].start == r->start);
		assert_true(bars[2].size == r->size);
		assert_int_equal(bars[2].prefetchable, r->prefetchable);
		assert_int_equal(bars[2].decoded, r->decoded);
		assert_int_equal(bars[3].kind, r->kind == XENPCIFRONT_BAR_MEM64
						       ? XENPCIFRONT_BAR_HIGH : XENPCIFRONT_BAR_NONE);
		assert_true(bars[3].size == 0);
	}
}

static void decodes_roms_and_bridges(void **state)
{
	struct bar_registers regs = { .command = PCI_COMMAND_MEMORY };
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];

	(void)state;
	regs.value[6] = 0xfeb00001;
	regs.mask[6] = 0xfffc0000;
	regs.value[5] = 0xfe000004; /* 64-bit in the last register: has no other half */
	regs.mask[5] = 0xffff0004;
	bars_decode(&regs, bars);
	assert_int_equal(bars[6].kind, XENPCIFRONT_BAR_ROM);
	assert_int_equal(bars[6].offset, PCI_ROM_ADDRESS);
	assert_int_equal(bars[6].start, 0xfeb00000);
	assert_int_equal(bars[6].size, 0x40000);
	assert_true(bars[6].decoded);
	assert_int_equal(bars[5].kind, XENPCIFRONT_BAR_MEM32);

	regs.value[6] &= ~1u; /* the ROM's own enable bit */
	bars_decode(&regs, bars);
	assert_false(bars[6].decoded);

	regs.header_type = PCI_HEADER_TYPE_BRIDGE;
	regs.value[2] = regs.mask[2] = 0xffff0000; /* bus numbers: no BAR */
	regs.value[1] = 0xfe000004;
	regs.mask[1] = 0xffff0004;
	bars_decode(&regs, bars);
	assert_int_equal(bars[1].kind, XENPCIFRONT_BAR_MEM32);
	assert_int_equal(bars[2].kind, XENPCIFRONT_BAR_NONE);
	assert_int_equal(bars[5].kind, XENPCIFRONT_BAR_NONE);
	assert_int_equal(bars[6].offset, PCI_ROM_ADDRESS1);

	regs.header_type = 0x7f;
	bars_decode(&regs, bars);
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++)
		assert_int_equal(bars[i].kind, XENPCIFRONT_BAR_NONE);
}

/* Any numbers give ranges that a caller can use: powers of two, inside 64 bits. */
static void decodes_anything(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		struct bar_registers regs = { .header_type = (uint8_t)(random() % 3) };
		struct xenpcifront_bar bars[XENPCIFRONT_BARS];

		regs.command = (uint16_t)random();
		for (unsigned i = 0; i < XENPCIFRONT_BARS; i++) {
			regs.value[i] = (uint32_t)random() * 3;
			regs.mask[i] = (uint32_t)random() * 3;
		}
		bars_decode(&regs, bars);
		for (unsigned i = 0; i < XENPCIFRONT_BARS; i++) {
			assert_true((bars[i].size & (bars[i].size - 1)) == 0);
			if (bars[i].kind == XENPCIFRONT_BAR_NONE ||
			    bars[i].kind == XENPCIFRONT_BAR_HIGH)
				assert_true(!bars[i].size && !bars[i].decoded);
		}
		bars_update(&regs, bars);
	}
}

/* A device as tests/dumps has it: 64-bit BAR at 0x10, I/O at 0x18, ROM. */
static void set_up_device(void)
{
	fake_set(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO, 0x7);
	fake_set(0x10, 4, 0xfe80000c, 0xffff0000);
	fake_set(0x14, 4, 0x38, UINT32_MAX);
	fake_set(0x18, 4, 0xc041, 0xffffffe0);
	fake_set(0x30, 4, 0xfe880000, 0xfff80001);
}

static void sizes(void **state)
{
	struct xenpcifront *fe = fake_front();
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint8_t before[PCIIF_CONFIG_SIZE];

	(void)state;
	set_up_device();
	memcpy(before, fake.config, sizeof(before));
	assert_int_equal(xenpcifront_bars(fe, fake_device, bars), 0);
	assert_memory_equal(before, fake.config, sizeof(before));
	assert_int_equal(bars[0].kind, XENPCIFRONT_BAR_MEM64);
	assert_true(bars[0].start == 0x38fe800000 && bars[0].size == 0x10000);
	assert_true(bars[0].prefetchable);
	assert_int_equal(bars[1].kind, XENPCIFRONT_BAR_HIGH);
	assert_int_equal(bars[2].kind, XENPCIFRONT_BAR_IO);
	assert_true(bars[2].start == 0xc040 && bars[2].size == 0x20);
	assert_int_equal(bars[6].kind, XENPCIFRONT_BAR_ROM);
	assert_true(bars[6].size == 0x80000);
	assert_int_equal(bars[3].kind, XENPCIFRONT_BAR_NONE);
	xenpcifront_close(fe);
}

/* A backend that loses the old value is found out. */
static void sticky(struct xen_pci_op *op)
{
	static bool stuck;

	if (op->cmd == XEN_PCI_OP_conf_write && op->offset == 0x10) {
		if (stuck)
			op->err = 0;
		else
			fake_config(op);
		stuck = !stuck;
		return;
	}
	fake_config(op);
}

static void value_not_taken_back(void **state)
{
	struct xenpcifront *fe = fake_front();
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];

	(void)state;
	set_up_device();
	fake.device = sticky;
	assert_int_equal(xenpcifront_bars(fe, fake_device, bars), -1);
	assert_int_equal(errno, EPROTO);
	xenpcifront_close(fe);
}

static struct changes {
	struct xenpcifront *fe;
	unsigned n;
	struct xenpcifront_bar_change last;
} changes;

static void changed(void *opaque, const struct xenpcifront_bar_change *change)
{
	struct changes *c = opaque;
	uint32_t id;

	c->n++;
	c->last = *change;
	/* No lock is held: the library may be used from here. */
	assert_int_equal(xenpcifront_read32(c->fe, fake_device, 0, &id, NULL), 0);
}

static void write32(struct xenpcifront *fe, unsigned offset, uint32_t value)
{
	assert_int_equal(xenpcifront_write32(fe, fake_device, offset, value, NULL), 0);
}

static void moves(void **state)
{
	static const struct xenpcifront_handlers handlers = { .bar_changed = changed };
	struct xenpcifront *fe = fake_front();
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];

	(void)state;
	changes = (struct changes){ .fe = fe };
	set_up_device();
	xenpcifront_set_handlers(fe, &handlers, &changes);
	write32(fe, 0x10, 0xfe90000c);
	assert_int_equal(changes.n, 0); /* nobody asked for its BARs yet */
	write32(fe, 0x10, 0xfe80000c);
	assert_int_equal(xenpcifront_bars(fe, fake_device, bars), 0);

	/* Sizing by hand is no move; nor is writing the same value. */
	write32(fe, 0x10, UINT32_MAX);
	write32(fe, 0x14, UINT32_MAX);
	write32(fe, 0x10, 0xfe80000c);
	write32(fe, 0x14, 0x38);
	write32(fe, 0x18, UINT32_MAX);
	write32(fe, 0x18, 0xc041);
	assert_int_equal(changes.n, 0);

	write32(fe, 0x18, 0xd000);
	assert_int_equal(changes.n, 1);
	assert_int_equal(changes.last.index, 2);
	assert_true(changes.last.old.start == 0xc040 && changes.last.now.start == 0xd000);
	assert_true(changes.last.now.size == 0x20);
	write32(fe, 0x14, 0x39);
	assert_int_equal(changes.n, 2);
	assert_true(changes.last.now.start == 0x39fe800000);

	/* Half of a register, and the decode bits. */
	assert_int_equal(xenpcifront_write16(fe, fake_device, 0x12, 0xfe70, NULL), 0);
	assert_int_equal(changes.n, 3);
	assert_true(changes.last.now.start == 0x39fe700000);
	assert_int_equal(xenpcifront_write16(fe, fake_device, PCI_COMMAND, PCI_COMMAND_MEMORY, NULL),
			 0);
	assert_int_equal(changes.n, 4);
	assert_int_equal(changes.last.index, 2);
	assert_true(changes.last.old.decoded && !changes.last.now.decoded);
	write32(fe, 0x30, 0xfe880001);
	assert_int_equal(changes.n, 5);
	assert_int_equal(changes.last.index, XENPCIFRONT_BAR_ROM_INDEX);
	assert_true(changes.last.now.decoded);
	write32(fe, 0x40, 1);
	assert_int_equal(changes.n, 5);
	xenpcifront_close(fe);
}

/* A file in the memory's place: what is mapped is the BAR's, at any offset, and nothing beside it. */
static void maps(void **state)
{
	struct xenpcifront_bar bar = {
		.kind = XENPCIFRONT_BAR_MEM64, .start = 0x140002000, .size = 0x2000, .decoded = true,
	};
	char path[] = "/tmp/xenpci-memory.XXXXXX";
	int fd = mkstemp(path);
	uint32_t word = 0x010000ed;
	uint8_t *at;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 0x140004000), 0);
	assert_int_equal(pwrite(fd, &word, sizeof(word), 0x140003ffc), sizeof(word));
	at = bar_map_of(path, &bar, 0x1ffc, 4);
	assert_non_null(at);
	assert_memory_equal(at, &word, sizeof(word));
	memset(at, 0x5a, 4);
	xenpcifront_bar_unmap(at, 4);
	assert_int_equal(pread(fd, &word, sizeof(word), 0x140003ffc), sizeof(word));
	assert_int_equal(word, 0x5a5a5a5a);
	at = bar_map_of(path, &bar, 0, 0x2000);
	assert_non_null(at);
	assert_memory_equal(at + 0x1ffc, &word, sizeof(word));
	xenpcifront_bar_unmap(at, 0x2000);
	close(fd);
	unlink(path);
	assert_null(bar_map_of(path, &bar, 0, 4));
	assert_int_equal(errno, ENOENT);
	xenpcifront_bar_unmap(NULL, 4);
}

/* Nothing is opened for these: another error would be ENOENT. */
static void maps_nothing_else(void **state)
{
	static const struct {
		enum xenpcifront_bar_kind kind;
		uint64_t start, size;
		bool decoded;
		uint64_t offset;
		size_t length;
		int error;
	} bad[] = {
		{ XENPCIFRONT_BAR_IO, 0xc000, 0x20, true, 0, 4, EINVAL },
		{ XENPCIFRONT_BAR_NONE, 0, 0, true, 0, 4, EINVAL },
		{ XENPCIFRONT_BAR_HIGH, 0x38, 0, true, 0, 4, EINVAL },
		{ XENPCIFRONT_BAR_MEM32, 0, 0x1000, true, 0, 4, EINVAL },
		{ XENPCIFRONT_BAR_MEM32, 0xfe000000, 0x1000, true, 0, 0, EINVAL },
		{ XENPCIFRONT_BAR_MEM32, 0xfe000000, 0x1000, true, 0x1000, 4, EINVAL },
		{ XENPCIFRONT_BAR_MEM32, 0xfe000000, 0x1000, true, 0xffd, 4, EINVAL },
		{ XENPCIFRONT_BAR_MEM32, 0xfe000000, 0x1000, true, 4, SIZE_MAX - 3, EINVAL },
		{ XENPCIFRONT_BAR_MEM32, 0xfe000000, 0x1000, true, UINT64_MAX, 4, EINVAL },
		{ XENPCIFRONT_BAR_MEM64, 0x7ffffffffffff000, 0x2000, true, 0, 4, EINVAL },
		{ XENPCIFRONT_BAR_MEM64, UINT64_MAX - 0xfff, 0x2000, true, 0, 4, EINVAL },
		{ XENPCIFRONT_BAR_MEM32, 0xfe000000, 0x1000, false, 0, 4, ENXIO },
		{ XENPCIFRONT_BAR_ROM, 0xfe000000, 0x1000, true, 0xffc, 4, ENOENT },
		{ XENPCIFRONT_BAR_BELOW_1M, 0xc0000, 0x1000, true, 0, 0x1000, ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct xenpcifront_bar bar = {
			.kind = bad[i].kind, .start = bad[i].start, .size = bad[i].size, .decoded = bad[i].decoded,
		};

		assert_null(bar_map_of("/nonexistent", &bar, bad[i].offset, bad[i].length));
		assert_int_equal(errno, bad[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),
		cmocka_unit_test(decodes_roms_and_bridges),
		cmocka_unit_test(decodes_anything),
		cmocka_unit_test(sizes),
		cmocka_unit_test(value_not_taken_back),
		cmocka_unit_test(moves),
		cmocka_unit_test(maps),
		cmocka_unit_test(maps_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
