/* SPDX-License-Identifier: MIT */
#include "backend/gate/gate.h"

#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "backend/assignment.h"
#include "backend/gate/events.h"
#include "backend/gate/interrupt.h"
#include "backend/gate/mask.h"
#include "backend/gate/put_back.h"
#include "backend/lock.h"
#include "backend/messages/messages.h"
#include "common/problem.h"
#include "common/util.h"
#include "host/device/save.h"

#define REFUSALS_TOLD 16 /* a worker that asks for what it may not is told of so often, and no more */
#define EVENTS_AT_ONCE 4
#define DEFERRED_MAX (2 * SLOT_COUNT)

struct gate;

struct device {
	struct gate *gate;
	unsigned slot;
	struct provider *provider;
	struct pcidev *dev; /* NULL: the guest has none here */
	struct pcidev_saved *saved;
	struct interrupts irq;
	struct events events; /* a virtual device's */
	struct mask mask;
	int lock;
	bool left_alone; /* it did not read as itself behind a sleep or a reset */
	bool changed;	 /* it was put back, and the supervisor has not heard of that */
};

struct gate {
	const struct env *env;
	int supervisor;
	int worker; /* -1: none */
	int epoll;  /* of the virtual devices' events; -1: there were none */
	unsigned refusals;
	uint64_t slept_ns; /* so long the host had slept when devices were put back behind that */
	uint64_t now_ns; /* boot_ns(), as last looked at */
	/* What the supervisor sent while its answer was waited for, in order. */
	struct message *deferred[DEFERRED_MAX];
	unsigned nr_deferred;
	struct device device[SLOT_COUNT];
};

/* There is nothing to do for nobody: whatever is broken, the kernel closes and unlocks. */
static void end(int status) __attribute__((noreturn));
static void end(int status)
{
	_exit(status);
}

/* Places are touched as they are used: most guests have a device or two. */
static struct device *device_of(struct gate *g, unsigned slot)
{
	struct device *d = &g->device[slot];

	d->gate = g;
	d->slot = slot;
	return d;
}

static void tell(struct gate *g, const struct message *m, int fd)
{
	/* A supervisor that takes nothing is waited for: our guest's requests wait with us. */
	while (message_send(g->supervisor, m, &fd, fd >= 0, NULL, 0)) {
		struct pollfd p = { .fd = g->supervisor, .events = POLLOUT };

		if (errno != EAGAIN && errno != ENOBUFS)
			end(1);
		poll(&p, 1, 1000);
	}
}

static void say(void *context, unsigned level, const char *text)
{
	struct device *d = context;
	struct message m;

	message_init(&m, MESSAGE_SAY, d->slot);
	m.u.say.level = level;
	snprintf(m.u.say.text, sizeof(m.u.say.text), "%s", text);
	tell(d->gate, &m, -1);
}

static bool is_answer(const struct message *m, const struct message *asked)
{
	if (m->slot != asked->slot)
		return false;
	return m->kind == MESSAGE_MAPPED ? asked->kind == MESSAGE_MAP
					 : m->kind == MESSAGE_ANSWER && m->u.answer.to == asked->kind;
}

static void defer(struct gate *g, const struct message *m)
{
	struct message *copy = malloc(sizeof(*copy));

	if (!copy || g->nr_deferred == DEFERRED_MAX)
		end(1);
	*copy = *m;
	g->deferred[g->nr_deferred++] = copy;
}

/* Asks the supervisor, whose answer takes the place of *m. What else it sends meanwhile is kept. */
static void ask(struct gate *g, struct message *m)
{
	const struct message asked = *m;
	int fds[MESSAGE_FDS_MAX];

	tell(g, m, -1);
	for (;;) {
		if (message_receive(g->supervisor, END_SUPERVISOR, END_GATE, m, fds, NULL, NULL) != 1)
			end(0);
		if (is_answer(m, &asked))
			return;
		if (m->kind == MESSAGE_CONNECT) {
			close_keep(g->worker);
			g->worker = fds[0];
			continue;
		}
		defer(g, m);
	}
}

static void map(void *context, const struct message_map *want, struct message_mapped *got)
{
	struct device *d = context;
	struct message m;

	message_init(&m, MESSAGE_MAP, d->slot);
	m.u.map = *want;
	ask(d->gate, &m);
	*got = m.u.mapped;
}

static int ask_plain(struct device *d, enum message_kind kind)
{
	struct message m;

	message_init(&m, kind, d->slot);
	ask(d->gate, &m);
	return m.u.answer.err ? fail(m.u.answer.err) : 0;
}

static void unmap(void *context)
{
	ask_plain(context, MESSAGE_UNMAP);
}

static int restore(void *context)
{
	return ask_plain(context, MESSAGE_RESTORE);
}

static void map_event(void *context, const struct message_map *want, struct message_mapped *got)
{
	struct device *d = context;

	events_map(&d->events, want, got);
}

static void unmap_events(void *context)
{
	struct device *d = context;

	events_unmap(&d->events);
}

/* Xen has no messages of a virtual device's. */
static int restore_nothing(void *context)
{
	(void)context;
	return 0;
}

