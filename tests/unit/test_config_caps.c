/* SPDX-License-Identifier: MIT */
/* PM, VPD, MSI, MSI-X and express capabilities (PROTOCOL.md 4.4, 4.5). */
#include "tests/unit/unit.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_config_nic.h"

enum { PM = 0xc8, MSI = 0xd0, EXP = 0xe0, MSIX = 0xa0, VPD = 0x40 };


static const struct config_policy permissive = { .permissive = true };
static const struct config_policy interrupt_control = { .interrupt_control = true };

static int setup(void **state)
{
	open_nic(state);
	fake_cap(&nic, VPD, PCI_CAP_ID_VPD);
	return 0;
}

static void the_walk_happens_once(void **state)
{
	(void)state;
	cfg = fake_open(&nic, NULL);
	/* The device's list changes under us: positions stand as at attach. */
	fake_put(&nic, PCI_CAPABILITY_LIST, 1, 0x60);
	fake_put(&nic, MSI, 2, 0);
	write_is(cfg, MSI + 2, 2, 0x0081, DENIED);
	write_is(cfg, PM + 4, 2, 0x0003, OK);
	read_is(cfg, PM + 4, 2, 0x0003);
}

static void heads_are_read_only_even_permissive(void **state)
{
	static const int32_t heads[] = { PM, MSI, MSIX, VPD };
	size_t i;

	(void)state;
	cfg = fake_open(&nic, &permissive);
	for (i = 0; i < ARRAY_SIZE(heads); i++) {
		uint32_t was = fake_get(&nic, (unsigned)heads[i], 2);

		write_is(cfg, heads[i], 2, ~was, OK);
		read_is(cfg, heads[i], 2, was);
	}
	assert_int_equal(nic.writes, 0);
	assert_int_equal(config_denied_total(cfg), ARRAY_SIZE(heads));
}

static void pme_is_hidden_and_off(void **state)
{
	(void)state;
	fake_put(&nic, PM + 4, 2, 0x8108);
	nic.writes = 0;
	cfg = config_open(&nic.dev, &permissive);
	assert_non_null(cfg);
	/* Off, and its status not cleared by the way: a zero leaves it in a real device. */
	assert_int_equal(nic.writes, 1);
	assert_int_equal(fake_get(&nic, PM + 4, 2), 0x0008);
	read_is(cfg, PM + 2, 2, 0x0022);
	read_is(cfg, PM, 4, 0x00220001u | (uint32_t)fake_get(&nic, PM + 1, 1) << 8);
	read_is(cfg, PM + 3, 1, 0x00);
	write_is(cfg, PM + 2, 2, 0xffff, OK);
	write_is(cfg, PM + 4, 2, 0x0108, OK);
	assert_int_equal(fake_get(&nic, PM + 2, 2), 0xc822);
	assert_int_equal(fake_get(&nic, PM + 4, 2), 0x0008);
}

static void power_control_passes_what_it_may(void **state)
{
	(void)state;
	fake_put(&nic, PM + 4, 4, 0x12340008);
	cfg = fake_open(&nic, NULL);
	write_is(cfg, PM + 4, 2, 0xffff & ~3, OK);
	assert_int_equal(fake_get(&nic, PM + 4, 4), 0x12349e08);
	write_is(cfg, PM + 4, 4, 0xedcb0000, OK);
	assert_int_equal(fake_get(&nic, PM + 4, 4), 0x12340008);
	write_is(cfg, PM + 5, 1, 0x1e, OK);
	assert_int_equal(fake_get(&nic, PM + 4, 4), 0x12341e08);
	/* The status of a device that signalled is not cleared by a write to the other byte. */
	fake_put(&nic, PM + 4, 2, 0x8008);
	fake_forget_log(&nic);
	write_is(cfg, PM + 4, 1, 0x0b, OK);
	assert_int_equal(nic.log[nic.reads + nic.writes - 1].value, 0x000b);
	assert_int_equal(nic.log[nic.reads + nic.writes - 1].size, 2);
	/* PME enable goes off with any write, should the host have set it. */
	fake_put(&nic, PM + 4, 2, 0x0108);
	write_is(cfg, PM + 4, 2, 0x0308, OK);
	assert_int_equal(fake_get(&nic, PM + 4, 2), 0x0208);
	/* A one over a one clears: it is written although nothing seems to change. */
	fake_put(&nic, PM + 4, 2, 0x800b);
	fake_forget_log(&nic);
	write_is(cfg, PM + 4, 2, 0x800b, OK);
	assert_int_equal(nic.writes, 1);
}

