/* SPDX-License-Identifier: MIT */
/*
 * What stands above the registers: what --devices takes, a machine's functions, its
 * bridges and virtual functions.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_device.h"

static void test_spec(void **state)
{
	static const char *const bad[] = { "", "sysfs:", "image", "image:", "sysf", "Image:x",
					   "/dev/null", "sysfs /sys" };
	struct logbook lb;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		logbook_init(&lb);
		errno = 0;
		assert_null(provider_open(bad[i], &lb.logger));
		assert_int_equal(errno, EINVAL);
		assert_true(logbook_has(&lb, "neither sysfs, sysfs:ROOT nor image:FILE"));
	}
	logbook_init(&lb);
	assert_null(provider_open("image:/nonexistent", &lb.logger));
	assert_int_equal(errno, ENOENT);
	assert_true(logbook_has(&lb, "/nonexistent"));
	assert_null(provider_open("sysfs:/nonexistent", &lb.logger));
	assert_int_equal(errno, ENOENT);
	assert_true(logbook_has(&lb, "/nonexistent/bus/pci/devices"));
	provider_close(NULL);
	pcidev_close(NULL);
}

static void test_list(void **state)
{
	struct logbook lb;
	struct provider *p;
	struct sbdf list[64];
	int n;

	(void)state;
	logbook_init(&lb);
	p = open_provider("image:" BENCH, &lb);
	n = provider_list(p, NULL, 0);
	assert_int_equal(n, 24);
	memset(list, 0xff, sizeof(list));
	assert_int_equal(provider_list(p, list, 2), n);
	assert_true(sbdf_equal(list[1], address("00:01.0")));
	assert_int_equal(list[2].bus, 0xff);
	assert_int_equal(provider_list(p, list, ARRAY_SIZE(list)), n);
	for (int i = 1; i < n; i++)
		assert_true(sbdf_compare(list[i - 1], list[i]) < 0);
	provider_close(p);
}

/* A file in any order is listed in address order. */
static void test_order(void **state)
{
	static const char *const titles[] = { "0001:00:00.0", "0000:ff:00.0", "00:1f.7",
					      "00:00.1" };
	struct machine m;
	struct provider *p;
	struct sbdf list[4];
	uint8_t bytes[256];

	(void)state;
	bytes_init(bytes, 0x1234, 0x5678);
	machine_begin(&m);
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++) {
		machine_text(&m, "%s x\n", titles[i]);
		machine_dump(&m, bytes, 64);
	}
	p = machine_open(&m);
	assert_non_null(p);
	assert_int_equal(provider_list(p, list, 4), 4);
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		assert_true(sbdf_equal(list[3 - i], address(titles[i])));
	provider_close(p);
	machine_end(&m);
}

static void test_open(void **state)
{
	struct logbook lb;
	struct provider *p;
	struct pcidev *dev;

	(void)state;
	logbook_init(&lb);
	p = open_provider("image:" BENCH, &lb);
	assert_null(provider_open_device(p, address("00:09.0")));
	assert_int_equal(errno, ENODEV);
	dev = open_device(p, "00:04.0");
	assert_null(provider_open_device(p, address("00:04.0")));
	assert_int_equal(errno, EBUSY);
	/* Closed and opened again, it is as it was left. */
	set(dev, PCI_CACHE_LINE_SIZE, 1, 0x20);
	pcidev_close(dev);
	dev = open_device(p, "00:04.0");
	assert_int_equal(get(dev, PCI_CACHE_LINE_SIZE, 1), 0x20);
	pcidev_close(dev);
	provider_close(p);
}

/* Header types that are neither an endpoint's nor a bridge's, and titles without a dump. */
static void test_cannot_open(void **state)
{
	struct machine m;
	struct provider *p;
	struct pcidev *dev;
	uint8_t bytes[256];

	(void)state;
	machine_begin(&m);
	bytes_init(bytes, 0x1217, 0x7135);
	bytes[PCI_HEADER_TYPE] = 0x82;
	machine_text(&m, "00:03.0 CardBus bridge: x\n\tRegion 0: Memory at fc400000 "
			 "(32-bit, non-prefetchable) [size=4K]\n");
	machine_dump(&m, bytes, 128);
	memset(bytes, 0xff, sizeof(bytes));
	machine_text(&m, "00:04.0 gone\n");
	machine_dump(&m, bytes, 256);
	machine_text(&m, "00:05.0 not shown\n\n");
	p = machine_open(&m);
	assert_non_null(p);
	assert_int_equal(provider_list(p, NULL, 0), 2);
	assert_null(provider_open_device(p, address("00:03.0")));
	assert_int_equal(errno, ENOTSUP);
	/* One that reads ones may yet be reset. */
	dev = provider_open_device(p, address("00:04.0"));
	assert_non_null(dev);
	assert_int_equal(dev->info.header_type, PCI_HEADER_TYPE_NORMAL);
	assert_int_equal(get(dev, PCI_VENDOR_ID, 4), UINT32_MAX);
	pcidev_close(dev);
	assert_null(provider_open_device(p, address("00:05.0")));
	assert_int_equal(errno, ENODEV);
	assert_true(logbook_has(&m.log, "0000:00:05.0 has no hex dump and is left out"));
	provider_close(p);
	machine_end(&m);
	/* Nothing but such titles is no machine. */
	machine_begin(&m);
	machine_text(&m, "00:05.0 not shown\n");
	assert_null(machine_open(&m));
	assert_int_equal(errno, EINVAL);
	assert_true(logbook_has(&m.log, "no device with a hex dump"));
	machine_end(&m);
}

