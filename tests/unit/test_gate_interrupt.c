/* SPDX-License-Identifier: MIT */
/* Interrupts of one function, request by request; those of advisories: test_gate_advisories.c. */
#include "tests/unit/gate_bench.h"

static void msi_goes_on_and_off(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_msi, 0);

	assert_int_equal(interrupt_enable_msi(&b->irq, &op, false), 0);
	expect(&op, 0, 55);
	assert_int_equal(hardware(b, MSI + PCI_MSI_FLAGS), 3 << 1 | PCI_MSI_FLAGS_ENABLE);
	assert_true(hardware(b, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
	assert_true(hardware(b, PCI_COMMAND) & PCI_COMMAND_MASTER);

	op = request(XEN_PCI_OP_enable_msi, 0);
	interrupt_enable_msi(&b->irq, &op, false);
	expect(&op, XEN_PCI_ERR_op_failed, 0);
	assert_int_equal(mapped(), 1);

	/* The other kind's "off" does not touch it. */
	op = request(XEN_PCI_OP_disable_msix, 0);
	interrupt_disable_msix(&b->irq, &op);
	expect(&op, 0, b->f.dev.info.irq);
	assert_int_equal(mapped(), 1);

	op = request(XEN_PCI_OP_disable_msi, 0);
	interrupt_disable_msi(&b->irq, &op);
	expect(&op, 0, b->f.dev.info.irq);
	expect_off(b);
	op = request(XEN_PCI_OP_disable_msi, 0);
	interrupt_disable_msi(&b->irq, &op);
	expect(&op, 0, b->f.dev.info.irq);
	assert_int_equal(xen.unmaps, 1);
}

static void msix_answers_vectors_in_order(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_msix, 3);

	op.msix_entries[0].entry = 4;
	op.msix_entries[1].entry = 0;
	op.msix_entries[2].entry = 2;
	assert_int_equal(interrupt_enable_msix(&b->irq, &op, false), 3);
	expect(&op, 0, 0);
	assert_int_equal(op.msix_entries[0].vector, 55);
	assert_int_equal(op.msix_entries[1].vector, 54);
	assert_int_equal(op.msix_entries[2].vector, 53);
	assert_int_equal(xen.table_base, b->f.dev.info.resource[3].start);
	assert_int_equal(hardware(b, MSIX + PCI_MSIX_FLAGS) &
			 (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL), PCI_MSIX_FLAGS_ENABLE);
	assert_true(hardware(b, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
	op = request(XEN_PCI_OP_disable_msix, 0);
	interrupt_disable_msix(&b->irq, &op);
	expect(&op, 0, b->f.dev.info.irq);
	expect_off(b);
}

static void a_driver_that_comes_back_gets_its_vectors(void **state)
{
	struct bench *b = *state;

	/* Linux's frontend says "MSI" when a driver gives up MSI-X. */
	for (unsigned i = 0; i < 3; i++) {
		struct xen_pci_op op = request(XEN_PCI_OP_enable_msix, 3);

		assert_int_equal(interrupt_enable_msix(&b->irq, &op, false), 3);
		expect(&op, 0, 0);
		op = request(XEN_PCI_OP_disable_msi, 0);
		interrupt_disable_msi(&b->irq, &op);
		expect(&op, 0, b->f.dev.info.irq);
		expect_off(b);
	}
}

static void msix_is_refused_as_the_kernel_does(void **state)
{
	static const struct {
		uint32_t n;
		uint16_t entries[2]; /* of the first two */
		int32_t err;
		uint32_t value;
	} rows[] = {
		{ 129, { 0, 1 }, -EINVAL, 129 },
		{ UINT32_MAX, { 0, 1 }, -EINVAL, UINT32_MAX },
		{ 0, { 0, 1 }, -EINVAL, (uint32_t)-EINVAL },
		{ 2, { 0, 5 }, -EINVAL, (uint32_t)-EINVAL },
		{ 2, { 0, 0xffff }, -EINVAL, (uint32_t)-EINVAL },
		{ 2, { 3, 3 }, -EINVAL, (uint32_t)-EINVAL },
		{ 6, { 0, 1 }, -ENOSPC, (uint32_t)-ENOSPC },
		{ 128, { 0, 1 }, -ENOSPC, (uint32_t)-ENOSPC },
	};
	struct bench *b = *state;
	struct xen_pci_op op;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		op = request(XEN_PCI_OP_enable_msix, rows[i].n);
		op.msix_entries[0].entry = rows[i].entries[0];
		op.msix_entries[1].entry = rows[i].entries[1];
		assert_int_equal(interrupt_enable_msix(&b->irq, &op, false), 0);
		expect(&op, rows[i].err, rows[i].value);
		assert_int_equal(op.msix_entries[0].vector, 0xffff);
		expect_off(b);
	}
	fake_put(&b->f, PCI_COMMAND, 2, PCI_COMMAND_IO);
	op = request(XEN_PCI_OP_enable_msix, 1);
	interrupt_enable_msix(&b->irq, &op, false);
	expect(&op, -ENXIO, 1);
	/* A VF's decoding is not its own. */
	b->f.dev.info.is_vf = true;
	op = request(XEN_PCI_OP_enable_msix, 1);
	assert_int_equal(interrupt_enable_msix(&b->irq, &op, false), 1);
	expect(&op, 0, 0);
	op = request(XEN_PCI_OP_enable_msix, 1);
	interrupt_enable_msix(&b->irq, &op, false);
	expect(&op, -EALREADY, 1);
	op = request(XEN_PCI_OP_enable_msi, 0);
	interrupt_enable_msi(&b->irq, &op, false);
	expect(&op, XEN_PCI_ERR_op_failed, 0);
}

static void msix_is_all_or_nothing(void **state)
{
	struct bench *b = *state;

	for (unsigned k = 0; k < 4; k++) {
		struct xen_pci_op op = request(XEN_PCI_OP_enable_msix, 4);

		xen.refuse = ENOSPC;
		xen.after = k;
		assert_int_equal(interrupt_enable_msix(&b->irq, &op, false), 0);
		expect(&op, -ENOSPC, (uint32_t)-ENOSPC);
		assert_int_equal(op.msix_entries[0].vector, 0xffff);
		expect_off(b);
	}
	assert_int_equal(xen.maps, xen.unmaps);
}

static void a_device_that_takes_no_enable_bit_gets_no_vectors(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_msix, 2);

	b->f.fail_writes = EIO;
	interrupt_enable_msix(&b->irq, &op, false);
	expect(&op, -EIO, (uint32_t)-EIO);
	op = request(XEN_PCI_OP_enable_msi, 0);
	interrupt_enable_msi(&b->irq, &op, false);
	expect(&op, XEN_PCI_ERR_op_failed, 0);
	b->f.fail_writes = 0;
	expect_off(b);
}

