/* SPDX-License-Identifier: MIT */
/* The guest's devices as the worker has them: read through a descriptor, written by the gate. */
#include <linux/pci_regs.h>
#include <string.h>

#include "backend/worker/worker.h"
#include "common/util.h"
#include "host/device/slow.h"

static struct device *device_of(struct pcidev *dev)
{
	return (struct device *)dev;
}

void ask_gate(struct worker *w, struct message *m)
{
	atomic_store_explicit(&w->ledger->at_gate, 1, memory_order_relaxed);
	if (message_send(w->gate, m, NULL, 0, NULL, 0) ||
	    message_receive(w->gate, END_GATE, END_WORKER, m, NULL, NULL, NULL) != 1)
		_exit(1);
	atomic_store_explicit(&w->ledger->at_gate, 0, memory_order_relaxed);
	/* A request may need its gate more than once, which is free in between. */
	atomic_fetch_add_explicit(&w->ledger->progress, 1, memory_order_relaxed);
	w->gave_way = true;
}

void tell_supervisor(struct worker *w, const struct message *m, int fd)
{
	/* What finds no room is lost: the supervisor has enough of us to look at. */
	if (message_send(w->supervisor, m, &fd, fd >= 0, NULL, 0) && errno != EAGAIN)
		_exit(1);
}

bool try_to_tell(struct worker *w, const struct message *m)
{
	if (!message_send(w->supervisor, m, NULL, 0, NULL, 0))
		return true;
	if (errno != EAGAIN)
		_exit(1);
	return false;
}

static int plain_answer(const struct message *m)
{
	if (m->kind != MESSAGE_ANSWER)
		return fail(EBADMSG);
	return m->u.answer.err ? fail(m->u.answer.err) : 0;
}

static int read_bytes(const struct device *d, uint64_t at, void *bytes, size_t size)
{
	ssize_t n;

	do
		n = pread(d->fd, bytes, size, (off_t)at);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size ? 0 : fail(n < 0 ? errno : EIO);
}

static int device_read(struct pcidev *dev, unsigned offset, unsigned size, uint32_t *value)
{
	const struct device *d = device_of(dev);
	uint8_t raw[4] = { 0 }, held = 0;

	*value = UINT32_MAX >> (32 - 8 * size);
	if (d->reader.slow_ms)
		slow_sleep(d->reader.slow_ms * 1000000ull);
	if (d->reader.held && read_bytes(d, d->reader.held, &held, 1))
		return -1;
	if (held)
		return 0;
	if (read_bytes(d, d->reader.base + offset, raw, size)) {
		*value = UINT32_MAX;
		return -1;
	}
	*value = 0;
	for (unsigned i = 0; i < size; i++)
		*value |= (uint32_t)raw[i] << 8 * i;
	return 0;
}

static int device_write(struct pcidev *dev, unsigned offset, unsigned size, uint32_t value)
{
	struct device *d = device_of(dev);
	struct message m;

	message_init(&m, MESSAGE_WRITE, d->slot);
	m.u.write = (struct message_write){ offset, size, value };
	ask_gate(d->worker, &m);
	d->was_reset |= m.kind == MESSAGE_ANSWER && m.u.answer.changed;
	return plain_answer(&m);
}

static int device_enable(struct pcidev *dev, bool on)
{
	struct device *d = device_of(dev);
	struct message m;

	message_init(&m, MESSAGE_ENABLE, d->slot);
	m.u.enable.on = on;
	ask_gate(d->worker, &m);
	return plain_answer(&m);
}

static int device_reset(struct pcidev *dev)
{
	(void)dev;
	return fail(EACCES);
}

static void device_close(struct pcidev *dev)
{
	(void)dev;
}

static const struct pcidev_ops ops = {
	.read = device_read,
	.write = device_write,
	.enable = device_enable,
	.reset = device_reset,
	.close = device_close,
};

/* ---- The shadow ---- */

static void to_ledger(const struct config_state *s, struct ledger_state *out)
{
	*out = (struct ledger_state){ .command = s->command, .command_home = s->command_home,
				      .enabled = s->enabled, .latches = s->latches };
	memcpy(out->bar, s->bar, sizeof(out->bar));
}

void device_keep(struct device *d)
{
	struct ledger_device *l = &d->worker->ledger->device[d->slot];
	unsigned other = !(l->current & 1);
	struct config_state state;
	struct ledger_state now;

	config_save_state(d->cfg, &state);
	to_ledger(&state, &now);
	if (!memcmp(&now, &d->kept, sizeof(now)))
		return;
	d->kept = now;
	l->state[other] = now;
	atomic_store(&l->current, other);
	atomic_store(&l->shadow, LEDGER_KEPT);
}

