/* SPDX-License-Identifier: MIT */
/*
 * What the gate lets through: bit by bit against lists of its own, which say what of a device is open
 * under each policy, and between the filter and a device, where every write of the filter's passes.
 */
#include "tests/unit/unit.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "backend/gate/mask.h"
#include "common/util.h"
#include "tests/unit/support_config.h"

enum { VPD = 0x40, PM = 0xc8, MSI = 0xd0, MSIX = 0xb0, EXP = 0x70, SIZE = 4096, COMMAND = 0x0147 };

static const struct config_quirk quirks[] = {
	{ 0x60, 4, 0x0ff000f0 }, { 0x66, 2, 0x8001 }, { 0x2d, 1, 0x3c }, { 0x6b, 1, 0x80 },
};

static const struct policy {
	const char *name;
	struct config_policy policy;
} policies[] = {
	{ "none", { 0 } },
	{ "interrupt_control", { .interrupt_control = true } },
	{ "permissive", { .permissive = true } },
	{ "both", { .permissive = true, .interrupt_control = true } },
	{ "quirks", { .quirks = quirks, .nr_quirks = ARRAY_SIZE(quirks) } },
	{ "permissive, quirks", { .permissive = true, .quirks = quirks, .nr_quirks = ARRAY_SIZE(quirks) } },
};

/* The mask, as the gate has it between a filter and the device. */
static struct gated {
	struct fake f; /* first: what the filter calls */
	struct pcidev_ops ops;
	const struct pcidev_ops *device;
	struct mask mask;
	unsigned passed;
} g;

/* Every capability that has a rule, and BARs of each kind. Nothing decodes in `command`: none is in use. */
static void make(uint16_t command)
{
	uint64_t seed = 77;

	mask_dispose(&g.mask);
	memset(&g, 0, sizeof(g));
	fake_init(&g.f, 0, SIZE);
	for (unsigned at = 0x40; at < SIZE; at++)
		g.f.space[at] = (uint8_t)test_random(&seed);
	fake_put(&g.f, PCI_COMMAND, 2, command);
	fake_bar(&g.f, 0, 0x12fe000000, 0x4000, PCI_BASE_ADDRESS_MEM_TYPE_64);
	fake_bar(&g.f, 2, 0xe000, 0x20, PCI_BASE_ADDRESS_SPACE_IO);
	fake_bar(&g.f, PCIDEV_ROM, 0xfd000000, 0x10000, 0);
	fake_cap(&g.f, PM, PCI_CAP_ID_PM);
	fake_put(&g.f, PM + PCI_PM_PMC, 2, 0xfe23);
	fake_put(&g.f, PM + PCI_PM_CTRL, 2, 0);
	g.f.w1c[PM + 5] = 0x80;
	fake_cap(&g.f, VPD, PCI_CAP_ID_VPD);
	fake_cap(&g.f, MSI, PCI_CAP_ID_MSI);
	fake_put(&g.f, MSI + PCI_MSI_FLAGS, 2, 0x018a);
	fake_cap(&g.f, MSIX, PCI_CAP_ID_MSIX);
	fake_put(&g.f, MSIX + PCI_MSIX_FLAGS, 2, 4);
	fake_cap(&g.f, EXP, PCI_CAP_ID_EXP);
	fake_put(&g.f, EXP + PCI_EXP_FLAGS, 2, 2);
}

static void make_mask(uint16_t command, const struct config_policy *policy)
{
	make(command);
	assert_int_equal(mask_init(&g.mask, &g.f.dev, policy), 0);
}

static int teardown(void **state)
{
	(void)state;
	mask_dispose(&g.mask);
	return 0;
}

/* ---- Bit by bit ---- */

struct bits {
	unsigned at;
	uint8_t bits;
};

static uint8_t in_list(const struct bits *list, size_t nr, unsigned at)
{
	for (size_t i = 0; i < nr; i++)
		if (list[i].at == at)
			return list[i].bits;
	return 0;
}

