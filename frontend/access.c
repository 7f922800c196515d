/* SPDX-License-Identifier: MIT */
#include "frontend/access.h"

#include "common/util.h"
#include "frontend/answer.h"

struct call call_begin(struct channel *ch, struct xenpcifront_address address)
{
	return (struct call){ ch, address, now_ns() + (uint64_t)ch->call_ms * NS_PER_MS };
}

static uint32_t ones(unsigned size)
{
	return size >= 4 ? UINT32_MAX : (1u << size * 8) - 1;
}

static bool valid(unsigned offset, unsigned size)
{
	return (size == 1 || size == 2 || size == 4) && offset % size == 0 &&
	       offset < XENPCIFRONT_CONFIG_SIZE;
}

/*
 * Fills the head; a config access has no entries (page_post_head). err is preset: a backend that
 * forgets to answer (NetBSD's, on a failed look-up) fails.
 */
static void config_op(struct xen_pci_op *op, uint32_t cmd, struct xenpcifront_address a,
		      unsigned offset, unsigned size, uint32_t value)
{
	op->cmd = cmd;
	op->err = XEN_PCI_ERR_dev_not_found;
	op->domain = a.segment;
	op->bus = a.bus;
	op->devfn = a.devfn;
	op->offset = (int32_t)offset;
	op->size = (int32_t)size;
	op->value = value;
	op->info = 0;
}

int access_read_locked(struct channel *ch, struct xenpcifront_address address, unsigned offset,
		       unsigned size, uint32_t *value)
{
	struct xen_pci_op op;

	config_op(&op, XEN_PCI_OP_conf_read, address, offset, size, 0);
	*value = ones(size);
	if (channel_exchange(ch, &op) || answer_judge(&op, NULL))
		return -1;
	*value = op.value & ones(size);
	return 0;
}

int access_write_locked(struct channel *ch, struct xenpcifront_address address, unsigned offset,
			unsigned size, uint32_t value)
{
	struct xen_pci_op op;

	config_op(&op, XEN_PCI_OP_conf_write, address, offset, size, value & ones(size));
	return channel_exchange(ch, &op) ? -1 : answer_judge(&op, NULL);
}

int access_restore_locked(struct channel *ch, struct xenpcifront_address address, unsigned offset,
			  unsigned size, uint32_t value)
{
	struct xen_pci_op op, sent;

	config_op(&op, XEN_PCI_OP_conf_write, address, offset, size, value & ones(size));
	sent = op;
	if (!ch->poisoned && !channel_exchange(ch, &sent))
		return answer_judge(&sent, NULL);
	channel_owe(ch, &op);
	return fail(ETIMEDOUT);
}

/* Sends op for call. 0, or -1 with the request errors. */
static int ask(const struct call *call, struct xen_pci_op *op, struct xenpcifront_answer *answer)
{
	if (channel_request(call->ch, op, call->limit))
		return answer_none(answer);
	return answer_judge(op, answer);
}

static int refuse(struct xenpcifront_answer *answer)
{
	answer_none(answer);
	return fail(EINVAL);
}

int access_read(const struct call *call, unsigned offset, unsigned size, uint32_t *value,
		struct xenpcifront_answer *answer)
{
	struct xen_pci_op op;

	config_op(&op, XEN_PCI_OP_conf_read, call->address, offset, size, 0);
	*value = ones(size);
	if (!valid(offset, size))
		return refuse(answer);
	if (ask(call, &op, answer))
		return -1;
	*value = op.value & ones(size);
	return 0;
}

int access_write(const struct call *call, unsigned offset, unsigned size, uint32_t value,
		 struct xenpcifront_answer *answer)
{
	struct xen_pci_op op;

	config_op(&op, XEN_PCI_OP_conf_write, call->address, offset, size, value & ones(size));
	return valid(offset, size) ? ask(call, &op, answer) : refuse(answer);
}
