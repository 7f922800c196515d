/* SPDX-License-Identifier: MIT */
/* MSI, multi-message MSI, MSI-X: requests out, pirqs back, none of them taken on trust. */
#include "frontend/answer.h"
#include "frontend/front.h"

/* Vectors travel in 16 bits (MSI-X), and no guest has more pirqs. */
#define MAX_PIRQ      0xffff
#define MAX_MULTI_MSI 32

static bool is_pirq(uint64_t v)
{
	return v > 0 && v <= MAX_PIRQ;
}

static struct xen_pci_op device_op(uint32_t cmd, struct xenpcifront_address a)
{
	return (struct xen_pci_op){
		.cmd = cmd,
		.err = XEN_PCI_ERR_op_failed,
		.domain = a.segment,
		.bus = a.bus,
		.devfn = a.devfn,
	};
}

static int ask(struct xenpcifront *fe, struct xen_pci_op *op, struct xenpcifront_answer *answer)
{
	if (channel_request(&fe->channel, op, NO_LIMIT))
		return answer_none(answer);
	return answer_judge(op, answer);
}

int xenpcifront_enable_msi(struct xenpcifront *fe, struct xenpcifront_address address,
			   uint32_t *pirq, struct xenpcifront_answer *answer)
{
	struct xen_pci_op op = device_op(XEN_PCI_OP_enable_msi, address);

	if (ask(fe, &op, answer))
		return -1;
	if (!is_pirq(op.value))
		return answer_nonsense(answer);
	*pirq = op.value;
	return 0;
}

int xenpcifront_disable_msi(struct xenpcifront *fe, struct xenpcifront_address address,
			    struct xenpcifront_answer *answer)
{
	struct xen_pci_op op = device_op(XEN_PCI_OP_disable_msi, address);

	return ask(fe, &op, answer);
}

int xenpcifront_enable_multi_msi(struct xenpcifront *fe, struct xenpcifront_address address,
				 unsigned count, uint32_t *pirq, unsigned *available,
				 struct xenpcifront_answer *answer)
{
	struct xen_pci_op op = device_op(XEN_PCI_OP_enable_multi_msi, address);
	int rc;

	if (available)
		*available = 1;
	if (!count || count > MAX_MULTI_MSI) {
		answer_none(answer);
		return fail(EINVAL);
	}
	op.info = count;
	rc = ask(fe, &op, answer);
	if (rc && available && op.info > 1 && op.info < count)
		*available = op.info;
	if (rc)
		return -1;
	if (!is_pirq(op.value) || !is_pirq((uint64_t)op.value + count - 1))
		return answer_nonsense(answer);
	*pirq = op.value;
	if (available)
		*available = count;
	return 0;
}

static bool distinct(const uint16_t *numbers, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			if (numbers[i] == numbers[k])
				return false;
	return true;
}

int xenpcifront_enable_msix(struct xenpcifront *fe, struct xenpcifront_address address,
			    const uint16_t *entries, unsigned count, uint32_t *pirqs,
			    struct xenpcifront_answer *answer)
{
	struct xen_pci_op op = device_op(XEN_PCI_OP_enable_msix, address);
	uint16_t vectors[XENPCIFRONT_MAX_VECTORS];

	if (!count || count > XENPCIFRONT_MAX_VECTORS || !distinct(entries, count)) {
		answer_none(answer);
		return fail(EINVAL);
	}
	op.value = count;
	for (unsigned i = 0; i < count; i++) {
		op.msix_entries[i].entry = entries[i];
		op.msix_entries[i].vector = UINT16_MAX; /* as Linux sends it */
	}
	if (ask(fe, &op, answer))
		return -1;
	/* Old kernels answer success and how many there would have been. */
	if (op.value)
		return answer_nonsense(answer);
	for (unsigned i = 0; i < count; i++) {
		vectors[i] = op.msix_entries[i].vector;
		if (!is_pirq(vectors[i]) || vectors[i] == UINT16_MAX)
			return answer_nonsense(answer);
	}
	if (!distinct(vectors, count))
		return answer_nonsense(answer);
	for (unsigned i = 0; i < count; i++)
		pirqs[i] = vectors[i];
	return 0;
}

int xenpcifront_disable_msix(struct xenpcifront *fe, struct xenpcifront_address address,
			     struct xenpcifront_answer *answer)
{
	struct xen_pci_op op = device_op(XEN_PCI_OP_disable_msix, address);

	return ask(fe, &op, answer);
}
