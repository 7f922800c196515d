/* SPDX-License-Identifier: MIT */
/* Silencing a device: interrupts and bus mastering off, and nothing else. */
#include "tests/unit/device_trace.h"

#include "host/device/save.h"

static void test_quiesce(void **state)
{
	struct pcidev *dev = trace("01:00.0");

	(void)state;
	set(traced.real, 0x4a, 2, 0x0151);
	set(traced.real, 0xb2, 2, 0xc000);
	set(traced.real, PCI_COMMAND, 2, 0x0546);
	assert_int_equal(pcidev_quiesce(dev), 0);
	assert_int_equal(get(dev, 0x4a, 2) & 1, 0);
	assert_int_equal(get(dev, 0xb2, 2) & 0xc000, 0);
	/* Decoding, parity and SERR are the host's and stay. */
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0x0142);
	/* MSI-X, then MSI, each as two bytes; Xen takes nothing else. */
	assert_int_equal(written(0xb2), 0);
	assert_int_equal(written(0x4a), 1);
	assert_int_equal(traced.write[0].size, 2);
	assert_int_equal(traced.write[1].size, 2);
	/* Silent already: nothing to write. */
	traced.nr = 0;
	assert_int_equal(pcidev_quiesce(dev), 0);
	assert_int_equal(traced.nr, 0);
	pcidev_close(dev);
	/* Without decoding it is not turned on. */
	dev = trace("04:02.0");
	set(traced.real, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_INVALIDATE);
	assert_int_equal(pcidev_quiesce(dev), 0);
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0);
	pcidev_close(dev);
}

/* A bridge goes on forwarding. */
static void test_quiesce_bridge(void **state)
{
	struct pcidev *dev = trace("00:03.0");

	(void)state;
	assert_int_equal(pcidev_quiesce(dev), 0);
	assert_int_equal(traced.nr, 0);
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0x0507);
	pcidev_close(dev);
}

static void test_quiesce_goes_on(void **state)
{
	struct pcidev *dev = trace("01:00.0");

	(void)state;
	set(traced.real, 0xb2, 2, 0x8000);
	set(traced.real, 0x4a, 2, 0x0001);
	set(traced.real, PCI_COMMAND, 2, 0x0506);
	traced.fail_write = 0xb2;
	assert_int_equal(pcidev_quiesce(dev), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(get(dev, 0x4a, 2) & 1, 0);
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0x0102);
	pcidev_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_quiesce),
		BENCH_TEST(test_quiesce_bridge),
		BENCH_TEST(test_quiesce_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
