/* SPDX-License-Identifier: MIT */
/*
 * One request of a guest: copied once, judged on the copy, answered. No allocation, no log; what may
 * wait is the device, by a read of ours or by the gate.
 */
#include <string.h>

#include "backend/worker/worker.h"
#include "common/probe.h"
#include "common/util.h"

/* Tells the supervisor of refused writes, each register once; what cannot be told now waits. */
static void tell_denials(struct device *d)
{
	struct config_denial denial;
	struct message m;

	while (config_take_denial(d->cfg, &denial)) {
		if (!ratelimit_allow(&d->worker->denials, d->worker->now_ns)) {
			config_put_back_denial(d->cfg);
			d->worker->untold = true;
			return;
		}
		message_init(&m, MESSAGE_DENIED, d->slot);
		m.u.denied = (struct message_denied){
			.offset = denial.offset, .access = denial.access, .size = denial.size,
			.value = denial.value, .bits = denial.bits,
			.no_hardware = denial.no_hardware, .quirk_offset = denial.quirk_offset,
			.quirk_width = denial.quirk_width, .quirk_mask = denial.quirk_mask,
		};
		copy_text(m.u.denied.field, sizeof(m.u.denied.field), denial.field);
		copy_text(m.u.denied.remedy, sizeof(m.u.denied.remedy), denial.remedy);
		if (!try_to_tell(d->worker, &m)) {
			config_put_back_denial(d->cfg);
			d->worker->untold = true;
			return;
		}
	}
}

void tell_denials_later(struct worker *w)
{
	if (!w->untold)
		return;
	w->untold = false;
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		if (w->device[i].cfg)
			tell_denials(&w->device[i]);
}

static void serve_write(struct device *d, struct xen_pci_op *op)
{
	struct ledger *l = d->worker->ledger;
	uint64_t before = config_denied_total(d->cfg), denied;

	d->denied = 0;
	d->was_reset = false;
	op->err = config_guest_write(d->cfg, op->offset, op->size, op->value);
	if (d->was_reset)
		device_reload(d);
	device_keep(d);
	denied = config_denied_total(d->cfg) - before;
	if (!denied)
		return;
	PROBE4(denial, d->worker->setup.domid, op->offset, op->size, d->denied);
	l->denied += denied;
	l->count[d->slot].denied += denied;
	tell_denials(d);
}

/* For who takes our place. Of a request that was begun by whoever was in ours, that has noted it. */
static void note_begun(struct device *d)
{
	struct ledger *l = d->worker->ledger;

	if (d->worker->first)
		return;
	atomic_store_explicit(&l->in_vain, l->on[d->slot] != VECTORS_NONE, memory_order_relaxed);
	atomic_store_explicit(&l->answered, 0, memory_order_release);
}

static void note_done(struct device *d, const struct xen_pci_op *op)
{
	uint8_t *on = &d->worker->ledger->on[d->slot];

	if (op->err)
		return;
	if (op->cmd == XEN_PCI_OP_enable_msix)
		*on = VECTORS_MSIX;
	else if (op->cmd == XEN_PCI_OP_enable_msi || op->cmd == XEN_PCI_OP_enable_multi_msi)
		*on = VECTORS_MSI;
	else if (op->cmd == XEN_PCI_OP_disable_msi || *on == VECTORS_MSIX)
		*on = VECTORS_NONE;
}

/* What only the gate can do. Returns how many vectors the answer carries. */
static unsigned serve_interrupt(struct device *d, struct xen_pci_op *op)
{
	struct message m;

	message_init(&m, MESSAGE_INTERRUPT, d->slot);
	m.u.interrupt.op = *op;
	m.u.interrupt.first = d->worker->first;
	note_begun(d);
	ask_gate(d->worker, &m);
	if (m.kind != MESSAGE_INTERRUPTED || m.u.interrupt.vectors > SH_INFO_MAX_VEC) {
		op->err = XEN_PCI_ERR_op_failed;
		return 0;
	}
	*op = m.u.interrupt.op;
	note_done(d, op);
	if (m.u.interrupt.reload)
		device_reload(d);
	return m.u.interrupt.vectors;
}

/* To a guest whose device is another's, it is one that was pulled out. */
static void serve_gone(struct xen_pci_op *op)
{
	switch (op->cmd) {
	case XEN_PCI_OP_conf_read:
		op->err = XEN_PCI_ERR_success;
		op->value = op->size == 1 ? UINT8_MAX : op->size == 2 ? UINT16_MAX : UINT32_MAX;
		break;
	case XEN_PCI_OP_conf_write:
	case XEN_PCI_OP_disable_msi:
	case XEN_PCI_OP_disable_msix:
		op->err = XEN_PCI_ERR_success;
		break;
	default:
		op->err = XEN_PCI_ERR_dev_not_found;
		break;
	}
}

