/* SPDX-License-Identifier: MIT */
#include "backend/gate/gate.h"

#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "backend/gate/device.h"
#include "backend/gate/put_back.h"
#include "backend/gate/virtual.h"
#include "backend/lock.h"
#include "common/util.h"

#define REFUSALS_TOLD 16 /* a worker that asks for what it may not is told of so often, and no more */

struct gate {
	struct device_home home;
	unsigned refusals;
	uint64_t slept_ns; /* so long the host had slept when devices were put back behind that */
	uint64_t now_ns; /* boot_ns(), as last looked at */
	struct device device[SLOT_COUNT];
};

/* Places are touched as they are used: most guests have a device or two. */
static struct device *device_of(struct gate *g, unsigned slot)
{
	struct device *d = &g->device[slot];

	d->home = &g->home;
	d->slot = slot;
	return d;
}

/* ---- Devices ---- */

static void on_hold(struct device *d, const struct message *m)
{
	struct pcidev_reader reader = { .fd = -1 };
	struct problem p = { 0 };
	struct message answer;

	message_init(&answer, MESSAGE_HELD, d->slot);
	device_let_go(d);
	if (device_hold(d, &m->u.hold, &p, &answer.u.held) || pcidev_share(d->dev, &reader)) {
		answer.u.held.err = p.err ? p.err : errno;
		snprintf(answer.u.held.text, sizeof(answer.u.held.text), "%.250s",
			 p.err ? p.text : strerror(errno));
		device_let_go(d);
	}
	answer.u.held.reader = (struct message_reader){ reader.base, reader.held, reader.slow_ms };
	link_tell(&d->home->link, &answer, reader.fd);
	close_keep(reader.fd);
}

static bool mend_all(struct device *d)
{
	return put_back(&d->irq, d->saved);
}

/* The host has slept, or the device was left alone: it reads as itself, or is left alone from now on. 0 or errno. */
static int wake(struct device *d)
{
	int err = put_back_behind_sleep(&d->irq, d->saved, &d->changed) ? errno : 0;

	d->left_alone = err == ENODEV;
	return err;
}

/*
 * A worker's message may have been on its way when the host went to sleep, and be here before the
 * supervisor has noticed: what it is about is put back first.
 */
static void look_at_sleep(struct gate *g)
{
	uint64_t slept;

	if (!may_have_slept(&g->now_ns))
		return;
	slept = asleep_ns();
	if (slept < g->slept_ns + ASLEEP_LEAST_NS)
		return;
	g->slept_ns = slept;
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		if (g->device[i].dev)
			wake(&g->device[i]);
}

/* Nothing is written on the word of registers that are not the device's. */
static bool is_left_alone(struct device *d)
{
	if (d->left_alone && pcidev_is_itself(d->dev))
		wake(d);
	return d->left_alone;
}

static void answer_supervisor(struct device *d, enum message_kind to, int err, bool changed)
{
	struct message m;

	message_init(&m, MESSAGE_ANSWER, d->slot);
	m.u.answer.to = to;
	m.u.answer.err = err;
	m.u.answer.changed = changed;
	link_tell(&d->home->link, &m, -1);
}

static void on_look(struct device *d)
{
	struct message m;

	message_init(&m, MESSAGE_LOOKED, d->slot);
	m.u.looked.alive = pcidev_alive(d->dev);
	m.u.looked.lost = pcidev_lost_config(d->dev, d->saved);
	link_tell(&d->home->link, &m, -1);
}