/* Bus mastering and the like, as the guest set them: hardware remembers, an image does not. */
static int wake_image(struct device *d, const struct config_state *state)
{
	const uint32_t guests = PCI_COMMAND_MASTER | PCI_COMMAND_SPECIAL | PCI_COMMAND_INVALIDATE |
				PCI_COMMAND_VGA_PALETTE | PCI_COMMAND_WAIT | PCI_COMMAND_FAST_BACK;
	uint32_t command, next;

	if (!d->dev.info.bars_movable)
		return 0;
	if (pcidev_read(&d->dev, PCI_COMMAND, 2, &command))
		return -1;
	next = (command & ~guests) | (state->command & guests);
	return next == command ? 0 : pcidev_write(&d->dev, PCI_COMMAND, 2, next);
}

/* The shadow as the ledger has it. 0, or -1 with errno: EINVAL (the ledger's is none for this device). */
static int load_state(struct device *d, bool resumed)
{
	struct ledger_device *l = &d->worker->ledger->device[d->slot];
	struct ledger_state s = l->state[l->current & 1];
	uint32_t shadow = l->shadow;
	struct config_state state;

	config_save_state(d->cfg, &state);
	if (shadow == LEDGER_NONE)
		return 0;
	state.command = s.command;
	state.command_home = shadow == LEDGER_KEPT ? s.command_home : s.command;
	if (shadow == LEDGER_KEPT) {
		state.enabled = s.enabled != 0;
		state.latches = s.latches;
		memcpy(state.bar, s.bar, sizeof(state.bar));
	}
	if (config_load_state(d->cfg, &state))
		return -1;
	return resumed && shadow == LEDGER_KEPT ? wake_image(d, &state) : 0;
}

int device_reload(struct device *d)
{
	struct config_state state;

	config_save_state(d->cfg, &state);
	return config_load_state(d->cfg, &state) ? errno : 0;
}

/* ---- Coming and going ---- */

int device_drop(struct worker *w, unsigned slot)
{
	struct device *d = &w->device[slot];

	if (!d->cfg)
		return ENODEV;
	config_close(d->cfg);
	close_keep(d->fd);
	d->cfg = NULL;
	w->last = NULL;
	return 0;
}

/* The place of virt among those that are gone; nr_gone where it is none. */
static unsigned find_gone(const struct worker *w, struct sbdf virt)
{
	unsigned i = 0;

	while (i < w->nr_gone && !sbdf_equal(w->gone[i], virt))
		i++;
	return i;
}

int device_gone(struct worker *w, unsigned slot, struct sbdf virt)
{
	struct device *d = &w->device[slot];

	if (d->cfg && sbdf_equal(d->virt, virt))
		device_drop(w, slot);
	if (find_gone(w, virt) < w->nr_gone)
		return 0;
	if (w->nr_gone == SLOT_COUNT)
		return ENOSPC;
	w->gone[w->nr_gone++] = virt;
	return 0;
}

bool device_is_gone(const struct worker *w, uint32_t domain, uint32_t bus, uint32_t devfn)
{
	for (unsigned i = 0; i < w->nr_gone; i++)
		if (w->gone[i].devfn == devfn && w->gone[i].bus == bus && w->gone[i].segment == domain)
			return true;
	return false;
}

/* What is gone has its address until another gets that. */
static void give_way(struct worker *w, struct sbdf virt)
{
	unsigned i = find_gone(w, virt);

	if (i < w->nr_gone)
		w->gone[i] = w->gone[--w->nr_gone];
}

int device_add(struct worker *w, unsigned slot, const struct message_add *add, int fd)
{
	struct config_policy policy = {
		.permissive = add->policy.permissive,
		.interrupt_control = add->policy.interrupt_control,
		.shadow = add->policy.shadow,
		.quirks = add->policy.quirks,
		.nr_quirks = add->policy.nr_quirks,
	};
	struct device *d = &w->device[slot];

	device_drop(w, slot);
	give_way(w, add->virt);
	*d = (struct device){ .worker = w, .slot = slot, .reader = add->reader, .fd = fd,
			      .virt = add->virt, .dev = { .ops = &ops, .info = add->info } };
	d->cfg = config_open(&d->dev, &policy);
	if (!d->cfg) {
		close_keep(fd);
		return errno ? errno : EIO;
	}
	config_listen(d->cfg, record_denial, d);
	/* A shadow that does not fit is a lost one: the guest finds the device as at attach. */
	if (load_state(d, add->resumed))
		errno = 0;
	device_keep(d);
	return 0;
}

struct device *device_find(struct worker *w, uint32_t domain, uint32_t bus, uint32_t devfn)
{
	struct device *d = w->last;

	if (d && d->virt.devfn == devfn && d->virt.bus == bus && d->virt.segment == domain)
		return d;
	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		d = &w->device[i];
		if (d->cfg && d->virt.devfn == devfn && d->virt.bus == bus &&
		    d->virt.segment == domain)
			return w->last = d;
	}
	return NULL;
}
