/* SPDX-License-Identifier: MIT */
/* A hostile backend that answers late, early and wrong. */
#include "tests/unit/front_hostile.h"

/* ---- never, late, early ---- */

static unsigned stop_cmd, stop_offset;

/* Falls silent after one access of the sizing. */
static void stops(struct xen_pci_op *op)
{
	fake.silent |= op->cmd == stop_cmd && (unsigned)op->offset == stop_offset;
	fake_config(op);
}

static void a_bar_gets_its_value_back(void **state)
{
	/* The last read before all ones are written, and the write of the ones. */
	static const struct { unsigned cmd, offset; } when[] = {
		{ XEN_PCI_OP_conf_read, PCI_ROM_ADDRESS },
		{ XEN_PCI_OP_conf_write, PCI_BASE_ADDRESS_0 },
	};
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint32_t v;

	for (size_t i = 0; i < ARRAY_SIZE(when); i++) {
		struct xenpcifront *fe = *state;

		fake_set(PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xfffff000);
		fake.device = stops;
		stop_cmd = when[i].cmd;
		stop_offset = when[i].offset;
		xenpcifront_set_timeout(fe, SHORT_MS);
		assert_int_equal(xenpcifront_bars(fe, fake_device, bars), -1);
		assert_int_equal(errno, ETIMEDOUT);
		fake_serve(); /* late: the ones, or the mask's read */
		assert_int_equal(fake.config[PCI_BASE_ADDRESS_0 + 3], 0xff);
		fake.silent = false;
		fake.device = fake_config;
		xenpcifront_set_timeout(fe, LONG_MS);
		assert_int_equal(xenpcifront_read32(fe, fake_device, 0x40, &v, NULL), 0);
		assert_int_equal(fake.config[PCI_BASE_ADDRESS_0 + 3], 0xfe);
		assert_int_equal(xenpcifront_bars(fe, fake_device, bars), 0);
		assert_int_equal(bars[0].start, 0xfeb00000);
		assert_int_equal(bars[0].size, 4096);
	}
}

/* No time is left in the middle: an answer of the call's last moment. */
static void a_bar_gets_its_value_back_later(void **state)
{
	struct xenpcifront *fe = *state;
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint32_t v;

	fake_set(PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xfffff000);
	fake.device = in_time;
	for (uint32_t ms = 0; ms < 20 * ANSWER_MS; ms += ANSWER_MS) {
		xenpcifront_set_call_timeout(fe, ms + 1);
		xenpcifront_bars(fe, fake_device, bars);
		assert_int_equal(xenpcifront_read32(fe, fake_device, PCI_BASE_ADDRESS_0, &v, NULL), 0);
		assert_int_equal(v, 0xfeb00000);
	}
}

static void no_mask(struct xen_pci_op *op)
{
	if (op->cmd == XEN_PCI_OP_conf_read && op->offset == PCI_BASE_ADDRESS_0 &&
	    fake.config[PCI_BASE_ADDRESS_0 + 3] == 0xff)
		op->err = XEN_PCI_ERR_access_denied;
	else
		fake_config(op);
}

static void a_refused_mask_leaves_no_ones(void **state)
{
	struct xenpcifront *fe = *state;
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];

	fake_set(PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xfffff000);
	fake.device = no_mask;
	assert_int_equal(xenpcifront_bars(fe, fake_device, bars), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(fake.config[PCI_BASE_ADDRESS_0 + 3], 0xfe);
}

static void untouched(struct xen_pci_op *op)
{
	page_collect(fake.page, op);
}

/* The flag goes down before anything was done. */
static void early(void **state)
{
	static const uint16_t entries[] = { 0, 1 };
	struct xenpcifront *fe = *state;
	struct xenpcifront_capability caps[4];
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
	uint32_t v, pirqs[2] = { 9, 9 };
	uint8_t space[256];

	fake.device = untouched;
	assert_int_equal(xenpcifront_read32(fe, fake_device, 0, &v, NULL), -1);
	assert_int_equal(v, UINT32_MAX);
	assert_int_equal(xenpcifront_write32(fe, fake_device, 0, 1, NULL), -1);
	assert_int_equal(xenpcifront_pull(fe, fake_device, space, 256), -1);
	assert_int_equal(xenpcifront_push(fe, fake_device, space, 256, NULL), -1);
	assert_int_equal(xenpcifront_capabilities(fe, fake_device, caps, 4), -1);
	assert_int_equal(xenpcifront_bars(fe, fake_device, bars), -1);
	assert_int_equal(xenpcifront_enable_msi(fe, fake_device, pirqs, NULL), -1);
	assert_int_equal(xenpcifront_enable_multi_msi(fe, fake_device, 2, pirqs, NULL, NULL), -1);
	assert_int_equal(xenpcifront_enable_msix(fe, fake_device, entries, 2, pirqs, NULL), -1);
	assert_int_equal(xenpcifront_disable_msi(fe, fake_device, NULL), -1);
	assert_int_equal(xenpcifront_disable_msix(fe, fake_device, NULL), -1);
	assert_true(pirqs[0] == 9 && pirqs[1] == 9);
}

