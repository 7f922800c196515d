/* SPDX-License-Identifier: MIT */
/* The command register and the other bytes of every header (PROTOCOL.md 4.1, 4.2). */
#include "tests/unit/unit.h"

#include <linux/pci_regs.h>

#include "common/util.h"
#include "tests/unit/support_config_nic.h"

static const struct config_policy permissive = { .permissive = true };
static const struct config_policy interrupt_control = { .interrupt_control = true };

static uint32_t hw_command(void)
{
	return fake_get(&nic, PCI_COMMAND, 2);
}

/* XSA-120: no width at any offset lets a guest switch decoding, parity, SERR or INTx in the device.
 */
static void xsa_120_decode_stays_with_the_host(void **state)
{
	static const int32_t sizes[] = { 1, 2, 4 };
	static const struct config_policy *const policies[] = { NULL, &permissive };
	uint64_t seed = 120;
	size_t p, s;
	int i;

	(void)state;
	for (p = 0; p < ARRAY_SIZE(policies); p++) {
		fake_nic(&nic);
		cfg = fake_open(&nic, policies[p]);
		for (i = 0; i < 3000; i++) {
			for (s = 0; s < ARRAY_SIZE(sizes); s++) {
				int32_t at = PCI_COMMAND + (int32_t)(test_random(&seed) % 4);

				config_guest_write(cfg, at & ~(sizes[s] - 1), sizes[s],
						   i < 2 ? -(uint32_t)i : test_random(&seed));
				assert_int_equal(hw_command() & 0xfd43, 0x0103);
			}
		}
		config_close(cfg);
		cfg = NULL;
	}
}

/*
 * XSA-126: no bit of the command register is the guest's unmediated. Each of the sixteen, set and
 * cleared by each access that covers it, reaches the device only if it is of this list.
 */
static void xsa_126_each_bit_of_the_command_is_mediated(void **state)
{
	static const struct {
		const struct config_policy *policy;
		uint32_t open;
	} rows[] = {
		{ NULL, PCI_COMMAND_MASTER | PCI_COMMAND_INVALIDATE },
		{ &interrupt_control,
		  PCI_COMMAND_MASTER | PCI_COMMAND_INVALIDATE | PCI_COMMAND_INTX_DISABLE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned n = 0; n < 16 * 2 * 3; n++) {
			uint32_t bit = 1u << n % 16, size = 1u << n / 32, was, value;
			int32_t at = size == 1 && bit > 0xff ? PCI_COMMAND + 1 : PCI_COMMAND;

			fake_nic(&nic);
			fake_put(&nic, PCI_CACHE_LINE_SIZE, 1, 0x10);
			if (n / 16 % 2)
				fake_put(&nic, PCI_COMMAND, 2, 0xffff);
			cfg = fake_open(&nic, rows[i].policy);
			was = hw_command();
			value = (was ^ bit) >> (at > PCI_COMMAND ? 8 : 0);
			config_guest_write(cfg, at, (int32_t)size, value);
			/* A second time, as one that insists. */
			config_guest_write(cfg, at, (int32_t)size, value);
			if ((hw_command() ^ was) & ~rows[i].open)
				fail_msg("policy %zu, %u bytes: bit 0x%x: 0x%04x -> 0x%04x", i, size, bit, was,
					 hw_command());
			config_close(cfg);
			cfg = NULL;
		}
	}
}

static void reads_mix_hardware_and_shadow(void **state)
{
	(void)state;
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 2, 0xfd43, OK);
	/* Bits of 0x02bc are the hardware's, at every read. */
	fake_put(&nic, PCI_COMMAND, 2, 0x02bc);
	read_is(cfg, 4, 2, 0xffff);
	fake_put(&nic, PCI_COMMAND, 2, 0xfd43);
	read_is(cfg, 4, 2, 0xfd43);
	write_is(cfg, 4, 2, 0, OK);
	fake_put(&nic, PCI_COMMAND, 2, 0xffff);
	read_is(cfg, 4, 2, 0x02bc);
}

