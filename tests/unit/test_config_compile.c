/* SPDX-License-Identifier: MIT */
/* What becomes of declared rows on devices that lie, and which devices and quirks are refused. */
#include "tests/unit/unit.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_config_nic.h"

static struct fake dev;

static int setup(void **state)
{
	(void)state;
	fake_nic(&dev);
	cfg = NULL;
	return 0;
}

/*
 * Tries every byte with ones and zeros: nothing below the header's 64 bytes but the header's own
 * may change.
 */
static void header_rules_hold(void)
{
	uint64_t seed = 337;
	uint8_t was[4096];

	memcpy(was, dev.space, sizeof(was));
	for (int32_t size = 1; size <= 4; size *= 2)
		for (int32_t at = 0; at < dev.dev.info.config_size; at += size)
			for (int n = 0; n < 3; n++)
				config_guest_write(cfg, at, size,
						   n < 2 ? -(uint32_t)n : test_random(&seed));
	for (unsigned at = 0; at < 0x40; at++)
		if (at != 4 && at != 5 && at != 0x0c && at != 0x0f)
			assert_int_equal(dev.space[at], was[at]);
	/* Bus master, MWI; with interrupt_control INTx disable. */
	assert_int_equal((dev.space[4] ^ was[4]) & 0xeb, 0);
	assert_int_equal((dev.space[5] ^ was[5]) & 0xfb, 0);
}

static void lists_that_loop_or_leave(void **state)
{
	static const struct {
		unsigned at;
		uint8_t pointer;
	} rows[] = {
		{ PCI_CAPABILITY_LIST, 0xc8 }, /* as it was */
		{ 0xa1, 0xc8 },                /* a loop over all */
		{ 0xc9, 0xc8 },                /* onto itself */
		{ 0xc9, 0x04 },                /* the command register */
		{ 0xc9, 0x3c },
		{ 0xc9, 0x10 },
		{ 0xc9, 0x01 },
		{ 0xc9, 0xff },
		{ 0xc9, 0xfc },
		{ PCI_CAPABILITY_LIST, 0x04 },
		{ PCI_CAPABILITY_LIST, 0x03 },
		{ PCI_CAPABILITY_LIST, 0xff },
		{ PCI_CAPABILITY_LIST, 0xfc },
		{ PCI_CAPABILITY_LIST, 0xca }, /* low bits do not count */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_nic(&dev);
		/* Whatever stands at the end looks like a capability with rules. */
		fake_put(&dev, 0xfc, 4, 0x00007f01);
		dev.space[rows[i].at] = rows[i].pointer;
		cfg = config_open(&dev.dev, &(struct config_policy){ .interrupt_control = true });
		assert_non_null(cfg);
		assert_true(dev.reads < 300);
		header_rules_hold();
		config_close(cfg);
		cfg = NULL;
	}
}

/* Registers of a capability that would lie beyond byte 255 are not there. */
static void truncated_capabilities(void **state)
{
	static const uint8_t ids[] = {
		PCI_CAP_ID_PM,   PCI_CAP_ID_VPD, PCI_CAP_ID_MSI,
		PCI_CAP_ID_MSIX, PCI_CAP_ID_EXP, PCI_CAP_ID_AF,
	};
	static const uint16_t sizes[] = { 256, 4096 };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(ids); i++) {
		fake_init(&dev, 0, sizes[i % 2]);
		fake_cap(&dev, 0xfc, ids[i / 2]);
		fake_put(&dev, 0xfe, 2, 0xffff);
		fake_put(&dev, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
		memset(dev.space + 0x100, 0x5a, sizeof(dev.space) - 0x100);
		cfg = config_open(&dev.dev, &(struct config_policy){ .interrupt_control = true });
		assert_non_null(cfg);
		header_rules_hold();
		for (unsigned at = 0x100; at < 0x120; at++)
			assert_int_equal(dev.space[at], 0x5a);
		config_close(cfg);
		cfg = NULL;
	}
}