/* ---- Devices ---- */

static void let_go(struct device *d)
{
	if (!d->dev)
		return;
	mask_dispose(&d->mask);
	events_dispose(&d->events);
	pcidev_saved_free(d->saved);
	pcidev_close(d->dev);
	close_keep(d->lock);
	d->dev = NULL;
	d->saved = NULL;
	d->left_alone = d->changed = false;
}

static int add_events(struct gate *g, struct device *d)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = d };

	if (g->epoll < 0)
		g->epoll = epoll_create1(EPOLL_CLOEXEC);
	return g->epoll < 0 ? -1 : epoll_ctl(g->epoll, EPOLL_CTL_ADD, events_fd(&d->events), &ev);
}

/*
 * No hardware is behind the device, and Xen knows nothing of it: its interrupts are event channels, or refused,
 * and what a guest will miss is told. Those of an earlier gate are off, as their channels ended with it.
 */
static void hold_virtual(struct device *d, uint32_t domid)
{
	const struct vectors vectors = { map_event, unmap_events, say, d, restore_nothing };
	const bool forwards = !events_init(&d->events, d->dev, domid, d->gate->env->mute) &&
			      !add_events(d->gate, d);
	const char *why = forwards || errno == ENOTTY ? NULL : strerror(errno);
	char text[sizeof(((struct message_say *)0)->text)], name[SBDF_TEXT];

	d->irq.vectors = vectors;
	for (enum vectors_mode mode = VECTORS_MSI; mode <= VECTORS_MSIX; mode++) {
		d->irq.mode = (mode == VECTORS_MSI ? d->irq.msi : d->irq.msix) ? mode : VECTORS_NONE;
		interrupt_release(&d->irq);
	}
	if (!forwards) {
		d->irq.msi = d->irq.msix = 0;
		events_dispose(&d->events);
	}
	snprintf(text, sizeof(text), "%s: a program implements it: no DMA, BARs are decoded for no processor, "
		 "interrupts are %s%s%s", sbdf_format(d->dev->info.sbdf, name),
		 forwards ? "event channels, which a guest's kernel does not bind" : "refused", why ? ": " : "",
		 why ? why : "");
	say(d, why ? XTL_WARN : XTL_INFO, text);
}

/* Opens the device as hold says. 0, or -1 with errno and *p. */
static int hold(struct device *d, const struct message_hold *h, struct problem *p,
		struct message_held *held)
{
	const struct env *env = d->gate->env;
	const struct vectors vectors = { map, unmap, say, d, restore };
	struct assignment a;
	char name[SBDF_TEXT];
	uint32_t command;

	sbdf_format(h->sbdf, name);
	if (h->provider >= env->nr_providers)
		return problem_set(p, EINVAL, "%s: no such provider", name);
	events_none(&d->events);
	d->provider = env->providers[h->provider];
	d->lock = device_lock(env->state_dir, h->sbdf);
	d->dev = provider_open_device(d->provider, h->sbdf);
	if (!d->dev) {
		close_keep(d->lock);
		return problem_set(p, errno, "%s: cannot open the device: %s", name, strerror(errno));
	}
	d->dev->info.irq = h->irq;
	d->saved = pcidev_saved_parse(d->dev, h->saved);
	if (!d->saved)
		return problem_set(p, errno, "%s: its saved configuration is damaged: %s", name,
				   strerror(errno));
	assignment_init(&a, &env->settings, &d->dev->info, h->opts, h->opts_node);
	if (mask_init(&d->mask, d->dev, &a.policy.policy))
		return problem_set(p, errno, "%s: cannot build its filter: %s", name, strerror(errno));
	interrupt_init(&d->irq, d->dev, &vectors);
	d->irq.no_msix = h->no_msix;
	d->irq.no_vectors = h->no_vectors;
	d->irq.mode = h->mode;
	d->irq.nr = (uint16_t)h->vectors;
	if (d->dev->info.is_virtual)
		hold_virtual(d, h->domid);
	/*
	 * Killed between mapping and turning on, before an image that forgets, or behind a sleep: no harm twice.
	 * A Xen that does not write the messages anew has not lost them.
	 */
	if (d->irq.mode != VECTORS_NONE)
		d->irq.vectors.restore(d);
	if (interrupt_turn_on(&d->irq))
		return problem_set(p, errno, "%s: cannot go on with its interrupts: %s", name,
				   strerror(errno));
	mask_note_intx(&d->mask, false, d->irq.mode != VECTORS_NONE);
	if (!pcidev_read(d->dev, PCI_COMMAND, 2, &command))
		held->command = (uint16_t)command;
	held->policy.permissive = a.policy.policy.permissive;
	held->policy.interrupt_control = a.policy.policy.interrupt_control;
	held->policy.shadow = a.policy.policy.shadow;
	held->policy.nr_quirks = a.policy.policy.nr_quirks;
	memcpy(held->policy.quirks, a.policy.quirks, sizeof(held->policy.quirks));
	return 0;
}

