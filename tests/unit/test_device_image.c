/* SPDX-License-Identifier: MIT */
/* An image device's registers: what can be written, what clears, what a reset leaves. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_device.h"

/* ---- BARs */

static void test_bar_kinds(void **state)
{
	static const struct {
		const char *sbdf;
		unsigned number;
		uint32_t low, sized; /* the register, and with ones written */
		uint32_t high, high_sized;
	} bars[] = {
		/* 32-bit memory, I/O, ROM: as measured */
		{ "00:04.0", 0, 0xfeb40000, 0xfffe0000, 0, 0 },
		{ "00:04.0", 2, 0x0000c041, 0xffffffe1, 0, 0 },
		{ "00:04.0", 3, 0xfeb80000, 0xffffc000, 0, 0 },
		{ "00:04.0", 4, 0, 0, 0, 0 },
		{ "00:04.0", PCIDEV_ROM, 0xfeb00000, 0xfffc0001, 0, 0 },
		/* 64-bit, with its upper half */
		{ "00:07.0", 0, 0x00000004, 0xffffc004, 0x3838, 0xffffffff },
		{ "05:00.0", 0, 0x0000000c, 0xfe00000c, 0x3820, 0xffffffff },
		/* a bridge's */
		{ "03:00.0", 0, 0xfe500004, 0xffffff04, 0, 0xffffffff },
		/* a virtual function's is not there */
		{ "05:00.2", 0, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bars); i++) {
		unsigned n = bars[i].number, at = n == PCIDEV_ROM ? 0x30 : 0x10 + 4 * n;
		struct pcidev *dev = open_device(bench, bars[i].sbdf);
		bool wide = bars[i].high_sized;

		assert_int_equal(get(dev, at, 4), bars[i].low);
		set(dev, at, 4, UINT32_MAX);
		assert_int_equal(get(dev, at, 4), bars[i].sized);
		set(dev, at, 4, bars[i].low);
		assert_int_equal(get(dev, at, 4), bars[i].low);
		if (wide) {
			assert_int_equal(get(dev, at + 4, 4), bars[i].high);
			set(dev, at + 4, 4, UINT32_MAX);
			assert_int_equal(get(dev, at + 4, 4), bars[i].high_sized);
			set(dev, at + 4, 4, bars[i].high);
		}
		pcidev_close(dev);
	}
}

/* A BAR moves to where it is written, in any width; its kind does not change. */
static void test_bar_moves(void **state)
{
	struct pcidev *dev = open_device(bench, "00:04.0");

	(void)state;
	assert_true(dev->info.bars_movable);
	set(dev, 0x10, 4, 0xe0021234);
	assert_int_equal(get(dev, 0x10, 4), 0xe0020000);
	set(dev, 0x13, 1, 0xd0);
	assert_int_equal(get(dev, 0x10, 4), 0xd0020000);
	set(dev, 0x12, 2, 0xc0ff);
	assert_int_equal(get(dev, 0x10, 4), 0xc0fe0000);
	set(dev, 0x18, 4, 0xd0ff);
	assert_int_equal(get(dev, 0x18, 4), 0xd0e1);
	/* What the host assigned stays on record. */
	assert_int_equal(dev->info.resource[0].start, 0xfeb40000);
	pcidev_close(dev);
}

/* ---- header */

static void test_read_only(void **state)
{
	static const unsigned offsets[] = { 0x00, 0x08, 0x2c, 0x34, 0x40, 0x100, 0x140, 0xffc };
	struct pcidev *dev = open_device(bench, "00:04.0");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		uint32_t before = get(dev, offsets[i], 4);

		set(dev, offsets[i], 4, ~before);
		assert_int_equal(get(dev, offsets[i], 4), before);
	}
	pcidev_close(dev);
}