static void test_parents(void **state)
{
	static const char *const pairs[][2] = {
		{ "00:04.0", NULL },	  { "00:03.0", NULL },	    { "01:00.0", "00:01.0" },
		{ "02:00.1", "00:02.0" }, { "03:00.0", "00:03.0" }, { "04:02.0", "03:00.0" },
		{ "05:00.3", "00:1c.0" },
	};
	struct logbook lb;
	struct provider *p;
	struct sbdf parent;

	(void)state;
	logbook_init(&lb);
	p = open_provider("image:" BENCH, &lb);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		int found = provider_parent(p, address(pairs[i][0]), &parent);

		assert_int_equal(found, pairs[i][1] ? 1 : 0);
		if (found)
			assert_true(sbdf_equal(parent, address(pairs[i][1])));
	}
	assert_int_equal(provider_parent(p, address("06:00.0"), &parent), -1);
	assert_int_equal(errno, ENODEV);
	provider_close(p);
}

/* Bus numbers that make no tree: every walk up still ends. */
static void test_hostile_buses(void **state)
{
	static const struct {
		const char *title;
		uint8_t bus[3];
	} bridges[] = {
		{ "00:01.0", { 0, 0, 255 } }, /* behind itself */
		{ "01:00.0", { 1, 2, 2 } },   /* two that are behind each other */
		{ "02:00.0", { 2, 1, 1 } },
		{ "03:00.0", { 3, 9, 4 } },   /* an empty range */
		{ "04:00.0", { 4, 5, 255 } },
		{ "04:00.1", { 4, 5, 6 } },   /* overlapping: the narrower one */
	};
	static const char *const pairs[][2] = {
		{ "00:01.0", NULL }, { "01:00.0", NULL },      { "02:00.0", "01:00.0" },
		{ "03:00.0", NULL }, { "05:00.0", "04:00.1" }, { "07:00.0", "04:00.0" },
	};
	struct machine m;
	struct provider *p;
	uint8_t bytes[256];

	(void)state;
	machine_begin(&m);
	for (size_t i = 0; i < ARRAY_SIZE(bridges); i++) {
		bytes_init(bytes, 0x1234, 0x0001);
		bytes[PCI_HEADER_TYPE] = 1;
		memcpy(bytes + PCI_PRIMARY_BUS, bridges[i].bus, 3);
		machine_text(&m, "%s x\n", bridges[i].title);
		machine_dump(&m, bytes, 64);
	}
	bytes_init(bytes, 0x1234, 0x0002);
	machine_text(&m, "05:00.0 x\n");
	machine_dump(&m, bytes, 64);
	machine_text(&m, "07:00.0 x\n");
	machine_dump(&m, bytes, 64);
	p = machine_open(&m);
	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct sbdf parent;
		int found = provider_parent(p, address(pairs[i][0]), &parent);

		if (found != (pairs[i][1] ? 1 : 0))
			fail_msg("%s: %d", pairs[i][0], found);
		if (found)
			assert_true(sbdf_equal(parent, address(pairs[i][1])));
	}
	provider_close(p);
	machine_end(&m);
}

static void test_siblings(void **state)
{
	struct logbook lb;
	struct provider *p;
	struct sbdf list[7];

	(void)state;
	logbook_init(&lb);
	p = open_provider("image:" BENCH, &lb);
	assert_int_equal(siblings(p, address("00:04.0"), list), 0);
	assert_int_equal(siblings(p, address("02:00.1"), list), 1);
	assert_true(sbdf_equal(list[0], address("02:00.0")));
	assert_int_equal(siblings(p, address("00:1f.2"), list), 2);
	assert_true(sbdf_equal(list[0], address("00:1f.0")));
	assert_true(sbdf_equal(list[1], address("00:1f.3")));
	/* Of a function that is not there: those that are. */
	assert_int_equal(siblings(p, address("00:1f.7"), list), 3);
	provider_close(p);
}

/* Virtual functions: ids and physical function from the SR-IOV capability, BARs from the text. */
static void test_virtual_functions(void **state)
{
	struct logbook lb;
	struct provider *p;
	struct pcidev *dev;

	(void)state;
	logbook_init(&lb);
	p = open_provider("image:" BENCH, &lb);
	dev = open_device(p, "05:00.3");
	assert_true(dev->info.is_vf);
	assert_true(sbdf_equal(dev->info.pf, address("05:00.0")));
	assert_int_equal(dev->info.vendor, 0x15b3);
	assert_int_equal(dev->info.device, 0x1018);
	assert_int_equal(get(dev, PCI_VENDOR_ID, 4), UINT32_MAX);
	assert_false(dev->info.bars_movable);
	assert_int_equal(dev->info.resource[0].start, 0x382002100000);
	assert_int_equal(dev->info.resource[0].size, 1 << 20);
	assert_int_equal(dev->info.resource[0].flags, 0xc);
	assert_int_equal(get(dev, 0x10, 4), 0);
	set(dev, PCI_CACHE_LINE_SIZE, 1, 0x10);
	assert_int_equal(get(dev, PCI_CACHE_LINE_SIZE, 1), 0);
	/* Its own capabilities work. */
	set(dev, 0x9e, 2, 0x8000);
	assert_int_equal(get(dev, 0x9e, 2), 0x800b);
	pcidev_close(dev);
	dev = open_device(p, "05:00.0");
	assert_false(dev->info.is_vf);
	pcidev_close(dev);
	provider_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_cannot_open),
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_hostile_buses),
		cmocka_unit_test(test_siblings),
		cmocka_unit_test(test_virtual_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
