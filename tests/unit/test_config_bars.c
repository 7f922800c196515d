/* SPDX-License-Identifier: MIT */
/* BARs and ROM of header types 0 and 1 (PROTOCOL.md 4.3). */
#include "tests/unit/unit.h"

#include <linux/pci_regs.h>

#include "common/util.h"
#include "tests/unit/support_config_nic.h"

#define MEM64 (PCI_BASE_ADDRESS_MEM_TYPE_64)
#define PREF  (PCI_BASE_ADDRESS_MEM_PREFETCH)
#define LOW1M (PCI_BASE_ADDRESS_MEM_TYPE_1M)
#define IO    (PCI_BASE_ADDRESS_SPACE_IO)

static struct fake dev;

static int setup(void **state)
{
	(void)state;
	fake_init(&dev, 0, 256);
	cfg = NULL;
	return 0;
}

static void every_kind_sizes(void **state)
{
	static const struct {
		uint64_t start, size;
		uint8_t flags;
		uint32_t low, low_mask, high, high_mask;
	} rows[] = {
		{ 0xfe000000, 0x1000, 0, 0xfe000000, 0xfffff000, 0, 0 },
		{ 0xfe000000, 16, 0, 0xfe000000, 0xfffffff0, 0, 0 },
		{ 0xc0000000, 0x10000000, PREF, 0xc0000008, 0xf0000008, 0, 0 },
		{ 0x000a0000, 0x20000, LOW1M, 0x000a0002, 0xfffe0002, 0, 0 },
		{ 0x80000000, 0x80000000, 0, 0x80000000, 0x80000000, 0, 0 },
		{ 0xe000, 4, IO, 0xe001, 0xfffffffd, 0, 0 },
		{ 0xe000, 0x100, IO, 0xe001, 0xffffff01, 0, 0 },
		{ 0xfe000000, 0x1000, MEM64, 0xfe000004, 0xfffff004, 0, 0xffffffff },
		{ 0x3800fe000000, 0x4000, MEM64 | PREF, 0xfe00000c, 0xffffc00c, 0x3800,
		  0xffffffff },
		{ 0x400000000, 0x100000000, MEM64 | PREF, 0xc, 0xc, 0x4, 0xffffffff },
		{ 0x380000000000, 0x800000000, MEM64 | PREF, 0xc, 0xc, 0x3800, 0xfffffff8 },
	};
	size_t i;
	int32_t at;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_init(&dev, 0, 256);
		fake_bar(&dev, 2, rows[i].start, rows[i].size, rows[i].flags);
		cfg = fake_open(&dev, NULL);
		read_is(cfg, 0x18, 4, rows[i].low);
		read_is(cfg, 0x1c, 4, rows[i].high);
		write_is(cfg, 0x18, 4, 0xffffffff, OK);
		/* Each half has its own latch. */
		read_is(cfg, 0x18, 4, rows[i].low_mask);
		read_is(cfg, 0x1c, 4, rows[i].high);
		write_is(cfg, 0x1c, 4, 0xffffffff, OK);
		read_is(cfg, 0x1c, 4, rows[i].high_mask);
		write_is(cfg, 0x18, 4, rows[i].low, OK);
		read_is(cfg, 0x18, 4, rows[i].low);
		read_is(cfg, 0x1c, 4, rows[i].high_mask);
		write_is(cfg, 0x1c, 4, rows[i].high, OK);
		read_is(cfg, 0x1c, 4, rows[i].high);
		for (at = 0x10; at <= 0x24; at += 4)
			if (at != 0x18 && at != 0x1c)
				read_is(cfg, at, 4, 0);
		assert_int_equal(dev.writes, 0);
		assert_int_equal(config_denied_total(cfg), 0);
		config_close(cfg);
		cfg = NULL;
	}
}