/* Every arrangement of two capabilities over each other: one owner per byte, no rule weakened. */
static void overlapping_capabilities(void **state)
{
	static const uint8_t ids[] = {
		PCI_CAP_ID_PM,   PCI_CAP_ID_VPD, PCI_CAP_ID_MSI,
		PCI_CAP_ID_MSIX, PCI_CAP_ID_EXP, PCI_CAP_ID_AF,
	};
	uint64_t seed = 42;

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(ids); a++) {
		for (size_t b = 0; b < ARRAY_SIZE(ids); b++) {
			fake_init(&dev, 0, 256);
			fake_cap(&dev, 0x84, ids[b]);
			fake_cap(&dev, 0x80, ids[a]);
			cfg = fake_open(&dev, NULL);
			for (int n = 0; n < 2000; n++) {
				int32_t size = 1 << test_random(&seed) % 3;
				int32_t at = 0x80 +
					     (int32_t)(test_random(&seed) % 0x30 & -(uint32_t)size);

				config_guest_write(cfg, at, size, test_random(&seed));
			}
			/*
			 * Of 0x84 only PM control of the one and VPD address of the other may have
			 * changed.
			 */
			for (unsigned at = 0x80; at < 0xb0; at++) {
				bool may =
					(ids[a] == PCI_CAP_ID_PM && (at == 0x84 || at == 0x85)) ||
					(ids[b] == PCI_CAP_ID_PM && (at == 0x88 || at == 0x89)) ||
					(ids[a] == PCI_CAP_ID_VPD && (at == 0x82 || at == 0x83)) ||
					(ids[b] == PCI_CAP_ID_VPD && (at == 0x86 || at == 0x87));

				if (!may && at != 0x80 && at != 0x81 && at != 0x84 && at != 0x85)
					assert_int_equal(dev.space[at], 0);
			}
			assert_int_equal(dev.space[0x80], ids[a]);
			assert_int_equal(dev.space[0x81], 0x84);
			config_close(cfg);
			cfg = NULL;
		}
	}
}

/* The first of its kind has the rules; a second one is unlisted. */
static void the_first_of_its_kind(void **state)
{
	(void)state;
	fake_init(&dev, 0, 256);
	fake_cap(&dev, 0x90, PCI_CAP_ID_PM);
	fake_cap(&dev, 0x80, PCI_CAP_ID_PM);
	cfg = fake_open(&dev, NULL);
	write_is(cfg, 0x84, 2, 0x0200, OK);
	write_is(cfg, 0x94, 2, 0x0200, OK);
	assert_int_equal(fake_get(&dev, 0x84, 2), 0x0200);
	assert_int_equal(fake_get(&dev, 0x94, 2), 0);
}

static void no_list_without_the_status_bit(void **state)
{
	(void)state;
	fake_put(&dev, PCI_STATUS, 2, 0);
	cfg = fake_open(&dev, NULL);
	write_is(cfg, 0xcc, 2, 3, OK);
	read_is(cfg, 0xcc, 2, 0);
}

