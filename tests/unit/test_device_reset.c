/* SPDX-License-Identifier: MIT */
/* How an image device is reset, in every way that there is, and what is left afterwards. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_device.h"

enum { MARK = PCI_CACHE_LINE_SIZE };

/* Leaves a mark that only a reset takes away. */
static void mark(struct pcidev *dev)
{
	set(dev, MARK, 1, 0x20);
	set(dev, PCI_COMMAND, 2, get(dev, PCI_COMMAND, 2) | PCI_COMMAND_MASTER);
}

static bool was_reset(struct pcidev *dev)
{
	return !get(dev, MARK, 1) && !get(dev, PCI_COMMAND, 2);
}

/* Nothing of a guest's is left: BARs, command, messages; what is hardwired is. */
static void check_reset_state(struct pcidev *dev)
{
	unsigned msi = pcidev_find_cap(dev, PCI_CAP_ID_MSI), i;
	unsigned msix = pcidev_find_cap(dev, PCI_CAP_ID_MSIX);

	assert_int_equal(get(dev, PCI_COMMAND, 2), 0);
	assert_int_equal(get(dev, PCI_CACHE_LINE_SIZE, 1), 0);
	assert_int_equal(get(dev, PCI_INTERRUPT_LINE, 1), 0);
	for (i = 0; i < PCIDEV_BARS; i++)
		assert_int_equal(get(dev, 0x10 + 4 * i, 4) & 0xfffffff0, 0);
	assert_int_equal(get(dev, PCI_ROM_ADDRESS, 4), 0);
	if (msi) {
		assert_int_equal(get(dev, msi + PCI_MSI_FLAGS, 2) & 0x71, 0);
		assert_int_equal(get(dev, msi + PCI_MSI_ADDRESS_LO, 4), 0);
	}
	if (msix)
		assert_int_equal(get(dev, msix + PCI_MSIX_FLAGS, 2) & 0xc000, 0);
	assert_int_equal(get(dev, PCI_VENDOR_ID, 2), dev->info.vendor);
	assert_int_equal(get(dev, PCI_CLASS_REVISION, 4) >> 8, dev->info.class_code);
}

static void test_express_flr(void **state)
{
	struct pcidev *dev = open_device(bench, "01:00.0");
	uint32_t devctl;

	(void)state;
	mark(dev);
	set(dev, 0x4a, 2, 0x0071);
	set(dev, 0x4c, 4, 0xfee00318);
	set(dev, 0xb2, 2, 0xc000);
	/* Not without the bit. */
	devctl = get(dev, 0x68, 2);
	set(dev, 0x68, 2, devctl & 0x7fff);
	assert_false(was_reset(dev));
	set(dev, 0x68, 2, devctl | PCI_EXP_DEVCTL_BCR_FLR);
	assert_true(was_reset(dev));
	check_reset_state(dev);
	/* The bit clears itself; the register is as after power-on. */
	assert_int_equal(get(dev, 0x68, 2), 0x2810);
	/* The lowest bits of a BAR are hardwired, and it can be set again. */
	assert_int_equal(get(dev, 0x18, 4), 0x0000000c);
	set(dev, 0x18, 4, 0x00100000);
	assert_int_equal(get(dev, 0x18, 4), 0x0010000c);
	pcidev_close(dev);
}

/* In a byte, and in a wider write that begins before it. */
static void test_flr_widths(void **state)
{
	struct pcidev *dev = open_device(bench, "00:07.0");
	unsigned exp = pcidev_find_cap(dev, PCI_CAP_ID_EXP);

	(void)state;
	mark(dev);
	set(dev, exp + PCI_EXP_DEVCTL + 1, 1, 0x80);
	assert_true(was_reset(dev));
	mark(dev);
	set(dev, exp + PCI_EXP_DEVCTL, 4, 0x8000);
	assert_true(was_reset(dev));
	pcidev_close(dev);
}