static void obey(struct gate *g, const struct message *m)
{
	struct device *d = device_of(g, m->slot);
	int err = 0;
	bool changed = false, before = d->dev && d->irq.mode != VECTORS_NONE;

	if (m->kind == MESSAGE_HOLD) {
		on_hold(d, m);
		return;
	}
	if (m->kind == MESSAGE_ANSWER || m->kind == MESSAGE_MAPPED)
		return; /* to what nobody asks any more */
	if (m->kind == MESSAGE_FREE || !d->dev) {
		answer_supervisor(d, m->kind, m->kind == MESSAGE_FREE ? 0 : ENODEV, false);
		return;
	}
	switch (m->kind) {
	case MESSAGE_LET_GO:
		mend_all(d);
		interrupt_release(&d->irq);
		device_let_go(d);
		break;
	case MESSAGE_DISOWN:
		device_let_go(d);
		break;
	case MESSAGE_QUIET:
		mend_all(d);
		interrupt_release(&d->irq);
		break;
	case MESSAGE_MEND:
		changed = mend_all(d);
		break;
	case MESSAGE_LEND:
		close_keep(d->lock);
		d->lock = -1;
		break;
	case MESSAGE_TURN_ON:
		if (d->lock < 0)
			d->lock = device_lock(g->home.env->state_dir, d->dev->info.sbdf);
		put_back_vectors(&d->irq, "reset");
		break;
	case MESSAGE_WAKE:
		g->slept_ns = asleep_ns();
		err = wake(d);
		changed = d->changed;
		d->changed = false;
		break;
	case MESSAGE_LOOK:
		on_look(d);
		return;
	default:
		return;
	}
	if (d->dev) {
		mask_note_command(&d->mask, d->dev);
		mask_note_intx(&d->mask, before, d->irq.mode != VECTORS_NONE);
	}
	answer_supervisor(d, m->kind, err, changed);
}

static void on_supervisor(struct gate *g)
{
	struct message m;

	if (link_hear(&g->home.link, &m))
		obey(g, &m);
}

static void catch_up(struct gate *g)
{
	struct message m;

	while (link_take_deferred(&g->home.link, &m))
		obey(g, &m);
}

/* ---- The worker ---- */

/* It asked for what its filter would not have asked for: told, and refused. */
static int refuse(struct gate *g, struct device *d, const struct message_write *w, uint32_t old)
{
	char text[sizeof(((struct message_say *)0)->text)], name[SBDF_TEXT];

	if (g->refusals++ < REFUSALS_TOLD) {
		snprintf(text, sizeof(text), "%s: the gate refuses its worker a write of 0x%x at 0x%x "
			 "(%u bytes, now 0x%x): not open to the guest",
			 sbdf_format(d->dev->info.sbdf, name), w->value, w->offset, w->size, old);
		device_say(d, XTL_WARN, text);
	}
	return fail(EPERM);
}

/* The write was a reset of the guest's. 0, or -1 with errno. */
static int behind_reset(struct device *d, bool *changed)
{
	int err = put_back_behind_reset(&d->irq, d->saved) ? errno : 0;

	d->left_alone = err == ENODEV;
	*changed = !err;
	mask_note_command(&d->mask, d->dev);
	return err ? fail(err) : 0;
}

static int write_register(struct gate *g, struct device *d, const struct message_write *w, bool *changed)
{
	uint32_t old = ~w->value;
	bool reset;
	int rc;

	if (is_left_alone(d))
		return fail(EIO);
	/* Where each bit may change, what is there does not matter, and is not asked for. */
	if (!mask_allows(&d->mask, w->offset, w->size, old, w->value)) {
		if (pcidev_read(d->dev, w->offset, w->size, &old))
			return -1;
		if (!mask_allows(&d->mask, w->offset, w->size, old, w->value))
			return refuse(g, d, w, old);
	}
	reset = put_back_is_reset(&d->irq, w);
	rc = pcidev_write(d->dev, w->offset, w->size, w->value);
	if (reset && !rc)
		return behind_reset(d, changed);
	if (w->offset <= PCI_COMMAND && w->offset + w->size > PCI_COMMAND)
		mask_note_command(&d->mask, d->dev);
	return rc;
}