/* XSA-476: both halves of an address above 4 GiB are shown, sized, and put back after D3hot. */
static void xsa_476_addresses_above_4_gib_stay_whole(void **state)
{
	static const struct {
		uint64_t start, size;
	} rows[] = {
		{ 0x383800000000, 0x4000 },	{ 0x1fe000000, 0x1000000 },
		{ 0x400000000, 0x100000000 }, { 0xffffffff00000000, 0x80000000 },
	};
	enum { PM = 0x40, BAR = PCI_BASE_ADDRESS_2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint32_t low = (uint32_t)rows[i].start | MEM64, high = rows[i].start >> 32;

		fake_init(&dev, 0, 256);
		fake_cap(&dev, PM, PCI_CAP_ID_PM);
		dev.pm = PM;
		fake_bar(&dev, 2, rows[i].start, rows[i].size, MEM64);
		fake_put(&dev, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
		cfg = fake_open(&dev, NULL);
		read_is(cfg, BAR, 4, low);
		read_is(cfg, BAR + 4, 4, high);
		write_is(cfg, BAR, 4, UINT32_MAX, OK);
		write_is(cfg, BAR + 4, 4, UINT32_MAX, OK);
		read_is(cfg, BAR, 4, (uint32_t)-rows[i].size | MEM64);
		read_is(cfg, BAR + 4, 4, (uint32_t)(-rows[i].size >> 32));
		write_is(cfg, BAR, 4, low, OK);
		write_is(cfg, BAR + 4, 4, high, OK);
		write_is(cfg, PM + PCI_PM_CTRL, 2, 3, OK);
		write_is(cfg, PM + PCI_PM_CTRL, 2, 0, OK);
		assert_int_equal(fake_get(&dev, BAR, 4), low);
		assert_int_equal(fake_get(&dev, BAR + 4, 4), high);
		read_is(cfg, BAR + 4, 4, high);
		config_close(cfg);
		cfg = NULL;
	}
}

static void what_sizes_and_what_does_not(void **state)
{
	static const struct {
		unsigned bar;
		uint32_t value;
		bool sizes;
	} rows[] = {
		{ 0, 0xffffffff, true },  { 0, 0xfffffff0, true },  { 0, 0xfffffff5, true },
		{ 0, 0xffffffe0, false }, { 0, 0x7fffffff, false }, { 0, 0xfffff800, false },
		{ 1, 0xffffffff, true },  { 1, 0xfffffffc, true },  { 1, 0xfffffffe, true },
		{ 1, 0xfffffff0, false }, { 1, 0x0000ffff, false }, { 3, 0xffffffff, true },
		{ 3, 0xfffffffe, false }, { 3, 0xfffffff0, false }, { 6, 0xffffffff, true },
		{ 6, 0xfffffffe, true },  { 6, 0xfffff800, true },  { 6, 0xfffff801, true },
		{ 6, 0xfffff000, false },
	};
	static const uint32_t masks[] = { 0xfffff000, 0xffffff01, 0xfff00004, 0xffffffff,
					  0,          0,          0xffff0000 };
	static const uint32_t values[] = { 0xfe000000, 0xe001, 0x80000004, 0x12, 0, 0, 0xfd000000 };
	size_t i;

	(void)state;
	fake_bar(&dev, 0, 0xfe000000, 0x1000, 0);
	fake_bar(&dev, 1, 0xe000, 0x100, IO);
	fake_bar(&dev, 2, 0x1280000000, 0x100000, MEM64);
	fake_bar(&dev, PCIDEV_ROM, 0xfd000000, 0x10000, 0);
	cfg = fake_open(&dev, NULL);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned b = rows[i].bar;
		int32_t at = b == 6 ? 0x30 : (int32_t)(0x10 + 4 * b);

		write_is(cfg, at, 4, rows[i].value, OK);
		read_is(cfg, at, 4, rows[i].sizes ? masks[b] : values[b]);
	}
	assert_int_equal(dev.writes, 0);
}

/* Parts merge with what the guest sees: an address of ones from its bytes sizes like a whole one.
 */