static void test_command(void **state)
{
	struct pcidev *dev;

	(void)state;
	/* An express endpoint with memory and ports. */
	dev = open_device(bench, "00:04.0");
	set(dev, PCI_COMMAND, 2, 0xffff);
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0x0547);
	set(dev, PCI_COMMAND, 2, 0);
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0);
	pcidev_close(dev);
	/* Conventional, with ports only: no memory to decode; MWI and fast back-to-back. */
	dev = open_device(bench, "04:02.0");
	set(dev, PCI_COMMAND, 2, 0xffff);
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0x0755);
	pcidev_close(dev);
	/* A virtual function decodes as its physical one says. */
	dev = open_device(bench, "05:00.2");
	set(dev, PCI_COMMAND, 2, 0xffff);
	assert_int_equal(get(dev, PCI_COMMAND, 2), PCI_COMMAND_MASTER);
	pcidev_close(dev);
}

/* Error bits are cleared by ones, and only by ones; the rest is read-only. */
static void test_status(void **state)
{
	struct lone lone;
	struct pcidev *dev;
	uint8_t bytes[256];

	(void)state;
	bytes_init(bytes, 0x1234, 0x5678);
	bytes_put(bytes, PCI_STATUS, 2, 0xfab8 & ~0x10);
	dev = lone_open(&lone, bytes, sizeof(bytes));
	set(dev, PCI_STATUS, 2, 0);
	assert_int_equal(get(dev, PCI_STATUS, 2), 0xfaa8);
	set(dev, PCI_STATUS, 2, 0x8000);
	assert_int_equal(get(dev, PCI_STATUS, 2), 0x7aa8);
	set(dev, PCI_STATUS, 2, 0xffff);
	assert_int_equal(get(dev, PCI_STATUS, 2), 0x02a8);
	lone_close(&lone, dev);
}

static void test_small_registers(void **state)
{
	struct pcidev *express = open_device(bench, "00:04.0");
	struct pcidev *conventional = open_device(bench, "04:01.0");

	(void)state;
	set(express, PCI_CACHE_LINE_SIZE, 1, 0x10);
	assert_int_equal(get(express, PCI_CACHE_LINE_SIZE, 1), 0x10);
	set(express, PCI_LATENCY_TIMER, 1, 0x40);
	assert_int_equal(get(express, PCI_LATENCY_TIMER, 1), 0);
	set(conventional, PCI_LATENCY_TIMER, 1, 0xff);
	assert_int_equal(get(conventional, PCI_LATENCY_TIMER, 1), 0xf8);
	set(express, PCI_INTERRUPT_LINE, 2, 0xff07);
	assert_int_equal(get(express, PCI_INTERRUPT_LINE, 2), 0x0107);
	set(express, PCI_BIST, 1, 0xff);
	assert_int_equal(get(express, PCI_BIST, 1), 0);
	pcidev_close(express);
	pcidev_close(conventional);
}

/* The vectors measured on an e1000e, as far as the registers themselves go. */
static void test_measured_vectors(void **state)
{
	static const struct {
		unsigned offset, size;
		uint32_t value;
	} reads[] = {
		{ 0x00, 4, 0x10d38086 }, { 0x04, 4, 0x00100103 }, { 0x10, 4, 0xfeb40000 },
		{ 0x14, 4, 0xfeb60000 }, { 0x18, 4, 0x0000c041 }, { 0x1c, 4, 0xfeb80000 },
		{ 0x20, 4, 0 },		 { 0x24, 4, 0 },	  { 0x30, 4, 0xfeb00000 },
		{ 0x34, 1, 0xc8 },	 { 0xc8, 2, 0xd001 },	  { 0xd2, 2, 0x0080 },
		{ 0xa2, 2, 0x0004 },	 { 0xe8, 2, 0 },	  { 0x100, 4, 0x14020001 },
		{ 0x3d, 1, 1 },		 { 0xffc, 4, 0 },	  { 0x40, 4, 0 },
	};
	struct pcidev *dev = open_device(bench, "00:04.0");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++)
		assert_int_equal(get(dev, reads[i].offset, reads[i].size), reads[i].value);
	assert_int_equal(get(dev, 0xca, 2) & ~0xf800u, 0x0022);
	assert_int_equal(dev->info.irq, 20);
	pcidev_close(dev);
}

static void test_enable(void **state)
{
	struct pcidev *dev = open_device(bench, "00:04.0");

	(void)state;
	set(dev, PCI_COMMAND, 2, PCI_COMMAND_SERR);
	assert_int_equal(pcidev_enable(dev, true), 0);
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0x0103);
	set(dev, PCI_COMMAND, 2, 0x0107);
	assert_int_equal(pcidev_enable(dev, false), 0);
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0x0103);
	pcidev_close(dev);
}