static void decode_enables_once_and_disables_once(void **state)
{
	(void)state;
	fake_put(&nic, PCI_COMMAND, 2, 0);
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 2, 0x0040, OK);
	assert_int_equal(nic.enables + nic.disables, 0);
	write_is(cfg, 4, 1, 0x02, OK);
	write_is(cfg, 4, 2, 0x01, OK);
	write_is(cfg, 4, 2, 0x07, OK);
	assert_int_equal(nic.enables, 1);
	assert_int_equal(hw_command(), 0x0007);
	/* The other byte of the register is not about decoding. */
	write_is(cfg, 5, 1, 0, OK);
	assert_int_equal(nic.disables, 0);
	write_is(cfg, 4, 2, 0, OK);
	write_is(cfg, 4, 2, 0x0100, OK);
	assert_int_equal(nic.disables, 1);
	/* Bus mastering is off, decoding is not. */
	assert_int_equal(hw_command(), 0x0003);
	write_is(cfg, 4, 2, 0x0002, OK);
	assert_int_equal(nic.enables, 2);
}

static void a_device_that_cannot_be_enabled(void **state)
{
	(void)state;
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 2, 0x0100, OK);
	nic.fail_enable = EIO;
	write_is(cfg, 4, 2, 0x0006, FAILED);
	read_is(cfg, 4, 2, 0x0100);
	assert_int_equal(hw_command() & PCI_COMMAND_MASTER, 0);
	nic.fail_enable = 0;
	write_is(cfg, 4, 2, 0x0006, OK);
	assert_int_equal(nic.enables, 1);
	/* One that cannot be disabled stays enabled, and loses bus mastering all the same. */
	nic.fail_enable = EBUSY;
	write_is(cfg, 4, 2, 0, OK);
	assert_int_equal(hw_command() & PCI_COMMAND_MASTER, 0);
}

static void bus_master_follows(void **state)
{
	(void)state;
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 2, 0x0107, OK);
	assert_int_equal(hw_command(), 0x0107);
	fake_forget_log(&nic);
	write_is(cfg, 4, 2, 0x0107, OK);
	assert_int_equal(nic.writes, 0);
	write_is(cfg, 4, 1, 0x03, OK);
	assert_int_equal(hw_command(), 0x0103);
	/* Hardware is written in the register's own width. */
	assert_int_equal(nic.writes, 1);
}

static void mwi_needs_a_cache_line(void **state)
{
	struct config_denial denial;

	(void)state;
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 2, 0x0117, OK);
	assert_int_equal(hw_command(), 0x0117);
	assert_int_equal(fake_get(&nic, 0x0c, 1), 0x10);
	write_is(cfg, 4, 2, 0x0107, OK);
	assert_int_equal(hw_command(), 0x0107);
	fake_put(&nic, 0x0c, 1, 8);
	write_is(cfg, 4, 2, 0x0117, OK);
	assert_int_equal(fake_get(&nic, 0x0c, 1), 8);
	assert_int_equal(config_denied_total(cfg), 0);

	/* Not a device that takes none. */
	write_is(cfg, 4, 2, 0x0107, OK);
	fake_put(&nic, 0x0c, 1, 0);
	nic.writable[0x0c] = 0;
	write_is(cfg, 4, 2, 0x0517, OK);
	assert_int_equal(hw_command(), 0x0107);
	read_is(cfg, 4, 2, 0x0507);
	assert_true(config_take_denial(cfg, &denial));
	assert_int_equal(denial.bits, PCI_COMMAND_INVALIDATE);
	assert_null(denial.remedy);
}

/* A PCIe device hardwires MWI to 0: the guest sees that, as on bare metal. */
static void mwi_hardwired(void **state)
{
	(void)state;
	nic.writable[PCI_COMMAND] = (uint8_t)~PCI_COMMAND_INVALIDATE;
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 2, 0x0117, OK);
	read_is(cfg, 4, 2, 0x0107);
}

