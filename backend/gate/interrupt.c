/* SPDX-License-Identifier: MIT */
#include "backend/gate/interrupt.h"

#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"

#define NO_INTX_LINE 255
#define MULTI_MSI_MAX 32

void interrupt_init(struct interrupts *irq, struct pcidev *dev, const struct vectors *vectors)
{
	memset(irq, 0, sizeof(*irq));
	irq->dev = dev;
	irq->vectors = *vectors;
	irq->msi = (uint16_t)pcidev_find_cap(dev, PCI_CAP_ID_MSI);
	irq->msix = (uint16_t)pcidev_find_cap(dev, PCI_CAP_ID_MSIX);
}

/* Read-modify-write of a 16-bit register: the width that Xen's own filter lets through. */
static int change_word(struct interrupts *irq, unsigned offset, uint16_t clear, uint16_t set)
{
	uint32_t old, new;

	if (pcidev_read(irq->dev, offset, 2, &old))
		return -1;
	new = (old & ~(uint32_t)clear) | set;
	return new == old ? 0 : pcidev_write(irq->dev, offset, 2, new);
}

static int set_intx(struct interrupts *irq, bool on)
{
	return change_word(irq, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE,
			   on ? 0 : PCI_COMMAND_INTX_DISABLE);
}

static void unmap_all(struct interrupts *irq)
{
	irq->nr = 0;
	irq->mode = VECTORS_NONE;
	irq->vectors.unmap(irq->vectors.context);
}

void interrupt_release(struct interrupts *irq)
{
	if (irq->mode == VECTORS_NONE)
		return;
	/* The device first: a vector that fires after its pirq is gone belongs to nobody. */
	if (irq->mode == VECTORS_MSI)
		change_word(irq, irq->msi + PCI_MSI_FLAGS,
			    PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE, 0);
	if (irq->mode == VECTORS_MSIX)
		change_word(irq, irq->msix + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE, 0);
	set_intx(irq, true);
	unmap_all(irq);
}

bool interrupt_is_on(struct interrupts *irq, enum vectors_mode mode)
{
	unsigned offset = mode == VECTORS_MSI ? irq->msi + PCI_MSI_FLAGS
					      : irq->msix + PCI_MSIX_FLAGS;
	uint32_t flags, on = mode == VECTORS_MSI ? PCI_MSI_FLAGS_ENABLE : PCI_MSIX_FLAGS_ENABLE;

	if (irq->mode == mode)
		return true;
	if (!(mode == VECTORS_MSI ? irq->msi : irq->msix))
		return false;
	return !pcidev_read(irq->dev, offset, 2, &flags) && flags & on;
}

static unsigned refuse(struct interrupts *irq, struct xen_pci_op *op, int32_t err, uint32_t value,
		       const char *why)
{
	char text[sizeof(((struct message_say *)0)->text)], name[SBDF_TEXT];

	op->err = err;
	op->value = value;
	snprintf(text, sizeof(text), "%s: %s refused: %s", sbdf_format(irq->dev->info.sbdf, name),
		 pciif_command_name(op->cmd), why);
	irq->vectors.say(irq->vectors.context, XTL_INFO, text);
	return 0;
}

static unsigned refuse_msi(struct interrupts *irq, struct xen_pci_op *op, const char *why)
{
	return refuse(irq, op, XEN_PCI_ERR_op_failed, 0, why);
}

/* Said once: it is so for all devices and for good, and the start has told it. */
static unsigned refuse_vectors(struct interrupts *irq, struct xen_pci_op *op, uint32_t value)
{
	op->err = XEN_PCI_ERR_op_failed;
	op->value = value;
	if (irq->told)
		return 0;
	irq->told = true;
	return refuse(irq, op, XEN_PCI_ERR_op_failed, value,
		      "Xen lets this domain map no vectors (Operation not permitted); its interrupt line works");
}

/* NULL, or why neither MSI nor multi-MSI can be turned on. */
static const char *msi_obstacle(struct interrupts *irq)
{
	if (!irq->msi)
		return "the device has no MSI capability";
	if (interrupt_is_on(irq, VECTORS_MSI))
		return "MSI is on already";
	if (interrupt_is_on(irq, VECTORS_MSIX))
		return "MSI-X is on";
	return NULL;
}

/* Turns the device's MSI on, for 2^log2 messages. */
static int turn_on_msi(struct interrupts *irq, unsigned log2)
{
	if (set_intx(irq, false))
		return -1;
	return change_word(irq, irq->msi + PCI_MSI_FLAGS, PCI_MSI_FLAGS_QSIZE,
			   (uint16_t)(PCI_MSI_FLAGS_ENABLE | log2 << 4));
}