/* Accesses that no device can be asked for. */
static void test_bad_access(void **state)
{
	static const struct {
		unsigned offset, size;
	} bad[] = { { 0, 0 }, { 0, 3 },	  { 0, 8 },   { 1, 2 },	   { 2, 4 },
		    { 3, 4 }, { 256, 4 }, { 256, 1 }, { 4096, 4 }, { UINT32_MAX - 3, 4 } };
	struct pcidev *dev = open_device(bench, "00:05.0");
	uint32_t value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		value = 0;
		assert_int_equal(pcidev_read(dev, bad[i].offset, bad[i].size, &value), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(value, UINT32_MAX);
		assert_int_equal(pcidev_write(dev, bad[i].offset, bad[i].size, 0), -1);
		assert_int_equal(errno, EINVAL);
	}
	pcidev_close(dev);
}

/* ---- MSI, MSI-X, express, VPD */

struct field {
	unsigned offset, size;
	uint32_t writable;
};

/* Writes all ones, then zeros: the writable bits follow, the others stay. */
static void check_fields(const char *sbdf, const struct field *f, size_t n)
{
	struct pcidev *dev = open_device(bench, sbdf);

	for (; n--; f++) {
		uint32_t before = get(dev, f->offset, f->size);

		set(dev, f->offset, f->size, UINT32_MAX);
		if (get(dev, f->offset, f->size) != (before | f->writable))
			fail_msg("%s: %x after ones: %x", sbdf, f->offset,
				 get(dev, f->offset, f->size));
		set(dev, f->offset, f->size, 0);
		if (get(dev, f->offset, f->size) != (before & ~f->writable))
			fail_msg("%s: %x after zeros: %x", sbdf, f->offset,
				 get(dev, f->offset, f->size));
	}
	pcidev_close(dev);
}

static void test_msi_masks(void **state)
{
	/* 32 vectors, 64-bit, maskable */
	static const struct field full[] = {
		{ 0x48, 2, 0 },		 { 0x4a, 2, 0x0071 },	 { 0x4c, 4, 0xfffffffc },
		{ 0x50, 4, 0xffffffff }, { 0x54, 2, 0xffff },	 { 0x58, 4, 0xffffffff },
		{ 0x5c, 4, 0 },
	};
	/* one vector, 64-bit, not maskable */
	static const struct field plain[] = {
		{ 0xd2, 2, 0x0071 }, { 0xd4, 4, 0xfffffffc }, { 0xd8, 4, 0xffffffff },
		{ 0xdc, 2, 0xffff }, { 0xde, 2, 0 },
	};
	static const struct field msix[] = {
		{ 0xa0, 2, 0 }, { 0xa2, 2, 0xc000 }, { 0xa4, 4, 0 }, { 0xa8, 4, 0 },
	};

	(void)state;
	check_fields("01:00.0", full, ARRAY_SIZE(full));
	check_fields("00:04.0", plain, ARRAY_SIZE(plain));
	check_fields("00:04.0", msix, ARRAY_SIZE(msix));
}

/* A 32-bit MSI with four maskable vectors. */
static void test_msi_32(void **state)
{
	struct lone lone;
	struct pcidev *dev;
	uint8_t bytes[256];

	(void)state;
	bytes_init(bytes, 0x1234, 0x5678);
	bytes_cap(bytes, 0x50, PCI_CAP_ID_MSI);
	bytes_put(bytes, 0x52, 2, PCI_MSI_FLAGS_MASKBIT | 2 << 1);
	dev = lone_open(&lone, bytes, sizeof(bytes));
	set(dev, 0x58, 4, UINT32_MAX); /* data, and nothing above it */
	assert_int_equal(get(dev, 0x58, 4), 0xffff);
	set(dev, 0x5c, 4, UINT32_MAX); /* four mask bits */
	assert_int_equal(get(dev, 0x5c, 4), 0xf);
	set(dev, 0x60, 4, UINT32_MAX); /* pending */
	assert_int_equal(get(dev, 0x60, 4), 0);
	lone_close(&lone, dev);
}