static void other_hardware_bits_need_permissive(void **state)
{
	struct config_denial denial;

	(void)state;
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 2, 0x0103 | 0x02a8, OK);
	assert_int_equal(hw_command(), 0x0103);
	read_is(cfg, 4, 2, 0x0103);
	assert_true(config_take_denial(cfg, &denial));
	assert_int_equal(denial.offset, 4);
	assert_int_equal(denial.bits, 0x02a8);
	assert_string_equal(denial.field, "command");
	assert_string_equal(denial.remedy, "permissive=1");
	assert_false(config_take_denial(cfg, &denial));
	config_close(cfg);

	cfg = fake_open(&nic, &permissive);
	write_is(cfg, 4, 2, 0x0103 | 0x02a8, OK);
	assert_int_equal(hw_command(), 0x03ab);
	write_is(cfg, 4, 1, 0x03, OK);
	assert_int_equal(hw_command(), 0x0303);
	assert_int_equal(config_denied_total(cfg), 0);
}

static void intx_disable_with_interrupt_control(void **state)
{
	(void)state;
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 4, 2, 0x0503, OK);
	assert_int_equal(hw_command() & PCI_COMMAND_INTX_DISABLE, 0);
	config_close(cfg);

	cfg = fake_open(&nic, &interrupt_control);
	write_is(cfg, 4, 2, 0x0503, OK);
	assert_int_equal(hw_command(), 0x0503);
	write_is(cfg, 5, 1, 0x01, OK);
	assert_int_equal(hw_command(), 0x0103);
	/* What the host set behind the shadow stays unless the guest changes it. */
	fake_put(&nic, PCI_COMMAND, 2, 0x0503);
	write_is(cfg, 4, 2, 0x0107, OK);
	assert_int_equal(hw_command(), 0x0507);
}

static void the_shadow_of_a_vf(void **state)
{
	(void)state;
	fake_put(&nic, PCI_VENDOR_ID, 4, 0xffffffff);
	fake_put(&nic, PCI_COMMAND, 2, 0);
	nic.writable[PCI_COMMAND] = PCI_COMMAND_MASTER;
	nic.writable[PCI_COMMAND + 1] = 0;
	nic.dev.info.is_vf = true;
	nic.dev.info.irq = 0;
	cfg = fake_open(&nic, NULL);
	read_is(cfg, 0, 4, 0x10d38086);
	read_is(cfg, 4, 2, 0);
	write_is(cfg, 4, 2, 0x0006, OK);
	read_is(cfg, 4, 2, 0x0006);
	read_is(cfg, 0x3c, 1, 0);
	/* A VF's BARs come from the OS; writing the address is no reason to touch its zeros. */
	nic.space[0x10] = nic.space[0x11] = nic.space[0x12] = nic.space[0x13] = 0;
	fake_forget_log(&nic);
	read_is(cfg, 0x10, 4, 0xfeb40000);
	write_is(cfg, 0x10, 4, 0xffffffff, OK);
	read_is(cfg, 0x10, 4, 0xfffe0000);
	write_is(cfg, 0x10, 4, 0xfeb40000, OK);
	read_is(cfg, 0x10, 4, 0xfeb40000);
	assert_int_equal(nic.writes, 0);
}

static void the_interrupt_line_is_the_hosts(void **state)
{
	static const struct {
		uint32_t irq, reads, pin;
	} rows[] = {
		{ 20, 20, 1 },
		{ 0, 0, 0 }, /* no line: no pin either, or a driver waits for it */
		{ 255, 255, 1 },
		{ 0x123, 0x23, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		nic.dev.info.irq = rows[i].irq;
		cfg = fake_open(&nic, i & 1 ? &permissive : NULL);
		write_is(cfg, 0x3c, 1, 0x77, OK);
		write_is(cfg, 0x3c, 4, 0x77777777, OK);
		read_is(cfg, 0x3c, 1, rows[i].reads);
		read_is(cfg, 0x3d, 1, rows[i].pin);
		assert_int_equal(fake_get(&nic, 0x3c, 2), 0x010b);
		config_close(cfg);
		cfg = NULL;
	}
}

static void bist_takes_its_start_bit_only(void **state)
{
	static const struct {
		uint8_t hw, value, then;
	} rows[] = {
		{ 0x00, 0x80, 0x00 }, { 0x00, 0x40, 0x40 }, { 0x80, 0xc0, 0xc0 },
		{ 0x80, 0x40, 0x40 }, { 0x85, 0x45, 0x85 }, { 0x85, 0xc5, 0xc5 },
		{ 0xc5, 0x85, 0x85 }, { 0x00, 0x41, 0x00 }, { 0x00, 0xff, 0x00 },
	};
	size_t i;

	(void)state;
	cfg = fake_open(&nic, NULL);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_put(&nic, 0x0f, 1, rows[i].hw);
		write_is(cfg, 0x0f, 1, rows[i].value, OK);
		assert_int_equal(fake_get(&nic, 0x0f, 1), rows[i].then);
	}
}

