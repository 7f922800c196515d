/* SPDX-License-Identifier: MIT */
/*
 * Advisories about interrupts (tests/hostile/advisories): both lines of judgement, the gate's and the
 * supervisor's, each by itself, so that neither may lean on the other.
 */
#include "tests/unit/gate_bench.h"

#include "common/util.h"

/* XSA-157: everything a guest can do, in every order of four. */
static void step(struct bench *b, unsigned what)
{
	struct xen_pci_op op;

	switch (what) {
	case 0:
		op = request(XEN_PCI_OP_enable_msi, 0);
		interrupt_enable_msi(&b->irq, &op, false);
		return;
	case 1:
		op = request(XEN_PCI_OP_enable_msix, 2);
		interrupt_enable_msix(&b->irq, &op, false);
		return;
	case 2:
		op = request(XEN_PCI_OP_enable_multi_msi, 0);
		op.info = 4;
		interrupt_enable_multi_msi(&b->irq, &op, false);
		return;
	case 3:
		op = request(XEN_PCI_OP_disable_msi, 0);
		interrupt_disable_msi(&b->irq, &op);
		return;
	case 4:
		op = request(XEN_PCI_OP_disable_msix, 0);
		interrupt_disable_msix(&b->irq, &op);
		return;
	case 5:
		interrupt_release(&b->irq);
		return;
	default:
		fake_put(&b->f, PCI_COMMAND, 2, fake_get(&b->f, PCI_COMMAND, 2) ^ PCI_COMMAND_MEMORY);
		return;
	}
}

/* Never two modes, never a pirq astray, and no MSI-X where memory is not decoded. */
static void xsa_157_no_order_of_requests_breaks_it(void **state)
{
	enum { STEPS = 7, LENGTH = 4 };
	struct bench *b = *state;

	for (unsigned order = 0; order < STEPS * STEPS * STEPS * STEPS; order++) {
		setup(state);
		for (unsigned n = 0, rest = order; n < LENGTH; n++, rest /= STEPS) {
			bool decodes = hardware(b, PCI_COMMAND) & PCI_COMMAND_MEMORY;
			bool had = b->irq.mode == VECTORS_MSIX, msi, msix;

			step(b, rest % STEPS);
			msi = hardware(b, MSI + PCI_MSI_FLAGS) & PCI_MSI_FLAGS_ENABLE;
			msix = hardware(b, MSIX + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_ENABLE;
			if ((msi && msix) || mapped() != b->irq.nr || b->record.nr != b->irq.nr ||
			    b->record.mode != b->irq.mode || (msi || msix) != (mapped() > 0) ||
			    xen.bad_unmaps || (msix && !had && !decodes))
				fail_msg("order %u, step %u: msi %d, msix %d, %u mapped, %u known", order,
					 n, msi, msix, mapped(), b->irq.nr);
		}
		interrupt_release(&b->irq);
		expect_off(b);
	}
}

/* XSA-157, XSA-87: what is on is refused by the gate itself, whoever has turned it on. */
static void xsa_157_what_is_on_is_not_asked_for_again(void **state)
{
	struct bench *b = *state;

	for (unsigned by = 0; by < 4; by++) {
		struct xen_pci_op op = request(XEN_PCI_OP_enable_msix, 2);
		bool msix = by & 1, others = by & 2;
		unsigned asked, maps;

		setup(state);
		if (others && msix)
			fake_put(&b->f, MSIX + PCI_MSIX_FLAGS, 2, 4 | PCI_MSIX_FLAGS_ENABLE);
		else if (others)
			fake_put(&b->f, MSI + PCI_MSI_FLAGS, 2, 3 << 1 | PCI_MSI_FLAGS_ENABLE);
		else if (msix)
			interrupt_enable_msix(&b->irq, &op, false);
		else
			interrupt_enable_msi(&b->irq, &op, false);
		asked = b->asked;
		maps = xen.maps;
		for (unsigned what = 0; what < 3; what++) {
			step(b, what);
			if (b->asked != asked || xen.maps != maps)
				fail_msg("%s on by %s: step %u asked for vectors", msix ? "MSI-X" : "MSI",
					 others ? "others" : "us", what);
		}
	}
}

static const struct {
	uint32_t n;
	uint16_t entry[2]; /* the first two; the others count up */
} bad_entries[] = {
	{ 0, { 0, 1 } },      { 1, { 5, 1 } },	 { 1, { 6, 1 } },	 { 2, { 0, 5 } },
	{ 2, { 0, 127 } },    { 2, { 2048, 1 } }, { 1, { 2047, 1 } },	 { 2, { 0, 0xffff } },
	{ 2, { 3, 3 } },      { 5, { 4, 1 } },	 { 6, { 0, 1 } },	 { 128, { 0, 1 } },
	{ 129, { 0, 1 } },    { 2048, { 0, 1 } }, { 0x80000000, { 0, 1 } }, { UINT32_MAX, { 0, 1 } },
};

/* XSA-164: entries beyond the table, named twice, or too many, are refused without a question. */
static void xsa_164_the_gate_judges_entries(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad_entries); i++) {
		struct xen_pci_op op = request(XEN_PCI_OP_enable_msix, bad_entries[i].n);

		for (unsigned k = 0; k < 2; k++)
			op.msix_entries[k].entry = bad_entries[i].entry[k];
		assert_int_equal(interrupt_enable_msix(&b->irq, &op, false), 0);
		if (op.err >= 0 || b->asked || b->irq.mode != VECTORS_NONE)
			fail_msg("row %zu: answered %d, asked %u times", i, op.err, b->asked);
		assert_int_equal(op.msix_entries[0].vector, 0xffff);
		expect_off(b);
	}
}