/* ---- wrong ---- */

static unsigned seed = 1;

static void any_answer(struct xen_pci_op *op)
{
	static const int32_t errs[] = { 0, 0, 0, 0, -1, -2, -3, -4, -5, -22, INT32_MIN, INT32_MAX };

	op->err = errs[(unsigned)rand_r(&seed) % ARRAY_SIZE(errs)];
	op->value = rand_r(&seed) % 4 ? (uint32_t)rand_r(&seed) << (rand_r(&seed) % 17) : UINT32_MAX;
	if (op->cmd == XEN_PCI_OP_enable_msix && rand_r(&seed) % 2)
		op->value = 0;
	op->info = (uint32_t)rand_r(&seed);
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		op->msix_entries[i].vector = (uint16_t)(rand_r(&seed) % (op->info % 2 ? 8 : 0x10000));
}

static bool pirqs_are(const uint32_t *pirqs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!pirqs[i] || pirqs[i] > UINT16_MAX)
			return false;
		for (unsigned k = 0; k < i; k++)
			if (pirqs[k] == pirqs[i])
				return false;
	}
	return true;
}

static void bars_are(const struct xenpcifront_bar *bars)
{
	for (unsigned i = 0; i < XENPCIFRONT_BARS; i++) {
		assert_int_equal(bars[i].size & (bars[i].size - 1), 0);
		assert_true(bars[i].kind <= XENPCIFRONT_BAR_ROM);
		assert_true(bars[i].kind != XENPCIFRONT_BAR_HIGH ||
			    (i && bars[i - 1].kind == XENPCIFRONT_BAR_MEM64));
	}
}

static void whatever_is_answered(void **state)
{
	static const uint16_t entries[] = { 4, 3, 2, 1, 0 };
	struct xenpcifront *fe = *state;
	uint8_t space[PCIIF_CONFIG_SIZE] = { 0 };

	fake.device = any_answer;
	for (unsigned i = 0; i < 3000; i++) {
		struct xenpcifront_capability caps[XENPCIFRONT_CONFIG_SIZE / 4];
		struct xenpcifront_bar bars[XENPCIFRONT_BARS];
		uint32_t pirqs[5] = { 0 };
		unsigned count = 1u + i % 32, available = 0;
		int n;

		seed = i + 1;
		fake.kicks = 0;
		if (!xenpcifront_enable_msi(fe, fake_device, pirqs, NULL))
			assert_true(pirqs_are(pirqs, 1));
		if (!xenpcifront_enable_multi_msi(fe, fake_device, count, pirqs, &available, NULL))
			assert_true(pirqs_are(pirqs, 1) && pirqs[0] + count - 1 <= UINT16_MAX);
		assert_in_range(available, 1, count);
		if (!xenpcifront_enable_msix(fe, fake_device, entries, 5, pirqs, NULL))
			assert_true(pirqs_are(pirqs, 5));
		n = xenpcifront_capabilities(fe, fake_device, caps, ARRAY_SIZE(caps));
		for (int k = 0; k < n; k++)
			assert_in_range(caps[k].offset, 0x40, XENPCIFRONT_CONFIG_SIZE - 1);
		if (!xenpcifront_bars(fe, fake_device, bars))
			bars_are(bars);
		n = xenpcifront_pull(fe, fake_device, space, sizeof(space));
		assert_true(n == -1 || n == 256 || n == 4096);
		xenpcifront_push(fe, fake_device, space, sizeof(space), NULL);
		assert_in_range(fake.kicks, 1, 3 + 600 + 40 + 1024 + 2 * 1024);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bar_gets_its_value_back),
		TEST(a_bar_gets_its_value_back_later),
		TEST(a_refused_mask_leaves_no_ones),
		TEST(early),
		TEST(whatever_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
