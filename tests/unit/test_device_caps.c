/* SPDX-License-Identifier: MIT */
/* Walking capability lists: those that are right, and those that lie. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_device.h"

static void test_find_caps(void **state)
{
	struct logbook lb;
	struct provider *p;
	struct pcidev *dev;
	struct pcidev_cap cap = { 0 };

	(void)state;
	logbook_init(&lb);
	p = open_provider("image:" BENCH, &lb);
	dev = open_device(p, "00:04.0");
	assert_int_equal(pcidev_find_cap(dev, PCI_CAP_ID_PM), 0xc8);
	assert_int_equal(pcidev_find_cap(dev, PCI_CAP_ID_MSIX), 0xa0);
	assert_int_equal(pcidev_find_cap(dev, PCI_CAP_ID_VPD), 0);
	assert_int_equal(find_ext_cap(dev, PCI_EXT_CAP_ID_ERR), 0x100);
	assert_int_equal(find_ext_cap(dev, PCI_EXT_CAP_ID_DSN), 0x140);
	assert_int_equal(find_ext_cap(dev, PCI_EXT_CAP_ID_SRIOV), 0);
	for (unsigned n = 0; n < 4; n++)
		assert_true(pcidev_next_cap(dev, &cap));
	assert_false(pcidev_next_cap(dev, &cap));
	pcidev_close(dev);
	/* Without the status bit there is no list, whatever the pointer says. */
	dev = open_device(p, "00:00.0");
	assert_int_equal(pcidev_find_cap(dev, PCI_CAP_ID_PM), 0);
	pcidev_close(dev);
	provider_close(p);
}

/* XSA-337: lists that loop, lead into the header, or end in nonsense; capabilities that do not fit. */
static void xsa_337_capability_lists_that_lie(void **state)
{
	static const struct {
		const char *name;
		uint8_t first;
		uint8_t cap[4][3]; /* offset, id, next */
		unsigned walked;
	} lists[] = {
		{ "to itself", 0x40, { { 0x40, 9, 0x40 } }, 1 },
		{ "in a circle", 0x40, { { 0x40, 9, 0x80 }, { 0x80, 9, 0x40 } }, 2 },
		{ "into the header", 0x40, { { 0x40, 9, 0x3c } }, 1 },
		{ "from the header", 0x04, { { 0x40, 9, 0 } }, 0 },
		{ "no device", 0x40, { { 0x40, 0xff, 0x80 }, { 0x80, 9, 0 } }, 0 },
		{ "unaligned", 0x43, { { 0x40, 9, 0x81 }, { 0x80, 9, 0 } }, 2 },
		{ "at the end", 0xfc, { { 0xfc, 1, 0 } }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct pcidev_cap cap = { 0 };
		struct lone lone;
		struct pcidev *dev;
		uint8_t bytes[256];
		unsigned walked = 0;

		bytes_init(bytes, 0x1234, 0x5678);
		bytes_put(bytes, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
		bytes[PCI_CAPABILITY_LIST] = lists[i].first;
		for (size_t n = 0; n < 4 && lists[i].cap[n][0]; n++)
			memcpy(bytes + lists[i].cap[n][0], lists[i].cap[n] + 1, 2);
		dev = lone_open(&lone, bytes, sizeof(bytes));
		while (pcidev_next_cap(dev, &cap))
			walked++;
		if (walked != lists[i].walked)
			fail_msg("%s: %u capabilities", lists[i].name, walked);
		lone_close(&lone, dev);
	}
}

/* Every kind of capability too near to the end is there to be read and does nothing. */
static void test_cap_beyond_end(void **state)
{
	(void)state;
	for (unsigned id = 1; id <= PCI_CAP_ID_MAX; id++) {
		struct lone lone;
		struct pcidev *dev;
		uint8_t before[256], bytes[256];

		bytes_init(bytes, 0x1234, 0x5678);
		bytes_cap(bytes, 0xfc, (uint8_t)id);
		dev = lone_open(&lone, bytes, sizeof(bytes));
		get_all(dev, before);
		for (unsigned at = 0x40; at < 256; at++)
			set(dev, at, 1, 0xff);
		for (unsigned at = 0x40; at < 0xfe; at++)
			assert_int_equal(get(dev, at, 1), before[at]);
		assert_int_equal(pcidev_reset(dev), -1);
		assert_int_equal(errno, ENOTTY);
		lone_close(&lone, dev);
	}
}

/* Extended lists: a loop, a pointer back into the first 256 bytes, ones. */
static void test_hostile_ext_caps(void **state)
{
	static const struct {
		uint32_t header[2]; /* at 100 and 200 */
		unsigned dsn;	    /* where a serial number is found */
	} lists[] = {
		{ { 0x20010001, 0x10010003 }, 0x200 }, { { 0x20010001, 0x10010002 }, 0 },
		{ { 0x10010001, 0x10010003 }, 0 },     { { 0x04010001, 0x10010003 }, 0 },
		{ { UINT32_MAX, 0x10010003 }, 0 },     { { 0, 0x00010003 }, 0 },
		{ { 0xffd10001, 0 }, 0 },
	};
	uint8_t bytes[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct lone lone;
		struct pcidev *dev;

		memset(bytes, 0, sizeof(bytes));
		bytes_init(bytes, 0x1234, 0x5678);
		bytes_put(bytes, 0x100, 4, lists[i].header[0]);
		bytes_put(bytes, 0x200, 4, lists[i].header[1]);
		dev = lone_open(&lone, bytes, sizeof(bytes));
		assert_int_equal(find_ext_cap(dev, PCI_EXT_CAP_ID_DSN), lists[i].dsn);
		lone_close(&lone, dev);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_caps),
		cmocka_unit_test(xsa_337_capability_lists_that_lie),
		cmocka_unit_test(test_cap_beyond_end),
		cmocka_unit_test(test_hostile_ext_caps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