static void carry_out(struct device *d, struct message_interrupt *i)
{
	struct xen_pci_op *op = &i->op;
	bool first = i->first, before = d->irq.mode != VECTORS_NONE;

	i->reload = 0;
	i->vectors = 0;
	if (is_left_alone(d) && op->cmd != XEN_PCI_OP_disable_msi && op->cmd != XEN_PCI_OP_disable_msix) {
		op->err = XEN_PCI_ERR_op_failed;
		return;
	}
	switch (op->cmd) {
	case XEN_PCI_OP_enable_msi:
		i->vectors = interrupt_enable_msi(&d->irq, op, first);
		break;
	case XEN_PCI_OP_enable_multi_msi:
		i->vectors = interrupt_enable_multi_msi(&d->irq, op, first);
		break;
	case XEN_PCI_OP_enable_msix:
		i->vectors = interrupt_enable_msix(&d->irq, op, first);
		break;
	case XEN_PCI_OP_disable_msi:
		i->reload = mend_all(d);
		i->vectors = interrupt_disable_msi(&d->irq, op);
		break;
	case XEN_PCI_OP_disable_msix:
		i->reload = mend_all(d);
		i->vectors = interrupt_disable_msix(&d->irq, op);
		break;
	default:
		op->err = XEN_PCI_ERR_not_implemented;
		break;
	}
	mask_note_command(&d->mask, d->dev);
	mask_note_intx(&d->mask, before, d->irq.mode != VECTORS_NONE);
}

/* Nothing more is heard of the worker, which finds that out, and ends. */
static void leave_worker(struct gate *g, const char *why)
{
	char text[sizeof(((struct message_say *)0)->text)];

	link_drop_worker(&g->home.link);
	if (!why)
		return;
	snprintf(text, sizeof(text), "the gate hears no more of its worker: it %s", why);
	device_say(device_of(g, 0), XTL_WARN, text);
}

static void answer_worker(struct gate *g, const struct message *m)
{
	int worker = g->home.link.worker;

	/* One request at a time: a worker for whom there is no room is not waiting for an answer. */
	if (worker >= 0 && message_send(worker, m, NULL, 0, NULL, 0))
		leave_worker(g, errno == EAGAIN ? "takes no answers" : NULL);
}

static void on_worker(struct gate *g)
{
	struct message m, answer;
	struct device *d;
	bool changed = false;
	int rc = message_receive(g->home.link.worker, END_WORKER, END_GATE, &m, NULL, NULL, NULL);

	if (rc != 1) {
		leave_worker(g, rc < 0 && errno == EBADMSG ? "sent what it may not" : NULL);
		return;
	}
	look_at_sleep(g);
	d = device_of(g, m.slot);
	if (m.kind == MESSAGE_INTERRUPT && d->dev) {
		answer = m;
		answer.kind = MESSAGE_INTERRUPTED;
		carry_out(d, &answer.u.interrupt);
		answer_worker(g, &answer);
		return;
	}
	message_init(&answer, MESSAGE_ANSWER, m.slot);
	answer.u.answer.to = m.kind;
	if (!d->dev) {
		rc = fail(ENODEV);
	} else if (m.kind == MESSAGE_WRITE) {
		rc = write_register(g, d, &m.u.write, &changed);
	} else if (m.kind == MESSAGE_ENABLE && is_left_alone(d)) {
		rc = fail(EIO);
	} else if (m.kind == MESSAGE_ENABLE) {
		rc = pcidev_enable(d->dev, m.u.enable.on);
		mask_note_command(&d->mask, d->dev);
	} else {
		rc = fail(EBADMSG);
	}
	answer.u.answer.err = rc ? errno : 0;
	answer.u.answer.changed = changed || d->changed;
	answer_worker(g, &answer);
}

int gate_main(const struct env *env, int sock)
{
	struct gate *g = calloc(1, sizeof(*g));

	if (!g)
		return 1;
	prctl(PR_SET_NAME, "xenpci-gate");
	g->home.env = env;
	g->home.events = -1;
	link_init(&g->home.link, sock);
	g->slept_ns = asleep_ns();
	for (;;) {
		struct pollfd p[3] = { { .fd = sock, .events = POLLIN },
				       { .fd = g->home.link.worker, .events = POLLIN },
				       { .fd = g->home.events, .events = POLLIN } };

		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents)
			on_supervisor(g);
		else if (p[1].revents)
			on_worker(g);
		/* Requests come first: there is one of them between any two rounds of this. */
		if (p[2].revents)
			virtual_turn(g->home.events);
		catch_up(g);
	}
}