/* XSA-164: and again by the supervisor, whatever the gate makes of them. */
static void xsa_164_the_supervisor_judges_entries(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad_entries); i++) {
		struct message_map want = { .mode = VECTORS_MSIX, .nr = bad_entries[i].n };
		struct message_mapped got;

		for (unsigned k = 0; k < SH_INFO_MAX_VEC; k++)
			want.entry[k] = k < 2 ? bad_entries[i].entry[k] : (uint16_t)k;
		vectors_map(&b->record, &want, &got);
		if (got.err != EINVAL || b->record.mode != VECTORS_NONE)
			fail_msg("row %zu: %d, mode %d", i, got.err, b->record.mode);
		expect_off(b);
	}
	assert_int_equal(xen.maps, 0);
}

/* What a step writes into the device is these registers' alone. */
static void expect_written(struct bench *b)
{
	for (unsigned i = 0; i < b->f.reads + b->f.writes && i < FAKE_LOG_MAX; i++) {
		const struct fake_access *a = &b->f.log[i];

		if (a->write && a->offset != PCI_COMMAND && a->offset != MSI + PCI_MSI_FLAGS &&
		    a->offset != MSIX + PCI_MSIX_FLAGS)
			fail_msg("a write of 0x%x at 0x%x", a->value, a->offset);
	}
}

/*
 * XSA-337: a device that answers otherwise once its guest has it. Where its capabilities are, how
 * long its table is and where that is stand as they were seen before.
 */