/* pmc, from, to, answer: D0 from anywhere, otherwise only deeper, D1 and D2 only where they are. */
static void power_states_by_the_rules(void **state)
{
	static const struct {
		uint32_t pmc;
		unsigned from, to;
		int err;
	} rows[] = {
		{ 0x0003, 0, 0, OK },     { 0x0003, 0, 1, DENIED }, { 0x0003, 0, 2, DENIED },
		{ 0x0003, 0, 3, OK },     { 0x0203, 0, 1, OK },     { 0x0203, 0, 2, DENIED },
		{ 0x0403, 0, 2, OK },     { 0x0403, 0, 1, DENIED }, { 0x0603, 1, 2, OK },
		{ 0x0603, 2, 1, DENIED }, { 0x0603, 3, 1, DENIED }, { 0x0603, 3, 2, DENIED },
		{ 0x0603, 1, 3, OK },     { 0x0603, 3, 0, OK },     { 0x0603, 1, 0, OK },
		{ 0x0003, 1, 1, OK },     { 0x0603, 2, 0, OK },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_put(&nic, PM + 2, 2, rows[i].pmc);
		fake_put(&nic, PM + 4, 2, 0x0008 | rows[i].from);
		cfg = fake_open(&nic, NULL);
		/* The data select beside a refused state is kept. */
		write_is(cfg, PM + 4, 2, 0x0208 | rows[i].to, rows[i].err);
		read_is(cfg, PM + 4, 2, 0x0208 | (rows[i].err ? rows[i].from : rows[i].to));
		assert_int_equal(config_denied_total(cfg), rows[i].err ? 1 : 0);
		/* The same in one write with what stands behind it. */
		if (rows[i].err)
			write_is(cfg, PM + 4, 4, 0x0008 | rows[i].to, DENIED);
		config_close(cfg);
		cfg = NULL;
	}
}

/* A device that keeps nothing over D3hot gets its addresses, command and cache line back. */
static void back_from_d3(void **state)
{
	unsigned slow;

	(void)state;
	for (slow = 0; slow < 30; slow += 7) {
		fake_nic(&nic);
		nic.pm = PM;
		nic.slow_writes = slow;
		cfg = fake_open(&nic, NULL);
		write_is(cfg, 4, 2, 0x0106, OK);
		write_is(cfg, 0x0c, 1, 0x10, OK);
		write_is(cfg, PM + 4, 2, 3, OK);
		write_is(cfg, PM + 4, 2, 0, OK);
		/* As slow as it may be: the guest's next look finds it whole. */
		if (slow)
			assert_int_equal(fake_get(&nic, 0x10, 4), 0);
		else /* at once: a driver may look at nothing before it uses the BAR */
			assert_int_equal(fake_get(&nic, 0x10, 4), 0xfeb40000);
		for (int i = 0; i < 5; i++)
			read_is(cfg, PM + 4, 2, 0);
		read_is(cfg, 4, 2, 0x0106);
		assert_int_equal(fake_get(&nic, 0x04, 2), 0x0107);
		assert_int_equal(fake_get(&nic, 0x0c, 1), 0x10);
		assert_int_equal(fake_get(&nic, 0x10, 4), 0xfeb40000);
		assert_int_equal(fake_get(&nic, 0x18, 4), 0x0000c041);
		assert_int_equal(fake_get(&nic, 0x1c, 4), 0xfeb80000);
		assert_int_equal(fake_get(&nic, 0x30, 4), 0xfeb00000);
		/* Then it is left alone. */
		fake_forget_log(&nic);
		read_is(cfg, PM + 4, 2, 0);
		assert_int_equal(nic.reads, 1);
		assert_int_equal(nic.writes, 0);
		config_close(cfg);
		cfg = NULL;
	}
}

static void no_restore_where_nothing_is_lost(void **state)
{
	(void)state;
	nic.pm = PM;
	fake_put(&nic, PM + 4, 2, 0x0008);
	cfg = fake_open(&nic, NULL);
	write_is(cfg, PM + 4, 2, 0x000b, OK);
	write_is(cfg, PM + 4, 2, 0x0008, OK);
	fake_forget_log(&nic);
	read_is(cfg, PM + 4, 2, 0x0008);
	assert_int_equal(nic.reads, 1);
	assert_int_equal(nic.writes, 0);
}