static int turn_on_msix(struct interrupts *irq)
{
	if (set_intx(irq, false))
		return -1;
	return change_word(irq, irq->msix + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_MASKALL,
			   PCI_MSIX_FLAGS_ENABLE);
}

static unsigned log2_of(unsigned n)
{
	unsigned log2 = 0;

	while (1u << log2 < n)
		log2++;
	return log2;
}

static void map(struct interrupts *irq, const struct message_map *want, struct message_mapped *got)
{
	memset(got, 0, sizeof(*got));
	irq->vectors.map(irq->vectors.context, want, got);
}

/* Vectors of a kind that is on already: whether they are op's, asked for a second time. */
static bool asked_again(struct interrupts *irq, const struct message_map *want,
			struct message_mapped *got)
{
	if (!want->first || irq->mode != want->mode)
		return false;
	map(irq, want, got);
	return !got->err && got->again;
}

static unsigned answer_msi(struct xen_pci_op *op, const struct message_mapped *got, unsigned nr)
{
	op->err = XEN_PCI_ERR_success;
	op->value = got->pirq[0];
	op->info = nr;
	return 0;
}

/* Maps what *want says, and turns MSI on. */
static unsigned enable_msi(struct interrupts *irq, struct xen_pci_op *op,
			   const struct message_map *want)
{
	unsigned nr = want->multi ? want->multi : 1;
	struct message_mapped got;

	map(irq, want, &got);
	if (got.err) {
		/* A frontend that is refused asks again for as many as there are. */
		if (want->multi && got.err == ENFILE && got.count < nr)
			op->info = got.count;
		return refuse_msi(irq, op, strerror(got.err));
	}
	irq->mode = VECTORS_MSI;
	irq->nr = (uint16_t)nr;
	if (turn_on_msi(irq, log2_of(nr))) {
		const char *why = strerror(errno);

		interrupt_release(irq);
		return refuse_msi(irq, op, why);
	}
	return answer_msi(op, &got, nr);
}

unsigned interrupt_enable_msi(struct interrupts *irq, struct xen_pci_op *op, bool first)
{
	const struct message_map want = { .mode = VECTORS_MSI, .first = first };
	uint32_t info = op->info;
	struct message_mapped got;
	const char *why;

	if (irq->no_vectors)
		return refuse_vectors(irq, op, 0);
	if (asked_again(irq, &want, &got))
		return answer_msi(op, &got, irq->nr);
	why = msi_obstacle(irq);
	if (why)
		return refuse_msi(irq, op, why);
	enable_msi(irq, op, &want);
	op->info = info;
	return 0;
}

unsigned interrupt_enable_multi_msi(struct interrupts *irq, struct xen_pci_op *op, bool first)
{
	struct message_map want = { .mode = VECTORS_MSI, .first = first };
	uint32_t flags, count = op->info, capable;
	struct message_mapped got;
	const char *why;

	op->info = 1; /* a refused frontend asks again for this many */
	if (irq->no_vectors)
		return refuse_vectors(irq, op, 0);
	if (count && count <= MULTI_MSI_MAX)
		want.multi = count == 1 ? 0 : 1u << log2_of(count);
	if (asked_again(irq, &want, &got))
		return answer_msi(op, &got, irq->nr);
	why = msi_obstacle(irq);
	if (why)
		return refuse_msi(irq, op, why);
	if (!count || count > MULTI_MSI_MAX)
		return refuse_msi(irq, op, "the number of vectors is not in 1..32");
	if (pcidev_read(irq->dev, irq->msi + PCI_MSI_FLAGS, 2, &flags))
		return refuse_msi(irq, op, strerror(errno));
	capable = 1u << ((flags & PCI_MSI_FLAGS_QMASK) >> 1);
	if (want.multi > capable) {
		op->info = capable;
		return refuse_msi(irq, op, "the device has fewer vectors");
	}
	return enable_msi(irq, op, &want);
}

static unsigned refuse_msix(struct interrupts *irq, struct xen_pci_op *op, int err, const char *why)
{
	return refuse(irq, op, -err, (uint32_t)-err, why);
}

/* A VF's decoding is its physical function's affair, and Xen looks there itself. */
static bool decodes_memory(struct interrupts *irq)
{
	uint32_t command;

	if (irq->dev->info.is_vf)
		return true;
	return !pcidev_read(irq->dev, PCI_COMMAND, 2, &command) && command & PCI_COMMAND_MEMORY;
}