/* A write inside a wider access hits each register under it, and only those that take it. */
static void a_dword_over_four_registers(void **state)
{
	(void)state;
	fake_put(&nic, 0x0c, 4, 0x80804010);
	cfg = fake_open(&nic, NULL);
	write_is(cfg, 0x0c, 4, 0xc000ff08, OK);
	read_is(cfg, 0x0c, 4, 0xc0804008);
	assert_int_equal(fake_get(&nic, 0x0c, 4), 0xc0804008);
	assert_int_equal(nic.writes, 2);
	write_is(cfg, 0x3c, 4, 0xffffffff, OK);
	read_is(cfg, 0x3c, 4, 0x00000114);
	assert_int_equal(nic.writes, 2);
}

static void a_dead_device_answers_op_failed(void **state)
{
	(void)state;
	cfg = fake_open(&nic, &permissive);
	nic.fail_reads = ENODEV;
	read_fails(cfg, 0x40, 4, FAILED, 0xffffffff);
	read_fails(cfg, 0x40, 2, FAILED, 0xffff);
	read_fails(cfg, 0x06, 1, FAILED, 0xff);
	read_is(cfg, 0x00, 4, 0x10d38086);
	read_is(cfg, 0x10, 4, 0xfeb40000);
	write_is(cfg, 0x04, 2, 0, FAILED);
	write_is(cfg, 0xcc, 2, 0, FAILED);
	write_is(cfg, 0xd2, 2, 0, FAILED);
	write_is(cfg, 0x0f, 1, 0, FAILED);
	nic.fail_reads = 0;
	nic.fail_writes = ENODEV;
	write_is(cfg, 0x0c, 1, 0, FAILED);
	write_is(cfg, 0x40, 4, 0, FAILED);
	/* A dead register does not keep its neighbours from theirs, and the failure is answered. */
	write_is(cfg, 0x0c, 4, 0, FAILED);
	config_close(cfg);

	nic.fail_writes = 0;
	cfg = fake_open(&nic, NULL);
	nic.fail_reads = ENODEV;
	write_is(cfg, 0x40, 4, 0, FAILED);
	write_is(cfg, 0x0d, 1, 0, FAILED);
	assert_int_equal(config_denied_total(cfg), 0);
	config_close(cfg);
	cfg = config_open(&nic.dev, &permissive);
	assert_null(cfg);
	assert_int_equal(errno, ENODEV);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_nic, close_cfg)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(xsa_120_decode_stays_with_the_host),
		TEST(xsa_126_each_bit_of_the_command_is_mediated),
		TEST(reads_mix_hardware_and_shadow),
		TEST(decode_enables_once_and_disables_once),
		TEST(a_device_that_cannot_be_enabled),
		TEST(bus_master_follows),
		TEST(mwi_needs_a_cache_line),
		TEST(mwi_hardwired),
		TEST(other_hardware_bits_need_permissive),
		TEST(intx_disable_with_interrupt_control),
		TEST(the_shadow_of_a_vf),
		TEST(the_interrupt_line_is_the_hosts),
		TEST(bist_takes_its_start_bit_only),
		TEST(a_dword_over_four_registers),
		TEST(a_dead_device_answers_op_failed),
	};

	return cmocka_run_group_tests_name("config command and header", tests, NULL, NULL);
}