/* What a guest may change of byte `at`, whatever it holds. */
static uint8_t expect_open(const struct config_policy *p, unsigned at)
{
	static const struct bits always[] = {
		{ 0x04, 0x14 }, { 0x0c, 0xff }, { 0x0f, 0xff }, /* master and MWI, cache line, BIST */
		{ PM + 4, 0x03 }, { PM + 5, 0x9e }, { VPD + 2, 0xff }, { VPD + 3, 0x7f },
	};
	static const struct bits control[] = { { 0x05, 0x04 }, { MSI + 2, 0x01 }, { MSIX + 3, 0xc0 } };
	/* Closed to the permissive as well. */
	static const struct bits closed[] = {
		{ 0x00, 0xff }, { 0x01, 0xff }, { 0x02, 0xff }, { 0x03, 0xff }, { 0x04, 0x43 },
		{ 0x05, 0xfd }, { 0x0d, 0xff }, { 0x3c, 0xff }, { 0x3d, 0xff },
		{ PM, 0xff }, { PM + 1, 0xff }, { PM + 2, 0xff }, { PM + 3, 0xff }, { PM + 4, 0xfc },
		{ PM + 5, 0x61 }, { PM + 6, 0xff }, { PM + 7, 0xff },
		{ VPD, 0xff }, { VPD + 1, 0xff }, { VPD + 3, 0x80 }, { VPD + 4, 0xff }, { VPD + 5, 0xff },
		{ VPD + 6, 0xff }, { VPD + 7, 0xff },
		{ MSI, 0xff }, { MSI + 1, 0xff }, { MSIX, 0xff }, { MSIX + 1, 0xff },
	};
	static const struct bits windows[] = {
		{ 0x60, 0xf0 }, { 0x62, 0xf0 }, { 0x63, 0x0f }, { 0x66, 0x01 }, { 0x67, 0x80 },
		{ 0x2d, 0x3c }, { 0x6b, 0x80 },
	};
	bool bar = (at >= 0x10 && at < 0x28) || (at >= 0x30 && at < 0x34);
	uint8_t open = in_list(always, ARRAY_SIZE(always), at);

	if (p->interrupt_control)
		open |= in_list(control, ARRAY_SIZE(control), at);
	if (p->nr_quirks)
		open |= in_list(windows, ARRAY_SIZE(windows), at);
	if (p->permissive && !bar)
		open |= (uint8_t)~in_list(closed, ARRAY_SIZE(closed), at);
	return open;
}

/* PCI's bits that a one clears, as far as this device has the registers. */
static uint8_t expect_clears(const struct config_policy *p, unsigned at)
{
	static const struct bits list[] = {
		{ 0x07, 0xf9 }, { EXP + 0x0a, 0x4f }, { EXP + 0x13, 0xc0 }, { EXP + 0x1a, 0x1f },
		{ EXP + 0x1b, 0x01 }, { EXP + 0x22, 0x01 }, { EXP + 0x32, 0x20 }, { EXP + 0x33, 0x80 },
	};

	return p->permissive ? 0 : in_list(list, ARRAY_SIZE(list), at);
}

static bool allows(unsigned at, uint8_t old, uint8_t new)
{
	return mask_allows(&g.mask, at, 1, old, new);
}