static void test_express_masks(void **state)
{
	static const struct field endpoint[] = {
		{ 0x62, 2, 0 },	     { 0x64, 4, 0 },	  { 0x68, 2, 0x7fff }, { 0x6c, 4, 0 },
		{ 0x70, 2, 0x01cb }, { 0x72, 2, 0 },	  { 0x78, 2, 0 },      { 0x84, 4, 0 },
		{ 0x88, 2, 0xf7ff }, { 0x90, 2, 0xffff },
	};
	/* A version 1 integrated endpoint: device control and nothing behind it. */
	static const struct field old[] = {
		{ 0xe8, 2, 0x7fff }, { 0xf0, 2, 0 }, { 0xf8, 4, 0 }, { 0xfc, 4, 0 },
	};
	static const struct field port[] = {
		{ 0x64, 2, 0x0fdb }, { 0x6c, 2, 0x1fff }, { 0x70, 2, 0x001f },
	};

	(void)state;
	/* Its FLR bit would reset it in the middle: 01:00.0's is tested on its own. */
	check_fields("00:04.0", old, ARRAY_SIZE(old));
	check_fields("00:01.0", port, ARRAY_SIZE(port));
	check_fields("01:00.0", endpoint, 2);
	check_fields("01:00.0", endpoint + 3, ARRAY_SIZE(endpoint) - 3);
}

/* Error bits of device status; those of a link port. */
static void test_express_status(void **state)
{
	struct lone lone;
	struct pcidev *dev;
	uint8_t bytes[256];

	(void)state;
	bytes_init(bytes, 0x1234, 0x5678);
	bytes_cap(bytes, 0x60, PCI_CAP_ID_EXP);
	bytes_put(bytes, 0x62, 2, 2 | PCI_EXP_TYPE_DOWNSTREAM << 4);
	bytes_put(bytes, 0x6a, 2, 0x003f);
	bytes_put(bytes, 0x72, 2, 0xf011);
	dev = lone_open(&lone, bytes, sizeof(bytes));
	set(dev, 0x6a, 2, 0x0005);
	assert_int_equal(get(dev, 0x6a, 2), 0x003a);
	set(dev, 0x68, 4, 0xffff0000); /* with the control register, in one write */
	assert_int_equal(get(dev, 0x68, 4), 0x00300000);
	set(dev, 0x72, 2, 0xffff);
	assert_int_equal(get(dev, 0x72, 2), 0x3011);
	lone_close(&lone, dev);
}

/* The flag turns over at once, so that a driver's wait for it ends. */
static void test_vpd(void **state)
{
	struct pcidev *dev = open_device(bench, "01:00.0");
	unsigned vpd = pcidev_find_cap(dev, PCI_CAP_ID_VPD);

	(void)state;
	assert_int_equal(vpd, 0xc8);
	set(dev, vpd + PCI_VPD_ADDR, 2, 0x0010);
	assert_int_equal(get(dev, vpd + PCI_VPD_ADDR, 2), 0x8010);
	set(dev, vpd + PCI_VPD_ADDR, 2, 0x8014);
	assert_int_equal(get(dev, vpd + PCI_VPD_ADDR, 2), 0x0014);
	set(dev, vpd + PCI_VPD_DATA, 4, 0x12345678);
	assert_int_equal(get(dev, vpd + PCI_VPD_DATA, 4), 0);
	assert_int_equal(pcidev_reset(dev), 0);
	assert_int_equal(get(dev, vpd + PCI_VPD_ADDR, 2), 0);
	pcidev_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_bar_kinds),
		BENCH_TEST(test_bar_moves),
		BENCH_TEST(test_read_only),
		BENCH_TEST(test_command),
		cmocka_unit_test(test_status),
		BENCH_TEST(test_small_registers),
		BENCH_TEST(test_measured_vectors),
		BENCH_TEST(test_enable),
		BENCH_TEST(test_bad_access),
		BENCH_TEST(test_msi_masks),
		cmocka_unit_test(test_msi_32),
		BENCH_TEST(test_express_masks),
		cmocka_unit_test(test_express_status),
		BENCH_TEST(test_vpd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
