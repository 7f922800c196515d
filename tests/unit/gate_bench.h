/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of one function: the gate's part over a device in memory, the supervisor's part, which
 * judges and maps, behind its callbacks, and a hypervisor of a few lines. Included by one file of
 * each test program.
 */
#ifndef XENPCI_TESTS_UNIT_GATE_BENCH_H
#define XENPCI_TESTS_UNIT_GATE_BENCH_H

#include "tests/unit/hypervisor_fake.h"

#include <linux/pci_regs.h>

#include "backend/gate/interrupt.h"
#include "tests/unit/support_config.h"

enum { MSI = 0xd0, MSIX = 0xa0 };

/* A NIC with MSI for 8 and MSI-X for 5 vectors, its table in BAR 3. */
struct bench {
	struct fake f;
	struct talk talk;
	struct successor_device successor;
	struct vector_record record; /* the supervisor's */
	struct interrupts irq;	     /* the gate's */
	unsigned said;
	unsigned asked; /* how often the gate has asked the supervisor for vectors */
};

static void map(void *context, const struct message_map *want, struct message_mapped *got)
{
	struct bench *b = context;

	b->asked++;
	vectors_map(&b->record, want, got);
}

static void unmap(void *context)
{
	struct bench *b = context;

	vectors_unmap(&b->record);
}

static void say(void *context, unsigned level, const char *text)
{
	struct bench *b = context;

	assert_true(level && text[0]);
	b->said++;
}

/* Both parts, for a device as it was seen before its guest had it. */
static void plug(struct bench *b)
{
	const struct vectors vectors = { map, unmap, say, b, NULL };

	interrupt_init(&b->irq, &b->f.dev, &vectors);
	b->record = (struct vector_record){ .talk = &b->talk, .successor = &b->successor };
	b->record.has_msi = b->irq.msi;
	b->record.has_msix = b->irq.msix;
	if (!b->irq.msix)
		return;
	b->record.entries =
		(uint16_t)((fake_get(&b->f, MSIX + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1);
	b->record.base = b->f.dev.info.resource[3].start;
}

static int setup(void **state)
{
	static struct bench b;

	hypervisor_reset();
	memset(&b, 0, sizeof(b));
	fake_nic(&b.f);
	fake_put(&b.f, MSI + PCI_MSI_FLAGS, 2, 3 << 1);
	fake_put(&b.f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	talk_init(&b.talk, NULL, DOMID);
	plug(&b);
	assert_int_equal(b.irq.msi, MSI);
	assert_int_equal(b.irq.msix, MSIX);
	*state = &b;
	return 0;
}

static struct xen_pci_op request(uint32_t cmd, uint32_t value)
{
	struct xen_pci_op op = { .cmd = cmd, .err = 99, .value = value };

	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		op.msix_entries[i] = (struct xen_msix_entry){ .vector = 0xffff, .entry = (uint16_t)i };
	return op;
}

static uint32_t hardware(struct bench *b, unsigned offset)
{
	return fake_get(&b->f, offset, 2);
}

static void expect(const struct xen_pci_op *op, int32_t err, uint32_t value)
{
	if (op->err != err || op->value != value)
		fail_msg("command %u answered %d, 0x%x, not %d, 0x%x", op->cmd, op->err, op->value, err,
			 value);
}

static void expect_off(struct bench *b)
{
	assert_int_equal(mapped(), 0);
	assert_int_equal(hardware(b, MSI + PCI_MSI_FLAGS) & (PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE), 0);
	assert_int_equal(hardware(b, MSIX + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_ENABLE, 0);
	assert_int_equal(hardware(b, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE, 0);
	assert_int_equal(xen.bad_unmaps, 0);
}

#endif