static void a_table_nobody_prepared_leaves_msi(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_msix, 2);

	b->irq.no_msix = b->record.no_msix = true;
	interrupt_enable_msix(&b->irq, &op, false);
	assert_int_equal(op.err, XEN_PCI_ERR_op_failed);
	expect_off(b);
	op = request(XEN_PCI_OP_enable_msi, 0);
	interrupt_enable_msi(&b->irq, &op, false);
	expect(&op, 0, 55);
}

/* A driver domain: nothing is asked of Xen, nothing is written, and it is said once. */
static void no_vectors_are_refused_whole(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op;

	b->irq.no_vectors = b->record.no_vectors = true;
	for (unsigned i = 0; i < 3; i++) {
		op = request(XEN_PCI_OP_enable_msi, 0);
		interrupt_enable_msi(&b->irq, &op, false);
		expect(&op, XEN_PCI_ERR_op_failed, 0);
		op = request(XEN_PCI_OP_enable_msix, 2);
		assert_int_equal(interrupt_enable_msix(&b->irq, &op, true), 0);
		expect(&op, XEN_PCI_ERR_op_failed, 2);
		op = request(XEN_PCI_OP_enable_multi_msi, 0);
		op.info = 4;
		interrupt_enable_multi_msi(&b->irq, &op, false);
		expect(&op, XEN_PCI_ERR_op_failed, 0);
		expect_off(b);
	}
	assert_int_equal(xen.maps, 0);
	assert_true(b->irq.told);
	op = request(XEN_PCI_OP_disable_msi, 0);
	interrupt_disable_msi(&b->irq, &op);
	expect(&op, 0, b->f.dev.info.irq);
}

