/* SPDX-License-Identifier: MIT */
/* Quirks, permissive mode, what is refused and how it is told, the printed table, the saved state.
 */
#include "tests/unit/unit.h"

#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_config_nic.h"

static void open_with(const struct config_quirk *quirks, unsigned nr, bool permissive)
{
	const struct config_policy policy = {
		.permissive = permissive,
		.quirks = quirks,
		.nr_quirks = nr,
	};

	config_close(cfg);
	cfg = fake_open(&nic, &policy);
}

static void a_quirk_opens_its_mask(void **state)
{
	static const struct config_quirk quirks[] = {
		{ 0x40, 4, 0x00ff00f0 },
		{ 0x46, 2, 0x8001 },
		{ 0x4b, 1, 0x80 },
		{ 0x800, 4, 0xffffffff },
	};

	(void)state;
	fake_put(&nic, 0x40, 4, 0x11223344);
	open_with(quirks, ARRAY_SIZE(quirks), false);
	write_is(cfg, 0x40, 4, 0xffffffff, OK);
	assert_int_equal(fake_get(&nic, 0x40, 4), 0x11ff33f4);
	/* In the window's own width, whatever the guest's. */
	assert_int_equal(nic.writes, 1);
	assert_int_equal(nic.log[nic.reads].size, 4);
	write_is(cfg, 0x42, 1, 0x5a, OK);
	assert_int_equal(fake_get(&nic, 0x40, 4), 0x115a33f4);
	write_is(cfg, 0x44, 4, 0xffffffff, OK);
	assert_int_equal(fake_get(&nic, 0x44, 4), 0x80010000);
	write_is(cfg, 0x48, 4, 0xffffffff, OK);
	assert_int_equal(fake_get(&nic, 0x48, 4), 0x80000000);
	write_is(cfg, 0x802, 2, 0xbeef, OK);
	assert_int_equal(fake_get(&nic, 0x800, 4), 0xbeef0000);
	write_is(cfg, 0x804, 4, 0xffffffff, OK);
	assert_int_equal(fake_get(&nic, 0x804, 4), 0);
	/* Bytes outside the mask: nothing is written at all. */
	fake_forget_log(&nic);
	write_is(cfg, 0x41, 1, 0xff, OK);
	assert_int_equal(nic.writes, 0);
}

/* The smallest window for the bits that were refused, where the guest wrote them. */
static void a_quirk_is_told_as_it_has_to_be(void **state)
{
	static const struct {
		unsigned offset, size;
		uint32_t value;
		unsigned at, width;
		uint32_t mask;
	} rows[] = {
		{ 0x40, 4, 0x00000001, 0x40, 1, 0x01 },	   { 0x44, 4, 0x00700000, 0x46, 1, 0x70 },
		{ 0x48, 4, 0x12340000, 0x4a, 2, 0x1234 },  { 0x4c, 4, 0x00ffff00, 0x4c, 4, 0x00ffff00 },
		{ 0x50, 2, 0x8001, 0x50, 2, 0x8001 },	   { 0x56, 2, 0x0100, 0x57, 1, 0x01 },
		{ 0x5b, 1, 0x80, 0x5b, 1, 0x80 },
	};
	struct config_denial denial;

	(void)state;
	cfg = fake_open(&nic, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_put(&nic, rows[i].offset & ~3u, 4, 0);
		write_is(cfg, rows[i].offset, rows[i].size, rows[i].value, OK);
		assert_true(config_take_denial(cfg, &denial));
		assert_int_equal(denial.access, rows[i].offset);
		assert_int_equal(denial.quirk_offset, rows[i].at);
		assert_int_equal(denial.quirk_width, rows[i].width);
		assert_int_equal(denial.quirk_mask, rows[i].mask);
		assert_false(denial.no_hardware);
		/* What could not be told is the next again. */
		config_put_back_denial(cfg);
		assert_true(config_take_denial(cfg, &denial));
		assert_int_equal(denial.access, rows[i].offset);
		assert_false(config_take_denial(cfg, &denial));
	}
}

/* A window in a named register: the name gives way, its other bytes stay closed. */
static void a_quirk_in_a_named_register(void **state)
{
	static const struct config_quirk quirks[] = { { 0xe8, 2, 0x7000 }, { 0x09, 1, 0x0f } };
	struct config_denial denial;

	(void)state;
	open_with(quirks, ARRAY_SIZE(quirks), false);
	write_is(cfg, 0xe8, 2, 0xf000, OK);
	assert_int_equal(fake_get(&nic, 0xe8, 2), 0x7000);
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "quirk");
	assert_int_equal(denial.offset, 0xe8);
	assert_int_equal(denial.bits, 0x8000);
	assert_non_null(strstr(denial.remedy, "permissive=1"));
	/* The quirk that would do is as wide as this one, and opens what it opened. */
	assert_int_equal(denial.quirk_offset, 0xe8);
	assert_int_equal(denial.quirk_width, 2);
	assert_int_equal(denial.quirk_mask, 0xf000);
	fake_put(&nic, 0x08, 4, 0);
	write_is(cfg, 0x08, 4, 0xffffffff, OK);
	assert_int_equal(fake_get(&nic, 0x08, 4), 0x00000f00);
}