static void each_bit_is_as_listed(void **state)
{
	(void)state;
	for (unsigned p = 0; p < ARRAY_SIZE(policies); p++) {
		/* The command register is as it was: no closed bit can go anywhere. */
		make_mask(COMMAND, &policies[p].policy);
		for (unsigned at = 0; at < SIZE; at++) {
			uint8_t open = expect_open(&policies[p].policy, at), old = g.f.space[at];
			uint8_t clears = expect_clears(&policies[p].policy, at);

			for (unsigned bit = 0; bit < 8; bit++) {
				uint8_t b = (uint8_t)(1u << bit);
				bool may = open & b;

				/* One that may go to 0, whatever it was: VPD's write flag, PME. */
				if ((at == VPD + 3 && bit == 7) || (at == PM + 5 && bit == 0)) {
					if (!allows(at, b, 0) || allows(at, 0, b))
						fail_msg("%s: bit %u of byte 0x%03x is to go off", policies[p].name,
							 bit, at);
					continue;
				}
				if (allows(at, old, old ^ b) != may)
					fail_msg("%s: bit %u of byte 0x%03x, which is %02x: %s", policies[p].name,
						 bit, at, old, may ? "closed" : "open");
				/* Among open ones that change as well, it is no other. */
				if (allows(at, old, old ^ b ^ (open & (uint8_t)~b)) != may)
					fail_msg("%s: bit %u of byte 0x%03x among others", policies[p].name, bit, at);
				if (allows(at, b, b) != !(clears & b) || !allows(at, 0, 0))
					fail_msg("%s: a one, again, to bit %u of byte 0x%03x: %d",
						 policies[p].name, bit, at, allows(at, b, b));
			}
		}
	}
}

static void wide_writes_are_their_bytes(void **state)
{
	uint64_t seed = 3;
	unsigned passed = 0;

	(void)state;
	for (unsigned p = 0; p < ARRAY_SIZE(policies); p++) {
		make_mask(COMMAND, &policies[p].policy);
		for (unsigned n = 0; n < 200000; n++) {
			unsigned size = 2u << test_random(&seed) % 2, at = test_random(&seed) % 0x100 & ~(size - 1);
			uint32_t old = fake_get(&g.f, at, size);
			uint32_t flip = test_random(&seed) & test_random(&seed) & test_random(&seed);
			uint32_t new = size == 2 ? (old ^ flip) & 0xffff : old ^ flip;
			bool may = true;

			for (unsigned i = 0; i < size; i++)
				may &= allows(at + i, (uint8_t)(old >> 8 * i), (uint8_t)(new >> 8 * i));
			if (mask_allows(&g.mask, at, size, old, new) != may)
				fail_msg("%s: %u bytes at 0x%x: %d", policies[p].name, size, at, !may);
			passed += may;
		}
	}
	assert_true(passed > 1000);
}

static void no_register_is_none(void **state)
{
	static const uint32_t sizes[] = { 0, 3, 5, 8, 16, 0x10001, UINT32_MAX, UINT32_MAX - 3 };
	static const uint32_t offsets[] = { SIZE, SIZE + 4, 0x10000, 0x80000000, UINT32_MAX - 3 };

	(void)state;
	make_mask(COMMAND, &policies[2].policy);
	/* Nothing changes, so that nothing but the form is judged. */
	assert_true(mask_allows(&g.mask, 0x100, 4, 0, 0));
	assert_true(mask_allows(&g.mask, SIZE - 4, 4, 0, 0));
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_false(mask_allows(&g.mask, 0x100, sizes[i], 0, 0));
	for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++)
		for (unsigned size = 1; size <= 4; size *= 2)
			assert_false(mask_allows(&g.mask, offsets[i], size, 0, 0));
	assert_false(mask_allows(&g.mask, 0x101, 2, 0, 0));
	assert_false(mask_allows(&g.mask, 0x101, 4, 0, 0));
	assert_false(mask_allows(&g.mask, 0x102, 4, 0, 0));
	assert_false(mask_allows(&g.mask, 0x103, 2, 0, 0));
	assert_false(mask_allows(&g.mask, UINT32_MAX, 1, 0, 0));
	assert_false(mask_allows(&g.mask, UINT32_MAX, 2, 0, 0));
}

/* ---- What a reset has lost ---- */

