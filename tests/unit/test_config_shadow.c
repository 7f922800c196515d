/* SPDX-License-Identifier: MIT */
/*
 * The shadow of constant registers is never seen: two machines from one dump, one
 * guest with and one without it, the same reads, writes, resets and changes on the device's
 * side; every answer is compared.
 */
#include "tests/unit/unit.h"

#include <linux/pci_regs.h>
#include <stdlib.h>

#include "common/util.h"
#include "tests/unit/support_config.h"
#include "tests/unit/support_device.h"

enum { STEPS = 6000 };

struct side {
	struct provider *provider;
	struct pcidev *dev;
	struct config *cfg;
};

static uint32_t rng_state;

static uint32_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 17;
	rng_state ^= rng_state << 5;
	return rng_state;
}

/* Mostly in the header and the capabilities, where registers are; now and then anywhere. */
static int32_t some_offset(const struct pcidev *dev)
{
	switch (rng() % 8) {
	case 0:
		return (int32_t)(rng() % (dev->info.config_size + 64u)) - 32;
	case 1:
	case 2:
		return (int32_t)(rng() % 256);
	default:
		return (int32_t)(rng() % 256 & ~3u);
	}
}

static void ask(struct side s[2], int step)
{
	static const int32_t sizes[] = { 1, 2, 4, 4, 4, 2, 1, 3 };
	int32_t offset = some_offset(s[0].dev), size = sizes[rng() % ARRAY_SIZE(sizes)];
	uint32_t v[2];
	int err[2];

	for (int i = 0; i < 2; i++)
		err[i] = config_guest_read(s[i].cfg, offset, size, &v[i]);
	if (err[0] != err[1] || v[0] != v[1])
		fail_msg("step %d, read %d at 0x%x: %d 0x%x with the shadow, %d 0x%x without", step,
			 size, (unsigned)offset, err[0], v[0], err[1], v[1]);
}

static void tell(struct side s[2], int step)
{
	static const uint32_t values[] = { 0, UINT32_MAX, 3, 0x8000, 0x107 };
	int32_t offset = some_offset(s[0].dev), size = (int32_t)(1u << rng() % 3);
	uint32_t value = rng() % 2 ? rng() : values[rng() % ARRAY_SIZE(values)];
	int err[2];

	for (int i = 0; i < 2; i++)
		err[i] = config_guest_write(s[i].cfg, offset, size, value);
	if (err[0] != err[1])
		fail_msg("step %d, write %d at 0x%x: %d and %d", step, size, (unsigned)offset,
			 err[0], err[1]);
}

/* What hardware, firmware or the host does behind the guest's back. */
static void change(struct side s[2])
{
	unsigned offset = rng() % s[0].dev->info.config_size & ~3u;
	uint32_t value = rng();

	for (int i = 0; i < 2; i++)
		pcidev_write(s[i].dev, offset, 4, value);
}

static void reset(struct side s[2])
{
	for (int i = 0; i < 2; i++) {
		pcidev_reset(s[i].dev);
		config_reset(s[i].cfg);
	}
}

static void walk(struct side s[2], struct sbdf a, const struct config_policy *policy)
{
	struct config_policy with = *policy;

	with.shadow = true;
	for (int i = 0; i < 2; i++) {
		s[i].dev = provider_open_device(s[i].provider, a);
		assert_non_null(s[i].dev);
		s[i].cfg = config_open(s[i].dev, i ? policy : &with);
		assert_non_null(s[i].cfg);
	}
	for (int step = 0; step < STEPS; step++) {
		uint32_t what = rng() % 100;

		if (what < 60)
			ask(s, step);
		else if (what < 95)
			tell(s, step);
		else if (what < 99)
			change(s);
		else
			reset(s);
	}
	for (int i = 0; i < 2; i++) {
		config_close(s[i].cfg);
		pcidev_close(s[i].dev);
	}
}

static void every_function(const struct config_policy *policy)
{
	struct sbdf list[256];
	struct logbook lb;
	struct side s[2];
	int n;

	logbook_init(&lb);
	for (int i = 0; i < 2; i++)
		s[i].provider = open_provider("image:" BENCH, &lb);
	n = provider_list(s[0].provider, list, ARRAY_SIZE(list));
	assert_in_range(n, 1, ARRAY_SIZE(list));
	for (int i = 0; i < n; i++)
		walk(s, list[i], policy);
	for (int i = 0; i < 2; i++)
		provider_close(s[i].provider);
}

static void nobody_sees_it(void **state)
{
	/* Fits into every function of the machine. */
	static const struct config_quirk quirk = { 0xfc, 4, UINT32_MAX };
	const struct config_policy policies[] = {
		{ 0 },
		{ .interrupt_control = true },
		{ .permissive = true },
		{ .quirks = &quirk, .nr_quirks = 1 },
	};

	(void)state;
	rng_state = 20;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		every_function(&policies[i]);
}

/* Reads of constants do not reach the device; reads of anything volatile do, each time. */
static void it_spares_the_device(void **state)
{
	static const struct {
		unsigned offset, size, reads;
	} rows[] = {
		{ 0x00, 4, 0 }, { 0x08, 4, 0 }, { 0x0e, 1, 0 }, { 0x2c, 4, 0 }, { 0x34, 1, 0 },
		{ 0x3d, 1, 0 }, { 0x04, 2, 1 }, { 0x06, 2, 1 }, { 0x0c, 4, 1 }, { 0x3c, 4, 0 },
		{ 0x40, 4, 1 }, { 0x100, 4, 1 },
	};
	const struct config_policy policy = { .shadow = true };
	struct fake f;
	struct config *cfg;

	(void)state;
	fake_nic(&f);
	cfg = fake_open(&f, &policy);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t v;

		fake_forget_log(&f);
		assert_int_equal(config_guest_read(cfg, (int32_t)rows[i].offset,
						   (int32_t)rows[i].size, &v), XEN_PCI_ERR_success);
		if (f.reads != rows[i].reads)
			fail_msg("0x%x: %u device reads", rows[i].offset, f.reads);
	}
	config_close(cfg);
}

/* A guest that can write raw might reach what changes a constant. */
static void raw_writers_have_none(void **state)
{
	static const struct config_quirk quirk = { 0xf0, 4, UINT32_MAX };
	const struct config_policy policies[] = {
		{ .shadow = true, .permissive = true },
		{ .shadow = true, .quirks = &quirk, .nr_quirks = 1 },
		{ 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		struct config *cfg;
		struct fake f;

		fake_nic(&f);
		cfg = fake_open(&f, &policies[i]);
		fake_put(&f, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x55aa1234);
		read_is(cfg, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x55aa1234);
		config_close(cfg);
	}
}

/* An update of its firmware takes effect with a reset, and so it does here. */
static void a_reset_reads_anew(void **state)
{
	const struct config_policy policy = { .shadow = true };
	struct config *cfg;
	struct fake f;

	(void)state;
	fake_nic(&f);
	cfg = fake_open(&f, &policy);
	fake_put(&f, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x55aa1234);
	config_reset(cfg);
	read_is(cfg, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x55aa1234);
	/* A device that does not answer now has no constants to keep. */
	for (unsigned i = 0; i < 256; i += 4)
		fake_put(&f, i, 4, UINT32_MAX);
	config_reset(cfg);
	read_is(cfg, PCI_SUBSYSTEM_VENDOR_ID, 4, UINT32_MAX);
	config_close(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_sees_it),
		cmocka_unit_test(it_spares_the_device),
		cmocka_unit_test(raw_writers_have_none),
		cmocka_unit_test(a_reset_reads_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