static void the_same_window_twice_widens(void **state)
{
	static const struct config_quirk quirks[] = { { 0x40, 2, 0x0f }, { 0x40, 2, 0xf000 } };
	static const struct config_quirk overlap[] = { { 0x40, 2, 0x0f }, { 0x40, 4, 0xf000 } };

	(void)state;
	open_with(quirks, 2, false);
	write_is(cfg, 0x40, 2, 0xffff, OK);
	assert_int_equal(fake_get(&nic, 0x40, 2), 0xf00f);
	errno = 0;
	assert_null(config_open(&nic.dev,
				&(struct config_policy){ .quirks = overlap, .nr_quirks = 2 }));
	assert_int_equal(errno, EINVAL);
}

/* With permissive a quirk is pointless: its mask closes nothing. */
static void permissive_writes_what_no_rule_covers(void **state)
{
	static const struct config_quirk quirks[] = { { 0x40, 4, 0x1 } };

	(void)state;
	open_with(quirks, 1, true);
	write_is(cfg, 0x40, 4, 0xdeadbeef, OK);
	assert_int_equal(fake_get(&nic, 0x40, 4), 0xdeadbeef);
	assert_int_equal(nic.writes, 1);
	write_is(cfg, 0x06, 2, 0xf900, OK);
	assert_int_equal(fake_get(&nic, 0x06, 2), 0xf900);
	write_is(cfg, 0xd4, 4, 0xfee01000, OK);
	assert_int_equal(fake_get(&nic, 0xd4, 4), 0xfee01000);
	write_is(cfg, 0xffc, 4, 0x01020304, OK);
	assert_int_equal(fake_get(&nic, 0xffc, 4), 0x01020304);
	assert_int_equal(config_denied_total(cfg), 0);
	/* Raw accesses have the guest's width, the whole of what no rule covers. */
	fake_forget_log(&nic);
	write_is(cfg, 0x04, 4, 0xf9000107, OK);
	assert_int_equal(fake_get(&nic, 0x06, 2), 0xf900);
	write_is(cfg, 0x0c, 4, 0, OK);
	assert_int_equal(fake_get(&nic, 0x0e, 1), 0);
	for (unsigned i = 0; i < nic.reads + nic.writes; i++)
		if (nic.log[i].write && nic.log[i].offset == 6)
			assert_int_equal(nic.log[i].size, 2);
}

static void nothing_is_refused_that_changes_nothing(void **state)
{
	(void)state;
	cfg = fake_open(&nic, NULL);
	for (int32_t size = 1; size <= 4; size *= 2) {
		for (int32_t at = 0; at < 4096; at += size) {
			uint32_t value;

			assert_int_equal(config_guest_read(cfg, at, size, &value), OK);
			write_is(cfg, at, size, value, OK);
		}
	}
	assert_int_equal(config_denied_total(cfg), 0);
}

static void each_register_is_told_once(void **state)
{
	struct config_denial denial;

	(void)state;
	cfg = fake_open(&nic, NULL);
	assert_false(config_take_denial(cfg, &denial));
	for (int i = 0; i < 5; i++) {
		write_is(cfg, 0x0c, 4, 0xff00ff00, OK);
		write_is(cfg, 0x44, 1, 0xff, OK);
		write_is(cfg, 0x46, 2, 0xffff, OK);
	}
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "latency timer");
	assert_int_equal(denial.offset, 0x0d);
	assert_int_equal(denial.access, 0x0c);
	assert_int_equal(denial.size, 4);
	assert_int_equal(denial.value, 0xff00ff00);
	assert_int_equal(denial.bits, 0xff);
	assert_null(denial.remedy);
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "BIST");
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "unlisted");
	assert_int_equal(denial.offset, 0x44);
	assert_int_equal(denial.size, 1);
	assert_int_equal(denial.bits, 0xff);
	assert_non_null(strstr(denial.remedy, "permissive=1"));
	assert_false(config_take_denial(cfg, &denial));
	assert_int_equal(config_denied_total(cfg), 20);
}

