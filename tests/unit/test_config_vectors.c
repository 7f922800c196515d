/* SPDX-License-Identifier: MIT */
/*
 * What Xen 4.17 with Linux 6.1's backend was measured to answer for an e1000e (PROTOCOL.md 10,
 * and 3, 4).
 */
#include "tests/unit/unit.h"

#include "common/util.h"
#include "tests/unit/support_config_nic.h"


static int setup(void **state)
{
	open_nic(state);
	cfg = fake_open(&nic, NULL);
	return 0;
}

static void reads_as_measured(void **state)
{
	static const struct {
		int32_t offset, size;
		uint32_t value;
	} rows[] = {
		{ 0x00, 4, 0x10d38086 }, { 0x04, 4, 0x00100103 },  { 0x10, 4, 0xfeb40000 },
		{ 0x14, 4, 0xfeb60000 }, { 0x18, 4, 0x0000c041 },  { 0x1c, 4, 0xfeb80000 },
		{ 0x20, 4, 0 },          { 0x24, 4, 0 },           { 0x30, 4, 0xfeb00000 },
		{ 0x34, 1, 0xc8 },       { 0x3c, 2, 0x0114 },      { 0xc8, 1, 0x01 },
		{ 0xca, 2, 0x0022 },     { 0xd0, 1, 0x05 },        { 0xd2, 2, 0x0080 },
		{ 0xd4, 4, 0xfee00318 }, { 0xe0, 1, 0x10 },        { 0xa0, 1, 0x11 },
		{ 0xa2, 2, 0x0004 },     { 0x100, 4, 0x14020001 }, { 0xffc, 4, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		read_is(cfg, rows[i].offset, rows[i].size, rows[i].value);
}

static void sizes_as_measured(void **state)
{
	static const struct {
		int32_t offset;
		uint32_t mask, address;
	} rows[] = {
		{ 0x10, 0xfffe0000, 0xfeb40000 },
		{ 0x14, 0xfffe0000, 0xfeb60000 },
		{ 0x18, 0xffffffe1, 0x0000c041 },
		{ 0x1c, 0xffffc000, 0xfeb80000 },
		{ 0x20, 0, 0 },
		{ 0x24, 0, 0 },
		{ 0x30, 0xfffc0000, 0xfeb00000 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		write_is(cfg, rows[i].offset, 4, 0xffffffff, OK);
		read_is(cfg, rows[i].offset, 4, rows[i].mask);
		write_is(cfg, rows[i].offset, 4, rows[i].address, OK);
		read_is(cfg, rows[i].offset, 4, rows[i].address);
	}
	/* The ROM's enable bit is no address bit: fffff800 sizes it, and no BAR. */
	write_is(cfg, 0x30, 4, 0xfffff800, OK);
	read_is(cfg, 0x30, 4, 0xfffc0000);
	write_is(cfg, 0x10, 4, 0xfffff800, OK);
	read_is(cfg, 0x10, 4, 0xfeb40000);
	assert_int_equal(nic.writes, 0);
}

static void writes_as_measured(void **state)
{
	static const struct {
		int32_t offset, size;
		uint32_t value;
		int err;
		uint32_t then;
	} rows[] = {
		{ 0x40, 4, 0xdeadbeef, OK, 0 }, { 0x00, 4, 0x12345678, OK, 0x10d38086 },
		{ 0xcc, 2, 3, OK, 3 },          { 0xcc, 2, 0, OK, 0 },
		{ 0xd2, 2, 1, DENIED, 0x0080 }, { 0xe8, 2, 0xffff, OK, 0 },
		{ 0x0c, 1, 0x10, OK, 0x10 },    { 0x0d, 1, 0x40, OK, 0 },
		{ 0x0f, 1, 0x80, OK, 0 },       { 0x3c, 1, 0x0b, OK, 0x14 },
		{ 0x3d, 1, 2, OK, 1 },          { 0x06, 2, 0xffff, OK, 0x0010 },
		{ 0x04, 2, 7, OK, 7 },          { 0x04, 2, 0x407, OK, 0x407 },
		{ 0x04, 1, 6, OK, 0x06 },       { 0x04, 2, 6, OK, 6 },
		{ 0x04, 2, 7, OK, 7 },          { 0xa2, 2, 0x8004, DENIED, 0x0004 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		write_is(cfg, rows[i].offset, rows[i].size, rows[i].value, rows[i].err);
		read_is(cfg, rows[i].offset, rows[i].size, rows[i].then);
	}
}

static void a_byte_of_the_command_leaves_the_other(void **state)
{
	(void)state;
	write_is(cfg, 4, 2, 0x0407, OK);
	write_is(cfg, 4, 1, 6, OK);
	read_is(cfg, 4, 2, 0x0406);
	write_is(cfg, 4, 4, 7, OK);
	read_is(cfg, 4, 4, 0x00100007);
}

static void malformed_requests_as_measured(void **state)
{
	static const struct {
		int32_t offset, size;
		uint32_t value;
	} rows[] = {
		{ 1, 4, 0 },
		{ 1, 2, 0 },
		{ 2, 4, 0 },
		{ 0, 3, 0 },
		{ 0, 8, 0 },
		{ 0, 0, 0 },
		{ 0, -1, 0 },
		{ 0, -4, 0 },
		{ 0, INT32_MIN, 0 },
		{ -1, 2, 0 },
		{ 4097, 4, 0 },
		{ 4096, 4, 0xffffffff },
		{ 4096, 1, 0xffffffff },
		{ -4, 4, 0xffffffff },
		{ -1, 1, 0xffffffff },
		{ INT32_MIN, 4, 0xffffffff },
		{ INT32_MAX, 1, 0xffffffff },
		{ 0x10000, 2, 0xffffffff },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		read_fails(cfg, rows[i].offset, rows[i].size, INVALID, rows[i].value);
		write_is(cfg, rows[i].offset, rows[i].size, 0xffffffff, INVALID);
	}
	assert_int_equal(nic.reads + nic.writes, 0);
	assert_int_equal(config_denied_total(cfg), 0);
}

/* Where the kernel's backend leaks the whole register, ours cuts to the size asked for. */
static void values_are_cut_to_size(void **state)
{
	(void)state;
	read_is(cfg, 0x10, 2, 0x0000);
	read_is(cfg, 0x12, 2, 0xfeb4);
	read_is(cfg, 0x13, 1, 0xfe);
	read_is(cfg, 0x04, 1, 0x03);
	read_is(cfg, 0x05, 1, 0x01);
	read_is(cfg, 0x3d, 1, 0x01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_as_measured, setup, close_cfg),
		cmocka_unit_test_setup_teardown(sizes_as_measured, setup, close_cfg),
		cmocka_unit_test_setup_teardown(writes_as_measured, setup, close_cfg),
		cmocka_unit_test_setup_teardown(a_byte_of_the_command_leaves_the_other, setup,
						close_cfg),
		cmocka_unit_test_setup_teardown(malformed_requests_as_measured, setup, close_cfg),
		cmocka_unit_test_setup_teardown(values_are_cut_to_size, setup, close_cfg),
	};

	return cmocka_run_group_tests_name("config vectors", tests, NULL, NULL);
}