static void multi_msi_gives_a_block(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_multi_msi, 0);

	op.info = 3; /* rounded up to 4 */
	assert_int_equal(interrupt_enable_multi_msi(&b->irq, &op, false), 0);
	expect(&op, 0, 52);
	assert_int_equal(mapped(), 4);
	assert_int_equal(hardware(b, MSI + PCI_MSI_FLAGS), 3 << 1 | 2 << 4 | PCI_MSI_FLAGS_ENABLE);
	op = request(XEN_PCI_OP_disable_msi, 0);
	interrupt_disable_msi(&b->irq, &op);
	expect_off(b);
}

static void multi_msi_says_how_many_would_do(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_multi_msi, 0);

	op.info = 16; /* the device has 8 */
	interrupt_enable_multi_msi(&b->irq, &op, false);
	expect(&op, XEN_PCI_ERR_op_failed, 0);
	assert_int_equal(op.info, 8);

	op = request(XEN_PCI_OP_enable_multi_msi, 0);
	op.info = 8;
	xen.refuse = ENFILE; /* Xen says 2 */
	interrupt_enable_multi_msi(&b->irq, &op, false);
	expect(&op, XEN_PCI_ERR_op_failed, 0);
	assert_int_equal(op.info, 2);

	for (unsigned i = 0; i < 3; i++) {
		op = request(XEN_PCI_OP_enable_multi_msi, 0);
		op.info = (uint32_t[]){ 0, 33, UINT32_MAX }[i];
		interrupt_enable_multi_msi(&b->irq, &op, false);
		expect(&op, XEN_PCI_ERR_op_failed, 0);
		assert_int_equal(op.info, 1);
	}
	expect_off(b);
	op = request(XEN_PCI_OP_enable_multi_msi, 0);
	op.info = 1;
	interrupt_enable_multi_msi(&b->irq, &op, false);
	expect(&op, 0, 55);
	assert_int_equal(op.info, 1);
}

static void a_request_carried_out_is_answered_again(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_msix, 2), again;
	unsigned maps;

	interrupt_enable_msix(&b->irq, &op, false);
	maps = xen.maps;
	again = request(XEN_PCI_OP_enable_msix, 2);
	assert_int_equal(interrupt_enable_msix(&b->irq, &again, true), 2);
	expect(&again, 0, 0);
	assert_int_equal(again.msix_entries[0].vector, op.msix_entries[0].vector);
	assert_int_equal(again.msix_entries[1].vector, op.msix_entries[1].vector);
	/* Others are not what was carried out, nor is the same, where none can have got lost. */
	again = request(XEN_PCI_OP_enable_msix, 3);
	assert_int_equal(interrupt_enable_msix(&b->irq, &again, true), 0);
	expect(&again, -EALREADY, 3);
	again = request(XEN_PCI_OP_enable_msix, 2);
	again.msix_entries[1].entry = 4;
	assert_int_equal(interrupt_enable_msix(&b->irq, &again, true), 0);
	expect(&again, -EALREADY, 2);
	again = request(XEN_PCI_OP_enable_msix, 2);
	assert_int_equal(interrupt_enable_msix(&b->irq, &again, false), 0);
	expect(&again, -EALREADY, 2);
	again = request(XEN_PCI_OP_enable_msi, 0);
	interrupt_enable_msi(&b->irq, &again, true);
	expect(&again, XEN_PCI_ERR_op_failed, 0);
	assert_int_equal(xen.maps, maps);
	assert_int_equal(mapped(), 2);
	assert_true(hardware(b, MSIX + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_ENABLE);
}

static void msi_carried_out_is_answered_again(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_multi_msi, 0);

	op.info = 4;
	interrupt_enable_multi_msi(&b->irq, &op, false);
	expect(&op, 0, 52);
	op = request(XEN_PCI_OP_enable_multi_msi, 0);
	op.info = 3; /* as many as were asked for, rounded up */
	interrupt_enable_multi_msi(&b->irq, &op, true);
	expect(&op, 0, 52);
	assert_int_equal(op.info, 4);
	op = request(XEN_PCI_OP_enable_multi_msi, 0);
	op.info = 2;
	interrupt_enable_multi_msi(&b->irq, &op, true);
	expect(&op, XEN_PCI_ERR_op_failed, 0);
	op = request(XEN_PCI_OP_enable_msi, 0);
	interrupt_enable_msi(&b->irq, &op, true);
	expect(&op, XEN_PCI_ERR_op_failed, 0);
	assert_int_equal(xen.maps, 1);

	interrupt_release(&b->irq);
	op = request(XEN_PCI_OP_enable_msi, 0);
	interrupt_enable_msi(&b->irq, &op, true);
	expect(&op, 0, 55);
	op = request(XEN_PCI_OP_enable_msi, 0);
	interrupt_enable_msi(&b->irq, &op, true);
	expect(&op, 0, 55);
	assert_int_equal(mapped(), 1);
}