/* More registers than can wait: the rest is told when it is refused again. */
static void all_are_told_in_the_end(void **state)
{
	bool told[1024] = { false };
	struct config_denial denial;
	unsigned nr = 0, rounds;

	(void)state;
	cfg = fake_open(&nic, NULL);
	for (rounds = 0; rounds < 1000; rounds++) {
		unsigned before = nr;

		for (int32_t at = 0x100; at < 4096; at += 4)
			write_is(cfg, at, 4, ~fake_get(&nic, (unsigned)at, 4), OK);
		while (config_take_denial(cfg, &denial)) {
			assert_false(told[denial.offset / 4]);
			told[denial.offset / 4] = true;
			nr++;
		}
		if (nr == before)
			break;
	}
	assert_int_equal(nr, (4096 - 256) / 4);
	assert_int_equal(config_denied_total(cfg), (uint64_t)(rounds + 1) * nr);
}

static void counters_by_register(void **state)
{
	struct config_denied denied;
	unsigned at = 0, seen = 0;
	uint64_t sum = 0;

	(void)state;
	cfg = fake_open(&nic, NULL);
	for (int i = 0; i < 3; i++)
		write_is(cfg, 0x0d, 1, 0x40, OK);
	write_is(cfg, 0xd2, 2, 0x81, DENIED);
	write_is(cfg, 0x44, 4, 1, OK);
	write_is(cfg, 0x46, 1, 1, OK);
	write_is(cfg, 0xffc, 4, 1, OK);
	while (config_next_denied(cfg, &at, &denied)) {
		sum += denied.count;
		seen++;
		if (denied.offset == 0x0d) {
			assert_string_equal(denied.field, "latency timer");
			assert_int_equal(denied.count, 3);
			assert_int_equal(denied.width, 1);
		} else if (denied.offset == 0xd2) {
			assert_string_equal(denied.field, "MSI control");
			assert_int_equal(denied.count, 1);
		} else if (denied.offset == 0x44) {
			assert_string_equal(denied.field, "unlisted");
			assert_int_equal(denied.count, 2);
			assert_int_equal(denied.width, 4);
		} else {
			assert_int_equal(denied.offset, 0xffc);
		}
	}
	assert_int_equal(seen, 4);
	assert_int_equal(sum, config_denied_total(cfg));
	assert_false(config_next_denied(cfg, &at, &denied));
}

/* Status bits that a one clears: writing zeros over them, or ones over zeros, asks for nothing. */
static void write_one_to_clear_is_judged_as_such(void **state)
{
	struct config_denial denial;

	(void)state;
	fake_put(&nic, PCI_STATUS, 2, 0x8010);
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 4, 0x00100103, OK);
	write_is(cfg, 6, 2, 0x7910, OK);
	assert_int_equal(config_denied_total(cfg), 0);
	write_is(cfg, 6, 2, 0x8010, OK);
	assert_int_equal(config_denied_total(cfg), 1);
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "status");
	assert_int_equal(denial.bits, 0x8000);
}

static void the_table_prints(void **state)
{
	static const struct config_quirk quirks[] = { { 0x400, 4, 0x00ff0000 } };
	static const char *const parts[] = {
		"8086:10d3", "filtered",      "vendor id",     "command",
		"BAR 5",     "expansion ROM", "MSI-X control", "PM control/status",
		"quirk",     "00ff0000",      "fffe0000",
	};
	char *text = NULL, *line, *save;
	int last = -1;
	size_t size;
	FILE *out;

	(void)state;
	open_with(quirks, 1, false);
	write_is(cfg, 0x10, 4, 0xffffffff, OK);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	print_table(cfg, out);
	assert_int_equal(fclose(out), 0);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(text, parts[i]))
			fail_msg("no \"%s\" in:\n%s", parts[i], text);
	/* Two lines of head, then the registers in address order, then the rest of the space. */
	strtok_r(text, "\n", &save);
	strtok_r(NULL, "\n", &save);
	while ((line = strtok_r(NULL, "\n", &save)) && strncmp(line, "everything else", 15)) {
		int at = (int)strtol(line, NULL, 16);

		assert_true(at > last);
		last = at;
	}
	assert_non_null(line);
	assert_int_equal(last, 0x400);
	free(text);
}

/*
 * What writable_byte says is what happens: checked bit by bit on a device that keeps every
 * bit.
 */
