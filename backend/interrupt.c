/* SPDX-License-Identifier: MIT */
#include "backend/interrupt.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "common/util.h"

#define NO_INTX_LINE 255

void interrupt_init(struct interrupts *irq, struct pcidev *dev, struct hypercall *hc,
		    struct talk *talk, struct memory_device *memory)
{
	memset(irq, 0, sizeof(*irq));
	irq->dev = dev;
	irq->hypercall = hc;
	irq->talk = talk;
	irq->memory = memory;
	irq->msi = (uint16_t)pcidev_find_cap(dev, PCI_CAP_ID_MSI);
	irq->msix = (uint16_t)pcidev_find_cap(dev, PCI_CAP_ID_MSIX);
}

static const char *name_of(const struct interrupts *irq, char buf[SBDF_TEXT])
{
	return sbdf_format(irq->dev->info.sbdf, buf);
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

/* Unmaps every pirq; one that Xen no longer knows is done. */
static void unmap_all(struct interrupts *irq)
{
	char buf[SBDF_TEXT];

	for (unsigned i = 0; i < irq->pirqs; i++) {
		if (!hypercall_unmap_pirq(irq->hypercall, irq->talk->domid, irq->pirq[i]))
			continue;
		irq->stuck = true;
		talk_say(irq->talk, XTL_WARN, "%s: cannot unmap pirq %u: %s",
			 name_of(irq, buf), irq->pirq[i], strerror(errno));
	}
	irq->pirqs = 0;
	irq->vectors = 0;
	irq->mode = INTERRUPT_NONE;
	interrupt_remember(irq, "none");
}

void interrupt_release(struct interrupts *irq)
{
	if (irq->mode == INTERRUPT_NONE)
		return;
	/* The device first: a vector that fires after its pirq is gone belongs to nobody. */
	if (irq->mode == INTERRUPT_MSI)
		change_word(irq, irq->msi + PCI_MSI_FLAGS,
			    PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE, 0);
	if (irq->mode == INTERRUPT_MSIX)
		change_word(irq, irq->msix + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE, 0);
	set_intx(irq, true);
	interrupt_remember(irq, "off");
	unmap_all(irq);
}

/* Whether the device itself says that MSI or MSI-X is on, whoever turned it on. */
static bool enabled_in_device(struct interrupts *irq, enum interrupt_mode mode)
{
	unsigned offset = mode == INTERRUPT_MSI ? irq->msi + PCI_MSI_FLAGS
						: irq->msix + PCI_MSIX_FLAGS;
	uint32_t flags, on = mode == INTERRUPT_MSI ? PCI_MSI_FLAGS_ENABLE : PCI_MSIX_FLAGS_ENABLE;

	if (irq->mode == mode)
		return true;
	if (!(mode == INTERRUPT_MSI ? irq->msi : irq->msix))
		return false;
	return !pcidev_read(irq->dev, offset, 2, &flags) && flags & on;
}

static unsigned refuse(struct interrupts *irq, struct xen_pci_op *op, int32_t err, uint32_t value,
		       const char *why)
{
	char buf[SBDF_TEXT];

	op->err = err;
	op->value = value;
	talk_say(irq->talk, XTL_INFO, "%s: %s refused: %s", name_of(irq, buf),
		 pciif_command_name(op->cmd), why);
	return 0;
}

static unsigned refuse_msi(struct interrupts *irq, struct xen_pci_op *op, const char *why)
{
	return refuse(irq, op, XEN_PCI_ERR_op_failed, 0, why);
}

/* NULL, or why neither MSI nor multi-MSI can be turned on. */
static const char *msi_obstacle(struct interrupts *irq)
{
	if (!irq->msi)
		return "the device has no MSI capability";
	if (enabled_in_device(irq, INTERRUPT_MSI))
		return "MSI is on already";
	if (enabled_in_device(irq, INTERRUPT_MSIX))
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

static unsigned finish_msi(struct interrupts *irq, struct xen_pci_op *op, unsigned log2)
{
	irq->mode = INTERRUPT_MSI;
	irq->pirqs = 1;
	irq->vectors = (uint16_t)(1u << log2);
	interrupt_remember(irq, "msi");
	if (turn_on_msi(irq, log2)) {
		const char *why = strerror(errno);

		interrupt_release(irq);
		return refuse_msi(irq, op, why);
	}
	op->err = XEN_PCI_ERR_success;
	op->value = irq->pirq[0];
	return 0;
}

static unsigned not_mapped(struct interrupts *irq, struct xen_pci_op *op)
{
	const char *why = strerror(errno);

	interrupt_remember(irq, "none");
	return refuse_msi(irq, op, why);
}

unsigned interrupt_enable_msi(struct interrupts *irq, struct xen_pci_op *op)
{
	const char *why = msi_obstacle(irq);

	if (why)
		return refuse_msi(irq, op, why);
	interrupt_remember(irq, "enabling");
	if (hypercall_map_msi(irq->hypercall, irq->talk->domid, irq->dev->info.sbdf, HYPERCALL_MSI,
			      0, &irq->pirq[0]))
		return not_mapped(irq, op);
	return finish_msi(irq, op, 0);
}

unsigned interrupt_enable_multi_msi(struct interrupts *irq, struct xen_pci_op *op)
{
	const char *why = msi_obstacle(irq);
	uint32_t flags, count = op->info, capable;
	unsigned log2 = 0;

	op->info = 1; /* a refused frontend asks again for this many */
	if (why)
		return refuse_msi(irq, op, why);
	if (!count || count > HYPERCALL_MULTI_MSI_MAX)
		return refuse_msi(irq, op, "the number of vectors is not in 1..32");
	if (pcidev_read(irq->dev, irq->msi + PCI_MSI_FLAGS, 2, &flags))
		return refuse_msi(irq, op, strerror(errno));
	capable = 1u << ((flags & PCI_MSI_FLAGS_QMASK) >> 1);
	while (1u << log2 < count)
		log2++;
	if (1u << log2 > capable) {
		op->info = capable;
		return refuse_msi(irq, op, "the device has fewer vectors");
	}
	if (count == 1)
		return interrupt_enable_msi(irq, op);
	count = 1u << log2;
	interrupt_remember(irq, "enabling");
	if (hypercall_map_multi_msi(irq->hypercall, irq->talk->domid, irq->dev->info.sbdf, &count,
				    &irq->pirq[0])) {
		if (errno == ENFILE && count < 1u << log2)
			op->info = count;
		return not_mapped(irq, op);
	}
	op->info = 1u << log2;
	return finish_msi(irq, op, log2);
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

/* Reads where the table is: entries, and the start of the BAR that holds it. */
static int locate_table(struct interrupts *irq, unsigned *entries, uint64_t *base)
{
	uint32_t flags, table;
	unsigned bir;

	if (pcidev_read(irq->dev, irq->msix + PCI_MSIX_FLAGS, 2, &flags) ||
	    pcidev_read(irq->dev, irq->msix + PCI_MSIX_TABLE, 4, &table))
		return -1;
	bir = table & PCI_MSIX_TABLE_BIR;
	if (bir >= PCIDEV_BARS || !irq->dev->info.resource[bir].start)
		return fail(EINVAL);
	*entries = (flags & PCI_MSIX_FLAGS_QSIZE) + 1;
	*base = irq->dev->info.resource[bir].start;
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

/* Maps all n entries, or none. */
static int map_entries(struct interrupts *irq, const struct xen_pci_op *op, unsigned n,
		       uint64_t base)
{
	interrupt_remember(irq, "enabling");
	for (irq->pirqs = 0; irq->pirqs < n; irq->pirqs++) {
		if (hypercall_map_msi(irq->hypercall, irq->talk->domid, irq->dev->info.sbdf,
				      op->msix_entries[irq->pirqs].entry, base,
				      &irq->pirq[irq->pirqs])) {
			int err = errno;

			unmap_all(irq);
			return fail(err);
		}
	}
	return 0;
}

static unsigned answer_msix(struct interrupts *irq, struct xen_pci_op *op)
{
	for (unsigned i = 0; i < irq->vectors; i++)
		op->msix_entries[i].vector = (uint16_t)irq->pirq[i];
	op->err = XEN_PCI_ERR_success;
	op->value = 0;
	return irq->vectors;
}

/* Refusals in the order that the kernel's backend makes them: the first that fits is the answer. */
unsigned interrupt_enable_msix(struct interrupts *irq, struct xen_pci_op *op)
{
	uint32_t n = op->value;
	unsigned table;
	uint64_t base;

	if (n > SH_INFO_MAX_VEC)
		return refuse(irq, op, -EINVAL, n, "more than 128 vectors in one request");
	if (enabled_in_device(irq, INTERRUPT_MSIX))
		return refuse(irq, op, -EALREADY, n, "MSI-X is on already");
	if (enabled_in_device(irq, INTERRUPT_MSI))
		return refuse(irq, op, -ENXIO, n, "MSI is on");
	if (!decodes_memory(irq))
		return refuse(irq, op, -ENXIO, n, "the device does not decode memory");
	if (!irq->msix || !n)
		return refuse_msix(irq, op, EINVAL, n ? "no MSI-X capability" : "no vectors asked for");
	if (locate_table(irq, &table, &base))
		return refuse_msix(irq, op, EINVAL, "the MSI-X table is in no BAR");
	if (irq->no_msix)
		return refuse(irq, op, XEN_PCI_ERR_op_failed, n,
			      "this Xen lets no one prepare MSI-X here (PVH dom0); MSI works");
	if (n > table)
		return refuse_msix(irq, op, ENOSPC, "more vectors than the table has");
	if (check_entries(op, n, table))
		return refuse_msix(irq, op, EINVAL, "an entry is beyond the table or named twice");
	if (map_entries(irq, op, n, base))
		return refuse_msix(irq, op, errno, strerror(errno));
	irq->mode = INTERRUPT_MSIX;
	irq->vectors = (uint16_t)n;
	interrupt_remember(irq, "msix");
	if (turn_on_msix(irq)) {
		interrupt_release(irq);
		return refuse_msix(irq, op, EIO, "the device does not take the enable bit");
	}
	return answer_msix(irq, op);
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
	if (irq->mode == INTERRUPT_MSIX)
		interrupt_release(irq);
	return disabled(irq, op);
}

int interrupt_turn_on(struct interrupts *irq)
{
	unsigned log2 = 0;

	if (irq->mode == INTERRUPT_MSIX)
		return turn_on_msix(irq);
	while (1u << log2 < irq->vectors)
		log2++;
	return turn_on_msi(irq, log2);
}

int interrupt_probe(struct interrupts *irq, uint32_t *pirq)
{
	unsigned table;
	uint64_t base = 0;

	if (!irq->msi && (!irq->msix || locate_table(irq, &table, &base)))
		return fail(ENODEV);
	if (hypercall_map_msi(irq->hypercall, irq->talk->domid, irq->dev->info.sbdf,
			      irq->msi ? HYPERCALL_MSI : 0, base, pirq))
		return -1;
	return hypercall_unmap_pirq(irq->hypercall, irq->talk->domid, *pirq);
}

bool interrupt_replayed(struct interrupts *irq, struct xen_pci_op *op, unsigned *vectors)
{
	*vectors = 0;
	if (op->cmd == XEN_PCI_OP_enable_msix && irq->mode == INTERRUPT_MSIX &&
	    op->value == irq->vectors) {
		*vectors = answer_msix(irq, op);
		return true;
	}
	if (irq->mode != INTERRUPT_MSI ||
	    (op->cmd != XEN_PCI_OP_enable_msi && op->cmd != XEN_PCI_OP_enable_multi_msi))
		return false;
	op->err = XEN_PCI_ERR_success;
	op->value = irq->pirq[0];
	op->info = irq->vectors;
	return true;
}