/* A gate that takes over from one that died is told the mode, and sets the bits again. */
static void what_is_on_is_turned_on_again(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_multi_msi, 0);

	assert_int_equal(interrupt_turn_on(&b->irq), 0);
	expect_off(b);
	op.info = 4;
	interrupt_enable_multi_msi(&b->irq, &op, false);
	fake_put(&b->f, MSI + PCI_MSI_FLAGS, 2, 3 << 1);
	fake_put(&b->f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(interrupt_turn_on(&b->irq), 0);
	assert_int_equal(hardware(b, MSI + PCI_MSI_FLAGS), 3 << 1 | 2 << 4 | PCI_MSI_FLAGS_ENABLE);
	assert_true(hardware(b, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
	interrupt_release(&b->irq);
	op = request(XEN_PCI_OP_enable_msix, 2);
	interrupt_enable_msix(&b->irq, &op, false);
	fake_put(&b->f, MSIX + PCI_MSIX_FLAGS, 2, 4 | PCI_MSIX_FLAGS_MASKALL);
	assert_int_equal(interrupt_turn_on(&b->irq), 0);
	assert_int_equal(hardware(b, MSIX + PCI_MSIX_FLAGS), 4 | PCI_MSIX_FLAGS_ENABLE);
	b->f.fail_writes = EIO;
	fake_put(&b->f, MSIX + PCI_MSIX_FLAGS, 2, 4);
	assert_int_equal(interrupt_turn_on(&b->irq), -1);
	assert_int_equal(errno, EIO);
}

static void refusals_are_said(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_msix, 129);

	interrupt_enable_msix(&b->irq, &op, false);
	assert_int_equal(b->said, 1);
	op = request(XEN_PCI_OP_enable_msix, 2);
	interrupt_enable_msix(&b->irq, &op, false);
	assert_int_equal(b->said, 1);
}

static void capabilities_that_are_not_there_are_refused(void **state)
{
	struct bench *b = *state;
	struct xen_pci_op op = request(XEN_PCI_OP_enable_msi, 0);

	fake_init(&b->f, 0, 256);
	plug(b);
	interrupt_enable_msi(&b->irq, &op, false);
	expect(&op, XEN_PCI_ERR_op_failed, 0);
	fake_put(&b->f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	op = request(XEN_PCI_OP_enable_msix, 1);
	interrupt_enable_msix(&b->irq, &op, false);
	expect(&op, -EINVAL, (uint32_t)-EINVAL);
	op = request(XEN_PCI_OP_disable_msi, 5);
	interrupt_disable_msi(&b->irq, &op);
	expect(&op, 0, b->f.dev.info.irq);
	assert_int_equal(xen.maps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(msi_goes_on_and_off, setup),
		cmocka_unit_test_setup(msix_answers_vectors_in_order, setup),
		cmocka_unit_test_setup(a_driver_that_comes_back_gets_its_vectors, setup),
		cmocka_unit_test_setup(msix_is_refused_as_the_kernel_does, setup),
		cmocka_unit_test_setup(msix_is_all_or_nothing, setup),
		cmocka_unit_test_setup(a_device_that_takes_no_enable_bit_gets_no_vectors, setup),
		cmocka_unit_test_setup(a_table_nobody_prepared_leaves_msi, setup),
		cmocka_unit_test_setup(no_vectors_are_refused_whole, setup),
		cmocka_unit_test_setup(multi_msi_gives_a_block, setup),
		cmocka_unit_test_setup(multi_msi_says_how_many_would_do, setup),
		cmocka_unit_test_setup(a_request_carried_out_is_answered_again, setup),
		cmocka_unit_test_setup(msi_carried_out_is_answered_again, setup),
		cmocka_unit_test_setup(what_is_on_is_turned_on_again, setup),
		cmocka_unit_test_setup(refusals_are_said, setup),
		cmocka_unit_test_setup(capabilities_that_are_not_there_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