static void on_hold(struct device *d, const struct message *m)
{
	struct pcidev_reader reader = { .fd = -1 };
	struct problem p = { 0 };
	struct message answer;

	message_init(&answer, MESSAGE_HELD, d->slot);
	let_go(d);
	if (hold(d, &m->u.hold, &p, &answer.u.held) || pcidev_share(d->dev, &reader)) {
		answer.u.held.err = p.err ? p.err : errno;
		snprintf(answer.u.held.text, sizeof(answer.u.held.text), "%.250s",
			 p.err ? p.text : strerror(errno));
		let_go(d);
	}
	answer.u.held.reader = (struct message_reader){ reader.base, reader.held, reader.slow_ms };
	tell(d->gate, &answer, reader.fd);
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
	uint64_t now = boot_ns(), since = now - g->now_ns, slept;

	/* A clock is a system call where Xen is emulated: the other one is read where this went far at once. */
	g->now_ns = now;
	if (since < ASLEEP_LEAST_NS)
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
	tell(d->gate, &m, -1);
}

static void on_look(struct device *d)
{
	struct message m;

	message_init(&m, MESSAGE_LOOKED, d->slot);
	m.u.looked.alive = pcidev_alive(d->dev);
	m.u.looked.lost = pcidev_lost_config(d->dev, d->saved);
	tell(d->gate, &m, -1);
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
	if (!d->dev) {
		answer_supervisor(d, m->kind, ENODEV, false);
		return;
	}
	switch (m->kind) {
	case MESSAGE_LET_GO:
		mend_all(d);
		interrupt_release(&d->irq);
		let_go(d);
		break;
	case MESSAGE_DISOWN:
		let_go(d);
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
			d->lock = device_lock(g->env->state_dir, d->dev->info.sbdf);
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
	int fds[MESSAGE_FDS_MAX];
	struct message m;

	if (message_receive(g->supervisor, END_SUPERVISOR, END_GATE, &m, fds, NULL, NULL) != 1)
		end(0);
	if (m.kind == MESSAGE_CONNECT) {
		close_keep(g->worker);
		g->worker = fds[0];
		return;
	}
	obey(g, &m);
}

static void catch_up(struct gate *g)
{
	while (g->nr_deferred) {
		struct message *m = g->deferred[0];

		g->nr_deferred--;
		for (unsigned i = 0; i < g->nr_deferred; i++)
			g->deferred[i] = g->deferred[i + 1];
		obey(g, m);
		free(m);
	}
}

/* ---- The worker ---- */

/* It asked for what its filter would not have asked for: told, and refused. */
static int refuse(struct device *d, const struct message_write *w, uint32_t old)
{
	char text[sizeof(((struct message_say *)0)->text)], name[SBDF_TEXT];

	if (d->gate->refusals++ < REFUSALS_TOLD) {
		snprintf(text, sizeof(text), "%s: the gate refuses its worker a write of 0x%x at 0x%x "
			 "(%u bytes, now 0x%x): not open to the guest",
			 sbdf_format(d->dev->info.sbdf, name), w->value, w->offset, w->size, old);
		say(d, XTL_WARN, text);
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

static int write_register(struct device *d, const struct message_write *w, bool *changed)
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
			return refuse(d, w, old);
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

	close_keep(g->worker);
	g->worker = -1;
	if (!why)
		return;
	snprintf(text, sizeof(text), "the gate hears no more of its worker: it %s", why);
	say(device_of(g, 0), XTL_WARN, text);
}

static void answer_worker(struct gate *g, const struct message *m)
{
	/* One request at a time: a worker for whom there is no room is not waiting for an answer. */
	if (g->worker >= 0 && message_send(g->worker, m, NULL, 0, NULL, 0))
		leave_worker(g, errno == EAGAIN ? "takes no answers" : NULL);
}

static void on_worker(struct gate *g)
{
	struct message m, answer;
	struct device *d;
	bool changed = false;
	int rc = message_receive(g->worker, END_WORKER, END_GATE, &m, NULL, NULL, NULL);

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
		rc = write_register(d, &m.u.write, &changed);
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

/* Requests come first: there is one of them between any two rounds of this. */
static void on_events(struct gate *g)
{
	struct epoll_event ev[EVENTS_AT_ONCE];
	int n = epoll_wait(g->epoll, ev, EVENTS_AT_ONCE, 0);

	for (int i = 0; i < n; i++)
		events_turn(&((struct device *)ev[i].data.ptr)->events);
}

int gate_main(const struct env *env, int sock)
{
	struct gate *g = calloc(1, sizeof(*g));

	if (!g)
		return 1;
	prctl(PR_SET_NAME, "xenpci-gate");
	g->env = env;
	g->supervisor = sock;
	g->worker = g->epoll = -1;
	g->slept_ns = asleep_ns();
	for (;;) {
		struct pollfd p[3] = { { .fd = sock, .events = POLLIN },
				       { .fd = g->worker, .events = POLLIN },
				       { .fd = g->epoll, .events = POLLIN } };

		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents)
			on_supervisor(g);
		else if (p[1].revents)
			on_worker(g);
		if (p[2].revents)
			on_events(g);
		catch_up(g);
	}
}