static void xsa_337_a_device_that_changes_gains_nothing(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op;

	/* A list that ends in a loop, and is not taken for known. */
	fake_put(&b->f, MSIX + PCI_CAP_LIST_NEXT, 1, MSIX);
	memset(&b->f.dev.caps, 0, sizeof(b->f.dev.caps));
	plug(b);
	/* Both capabilities are elsewhere now: where its BARs are. */
	fake_put(&b->f, PCI_CAPABILITY_LIST, 1, 0x40);
	fake_put(&b->f, 0x40, 2, 0x44 << 8 | PCI_CAP_ID_MSI);
	fake_put(&b->f, 0x44, 2, PCI_CAP_ID_MSIX);
	/* 2048 entries, in another BAR, which is of use to nobody; MSI for 128. */
	fake_put(&b->f, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_QSIZE);
	fake_put(&b->f, MSIX + PCI_MSIX_TABLE, 4, 1);
	fake_put(&b->f, MSI + PCI_MSI_FLAGS, 2, 7 << 1);
	fake_forget_log(&b->f);

	op = request(XEN_PCI_OP_enable_msix, 2);
	op.msix_entries[1].entry = 5;
	interrupt_enable_msix(&b->irq, &op, false);
	expect(&op, -EINVAL, (uint32_t)-EINVAL);
	op = request(XEN_PCI_OP_enable_msix, 6);
	interrupt_enable_msix(&b->irq, &op, false);
	expect(&op, -EINVAL, (uint32_t)-EINVAL);
	assert_int_equal(xen.maps, 0);
	op = request(XEN_PCI_OP_enable_msix, 5);
	interrupt_enable_msix(&b->irq, &op, false);
	expect(&op, 0, 0);
	assert_int_equal(xen.table_base, b->f.dev.info.resource[3].start);
	expect_written(b);
	interrupt_release(&b->irq);

	for (uint32_t n = 33; n <= 128; n += 95) {
		op = request(XEN_PCI_OP_enable_multi_msi, 0);
		op.info = n;
		interrupt_enable_multi_msi(&b->irq, &op, false);
		expect(&op, XEN_PCI_ERR_op_failed, 0);
	}
	op = request(XEN_PCI_OP_enable_msi, 0);
	interrupt_enable_msi(&b->irq, &op, false);
	expect(&op, 0, TOP - 1);
	expect_written(b);
	interrupt_release(&b->irq);
	expect_written(b);
	assert_int_equal(mapped(), 0);
}

/* XSA-360: ten thousand lives, broken off anywhere, leave no vector and unmap none twice. */
static void xsa_360_ten_thousand_lives_leave_no_vector(void **state)
{
	struct bench *b = *state;
	unsigned maps = 0;

	for (unsigned life = 0; life < 10000; life++) {
		struct xen_pci_op op = request(XEN_PCI_OP_enable_msix, 1 + life % 5);

		/* Every third is refused by Xen, at its first vector or a later one. */
		if (life % 3 == 2) {
			xen.refuse = life % 2 ? ENOSPC : ENFILE;
			xen.after = life / 3 % 3;
		}
		b->f.fail_writes = life % 7 == 6 ? EIO : 0;
		op.info = 1u << life % 4;
		if (life % 4 == 0)
			interrupt_enable_msi(&b->irq, &op, false);
		else if (life % 4 == 1)
			interrupt_enable_multi_msi(&b->irq, &op, false);
		else
			interrupt_enable_msix(&b->irq, &op, false);
		maps += mapped() > 0;
		b->f.fail_writes = 0;
		interrupt_release(&b->irq);
		if (life % 2)
			interrupt_release(&b->irq);
		if (mapped() || xen.bad_unmaps || b->record.pirqs || b->record.mode != VECTORS_NONE)
			fail_msg("life %u leaves %u vectors, and %u were unmapped twice", life, mapped(),
				 xen.bad_unmaps);
		assert_true(xen.maps == xen.unmaps);
		xen.refuse = 0;
		expect_off(b);
	}
	assert_true(maps > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(xsa_157_no_order_of_requests_breaks_it, setup),
		cmocka_unit_test_setup(xsa_157_what_is_on_is_not_asked_for_again, setup),
		cmocka_unit_test_setup(xsa_164_the_gate_judges_entries, setup),
		cmocka_unit_test_setup(xsa_164_the_supervisor_judges_entries, setup),
		cmocka_unit_test_setup(xsa_337_a_device_that_changes_gains_nothing, setup),
		cmocka_unit_test_setup(xsa_360_ten_thousand_lives_leave_no_vector, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