/* What the guest writes while a slow device comes back is not undone. */
static void writes_while_settling_win(void **state)
{
	(void)state;
	nic.pm = PM;
	nic.slow_writes = 30;
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 2, 0x0102, OK);
	write_is(cfg, 0x0c, 1, 0x10, OK);
	write_is(cfg, PM + 4, 2, 3, OK);
	write_is(cfg, PM + 4, 2, 0, OK);
	write_is(cfg, 0x0c, 1, 0x08, OK);
	write_is(cfg, 4, 2, 0x0106, OK);
	for (int i = 0; i < 5; i++)
		read_is(cfg, PM + 4, 2, 0);
	assert_int_equal(fake_get(&nic, 0x0c, 1), 0x08);
	assert_int_equal(fake_get(&nic, 4, 2), 0x0107);
}

static void vpd_reads_and_never_writes(void **state)
{
	struct config_denial denial;
	const struct config_policy *policies[] = { NULL, &permissive };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fake_put(&nic, VPD + 2, 2, 0x8010);
		fake_put(&nic, VPD + 4, 4, 0x11223344);
		cfg = fake_open(&nic, policies[i]);
		write_is(cfg, VPD + 2, 2, 0x0014, OK);
		read_is(cfg, VPD + 2, 2, 0x0014);
		write_is(cfg, VPD + 2, 2, 0x8014, DENIED);
		write_is(cfg, VPD + 3, 1, 0x80, DENIED);
		write_is(cfg, VPD, 4, 0x80180000, DENIED);
		assert_int_equal(fake_get(&nic, VPD + 2, 2), 0x0014);
		assert_true(config_take_denial(cfg, &denial));
		assert_string_equal(denial.field, "VPD address");
		assert_int_equal(denial.bits, 0x8000);
		assert_null(denial.remedy);
		/* A read that is done shows bit 15; the low byte of the next starts a new one. */
		fake_put(&nic, VPD + 2, 2, 0x8014);
		write_is(cfg, VPD + 2, 1, 0x18, OK);
		assert_int_equal(fake_get(&nic, VPD + 2, 2), 0x0018);
		/* The same address again is a new request: it reaches the device. */
		fake_forget_log(&nic);
		write_is(cfg, VPD + 2, 2, 0x0018, OK);
		assert_int_equal(nic.writes, 1);
		write_is(cfg, VPD + 4, 4, 0xffffffff, OK);
		write_is(cfg, VPD + 6, 2, 0xffff, OK);
		read_is(cfg, VPD + 4, 4, 0x11223344);
		config_close(cfg);
		cfg = NULL;
	}
}

static void control_is_closed_without_interrupt_control(void **state)
{
	struct config_denial denial;

	(void)state;
	cfg = fake_open(&nic, NULL);
	write_is(cfg, MSI + 2, 2, 0x0080, OK);
	write_is(cfg, MSIX + 2, 2, 0x0004, OK);
	assert_int_equal(config_denied_total(cfg), 0);
	write_is(cfg, MSI + 2, 2, 0x0081, DENIED);
	write_is(cfg, MSI + 2, 2, 0x0090, DENIED);
	write_is(cfg, MSI, 4, 0x00810005, DENIED);
	write_is(cfg, MSIX + 2, 2, 0xc004, DENIED);
	write_is(cfg, MSIX + 3, 1, 0x80, DENIED);
	write_is(cfg, MSIX + 2, 1, 0x05, DENIED);
	assert_int_equal(nic.writes, 0);
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "MSI control");
	assert_int_equal(denial.offset, MSI + 2);
	assert_int_equal(denial.bits, 1);
	assert_non_null(denial.remedy);
	assert_int_equal(strncmp(denial.remedy, "interrupt_control=1", 19), 0);
	/* The head of the list beside the control word: from the same 4-byte write. */
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "MSI capability");
	assert_null(denial.remedy);
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "MSI-X control");
	assert_false(config_take_denial(cfg, &denial));
}