static void devices_that_are_refused(void **state)
{
	static const struct {
		uint8_t type;
		uint16_t size;
	} rows[] = {
		{ 2, 256 }, { 3, 256 },  { 0x7f, 4096 }, { 0, 64 },
		{ 0, 0 },   { 0, 4097 }, { 0, 8192 },    { 0, 258 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_init(&dev, rows[i].type, rows[i].size);
		errno = 0;
		assert_null(config_open(&dev.dev, &(struct config_policy){ 0 }));
		assert_int_equal(errno, EINVAL);
	}
	config_close(NULL);
}

static void conventional_space_ends_at_256(void **state)
{
	(void)state;
	fake_init(&dev, 0, 256);
	cfg = fake_open(&dev, &(struct config_policy){ .permissive = true });
	read_is(cfg, 0xfc, 4, 0);
	read_fails(cfg, 0x100, 4, INVALID, 0xffffffff);
	read_fails(cfg, 0xffc, 4, INVALID, 0xffffffff);
	write_is(cfg, 0x100, 4, 0, INVALID);
	assert_int_equal(dev.writes, 0);
	assert_int_equal(dev.reads, 1);
}

static void quirks_that_do_not_fit(void **state)
{
	static const struct {
		struct config_quirk quirk;
		const char *error;
	} rows[] = {
		{ { 0x40, 3, 0xff }, "width is not 1, 2 or 4" },
		{ { 0x40, 0, 0xff }, "width is not 1, 2 or 4" },
		{ { 0x40, 8, 0xff }, "width is not 1, 2 or 4" },
		{ { 0x1000, 1, 0xff }, "offset is not below 0x1000" },
		{ { 0x41, 2, 0xff }, "offset is not a multiple of width" },
		{ { 0x42, 4, 0xff }, "offset is not a multiple of width" },
		{ { 0x40, 1, 0 }, "mask is 0" },
		{ { 0x40, 1, 0x100 }, "mask is wider than width" },
		{ { 0x40, 2, 0x10000 }, "mask is wider than width" },
		/* fine by themselves, not in this device */
		{ { 0x04, 2, 0x3 }, NULL },
		{ { 0x05, 1, 0x1 }, NULL },
		{ { 0x00, 1, 1 }, NULL },
		{ { 0x0c, 4, 0xff }, NULL },
		{ { 0x10, 4, 1 }, NULL },
		{ { 0x30, 1, 1 }, NULL },
		{ { 0x3c, 4, 1 }, NULL },
		{ { 0xd2, 2, 1 }, NULL },
		{ { 0xd0, 4, 1 }, NULL },
		{ { 0xcc, 1, 1 }, NULL },
		{ { 0x48, 2, 1 }, NULL },
	};
	static const struct config_quirk good[] = { { 0x48, 4, 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config_quirk quirks[2] = { good[0], rows[i].quirk };
		struct config_policy policy = { .quirks = quirks, .nr_quirks = 2 };

		if (rows[i].error)
			assert_string_equal(config_quirk_error(&rows[i].quirk), rows[i].error);
		else
			assert_null(config_quirk_error(&rows[i].quirk));
		for (int p = 0; p < 2; p++) {
			policy.permissive = p;
			errno = 0;
			assert_null(config_open(&dev.dev, &policy));
			assert_int_equal(errno, EINVAL);
		}
	}
	dev.dev.info.config_size = 256;
	assert_null(config_open(
		&dev.dev, &(struct config_policy){ .quirks = &(struct config_quirk){ 0x100, 4, 1 },
						   .nr_quirks = 1 }));
}

static void more_quirks_than_a_table_holds(void **state)
{
	struct config_quirk quirks[300];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(quirks); i++)
		quirks[i] = (struct config_quirk){ (uint16_t)(0x100 + i), 1, 1 };
	errno = 0;
	assert_null(config_open(&dev.dev,
				&(struct config_policy){ .quirks = quirks, .nr_quirks = 300 }));
	assert_int_equal(errno, EINVAL);
	cfg = config_open(&dev.dev, &(struct config_policy){ .quirks = quirks, .nr_quirks = 150 });
	assert_non_null(cfg);
	write_is(cfg, 0x100 + 149, 1, 0xff, OK);
	assert_int_equal(dev.space[0x100 + 149], 0x01);
	write_is(cfg, 0x100 + 150, 1, 0xff, OK);
	assert_int_equal(dev.space[0x100 + 150], 0x00);
}

/* A list that could not be read is not one that is empty: whoever may write what no rule covers would get it all. */
static void no_table_without_a_read(void **state)
{
	static const struct config_policy permissive = { .permissive = true };
	unsigned reads = 0;

	(void)state;
	for (unsigned n = 1;; n++) {
		fake_nic(&dev);
		dev.fail_read = n;
		errno = 0;
		cfg = config_open(&dev.dev, &permissive);
		if (dev.fail_read)
			break;
		if (cfg)
			fail_msg("a table, and read %u failed", n);
		assert_int_equal(errno, EIO);
		reads = n;
	}
	/* The command register, status, pointer and five capabilities, at least. */
	assert_true(reads >= 8);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, close_cfg)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists_that_loop_or_leave),       TEST(truncated_capabilities),
		TEST(overlapping_capabilities),       TEST(the_first_of_its_kind),
		TEST(no_list_without_the_status_bit), TEST(devices_that_are_refused),
		TEST(conventional_space_ends_at_256), TEST(quirks_that_do_not_fit),
		TEST(more_quirks_than_a_table_holds), TEST(no_table_without_a_read),
	};

	return cmocka_run_group_tests_name("config compilation", tests, NULL, NULL);
}
