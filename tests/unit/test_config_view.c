/* SPDX-License-Identifier: MIT */
/* What a map says of a byte is what a guest's writes then do. */
#include "tests/unit/unit.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "backend/config/view.h"
#include "common/util.h"
#include "tests/unit/support_config_nic.h"

static struct fake dev;
static struct config_view view[4096];

static const struct config_quirk quirk = { .offset = 0x44, .width = 2, .mask = 0x00ff };
static const struct config_policy policies[] = {
	{ 0 },
	{ .interrupt_control = true },
	{ .permissive = true },
	{ .quirks = &quirk, .nr_quirks = 1 },
};

static void open_with(const struct config_policy *policy)
{
	fake_nic(&dev);
	cfg = config_open(&dev.dev, policy);
	assert_non_null(cfg);
	for (unsigned at = 0; at < dev.dev.info.config_size; at++)
		config_look(cfg, at, &view[at]);
}

static bool is_open(enum config_use use)
{
	return use == CONFIG_USE_RAW || use == CONFIG_USE_RULED;
}

static void only_open_bits_change(void **state)
{
	uint8_t was[4096];
	uint64_t seed = 14;

	(void)state;
	for (size_t p = 0; p < ARRAY_SIZE(policies); p++) {
		unsigned changed = 0;

		open_with(&policies[p]);
		for (unsigned n = 0; n < 4000; n++) {
			int32_t size = 1 << (test_random(&seed) % 3);
			uint32_t space = dev.dev.info.config_size;
			int32_t at = (int32_t)(test_random(&seed) % space & ~((uint32_t)size - 1));

			memcpy(was, dev.space, sizeof(was));
			config_guest_write(cfg, at, size, (uint32_t)test_random(&seed));
			for (unsigned i = 0; i < space; i++) {
				uint8_t bits = was[i] ^ dev.space[i];

				/* The kernel sets decode bits when it enables the device. */
				if (i == PCI_COMMAND)
					bits &= (uint8_t)~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
				assert_int_equal(bits & ~view[i].open, 0);
				changed += bits != 0;
			}
		}
		assert_true(changed > 0);
		config_close(cfg);
		cfg = NULL;
	}
}

static void a_use_says_whether_bits_are_open(void **state)
{
	(void)state;
	for (size_t p = 0; p < ARRAY_SIZE(policies); p++) {
		open_with(&policies[p]);
		for (unsigned at = 0; at < dev.dev.info.config_size; at++) {
			assert_int_equal(is_open(view[at].use), view[at].open != 0);
			assert_true(at >= view[at].offset && at < view[at].offset + view[at].width);
		}
		config_close(cfg);
		cfg = NULL;
	}
}

static void uses_of_known_registers(void **state)
{
	(void)state;
	open_with(&policies[0]);
	assert_int_equal(view[PCI_VENDOR_ID].use, CONFIG_USE_VIRTUAL);
	assert_int_equal(view[PCI_COMMAND].use, CONFIG_USE_RULED);
	assert_int_equal(view[PCI_COMMAND + 1].use, CONFIG_USE_KEPT);
	assert_int_equal(view[PCI_STATUS].use, CONFIG_USE_NAMED);
	assert_int_equal(view[PCI_CACHE_LINE_SIZE].use, CONFIG_USE_RAW);
	assert_int_equal(view[PCI_LATENCY_TIMER].use, CONFIG_USE_CLOSED);
	assert_int_equal(view[PCI_BASE_ADDRESS_0].use, CONFIG_USE_KEPT);
	assert_int_equal(view[0x44].use, CONFIG_USE_UNLISTED);
	assert_string_equal(view[0x44].field, "unlisted");
	assert_string_equal(view[PCI_COMMAND + 1].field, "command");
	config_close(cfg);
	open_with(&policies[3]);
	assert_int_equal(view[0x44].use, CONFIG_USE_RULED);
	assert_int_equal(view[0x45].use, CONFIG_USE_NAMED);
	config_close(cfg);
	open_with(&policies[2]);
	assert_int_equal(view[0x44].use, CONFIG_USE_RAW);
	assert_int_equal(view[PCI_LATENCY_TIMER].use, CONFIG_USE_CLOSED);
	config_close(cfg);
	cfg = NULL;
}

static void letters_are_one_each(void **state)
{
	(void)state;
	for (int a = 0; a < CONFIG_USES_COUNT; a++)
		for (int b = 0; b < a; b++)
			assert_int_not_equal(config_use_letter((enum config_use)a),
					     config_use_letter((enum config_use)b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_open_bits_change),
		cmocka_unit_test(a_use_says_whether_bits_are_open),
		cmocka_unit_test(uses_of_known_registers),
		cmocka_unit_test(letters_are_one_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