/* Linux's order: enable MSI-X masked, fill the table, disable INTx, unmask, and all back. */
static void linux_order_with_interrupt_control(void **state)
{
	(void)state;
	cfg = fake_open(&nic, &interrupt_control);
	write_is(cfg, 4, 2, 0x0107, OK);
	write_is(cfg, MSIX + 2, 2, 0xc004, OK);
	read_is(cfg, MSIX + 2, 2, 0xc004);
	write_is(cfg, 4, 2, 0x0507, OK);
	write_is(cfg, MSIX + 2, 2, 0x8004, OK);
	assert_int_equal(fake_get(&nic, MSIX + 2, 2), 0x8004);
	assert_int_equal(fake_get(&nic, 4, 2), 0x0507);
	write_is(cfg, MSIX + 2, 2, 0x0004, OK);
	write_is(cfg, 4, 2, 0x0107, OK);
	write_is(cfg, MSI + 2, 2, 0x0081, OK);
	write_is(cfg, 4, 2, 0x0507, OK);
	write_is(cfg, MSI + 2, 2, 0x0080, OK);
	assert_int_equal(config_denied_total(cfg), 0);
}

static void one_way_to_signal_at_a_time(void **state)
{
	struct config_denial denial;

	(void)state;
	cfg = fake_open(&nic, &interrupt_control);
	fake_put(&nic, MSI + 2, 2, 0x0081);
	/* Enable is refused, the mask bit is kept. */
	write_is(cfg, MSIX + 2, 2, 0xc004, DENIED);
	read_is(cfg, MSIX + 2, 2, 0x4004);
	assert_true(config_take_denial(cfg, &denial));
	assert_int_equal(denial.bits, 0x8000);
	assert_null(denial.remedy);
	write_is(cfg, MSI + 2, 2, 0x0080, OK);
	write_is(cfg, MSIX + 2, 2, 0xc004, OK);
	write_is(cfg, MSI + 2, 2, 0x0081, DENIED);
	/* Off, and unmasking what is on, is always allowed. */
	write_is(cfg, MSIX + 2, 2, 0x8004, OK);
	write_is(cfg, MSIX + 2, 2, 0x0004, OK);
	write_is(cfg, MSI + 2, 2, 0x0081, OK);
}

static void a_partly_refused_control_keeps_the_rest(void **state)
{
	struct config_denial denial;

	(void)state;
	cfg = fake_open(&nic, &interrupt_control);
	/* Multiple message enable is Xen's; enable beside it is kept. */
	write_is(cfg, MSI + 2, 2, 0x00b1, DENIED);
	read_is(cfg, MSI + 2, 2, 0x0081);
	assert_true(config_take_denial(cfg, &denial));
	assert_int_equal(denial.bits, 0x0030);
	assert_string_equal(denial.remedy, "permissive=1");
	write_is(cfg, MSI + 2, 2, 0x0080, OK);
	/* What no device lets anyone write is no error, but counted. */
	write_is(cfg, MSIX + 2, 2, 0xffff, OK);
	read_is(cfg, MSIX + 2, 2, 0xc004);
	assert_int_equal(config_denied_total(cfg), 2);
}

static void permissive_control_is_raw(void **state)
{
	(void)state;
	cfg = fake_open(&nic, &permissive);
	write_is(cfg, MSI + 2, 2, 0x00b1, OK);
	assert_int_equal(fake_get(&nic, MSI + 2, 2), 0x00b1);
	write_is(cfg, MSIX + 3, 1, 0xc0, OK);
	assert_int_equal(fake_get(&nic, MSIX + 2, 2), 0xc004);
	/* 2-byte writes of the control word, also from a 4-byte request: others are lost in Xen. */
	fake_forget_log(&nic);
	write_is(cfg, MSI, 4, 0x00800005, OK);
	for (unsigned i = 0; i < nic.reads + nic.writes; i++) {
		if (nic.log[i].write) {
			assert_int_equal(nic.log[i].offset, MSI + 2);
			assert_int_equal(nic.log[i].size, 2);
		}
	}
	assert_int_equal(nic.writes, 1);
}

/*
 * Writes of every width all over MSI-X' and MSI's capabilities, for each shape of the latter (64-bit
 * addresses, masks), and calls look after each device.
 */