static void bars_go_home_and_nowhere_else(void **state)
{
	static const struct {
		unsigned at;
		uint32_t home;
	} bars[] = {
		{ 0x10, 0xfe000004 }, { 0x14, 0x12 }, { 0x18, 0xe001 }, { 0x1c, 0 }, { 0x24, 0 },
		{ 0x30, 0xfd000000 },
	};

	(void)state;
	for (unsigned p = 0; p < ARRAY_SIZE(policies); p++) {
		make_mask(COMMAND, &policies[p].policy);
		for (unsigned i = 0; i < ARRAY_SIZE(bars); i++) {
			uint32_t home = bars[i].home;

			assert_true(mask_allows(&g.mask, bars[i].at, 4, 0, home));
			assert_true(mask_allows(&g.mask, bars[i].at, 4, ~home, home));
			assert_true(mask_allows(&g.mask, bars[i].at, 4, home, home));
			for (unsigned bit = 0; bit < 32; bit++) {
				uint32_t other = home ^ 1u << bit;

				assert_false(mask_allows(&g.mask, bars[i].at, 4, home, other));
				assert_false(mask_allows(&g.mask, bars[i].at, 4, ~other, other));
			}
			/* Neither a part of its bits nor of its bytes, which is another address. */
			for (uint32_t part = (home - 1) & home; part; part = (part - 1) & home)
				assert_false(mask_allows(&g.mask, bars[i].at, 4, 0, part));
			for (unsigned byte = 0; byte < 4; byte++)
				assert_int_equal(allows(bars[i].at + byte, 0, (uint8_t)(home >> 8 * byte)),
						 !(uint8_t)(home >> 8 * byte));
			for (unsigned half = 0; half < 4; half += 2)
				assert_int_equal(mask_allows(&g.mask, bars[i].at + half, 2, 0, home >> 8 * half & 0xffff),
						 !(home >> 8 * half & 0xffff));
			assert_int_equal(mask_allows(&g.mask, bars[i].at, 4, home, 0), !home);
			assert_false(mask_allows(&g.mask, bars[i].at, 4, home, UINT32_MAX));
		}
	}
}

/* The host projects the device: its BARs are the guest's, but not their kind and the ROM's enable. */
static void movable_bars_move(void **state)
{
	(void)state;
	make(COMMAND);
	g.f.dev.info.bars_movable = true;
	assert_int_equal(mask_init(&g.mask, &g.f.dev, &policies[0].policy), 0);
	assert_true(mask_allows(&g.mask, 0x10, 4, 0xfe000004, 0xabcd4004));
	assert_false(mask_allows(&g.mask, 0x10, 4, 0xfe000004, 0xfe000000));
	assert_false(mask_allows(&g.mask, 0x10, 4, 0xfe000004, 0xfe000014));
	assert_true(mask_allows(&g.mask, 0x14, 4, 0x12, 0xffffff00));
	assert_true(mask_allows(&g.mask, 0x18, 4, 0xe001, 0xc021));
	assert_false(mask_allows(&g.mask, 0x18, 4, 0xe001, 0xc020));
	assert_false(mask_allows(&g.mask, 0x1c, 4, 0, 0x1000));
	assert_true(mask_allows(&g.mask, 0x30, 4, 0xfd000000, 0xaa550000));
	assert_false(mask_allows(&g.mask, 0x30, 4, 0xfd000000, 0xfd000001));
}