static unsigned serve_op(struct worker *w, struct device *d, struct xen_pci_op *op)
{
	if (!d) {
		if (device_is_gone(w, op->domain, op->bus, op->devfn))
			serve_gone(op);
		else
			op->err = XEN_PCI_ERR_dev_not_found;
		return 0;
	}
	w->ledger->count[d->slot].requests++;
	switch (op->cmd) {
	case XEN_PCI_OP_conf_read:
		op->err = config_guest_read(d->cfg, op->offset, op->size, &op->value);
		return 0;
	case XEN_PCI_OP_conf_write:
		serve_write(d, op);
		return 0;
	case XEN_PCI_OP_enable_msi:
	case XEN_PCI_OP_disable_msi:
	case XEN_PCI_OP_enable_msix:
	case XEN_PCI_OP_disable_msix:
	case XEN_PCI_OP_enable_multi_msi:
		return serve_interrupt(d, op);
	default:
		op->err = XEN_PCI_ERR_not_implemented;
		return 0;
	}
}

static void count(struct worker *w, uint32_t cmd, uint64_t took_ns)
{
	struct ledger *l = w->ledger;
	const unsigned last = sizeof(l->commands) / sizeof(l->commands[0]) - 1;
	uint64_t us = took_ns / 1000;
	unsigned bucket = 0;

	l->commands[cmd < last ? cmd : last]++;
	while (us && bucket < LEDGER_BUCKETS - 1) {
		us >>= 1;
		bucket++;
	}
	l->latency[bucket]++;
	l->took_ns += took_ns;
}

static void tell_late(struct worker *w, uint32_t cmd, uint64_t took_ns)
{
	struct message m;

	message_init(&m, MESSAGE_LATE, 0);
	m.u.late.cmd = cmd;
	m.u.late.ms = took_ns / 1000000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(took_ns / 1000000);
	tell_supervisor(w, &m, -1);
}

void look_at_clock(struct worker *w)
{
	w->may_have_slept |= may_have_slept(&w->now_ns);
}

/* For how long the host has slept without its server having noticed, or being through with it; 0: it has not. */
static uint64_t slept_since(const struct worker *w)
{
	uint64_t slept;

	if (!w->may_have_slept || w->slept_ns == UINT64_MAX)
		return 0;
	slept = asleep_ns();
	return slept < w->slept_ns + ASLEEP_LEAST_NS ? 0 : slept - w->slept_ns;
}

/* Then nothing is answered before a RESUME says so. */
static bool host_has_slept(struct worker *w)
{
	w->paused = slept_since(w) > 0;
	w->may_have_slept = false;
	return w->paused;
}

/* How long a request took that the host did not sleep. */
static uint64_t took_since(struct worker *w, uint64_t start)
{
	uint64_t took, slept;

	look_at_clock(w);
	took = w->now_ns - start;
	slept = slept_since(w);
	return slept < took ? took - slept : 0;
}

bool serve_request(struct worker *w)
{
	uint64_t start = w->now_ns, took;
	struct xen_pci_op op;
	struct device *d;
	unsigned vectors;
	uint32_t tracing;

	if (!page_requested(w->page) || (w->may_have_slept && host_has_slept(w)))
		return false;
	page_snapshot(w->page, &op);
	PROBE5(request, w->setup.domid, op.cmd, op.devfn, op.offset, op.size);
	d = device_find(w, op.domain, op.bus, op.devfn);
	vectors = serve_op(w, d, &op);
	w->first = false;
	page_answer(w->page, &op, vectors, op.cmd == XEN_PCI_OP_enable_multi_msi);
	if (!atomic_load_explicit(&w->ledger->answered, memory_order_relaxed))
		atomic_store_explicit(&w->ledger->answered, 1, memory_order_release);
	/* A guest that is not kicked waits in vain; whoever takes our place kicks it. */
	if (xenevtchn_notify(w->evtchn, w->port))
		_exit(1);
	/* The guest goes on already: the clock is looked at behind its back. */
	took = took_since(w, start);
	count(w, op.cmd, took);
	PROBE4(answer, w->setup.domid, op.cmd, op.err, took);
	tracing = atomic_load_explicit(&w->ledger->tracing, memory_order_relaxed);
	if (tracing)
		record_trace(w, d, &op, took, tracing);
	if (took / 1000000 >= w->setup.late_ms)
		tell_late(w, op.cmd, took);
	return true;
}