static void hammer_msi(void (*look)(uint16_t shape))
{
	static const uint16_t shapes[] = { 0x0000, 0x0080, 0x0100, 0x0180 };
	const struct config_policy *policies[] = { NULL, &interrupt_control };
	uint64_t seed = 128;

	for (size_t k = 0; k < 2 * ARRAY_SIZE(shapes); k++) {
		fake_nic(&nic);
		/* No express capability: the MSI one may have its full length. */
		fake_put(&nic, MSI + 1, 1, MSIX);
		fake_put(&nic, EXP, 4, 0);
		fake_put(&nic, MSI + 2, 2, shapes[k / 2]);
		cfg = fake_open(&nic, policies[k % 2]);
		for (int32_t size = 1; size <= 4; size *= 2)
			for (int32_t at = MSIX - 4; at < MSI + 0x18; at += size)
				if (at < PM || at >= MSI - 2)
					for (int n = 0; n < 4; n++)
						config_guest_write(cfg, at, size,
								   n < 2 ? -(uint32_t)n
									 : test_random(&seed));
		look(shapes[k / 2]);
		config_close(cfg);
		cfg = NULL;
	}
}

/* Where a message's data is; behind it, masks and pending bits. */
static unsigned data_at(uint16_t shape)
{
	return MSI + (shape & PCI_MSI_FLAGS_64BIT ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32);
}

static void address_and_data_stand(uint16_t shape)
{
	assert_int_equal(fake_get(&nic, MSI + 2, 2) & ~1u, shape);
	assert_int_equal(fake_get(&nic, MSI + 4, 4), 0xfee00318);
	for (unsigned at = MSI + 8; at < data_at(shape) + 2; at++)
		assert_int_equal(nic.space[at], 0);
	assert_int_equal(fake_get(&nic, MSIX + 2, 2) & 0x3fff, 4);
	assert_int_equal(fake_get(&nic, MSIX + 4, 4), 3);
	assert_int_equal(fake_get(&nic, MSIX + 8, 4), 0x2003);
}

/* XSA-128: no straddling write changes a message's address or data, nor where MSI-X has its table. */
static void xsa_128_straddling_writes_leave_messages_alone(void **state)
{
	(void)state;
	hammer_msi(address_and_data_stand);
}

static void masks_stand(uint16_t shape)
{
	for (unsigned at = data_at(shape) + 2; at < MSI + 0x18; at++)
		assert_int_equal(nic.space[at], 0);
}

/* XSA-129: masks and pending bits are Xen's. */
static void xsa_129_masks_are_read_only(void **state)
{
	(void)state;
	hammer_msi(masks_stand);
}

static void express_is_named_and_closed(void **state)
{
	struct config_denial denial;

	(void)state;
	cfg = fake_open(&nic, NULL);
	/* FLR by the guest */
	write_is(cfg, EXP + 8, 2, 0x8000, OK);
	assert_int_equal(nic.writes, 0);
	assert_true(config_take_denial(cfg, &denial));
	assert_string_equal(denial.field, "device control");
	assert_int_equal(denial.bits, 0x8000);
	assert_non_null(strstr(denial.remedy, "permissive=1"));
	config_close(cfg);
	cfg = fake_open(&nic, &permissive);
	write_is(cfg, EXP + 8, 4, 0x000f8000, OK);
	assert_int_equal(nic.writes, 1);
	assert_int_equal(nic.log[0].size, 4);
	assert_int_equal(fake_get(&nic, EXP + 8, 4), 0x000f8000);
	assert_int_equal(config_denied_total(cfg), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, close_cfg)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_walk_happens_once),
		TEST(heads_are_read_only_even_permissive),
		TEST(pme_is_hidden_and_off),
		TEST(power_control_passes_what_it_may),
		TEST(power_states_by_the_rules),
		TEST(back_from_d3),
		TEST(no_restore_where_nothing_is_lost),
		TEST(writes_while_settling_win),
		TEST(vpd_reads_and_never_writes),
		TEST(control_is_closed_without_interrupt_control),
		TEST(linux_order_with_interrupt_control),
		TEST(one_way_to_signal_at_a_time),
		TEST(a_partly_refused_control_keeps_the_rest),
		TEST(permissive_control_is_raw),
		TEST(xsa_128_straddling_writes_leave_messages_alone),
		TEST(xsa_129_masks_are_read_only),
		TEST(express_is_named_and_closed),
	};

	return cmocka_run_group_tests_name("config capabilities", tests, NULL, NULL);
}