static void command_goes_back_to_what_it_was(void **state)
{
	(void)state;
	for (unsigned p = 0; p < ARRAY_SIZE(policies); p++) {
		uint16_t open = (uint16_t)(expect_open(&policies[p].policy, 4) |
					   expect_open(&policies[p].policy, 5) << 8);

		make_mask(COMMAND, &policies[p].policy);
		assert_int_equal(g.mask.command, COMMAND);
		for (unsigned bit = 0; bit < 16; bit++) {
			uint16_t b = (uint16_t)(1u << bit);
			bool had = COMMAND & b, may = open & b;

			/* Lost, or on by itself: back to what it was, by and by. */
			assert_int_equal(mask_allows(&g.mask, PCI_COMMAND, 2, 0, b), may || had);
			assert_int_equal(mask_allows(&g.mask, PCI_COMMAND, 2, b, 0), may || !had);
			assert_int_equal(mask_allows(&g.mask, PCI_COMMAND, 2, COMMAND, COMMAND ^ b), may);
		}
		assert_true(mask_allows(&g.mask, PCI_COMMAND, 2, 0, COMMAND));
		/* A device that was reset decodes nothing: what it had stays in mind. */
		fake_put(&g.f, PCI_COMMAND, 2, 0x0404);
		mask_note_command(&g.mask, &g.f.dev);
		assert_int_equal(g.mask.command, COMMAND);
		fake_put(&g.f, PCI_COMMAND, 2, 0xffff);
		mask_note_command(&g.mask, &g.f.dev);
		assert_int_equal(g.mask.command, COMMAND);
		g.f.fail_reads = EIO;
		mask_note_command(&g.mask, &g.f.dev);
		g.f.fail_reads = 0;
		assert_int_equal(g.mask.command, COMMAND);
		/* Interrupts went off, or the OS has enabled it. */
		fake_put(&g.f, PCI_COMMAND, 2, 0x0406);
		mask_note_command(&g.mask, &g.f.dev);
		assert_int_equal(g.mask.command, 0x0406);
		assert_true(mask_allows(&g.mask, PCI_COMMAND, 2, 0, 0x0406));
		assert_false(mask_allows(&g.mask, PCI_COMMAND, 2, 0, 0x0141));
	}
}

static void what_cannot_be_built_is_told(void **state)
{
	static const struct config_quirk far[] = { { 0x1000, 4, 1 } };
	const struct config_policy policy = { .quirks = far, .nr_quirks = 1 };

	(void)state;
	make(COMMAND);
	assert_int_equal(mask_init(&g.mask, &g.f.dev, &policy), -1);
	assert_int_equal(errno, EINVAL);
	assert_null(g.mask.byte);
	mask_dispose(&g.mask);
	assert_false(mask_allows(&g.mask, 0, 4, 0, 0));
}

/* ---- Between the filter and a device ---- */

static int gated_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	uint32_t old = fake_get(&g.f, offset, size);
	int rc;

	if (!mask_allows(&g.mask, offset, size, old, value))
		fail_msg("the filter's write of 0x%x at 0x%03x (%u bytes, now 0x%x) is refused; command 0x%x",
			 value, offset, size, old, g.mask.command);
	g.passed++;
	rc = g.device->write(dev, offset, size, value);
	if (offset <= PCI_COMMAND && offset + size > PCI_COMMAND)
		mask_note_command(&g.mask, dev);
	return rc;
}

static int gated_enable(struct pcidev *dev, bool on)
{
	int rc = g.device->enable(dev, on);

	mask_note_command(&g.mask, dev);
	return rc;
}

static void plug(void)
{
	g.device = g.f.dev.ops;
	g.ops = *g.device;
	g.ops.write = gated_write;
	g.ops.enable = gated_enable;
	g.f.dev.ops = &g.ops;
}

/* A guest that writes whatever it likes, to a device that loses its configuration now and then. */
static void walk(struct config *cfg, uint64_t *seed, unsigned steps)
{
	while (steps--) {
		unsigned size = 1u << test_random(seed) % 3, at = test_random(seed) % 0x110 & ~(size - 1);
		uint32_t value = test_random(seed), shape = test_random(seed) % 8, current;

		config_guest_read(cfg, (int32_t)at, (int32_t)size, &current);
		if (shape < 2)
			value = 0xffffffffu << value % 33 % 32;
		else if (shape < 4)
			value = current ^ 1u << value % 32;
		else if (shape == 4)
			value = current;
		if (shape == 5) {
			at = (uint32_t[]){ PCI_COMMAND, PM + PCI_PM_CTRL, VPD + 2, MSI + 2, MSIX + 2 }[value % 5];
			size = 2;
		}
		config_guest_write(cfg, (int32_t)at, (int32_t)size, value);
		if (test_random(seed) % 500 == 0) {
			memset(g.f.space + PCI_COMMAND, 0, 2);
			memset(g.f.space + PCI_BASE_ADDRESS_0, 0, 24);
			memset(g.f.space + PCI_ROM_ADDRESS, 0, 4);
		}
	}
}

