/* SPDX-License-Identifier: MIT */
/* Taking a device's golden image, and putting it back. */
#include "tests/unit/device_trace.h"

#include "common/util.h"
#include "host/device/save.h"

static struct pcidev_saved *save(struct pcidev *dev)
{
	struct pcidev_saved *saved = pcidev_save(dev);

	assert_non_null(saved);
	traced.nr = 0;
	return saved;
}

/* Everything that a guest could do, undone. */
static void test_round_trip(void **state)
{
	static const char *const devices[] = { "00:04.0", "00:05.0", "00:07.0", "00:1a.0",
					       "01:00.0", "02:00.1", "03:00.0", "04:01.0",
					       "05:00.0", "05:00.2", "00:1f.2" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		struct pcidev *dev = open_device(bench, devices[i]);
		uint8_t before[4096], after[4096];
		struct pcidev_saved *saved = save(dev);
		unsigned pm = pcidev_find_cap(dev, PCI_CAP_ID_PM), at;
		unsigned vpd = pcidev_find_cap(dev, PCI_CAP_ID_VPD);
		uint16_t size = dev->info.config_size;

		get_all(dev, before);
		/* But for what resets it, by way of all capabilities. */
		for (at = 4; at < 256; at++) {
			bool power = pm && at == pm + PCI_PM_CTRL;

			if (!(vpd && at / 4 == vpd / 4))
				set(dev, at, 1, power ? 0 : 0x55);
		}
		assert_int_equal(pcidev_restore(dev, saved), 0);
		get_all(dev, after);
		for (at = 0; at < size; at++) {
			if (before[at] != after[at])
				fail_msg("%s: %x was %02x and is %02x", devices[i], at, before[at],
					 after[at]);
		}
		pcidev_saved_free(saved);
		pcidev_close(dev);
	}
}

