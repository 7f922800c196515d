/* SPDX-License-Identifier: MIT */
/* Where config space is in memory, whether that memory may be read, and how. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "host/device/sysfs/ecam.h"
#include "host/device/sysfs/iomem.h"
#include "common/util.h"
#include "tests/unit/support_device.h"

/*
 * A table with two allocations, as it would be read; the caller frees it. Exactly `size` bytes, so
 * that a sanitizer sees a read beyond them.
 */
static uint8_t *table(size_t size, uint32_t length)
{
	static const uint8_t allocation[2][16] = {
		{ 0, 0, 0, 0xb0, 0, 0, 0, 0, /* segment */ 0, 0, /* buses */ 0, 0x7f },
		{ 0, 0, 0, 0x40, 0x12, 0, 0, 0, 2, 0, 0x20, 0xff },
	};
	uint8_t whole[76] = "MCFG", *t = malloc(size ? size : 1);

	assert_non_null(t);
	bytes_put(whole, 4, 4, length);
	memcpy(whole + 44, allocation, sizeof(allocation));
	memcpy(t, whole, size < sizeof(whole) ? size : sizeof(whole));
	return t;
}

static uint64_t at(size_t size, uint32_t length, const char *sbdf)
{
	uint8_t *t = table(size, length);
	uint64_t found = ecam_address(t, size, address(sbdf));

	free(t);
	return found;
}

static void test_address(void **state)
{
	(void)state;
	assert_int_equal(at(76, 76, "0000:00:00.0"), 0xb0000000);
	assert_int_equal(at(76, 76, "0000:7f:1f.7"), 0xb0000000 + (0x7f << 20) + (0xff << 12));
	assert_int_equal(at(76, 76, "0000:80:00.0"), 0);
	/* The address is bus 0's, although the buses begin later. */
	assert_int_equal(at(76, 76, "0002:20:01.0"), 0x1240000000 + (0x20 << 20) + (8 << 12));
	assert_int_equal(at(76, 76, "0002:1f:01.0"), 0);
	assert_int_equal(at(76, 76, "0001:00:00.0"), 0);
}

static void test_malformed_table(void **state)
{
	uint8_t *t;

	(void)state;
	for (size_t size = 0; size < 60; size++)
		assert_int_equal(at(size, 76, "0000:00:00.0"), 0);
	/* An allocation that is cut off, in the file or by the length, is none. */
	assert_int_equal(at(75, 76, "0002:20:00.0"), 0);
	assert_int_equal(at(76, 75, "0002:20:00.0"), 0);
	assert_int_equal(at(76, 0, "0000:00:00.0"), 0);
	assert_int_equal(at(76, UINT32_MAX, "0000:00:00.0"), 0xb0000000);
	t = table(76, 76);
	t[44] = 1; /* not on a page */
	assert_int_equal(ecam_address(t, 76, address("0000:00:00.0")), 0);
	t[0] = 'F';
	assert_int_equal(ecam_address(t, 76, address("0002:20:00.0")), 0);
	free(t);
}

#define GIB(n) ((uint64_t)(n) << 18) /* frames */

static void test_uncacheable(void **state)
{
	static const struct iomem_range by_hole[] = {
		{ GIB(3), GIB(1), IOMEM_UNCACHEABLE }, { 0, 0, 0 }, { 0, 0, IOMEM_WRITE_BACK },
	};
	static const struct iomem_range by_ram[] = {
		{ 0, GIB(4), IOMEM_WRITE_BACK },
		{ GIB(3), GIB(1), IOMEM_UNCACHEABLE },
		{ GIB(4), GIB(4), IOMEM_WRITE_BACK },
		{ GIB(16), GIB(1), 1 },
	};
	/* Says nothing of the default: it may be write-back. */
	static const struct iomem_range high_only[] = { { GIB(4), GIB(4), IOMEM_WRITE_BACK } };

	(void)state;
	assert_true(iomem_uncacheable(by_hole, 3, GIB(3)));
	assert_true(iomem_uncacheable(by_hole, 3, GIB(4) - 1));
	assert_false(iomem_uncacheable(by_hole, 3, GIB(4)));
	assert_false(iomem_uncacheable(by_hole, 3, GIB(3) - 1));
	assert_false(iomem_uncacheable(by_hole, 3, 0));
	/* Of two that overlap, uncacheable wins; RAM needs a range, so the rest is uncacheable. */
	assert_true(iomem_uncacheable(by_ram, 4, GIB(3)));
	assert_false(iomem_uncacheable(by_ram, 4, GIB(2)));
	assert_false(iomem_uncacheable(by_ram, 4, GIB(5)));
	assert_true(iomem_uncacheable(by_ram, 4, GIB(9)));
	assert_false(iomem_uncacheable(by_ram, 4, GIB(16)));
	assert_false(iomem_uncacheable(high_only, 1, GIB(9)));
	assert_false(iomem_uncacheable(NULL, 0, GIB(9)));
}

static void test_read(void **state)
{
	static const uint8_t page[8] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0xff, 0xff };

	(void)state;
	assert_int_equal(ecam_read(page, 0, 4), 0x44332211);
	assert_int_equal(ecam_read(page, 4, 2), 0x6655);
	assert_int_equal(ecam_read(page, 6, 2), 0xffff);
	assert_int_equal(ecam_read(page, 3, 1), 0x44);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_malformed_table),
		cmocka_unit_test(test_uncacheable),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