/* How many entries the table has. 0, or -1 with errno: EINVAL (it is in no BAR), or the device's. */
static int read_table(struct interrupts *irq, unsigned *entries)
{
	uint32_t flags, table;
	unsigned bir;

	if (pcidev_read(irq->dev, irq->msix + PCI_MSIX_FLAGS, 2, &flags) ||
	    pcidev_read(irq->dev, irq->msix + PCI_MSIX_TABLE, 4, &table))
		return -1;
	bir = table & PCI_MSIX_TABLE_BIR;
	if (bir >= PCIDEV_BARS || !irq->dev->info.resource[bir].size)
		return fail(EINVAL);
	/* Where hardware's is has to be known, to Xen. A virtual device's is where its guest puts it. */
	if (!irq->dev->info.resource[bir].start && !irq->dev->info.is_virtual)
		return fail(EINVAL);
	*entries = (flags & PCI_MSIX_FLAGS_QSIZE) + 1;
	return 0;
}

/* Every entry below the table's end, and none twice. */
static int check_entries(const struct xen_pci_op *op, unsigned n, unsigned table)
{
	for (unsigned i = 0; i < n; i++) {
		if (op->msix_entries[i].entry >= table)
			return -1;
		for (unsigned k = 0; k < i; k++)
			if (op->msix_entries[k].entry == op->msix_entries[i].entry)
				return -1;
	}
	return 0;
}

static unsigned answer_msix(struct xen_pci_op *op, const struct message_mapped *got, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		op->msix_entries[i].vector = (uint16_t)got->pirq[i];
	op->err = XEN_PCI_ERR_success;
	op->value = 0;
	return nr;
}

/* Refusals in the order that the kernel's backend makes them: the first that fits is the answer. */
unsigned interrupt_enable_msix(struct interrupts *irq, struct xen_pci_op *op, bool first)
{
	struct message_map want = { .mode = VECTORS_MSIX, .nr = op->value, .first = first };
	struct message_mapped got;
	uint32_t n = op->value;
	unsigned table;

	if (irq->no_vectors)
		return refuse_vectors(irq, op, n);
	if (n > SH_INFO_MAX_VEC)
		return refuse(irq, op, -EINVAL, n, "more than 128 vectors in one request");
	for (unsigned i = 0; i < n; i++)
		want.entry[i] = op->msix_entries[i].entry;
	if (asked_again(irq, &want, &got))
		return answer_msix(op, &got, n);
	if (interrupt_is_on(irq, VECTORS_MSIX))
		return refuse(irq, op, -EALREADY, n, "MSI-X is on already");
	if (interrupt_is_on(irq, VECTORS_MSI))
		return refuse(irq, op, -ENXIO, n, "MSI is on");
	if (!decodes_memory(irq))
		return refuse(irq, op, -ENXIO, n, "the device does not decode memory");
	if (!irq->msix || !n)
		return refuse_msix(irq, op, EINVAL, n ? "no MSI-X capability" : "no vectors asked for");
	if (read_table(irq, &table))
		return refuse_msix(irq, op, EINVAL, "the MSI-X table is in no BAR");
	if (irq->no_msix)
		return refuse(irq, op, XEN_PCI_ERR_op_failed, n,
			      "this Xen lets no one prepare MSI-X here (PVH dom0); MSI works");
	if (n > table)
		return refuse_msix(irq, op, ENOSPC, "more vectors than the table has");
	if (check_entries(op, n, table))
		return refuse_msix(irq, op, EINVAL, "an entry is beyond the table or named twice");
	map(irq, &want, &got);
	if (got.err)
		return refuse_msix(irq, op, got.err, strerror(got.err));
	irq->mode = VECTORS_MSIX;
	irq->nr = (uint16_t)n;
	if (turn_on_msix(irq)) {
		interrupt_release(irq);
		return refuse_msix(irq, op, EIO, "the device does not take the enable bit");
	}
	return answer_msix(op, &got, n);
}

static unsigned disabled(struct interrupts *irq, struct xen_pci_op *op)
{
	uint32_t line = irq->dev->info.irq;

	op->err = XEN_PCI_ERR_success;
	op->value = line == NO_INTX_LINE ? 0 : line;
	return 0;
}

/*
 * MSI-X goes off as well: Linux's frontend sends this when a driver gives up its MSI-X
 * vectors, and would be refused when the driver comes back.
 */
unsigned interrupt_disable_msi(struct interrupts *irq, struct xen_pci_op *op)
{
	interrupt_release(irq);
	return disabled(irq, op);
}

unsigned interrupt_disable_msix(struct interrupts *irq, struct xen_pci_op *op)
{
	if (irq->mode == VECTORS_MSIX)
		interrupt_release(irq);
	return disabled(irq, op);
}

int interrupt_turn_on(struct interrupts *irq)
{
	if (irq->mode == VECTORS_NONE)
		return 0;
	return irq->mode == VECTORS_MSIX ? turn_on_msix(irq) : turn_on_msi(irq, log2_of(irq->nr));
}
