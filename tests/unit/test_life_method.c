/* SPDX-License-Identifier: MIT */
/* The single ways to reset (host/reset_method.h), asked by themselves. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "host/reset_method.h"
#include "tests/unit/support_device.h"

static void no_sleep(void *context, unsigned ms)
{
	(void)context;
	(void)ms;
}

static const struct reset_wait wait_ = { .sleep = no_sleep, .patience_ms = 1000 };

/* A function that does not offer FLR is not asked for it, whoever says that it does. */
static void test_flr_wants_its_bit(void **state)
{
	struct pcidev *dev = open_device(bench, "00:06.0");
	unsigned exp = pcidev_find_cap(dev, PCI_CAP_ID_EXP), waited = 0;
	bool pending = false;

	(void)state;
	assert_int_not_equal(exp, 0);
	assert_int_equal(reset_by_flr(dev, &wait_, &waited, &pending), -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(waited, 0);
	pcidev_close(dev);
}

/* A function is back when it is itself: another one's ids are those of one that is not ready. */
static void test_back_as_itself(void **state)
{
	struct pcidev *dev = open_device(bench, "00:06.0");
	unsigned waited = 0;

	(void)state;
	assert_int_equal(reset_wait_alive(dev, &wait_, &waited), 0);
	dev->info.device ^= 1;
	assert_int_equal(reset_wait_alive(dev, &wait_, &waited), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_in_range(waited, wait_.patience_ms, 2 * wait_.patience_ms);
	/* But a VF's, which read ones, say nothing. */
	dev->info.is_vf = true;
	assert_int_equal(reset_wait_alive(dev, &wait_, &waited), 0);
	pcidev_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_flr_wants_its_bit),
		BENCH_TEST(test_back_as_itself),
	};

	return cmocka_run_group_tests_name("life_method", tests, NULL, NULL);
}