static void sizing_in_parts(void **state)
{
	(void)state;
	fake_bar(&dev, 0, 0xfe000000, 0x1000, 0);
	cfg = fake_open(&dev, NULL);
	write_is(cfg, 0x10, 1, 0xff, OK);
	write_is(cfg, 0x12, 2, 0xffff, OK);
	read_is(cfg, 0x10, 4, 0xfe000000);
	write_is(cfg, 0x10, 4, 0xffffffff, OK);
	/* The low half of the mask, written as read, is not all ones. */
	write_is(cfg, 0x10, 2, 0xf000, OK);
	read_is(cfg, 0x10, 4, 0xfe000000);
	write_is(cfg, 0x10, 4, 0xffffffff, OK);
	write_is(cfg, 0x10, 2, 0xffff, OK);
	read_is(cfg, 0x10, 4, 0xfffff000);
	read_is(cfg, 0x12, 2, 0xffff);
	read_is(cfg, 0x11, 1, 0xf0);
	assert_int_equal(dev.writes, 0);
}

static void the_host_address_is_restored_and_no_other(void **state)
{
	struct config_denial denial;

	(void)state;
	fake_bar(&dev, 0, 0xfe000000, 0x1000, 0);
	fake_bar(&dev, PCIDEV_ROM, 0xfd000000, 0x10000, 0);
	cfg = fake_open(&dev, NULL);
	fake_put(&dev, 0x10, 4, 0);
	fake_put(&dev, 0x30, 4, 0);
	write_is(cfg, 0x10, 4, 0xfe100000, OK);
	write_is(cfg, 0x10, 4, 0, OK);
	assert_int_equal(dev.writes, 0);
	read_is(cfg, 0x10, 4, 0xfe000000);
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "BAR 0");
	assert_int_equal(denial.bits, 0x00100000);
	assert_null(denial.remedy);
	write_is(cfg, 0x10, 4, 0xfe000000, OK);
	assert_int_equal(fake_get(&dev, 0x10, 4), 0xfe000000);
	write_is(cfg, 0x30, 4, 0xfd000000, OK);
	assert_int_equal(fake_get(&dev, 0x30, 4), 0xfd000000);
	assert_int_equal(dev.writes, 2);
	/* The ROM's enable bit stays off. */
	write_is(cfg, 0x30, 4, 0xfd000001, OK);
	read_is(cfg, 0x30, 4, 0xfd000000);
	assert_int_equal(fake_get(&dev, 0x30, 4), 0xfd000000);
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "expansion ROM");
	assert_int_equal(denial.bits, 1);
}

static void absent_and_unassigned_bars_read_zero(void **state)
{
	(void)state;
	fake_bar(&dev, 0, 0, 0x1000, 0);
	dev.dev.info.resource[0].disabled = true;
	fake_bar(&dev, 2, 0, 0x100000, MEM64);
	dev.dev.info.resource[2].disabled = true;
	fake_put(&dev, 0x10, 4, 0xdead0000);
	fake_put(&dev, 0x24, 4, 0xdead0000);
	cfg = fake_open(&dev, NULL);
	for (int32_t at = 0x10; at <= 0x30; at += 4) {
		if (at == 0x28 || at == 0x2c)
			continue;
		write_is(cfg, at, 4, 0xffffffff, OK);
		read_is(cfg, at, 4, 0);
		write_is(cfg, at, 4, 0xfe000000, OK);
		read_is(cfg, at, 4, 0);
	}
	assert_int_equal(dev.writes, 0);
	assert_int_equal(config_denied_total(cfg), 0);
}