/* A function that does not offer FLR does not do it. */
static void test_no_flr(void **state)
{
	struct pcidev *dev = open_device(bench, "00:06.0");
	unsigned exp = pcidev_find_cap(dev, PCI_CAP_ID_EXP);

	(void)state;
	mark(dev);
	set(dev, exp + PCI_EXP_DEVCTL, 2, 0x8000);
	assert_false(was_reset(dev));
	assert_int_equal(get(dev, exp + PCI_EXP_DEVCTL, 2) & 0x8000, 0);
	pcidev_close(dev);
}

static void test_af_flr(void **state)
{
	struct pcidev *dev = open_device(bench, "00:1a.0");
	unsigned af = pcidev_find_cap(dev, PCI_CAP_ID_AF);

	(void)state;
	assert_int_equal(af, 0x50);
	mark(dev);
	set(dev, af + PCI_AF_CTRL, 1, 0xfe);
	assert_false(was_reset(dev));
	set(dev, af + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
	assert_true(was_reset(dev));
	check_reset_state(dev);
	assert_int_equal(get(dev, af + PCI_AF_CTRL, 2), 0);
	assert_int_equal(get(dev, af + PCI_AF_CAP, 1), PCI_AF_CAP_TP | PCI_AF_CAP_FLR);
	pcidev_close(dev);
}

/* D3hot and back loses everything, except with No_Soft_Reset. */
static void test_power_states(void **state)
{
	struct pcidev *dev = open_device(bench, "00:04.0");

	(void)state;
	mark(dev);
	set(dev, 0xcc, 2, 3);
	assert_int_equal(get(dev, 0xcc, 2), 3);
	assert_false(was_reset(dev));
	set(dev, 0xcc, 2, 3);
	assert_false(was_reset(dev));
	/* D1 and D2 are not offered, nor is there a way to them from D3. */
	set(dev, 0xcc, 2, 1);
	assert_int_equal(get(dev, 0xcc, 2), 3);
	set(dev, 0xcc, 2, 2);
	assert_int_equal(get(dev, 0xcc, 2), 3);
	set(dev, 0xcc, 1, 0);
	assert_int_equal(get(dev, 0xcc, 2), 0);
	assert_true(was_reset(dev));
	check_reset_state(dev);
	pcidev_close(dev);
	/* No_Soft_Reset */
	dev = open_device(bench, "00:07.0");
	mark(dev);
	set(dev, 0x64, 2, 3);
	set(dev, 0x64, 2, 0);
	assert_int_equal(get(dev, 0x64, 2), PCI_PM_CTRL_NO_SOFT_RESET);
	assert_false(was_reset(dev));
	pcidev_close(dev);
}

/* With D1 and D2: deeper step by step, and PME status cleared by a one. */
static void test_power_steps(void **state)
{
	struct lone lone;
	struct pcidev *dev;
	uint8_t bytes[256];

	(void)state;
	bytes_init(bytes, 0x1234, 0x5678);
	bytes_cap(bytes, 0x50, PCI_CAP_ID_PM);
	bytes_put(bytes, 0x52, 2, PCI_PM_CAP_D1 | PCI_PM_CAP_D2 | 3);
	bytes_put(bytes, 0x54, 2, PCI_PM_CTRL_PME_STATUS);
	dev = lone_open(&lone, bytes, sizeof(bytes));
	mark(dev);
	for (unsigned d = 1; d <= 3; d++) {
		set(dev, 0x54, 2, d);
		assert_int_equal(get(dev, 0x54, 2), PCI_PM_CTRL_PME_STATUS | d);
	}
	set(dev, 0x54, 2, PCI_PM_CTRL_PME_STATUS | PCI_PM_CTRL_PME_ENABLE | 3);
	assert_int_equal(get(dev, 0x54, 2), PCI_PM_CTRL_PME_ENABLE | 3);
	set(dev, 0x54, 2, 2); /* upwards only to D0 */
	assert_int_equal(get(dev, 0x54, 2), 3);
	set(dev, 0x54, 2, 0);
	assert_true(was_reset(dev));
	/* From D2 it comes back whole. */
	mark(dev);
	set(dev, 0x54, 2, 2);
	set(dev, 0x54, 2, 1);
	assert_int_equal(get(dev, 0x54, 2), 2);
	set(dev, 0x54, 2, 0);
	assert_int_equal(get(dev, 0x54, 2), 0);
	assert_false(was_reset(dev));
	lone_close(&lone, dev);
}

/* The provider's reset: by FLR, AF FLR, PM or the bus, or ENOTTY. */
static void test_provider_reset(void **state)
{
	static const struct {
		const char *sbdf;
		int err;
	} cases[] = {
		{ "00:07.0", 0 },      /* FLR */
		{ "05:00.2", 0 },      /* FLR of a VF */
		{ "00:1a.0", 0 },      /* AF */
		{ "00:04.0", 0 },      /* PM */
		{ "02:00.1", 0 },      /* PM, while its sibling has none */
		{ "02:00.0", ENOTTY }, /* No_Soft_Reset, not alone on its bus */
		{ "00:05.0", ENOTTY }, /* nothing, on a root bus */
		{ "00:06.0", ENOTTY }, /* express without FLR, on a root bus */
		{ "04:02.0", ENOTTY }, /* conventional, not alone behind the bridge */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pcidev *dev = open_device(bench, cases[i].sbdf);

		set(dev, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
		errno = 0;
		if (pcidev_reset(dev) != (cases[i].err ? -1 : 0) || errno != cases[i].err)
			fail_msg("%s: %s", cases[i].sbdf, strerror(errno));
		assert_int_equal(get(dev, PCI_COMMAND, 2), cases[i].err ? PCI_COMMAND_MASTER : 0);
		pcidev_close(dev);
	}
}

/* Alone behind a bridge, the bus is the way. */
static void test_bus_reset_of_one(void **state)
{
	struct machine m;
	struct provider *p;
	struct pcidev *dev;
	uint8_t bridge[256], bytes[256];

	(void)state;
	bytes_init(bridge, 0x1234, 0x0001);
	bridge[PCI_HEADER_TYPE] = 1;
	bytes_put(bridge, PCI_PRIMARY_BUS, 4, 0x00010100);
	bytes_init(bytes, 0x1234, 0x5678);
	machine_begin(&m);
	machine_text(&m, "00:01.0 x\n");
	machine_dump(&m, bridge, sizeof(bridge));
	machine_text(&m, "01:00.0 x\n");
	machine_dump(&m, bytes, sizeof(bytes));
	p = machine_open(&m);
	assert_non_null(p);
	dev = open_device(p, "01:00.0");
	mark(dev);
	assert_int_equal(pcidev_reset(dev), 0);
	assert_true(was_reset(dev));
	pcidev_close(dev);
	provider_close(p);
	/* A second function on the bus, and it is not. */
	machine_text(&m, "01:00.1 x\n");
	machine_dump(&m, bytes, sizeof(bytes));
	p = machine_open(&m);
	assert_non_null(p);
	dev = open_device(p, "01:00.0");
	assert_int_equal(pcidev_reset(dev), -1);
	assert_int_equal(errno, ENOTTY);
	pcidev_close(dev);
	provider_close(p);
	machine_end(&m);
}

/* Bridge control's bit: everything below is gone while it is set and reset afterwards. */
static void test_secondary_bus_reset(void **state)
{
	struct pcidev *port = open_device(bench, "00:03.0");
	struct pcidev *bridge = open_device(bench, "03:00.0");
	struct pcidev *leaf = open_device(bench, "04:01.0");
	struct pcidev *other = open_device(bench, "02:00.1");

	(void)state;
	mark(bridge);
	mark(leaf);
	mark(other);
	set(port, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	assert_int_equal(get(bridge, PCI_VENDOR_ID, 4), UINT32_MAX);
	assert_int_equal(get(leaf, PCI_VENDOR_ID, 2), 0xffff);
	assert_int_equal(get(leaf, PCI_VENDOR_ID, 1), 0xff);
	set(leaf, MARK, 1, 0x40);
	set(bridge, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	set(port, PCI_BRIDGE_CONTROL, 2, 0);
	assert_true(was_reset(bridge));
	assert_true(was_reset(leaf));
	assert_false(was_reset(other));
	assert_int_equal(get(leaf, PCI_VENDOR_ID, 4), 0x813910ec);
	/* The port itself keeps its numbers; the bridge below lost its own. */
	assert_int_equal(get(port, PCI_PRIMARY_BUS, 4), 0x00040300);
	assert_int_equal(get(bridge, PCI_PRIMARY_BUS, 4), 0);
	pcidev_close(port);
	pcidev_close(bridge);
	pcidev_close(leaf);
	pcidev_close(other);
}

/* A bridge whose bus is held and that is itself reset lets go of it. */
static void test_reset_of_holding_bridge(void **state)
{
	struct pcidev *port = open_device(bench, "00:03.0");
	struct pcidev *bridge = open_device(bench, "03:00.0");
	struct pcidev *leaf = open_device(bench, "04:01.0");

	(void)state;
	set(bridge, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	assert_int_equal(get(leaf, PCI_VENDOR_ID, 2), 0xffff);
	set(port, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	assert_int_equal(get(leaf, PCI_VENDOR_ID, 2), 0xffff);
	set(port, PCI_BRIDGE_CONTROL, 2, 0);
	assert_int_equal(get(bridge, PCI_BRIDGE_CONTROL, 2), 0);
	assert_int_equal(get(leaf, PCI_VENDOR_ID, 2), 0x10ec);
	pcidev_close(port);
	pcidev_close(bridge);
	pcidev_close(leaf);
}

static void test_bridge_registers(void **state)
{
	struct pcidev *dev = open_device(bench, "03:00.0");

	(void)state;
	set(dev, PCI_PRIMARY_BUS, 4, 0xff090807);
	assert_int_equal(get(dev, PCI_PRIMARY_BUS, 4), 0xf8090807);
	set(dev, PCI_IO_BASE, 2, 0xffff);
	assert_int_equal(get(dev, PCI_IO_BASE, 2), 0xf0f0); /* 16-bit windows */
	set(dev, PCI_IO_BASE_UPPER16, 4, UINT32_MAX);
	assert_int_equal(get(dev, PCI_IO_BASE_UPPER16, 4), 0);
	set(dev, PCI_MEMORY_BASE, 4, UINT32_MAX);
	assert_int_equal(get(dev, PCI_MEMORY_BASE, 4), 0xfff0fff0);
	set(dev, PCI_PREF_MEMORY_BASE, 4, UINT32_MAX);
	assert_int_equal(get(dev, PCI_PREF_MEMORY_BASE, 4), 0xfff1fff1); /* 64-bit ones */
	set(dev, PCI_PREF_BASE_UPPER32, 4, 0x12345678);
	assert_int_equal(get(dev, PCI_PREF_BASE_UPPER32, 4), 0x12345678);
	/* The retry bit of a bridge to conventional PCI sits where others have FLR. */
	mark(dev);
	set(dev, 0x48, 2, 0x8000);
	assert_int_equal(get(dev, 0x48, 2), 0x8000);
	assert_false(was_reset(dev));
	pcidev_close(dev);
	/* An express port has no latency timer. */
	dev = open_device(bench, "00:01.0");
	set(dev, PCI_PRIMARY_BUS, 4, 0xff090807);
	assert_int_equal(get(dev, PCI_PRIMARY_BUS, 4), 0x00090807);
	pcidev_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_express_flr),
		BENCH_TEST(test_flr_widths),
		BENCH_TEST(test_no_flr),
		BENCH_TEST(test_af_flr),
		BENCH_TEST(test_power_states),
		cmocka_unit_test(test_power_steps),
		BENCH_TEST(test_provider_reset),
		cmocka_unit_test(test_bus_reset_of_one),
		BENCH_TEST(test_secondary_bus_reset),
		BENCH_TEST(test_reset_of_holding_bridge),
		BENCH_TEST(test_bridge_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