static void writable_bits_are_the_ones_that_change(void **state)
{
	static const struct config_quirk quirks[] = { { 0x40, 4, 0x00f000ff },
						      { 0x300, 2, 0x1234 } };

	(void)state;
	for (int p = 0; p < 4; p++) {
		const struct config_policy policy = {
			.permissive = p & 1,
			.interrupt_control = p & 2,
			.quirks = quirks,
			.nr_quirks = 2,
		};

		fake_nic(&nic);
		nic.space[0xcc] = 0x08;
		nic.space[0x0c] = 0x10;
		cfg = fake_open(&nic, &policy);
		for (unsigned at = 0; at < 4096; at++) {
			uint8_t may = writable_byte(cfg, at);

			/* BARs and ROM size by their address bits; power states have an order. */
			if ((at >= 0x10 && at < 0x28) || (at >= 0x30 && at < 0x34) || at == 0xcc ||
			    at == 0x0f)
				continue;
			for (int bit = 0; bit < 8; bit++) {
				uint32_t was, is;

				config_guest_read(cfg, (int32_t)at, 1, &was);
				config_guest_write(cfg, (int32_t)at, 1, was ^ 1u << bit);
				config_guest_read(cfg, (int32_t)at, 1, &is);
				if ((was ^ is) != (may & 1u << bit))
					fail_msg("policy %d, byte %03x bit %d: may %02x, changed "
						 "%02x",
						 p, at, bit, may, was ^ is);
				config_guest_write(cfg, (int32_t)at, 1, was);
			}
		}
		assert_int_equal(writable_byte(cfg, 0x0f), 0x40);
		assert_int_equal(writable_byte(cfg, 0xcc), 0x03);
		assert_int_equal(writable_byte(cfg, 0x12), 0xfe);
		assert_int_equal(writable_byte(cfg, 4096), 0);
		config_close(cfg);
		cfg = NULL;
	}
}

/* The bits that a successor needs: it goes on as if nothing had happened. */
static void state_outlives_the_process(void **state)
{
	struct config_state saved;

	(void)state;
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 2, 0x0546, OK);
	write_is(cfg, 0x14, 4, 0xffffffff, OK);
	write_is(cfg, 0x30, 4, 0xffffffff, OK);
	config_save_state(cfg, &saved);
	config_close(cfg);
	/* MSI is on meanwhile: the host has INTx disabled. */
	fake_put(&nic, PCI_COMMAND, 2, 0x0507);
	cfg = fake_open(&nic, NULL);
	read_is(cfg, 4, 2, 0x0507);
	assert_int_equal(config_load_state(cfg, &saved), 0);
	assert_int_equal(nic.writes, 0);
	read_is(cfg, 4, 2, 0x0546);
	read_is(cfg, 0x10, 4, 0xfeb40000);
	read_is(cfg, 0x14, 4, 0xfffe0000);
	read_is(cfg, 0x30, 4, 0xfffc0000);
	/* It is enabled already; and a reset goes back to where the first one began. */
	write_is(cfg, 4, 2, 0x0542, OK);
	assert_int_equal(nic.enables, 0);
	config_reset(cfg);
	read_is(cfg, 4, 2, 0x0103);

	/* An address that the host did not assign is refused, unless BARs may move. */
	saved.bar[0] ^= 0x00100000;
	errno = 0;
	assert_int_equal(config_load_state(cfg, &saved), -1);
	assert_int_equal(errno, EINVAL);
	config_close(cfg);
	nic.dev.info.bars_movable = true;
	cfg = fake_open(&nic, NULL);
	assert_int_equal(config_load_state(cfg, &saved), 0);
	read_is(cfg, 0x10, 4, 0xfea40000);
	assert_int_equal(fake_get(&nic, 0x10, 4), 0xfea40000);
	saved.bar[0] |= 0x10;
	assert_int_equal(config_load_state(cfg, &saved), -1);
}

/* The read path: one device access at most, none where all bits are the table's. */
static void reads_cost_at_most_one_access(void **state)
{
	(void)state;
	cfg = fake_open(&nic, NULL);
	for (int32_t size = 1; size <= 4; size *= 2) {
		for (int32_t at = 0; at < 4096; at += size) {
			bool virt = at < 4 || (at >= 0x10 && at < 0x28) ||
				    (at >= 0x30 && at < 0x34) || ((at == 0x3c || at == 0x3d) && size < 4);
			uint32_t value;

			fake_forget_log(&nic);
			assert_int_equal(config_guest_read(cfg, at, size, &value), OK);
			assert_int_equal(nic.reads, virt ? 0 : 1);
			if (!virt) {
				assert_int_equal(nic.log[0].offset, at);
				assert_int_equal(nic.log[0].size, size);
			}
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_nic, close_cfg)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_quirk_opens_its_mask),
		TEST(a_quirk_is_told_as_it_has_to_be),
		TEST(a_quirk_in_a_named_register),
		TEST(the_same_window_twice_widens),
		TEST(permissive_writes_what_no_rule_covers),
		TEST(nothing_is_refused_that_changes_nothing),
		TEST(each_register_is_told_once),
		TEST(all_are_told_in_the_end),
		TEST(counters_by_register),
		TEST(write_one_to_clear_is_judged_as_such),
		TEST(the_table_prints),
		TEST(writable_bits_are_the_ones_that_change),
		TEST(state_outlives_the_process),
		TEST(reads_cost_at_most_one_access),
	};

	return cmocka_run_group_tests_name("config policy", tests, NULL, NULL);
}