/* A last BAR that claims 64 bits has no upper half: what follows is another register. */
static void no_pair_beyond_the_last_bar(void **state)
{
	(void)state;
	fake_bar(&dev, 5, 0x12fe000000, 0x1000, MEM64);
	fake_put(&dev, 0x28, 4, 0x11223344);
	cfg = fake_open(&dev, NULL);
	read_is(cfg, 0x24, 4, 0xfe000004);
	read_is(cfg, 0x28, 4, 0x11223344);
	/* Pairs are counted from BAR 0: 0+1, 2+3, and 4 stands alone. */
	config_close(cfg);
	fake_bar(&dev, 0, 0x1200000000, 0x1000, MEM64);
	fake_bar(&dev, 2, 0x1300000000, 0x1000, MEM64);
	fake_bar(&dev, 4, 0xfe000000, 0x1000, 0);
	cfg = fake_open(&dev, NULL);
	read_is(cfg, 0x14, 4, 0x12);
	read_is(cfg, 0x18, 4, 0x00000004);
	read_is(cfg, 0x1c, 4, 0x13);
	read_is(cfg, 0x20, 4, 0xfe000000);
	/* Whatever is said of an upper half's own resource, it begins no pair. */
	config_close(cfg);
	fake_bar(&dev, 1, 0x1400000000, 0x1000, MEM64);
	fake_bar(&dev, 2, 0xfd000000, 0x1000, 0);
	fake_bar(&dev, 3, 0xfc000000, 0x1000, 0);
	cfg = fake_open(&dev, NULL);
	read_is(cfg, 0x14, 4, 0x12);
	read_is(cfg, 0x18, 4, 0xfd000000);
	read_is(cfg, 0x1c, 4, 0xfc000000);
}

static void bridges_have_two_bars_and_their_rom_elsewhere(void **state)
{
	static const struct config_policy permissive = { .permissive = true };

	(void)state;
	fake_init(&dev, 1, 256);
	fake_bar(&dev, 0, 0x38fe000000, 0x1000, MEM64);
	fake_bar(&dev, PCIDEV_ROM, 0xfd000000, 0x800, 0);
	fake_put(&dev, 0x18, 4, 0x00050403);
	fake_put(&dev, 0x20, 4, 0xfe20fe10);
	fake_put(&dev, 0x30, 4, 0x00010002);
	fake_put(&dev, 0x3e, 2, 0x0003);
	cfg = fake_open(&dev, NULL);
	write_is(cfg, 0x10, 4, 0xffffffff, OK);
	write_is(cfg, 0x14, 4, 0xffffffff, OK);
	write_is(cfg, 0x38, 4, 0xfffff800, OK);
	read_is(cfg, 0x10, 4, 0xfffff004);
	read_is(cfg, 0x14, 4, 0xffffffff);
	read_is(cfg, 0x38, 4, 0xfffff800);
	/* Bus numbers, windows, bridge control: read raw, never written. */
	for (int32_t at = 0x18; at <= 0x34; at += 4) {
		write_is(cfg, at, 4, ~fake_get(&dev, (unsigned)at, 4), OK);
		read_is(cfg, at, 4, fake_get(&dev, (unsigned)at, 4));
	}
	write_is(cfg, 0x3e, 2, 0x0040, OK);
	read_is(cfg, 0x3e, 2, 0x0003);
	assert_int_equal(dev.writes, 0);
	config_close(cfg);
	/* Permissive: the guest has the bridge, its BARs and ROM excepted. */
	cfg = fake_open(&dev, &permissive);
	write_is(cfg, 0x18, 4, 0x00060504, OK);
	assert_int_equal(fake_get(&dev, 0x18, 4), 0x00060504);
	assert_int_equal(dev.writes, 1);
	write_is(cfg, 0x38, 4, 0x1, OK);
	assert_int_equal(fake_get(&dev, 0x38, 4), 0xfd000000);
}