static void drive(uint16_t command, bool movable, bool forgets)
{
	uint64_t seed = 0xd00d;

	for (unsigned p = 0; p < ARRAY_SIZE(policies); p++) {
		struct config *cfg;

		make(command);
		g.f.dev.info.bars_movable = movable;
		if (forgets) {
			g.f.pm = PM;
			g.f.slow_writes = 3;
		}
		assert_int_equal(mask_init(&g.mask, &g.f.dev, &policies[p].policy), 0);
		cfg = config_open(&g.f.dev, &policies[p].policy);
		assert_non_null(cfg);
		plug();
		walk(cfg, &seed, 60000);
		config_close(cfg);
		assert_true(g.passed > 1000);
	}
}

static void what_the_filter_writes_passes(void **state)
{
	(void)state;
	drive(COMMAND, false, false);
	drive(COMMAND, true, false);
	drive(0, false, false);
}

static void what_the_filter_puts_back_passes(void **state)
{
	(void)state;
	drive(COMMAND, false, true);
	drive(COMMAND, true, true);
	drive(0, false, true);
}

/* The filter over a device that decodes nothing, and forgets what it has in D3. */
static struct config *open_idle(void)
{
	struct config *cfg;

	make_mask(0x0140, &policies[0].policy);
	g.f.pm = PM;
	cfg = config_open(&g.f.dev, &policies[0].policy);
	assert_non_null(cfg);
	plug();
	return cfg;
}

/* Before a driver has enabled it, a device has what firmware left: that comes back as well. */
static void what_was_never_in_use_is_put_back(void **state)
{
	struct config *cfg = open_idle();

	(void)state;
	write_is(cfg, PM + PCI_PM_CTRL, 2, 3, OK);
	write_is(cfg, PM + PCI_PM_CTRL, 2, 0, OK);
	assert_int_equal(fake_get(&g.f, PCI_COMMAND, 2), 0x0140);
	assert_int_equal(fake_get(&g.f, PCI_BASE_ADDRESS_0, 4), 0xfe000004);
	config_close(cfg);
}

/* The gate's own INTX_DISABLE counts as well, though nothing decodes: it comes back, and goes again. */
static void vectors_of_what_decodes_nothing_are_put_back(void **state)
{
	struct config *cfg = open_idle();

	(void)state;
	fake_put(&g.f, PCI_COMMAND, 2, 0x0540);
	mask_note_command(&g.mask, &g.f.dev);
	mask_note_intx(&g.mask, false, true);
	write_is(cfg, PM + PCI_PM_CTRL, 2, 3, OK);
	write_is(cfg, PM + PCI_PM_CTRL, 2, 0, OK);
	assert_int_equal(fake_get(&g.f, PCI_COMMAND, 2), 0x0540);
	mask_note_intx(&g.mask, true, true);
	assert_int_equal(g.mask.command, 0x0540);
	mask_note_intx(&g.mask, true, false);
	assert_int_equal(g.mask.command, 0x0140);
	config_close(cfg);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_bit_is_as_listed),
		TEST(wide_writes_are_their_bytes),
		TEST(no_register_is_none),
		TEST(bars_go_home_and_nowhere_else),
		TEST(movable_bars_move),
		TEST(command_goes_back_to_what_it_was),
		TEST(what_cannot_be_built_is_told),
		TEST(what_the_filter_writes_passes),
		TEST(what_the_filter_puts_back_passes),
		TEST(what_was_never_in_use_is_put_back),
		TEST(vectors_of_what_decodes_nothing_are_put_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