/* What is as it was is not written. */
static void test_writes_only_what_differs(void **state)
{
	struct pcidev *dev = trace("00:04.0");
	struct pcidev_saved *saved = save(dev);

	(void)state;
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_int_equal(traced.nr, 0);
	set(traced.real, PCI_CACHE_LINE_SIZE, 1, 0x10);
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_int_equal(traced.nr, 1);
	assert_int_equal(traced.write[0].offset, PCI_CACHE_LINE_SIZE);
	assert_int_equal(traced.write[0].size, 1);
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* After a reset: addresses first, and decoding on at the very end. */
static void test_order_after_reset(void **state)
{
	struct pcidev *dev = trace("00:04.0");
	struct pcidev_saved *saved = save(dev);
	unsigned last;

	(void)state;
	assert_int_equal(pcidev_reset(dev), 0);
	assert_int_equal(pcidev_restore(dev, saved), 0);
	last = traced.nr - 1;
	assert_int_equal(traced.write[last].offset, PCI_COMMAND);
	assert_int_equal(traced.write[last].value, 0x0103);
	assert_int_equal(written(PCI_COMMAND), last);
	assert_true(written(0x10) >= 0 && written(0x1c) >= 0 && written(PCI_ROM_ADDRESS) >= 0);
	assert_int_equal(written(0x20), -1);
	assert_int_equal(get(dev, 0x10, 4), 0xfeb40000);
	assert_int_equal(get(dev, PCI_ROM_ADDRESS, 4), 0xfeb00000);
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* Moved without a reset: decoding is off while the address changes. */
static void test_order_while_decoding(void **state)
{
	struct pcidev *dev = trace("00:04.0");
	struct pcidev_saved *saved = save(dev);

	(void)state;
	set(traced.real, 0x10, 4, 0xe0000000);
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_int_equal(traced.nr, 3);
	assert_int_equal(traced.write[0].offset, PCI_COMMAND);
	assert_int_equal(traced.write[0].value, 0x0100);
	assert_int_equal(traced.write[1].offset, 0x10);
	assert_int_equal(traced.write[2].offset, PCI_COMMAND);
	assert_int_equal(traced.write[2].value, 0x0103);
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* MSI is turned off before its address changes; control words are written as two bytes. */
static void test_messages(void **state)
{
	struct pcidev *dev = trace("01:00.0");
	struct pcidev_saved *saved = save(dev);

	(void)state;
	set(traced.real, 0x4c, 4, 0xfee00318);
	set(traced.real, 0x54, 2, 0x4041);
	set(traced.real, 0x58, 4, 0x0000ffff);
	set(traced.real, 0x4a, 2, 0x0151);
	set(traced.real, 0xb2, 2, 0xc000);
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_int_equal(written(0x4a), 0);
	assert_true(written(0xb2) > 0);
	assert_true(written(0x4c) > written(0x4a));
	for (unsigned i = 0; i < traced.nr; i++) {
		if (traced.write[i].offset == 0x4a || traced.write[i].offset == 0xb2)
			assert_int_equal(traced.write[i].size, 2);
		else
			assert_true(traced.write[i].offset / 4 != 0x48 / 4 &&
				    traced.write[i].offset / 4 != 0xb0 / 4);
	}
	assert_int_equal(get(dev, 0x4a, 2) & 0x71, 0);
	assert_int_equal(get(dev, 0x4c, 4), 0);
	assert_int_equal(get(dev, 0x58, 4), 0);
	assert_int_equal(get(dev, 0xb2, 2) & 0xc000, 0);
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* MSI that was on as captured comes back on, behind its address. */
static void test_messages_on(void **state)
{
	struct pcidev *dev = trace("00:1f.2");
	struct pcidev_saved *saved = save(dev);

	(void)state;
	assert_int_equal(get(dev, 0x82, 2) & 1, 1);
	assert_int_equal(pcidev_reset(dev), 0);
	assert_int_equal(get(dev, 0x82, 2) & 1, 0);
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_int_equal(get(dev, 0x82, 2) & 1, 1);
	assert_int_equal(get(dev, 0x84, 4), 0xfee00000);
	assert_true(written(0x84) < written(0x82));
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* A reset by others shows by the decoding that it took; one that was restored does not. */
static void test_lost_config(void **state)
{
	struct pcidev *dev = trace("00:04.0");
	struct pcidev_saved *saved = save(dev);

	(void)state;
	assert_false(pcidev_lost_config(dev, saved));
	set(traced.real, PCI_COMMAND, 2, 0x0507);
	assert_false(pcidev_lost_config(dev, saved)); /* bus mastering is the guest's */
	assert_int_equal(pcidev_reset(dev), 0);
	assert_true(pcidev_lost_config(dev, saved));
	traced.dead = true;
	assert_false(pcidev_lost_config(dev, saved)); /* it does not answer: nobody knows */
	traced.dead = false;
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_false(pcidev_lost_config(dev, saved));
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* MSI-X masked as a whole, since or already then. */
static void test_masked_since(void **state)
{
	struct pcidev *dev = trace("01:00.0");
	struct pcidev_saved *saved = save(dev);

	(void)state;
	assert_false(pcidev_masked_since(dev, saved));
	set(traced.real, 0xb2, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_false(pcidev_masked_since(dev, saved));
	set(traced.real, 0xb2, 2, PCI_MSIX_FLAGS_MASKALL);
	assert_true(pcidev_masked_since(dev, saved));
	pcidev_saved_free(saved);
	saved = save(dev);
	assert_false(pcidev_masked_since(dev, saved));
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* A device left in D3 comes back to D0 before anything else, and so do its registers. */
static void test_from_d3(void **state)
{
	struct pcidev *dev = trace("00:04.0");
	struct pcidev_saved *saved = save(dev);

	(void)state;
	set(traced.real, 0xcc, 2, 3);
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_int_equal(written(0xcc), 0);
	assert_int_equal(get(dev, 0xcc, 2) & 3, 0);
	assert_int_equal(get(dev, 0x10, 4), 0xfeb40000);
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0x0103);
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* It is seen to be in D3hot, and is woken alone: what it forgets is another's to put back. */
static void test_wakes(void **state)
{
	struct pcidev *dev = trace("00:04.0");

	(void)state;
	assert_false(pcidev_in_d3hot(dev));
	assert_int_equal(pcidev_wake(dev), 0);
	assert_int_equal(traced.nr, 0);
	set(traced.real, 0xcc, 2, 3);
	assert_true(pcidev_in_d3hot(dev));
	assert_int_equal(pcidev_wake(dev), 0);
	assert_int_equal(traced.nr, 1);
	assert_false(pcidev_in_d3hot(dev));
	assert_int_equal(get(dev, 0x10, 4), 0);
	pcidev_close(dev);
}

/* A guest that is permissive may turn decoding off, and sizes its BARs in its shadow: it has lost nothing by that. */
static void test_lost_addresses(void **state)
{
	struct pcidev *dev = trace("00:04.0");
	struct pcidev_saved *saved = save(dev);

	(void)state;
	assert_false(pcidev_lost_addresses(dev, saved));
	set(traced.real, PCI_COMMAND, 2, 0);
	assert_true(pcidev_lost_config(dev, saved));
	assert_false(pcidev_lost_addresses(dev, saved));
	set(traced.real, 0x10, 4, 0);
	assert_true(pcidev_lost_addresses(dev, saved));
	set(traced.real, PCI_COMMAND, 2, 0x0103);
	assert_false(pcidev_lost_addresses(dev, saved));
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* A bridge's bus numbers and windows, a port's slot. */
static void test_bridge(void **state)
{
	struct pcidev *dev = trace("03:00.0");
	struct pcidev_saved *saved = save(dev);
	uint32_t windows = get(dev, PCI_MEMORY_BASE, 4);

	(void)state;
	assert_int_equal(pcidev_reset(dev), -1); /* not alone below the port */
	set(traced.real, PCI_PRIMARY_BUS, 4, 0);
	set(traced.real, PCI_MEMORY_BASE, 4, 0);
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_int_equal(get(dev, PCI_PRIMARY_BUS, 4), 0x40040403);
	assert_int_equal(get(dev, PCI_MEMORY_BASE, 4), windows);
	/* The secondary status shares a word with the I/O window and is not cleared by it. */
	assert_int_equal(get(dev, PCI_SEC_STATUS, 2), 0x02a0);
	pcidev_saved_free(saved);
	pcidev_close(dev);
	/* A root port's slot and root control. */
	dev = trace("00:03.0");
	saved = save(dev);
	set(traced.real, 0x6c, 2, 0);
	set(traced.real, 0x70, 2, 0);
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_int_equal(get(dev, 0x6c, 2), 0x05c0);
	assert_int_equal(get(dev, 0x70, 2), 0x0007);
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* One register that fails does not keep the others back; the failure is told. */
static void test_goes_on(void **state)
{
	struct pcidev *dev = trace("00:04.0");
	struct pcidev_saved *saved = save(dev);

	(void)state;
	assert_int_equal(pcidev_reset(dev), 0);
	traced.fail_write = 0x10;
	assert_int_equal(pcidev_restore(dev, saved), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(get(dev, 0x14, 4), 0xfeb60000);
	assert_int_equal(get(dev, PCI_COMMAND, 2), 0x0103);
	traced.fail_write = UINT32_MAX;
	traced.lose_write = 0x10; /* taken and not kept */
	assert_int_equal(pcidev_restore(dev, saved), -1);
	assert_int_equal(errno, EIO);
	traced.lose_write = UINT32_MAX;
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_int_equal(get(dev, 0x10, 4), 0xfeb40000);
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

/* What reads zeros is no device: nothing of it is lost, and it is not written to. A virtual function has no ids. */
static void test_zeros(void **state)
{
	static const char *const devices[] = { "00:04.0", "05:00.2" };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
		struct pcidev *dev = trace(devices[i]);
		struct pcidev_saved *saved = save(dev);

		assert_true(pcidev_is_itself(dev));
		traced.zero = true;
		traced.nr = 0;
		assert_false(pcidev_is_itself(dev));
		assert_false(pcidev_lost_config(dev, saved));
		assert_int_equal(pcidev_restore(dev, saved), -1);
		assert_int_equal(errno, EIO);
		assert_int_equal(traced.nr, 0);
		pcidev_saved_free(saved);
		pcidev_close(dev);
	}
}

/* A device that does not come back is not written to. */
static void test_dead(void **state)
{
	struct pcidev *dev = trace("00:04.0");
	struct pcidev_saved *saved = save(dev);

	(void)state;
	assert_true(pcidev_alive(dev));
	traced.dead = true;
	assert_false(pcidev_alive(dev));
	assert_int_equal(pcidev_restore(dev, saved), -1);
	assert_int_equal(errno, EIO);
	assert_int_equal(traced.nr, 0);
	assert_null(pcidev_save(dev));
	assert_int_equal(errno, EIO);
	pcidev_saved_free(saved);
	pcidev_saved_free(NULL);
	pcidev_close(dev);
}

/* PME status is cleared by a one: restoring does not write it. */
static void test_pme_status_is_kept(void **state)
{
	struct lone lone;
	struct pcidev *dev;
	struct pcidev_saved *saved;
	uint8_t bytes[256];

	(void)state;
	bytes_init(bytes, 0x1234, 0x5678);
	bytes_cap(bytes, 0x50, PCI_CAP_ID_PM);
	bytes_put(bytes, 0x54, 2, PCI_PM_CTRL_PME_STATUS);
	dev = lone_open(&lone, bytes, sizeof(bytes));
	saved = save(dev);
	set(dev, 0x54, 2, PCI_PM_CTRL_PME_ENABLE);
	assert_int_equal(pcidev_restore(dev, saved), 0);
	assert_int_equal(get(dev, 0x54, 2), PCI_PM_CTRL_PME_STATUS);
	pcidev_saved_free(saved);
	lone_close(&lone, dev);
}

/* XSA-476: of an address above 4 GiB both halves come back, from what was saved and from the OS's. */
static void xsa_476_both_halves_come_back(void **state)
{
	enum { LOW = PCI_BASE_ADDRESS_2, HIGH = PCI_BASE_ADDRESS_3 };
	struct pcidev *dev = open_device(bench, "01:00.0");
	struct pcidev_saved *saved = save(dev);
	uint64_t start = dev->info.resource[2].start;
	uint32_t low = get(dev, LOW, 4);

	(void)state;
	assert_int_not_equal(start >> 32, 0);
	assert_int_equal(get(dev, HIGH, 4), start >> 32);
	for (unsigned n = 0; n < 2; n++) {
		set(dev, LOW, 4, 0);
		set(dev, HIGH, 4, 0x12);
		assert_int_equal(n ? pcidev_readdress(dev) : pcidev_restore(dev, saved), 0);
		assert_int_equal(get(dev, LOW, 4), low);
		assert_int_equal(get(dev, HIGH, 4), start >> 32);
	}
	pcidev_saved_free(saved);
	pcidev_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_round_trip),
		BENCH_TEST(xsa_476_both_halves_come_back),
		BENCH_TEST(test_writes_only_what_differs),
		BENCH_TEST(test_order_after_reset),
		BENCH_TEST(test_order_while_decoding),
		BENCH_TEST(test_messages),
		BENCH_TEST(test_messages_on),
		BENCH_TEST(test_lost_config),
		BENCH_TEST(test_masked_since),
		BENCH_TEST(test_from_d3),
		BENCH_TEST(test_wakes),
		BENCH_TEST(test_lost_addresses),
		BENCH_TEST(test_bridge),
		BENCH_TEST(test_goes_on),
		BENCH_TEST(test_zeros),
		BENCH_TEST(test_dead),
		cmocka_unit_test(test_pme_status_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