static void movable_bars_move(void **state)
{
	(void)state;
	fake_bar(&dev, 0, 0xfe000000, 0x1000, PREF);
	fake_bar(&dev, 1, 0xe000, 0x100, IO);
	dev.dev.info.resource[1].disabled = true;
	fake_bar(&dev, 2, 0x1200000000, 0x100000, MEM64);
	fake_bar(&dev, PCIDEV_ROM, 0xfd000000, 0x10000, 0);
	dev.dev.info.bars_movable = true;
	cfg = fake_open(&dev, NULL);
	write_is(cfg, 0x10, 4, 0xffffffff, OK);
	read_is(cfg, 0x10, 4, 0xfffff008);
	write_is(cfg, 0x10, 4, 0xfe234567, OK);
	read_is(cfg, 0x10, 4, 0xfe234008);
	assert_int_equal(fake_get(&dev, 0x10, 4), 0xfe234008);
	/* An unassigned one can be sized and placed. */
	read_is(cfg, 0x14, 4, 1);
	write_is(cfg, 0x14, 4, 0xffffffff, OK);
	read_is(cfg, 0x14, 4, 0xffffff01);
	write_is(cfg, 0x14, 4, 0xd000, OK);
	read_is(cfg, 0x14, 4, 0xd001);
	/* The halves of a pair, each by itself. */
	write_is(cfg, 0x1c, 4, 0x34, OK);
	write_is(cfg, 0x1a, 2, 0x5670, OK);
	read_is(cfg, 0x18, 4, 0x56700004);
	read_is(cfg, 0x1c, 4, 0x34);
	assert_int_equal(fake_get(&dev, 0x1c, 4), 0x34);
	/* A ROM moves too, its enable bit stays off. */
	write_is(cfg, 0x30, 4, 0xfc000001, OK);
	read_is(cfg, 0x30, 4, 0xfc000000);
	assert_int_equal(fake_get(&dev, 0x30, 4), 0xfc000000);
	assert_int_equal(config_denied_total(cfg), 1);
	config_reset(cfg);
	read_is(cfg, 0x10, 4, 0xfe000008);
	read_is(cfg, 0x14, 4, 0x1);
	read_is(cfg, 0x1c, 4, 0x12);
}

static void reset_clears_latches(void **state)
{
	(void)state;
	fake_bar(&dev, 0, 0x12fe000000, 0x1000, MEM64);
	fake_bar(&dev, PCIDEV_ROM, 0xfd000000, 0x10000, 0);
	fake_put(&dev, PCI_COMMAND, 2, 0x0003);
	cfg = fake_open(&dev, NULL);
	write_is(cfg, 0x04, 2, 0x0547, OK);
	write_is(cfg, 0x10, 4, 0xffffffff, OK);
	write_is(cfg, 0x14, 4, 0xffffffff, OK);
	write_is(cfg, 0x30, 4, 0xffffffff, OK);
	fake_put(&dev, PCI_COMMAND, 2, 0x0003);
	fake_forget_log(&dev);
	config_reset(cfg);
	assert_int_equal(dev.reads + dev.writes, 0);
	read_is(cfg, 0x10, 4, 0xfe000004);
	read_is(cfg, 0x14, 4, 0x12);
	read_is(cfg, 0x30, 4, 0xfd000000);
	read_is(cfg, 0x04, 2, 0x0003);
	/* Nor does a half of ones meet the other half of a mask. */
	write_is(cfg, 0x10, 2, 0xffff, OK);
	read_is(cfg, 0x10, 4, 0xfe000004);
	/* The device counts as disabled again. */
	write_is(cfg, 0x04, 2, 0x0003, OK);
	assert_int_equal(dev.enables, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, close_cfg)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_kind_sizes),
		TEST(xsa_476_addresses_above_4_gib_stay_whole),
		TEST(what_sizes_and_what_does_not),
		TEST(sizing_in_parts),
		TEST(the_host_address_is_restored_and_no_other),
		TEST(absent_and_unassigned_bars_read_zero),
		TEST(no_pair_beyond_the_last_bar),
		TEST(bridges_have_two_bars_and_their_rom_elsewhere),
		TEST(movable_bars_move),
		TEST(reset_clears_latches),
	};

	return cmocka_run_group_tests_name("config BARs and ROM", tests, NULL, NULL);
}
