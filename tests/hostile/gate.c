/* SPDX-License-Identifier: MIT */
/* What a worker may not ask its gate for. The gate is asked as the worker's own code asks it. */
#include <linux/pci_regs.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "backend/config/config.h"
#include "common/util.h"
#include "tests/hostile/hostile.h"

/* The n-th device that the guest has. */
static struct device *device_nr(struct worker *w, uint32_t n)
{
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		if (w->device[i].cfg && !n--)
			return &w->device[i];
	_exit(3);
}

static struct device *any_device(struct worker *w)
{
	return device_nr(w, 0);
}

/* The answer's errno; -1: the gate hears no more of us. */
static int ask(struct worker *w, struct message *m)
{
	atomic_fetch_add_explicit(&w->ledger->progress, 1, memory_order_relaxed);
	if (message_send(w->gate, m, NULL, 0, NULL, 0) ||
	    message_receive(w->gate, END_GATE, END_WORKER, m, NULL, NULL, NULL) != 1)
		return -1;
	return m->kind == MESSAGE_ANSWER ? m->u.answer.err : 0;
}

static int ask_write(struct worker *w, unsigned slot, uint32_t offset, uint32_t size, uint32_t value)
{
	struct message m;

	message_init(&m, MESSAGE_WRITE, slot);
	m.u.write = (struct message_write){ offset, size, value };
	return ask(w, &m);
}

static uint32_t now(struct device *d, uint32_t offset, uint32_t size)
{
	uint32_t value = UINT32_MAX;

	pcidev_read(&d->dev, offset, size, &value);
	return value;
}

/* What the table opens of `size` bytes at offset. */
static uint32_t opened(const struct device *d, uint32_t offset, uint32_t size)
{
	struct config_opening b;
	uint32_t open = 0;

	for (uint32_t i = 0; i < size; i++) {
		config_opening(d->cfg, offset + i, &b);
		open |= (uint32_t)b.open << 8 * i;
	}
	return open;
}

/* Each closed bit of size bytes at offset, alone and all together. WON at the first that changes. */
static enum outcome flip(struct worker *w, struct device *d, uint32_t offset, uint32_t size,
			 uint32_t *value)
{
	const uint32_t all = UINT32_MAX >> (32 - 8 * size), closed = ~opened(d, offset, size) & all;
	uint32_t old = now(d, offset, size);
	uint32_t tries[33], n = 0;

	for (uint32_t bit = 0; bit < 8 * size; bit++)
		if (closed >> bit & 1)
			tries[n++] = old ^ 1u << bit;
	if (closed)
		tries[n++] = old ^ closed;
	for (uint32_t i = 0; i < n; i++) {
		if (ask_write(w, d->slot, offset, size, tries[i]) == EPERM &&
		    !((now(d, offset, size) ^ old) & closed))
			continue;
		*value = offset << 8 | size;
		return WON;
	}
	*value += n;
	return REFUSED;
}

static enum outcome flip_all(struct worker *w, struct device *d, uint32_t from, uint32_t to,
			     uint32_t *value)
{
	for (uint32_t size = 1; size <= 4; size *= 2)
		for (uint32_t at = from; at < to && at < d->dev.info.config_size; at += size)
			if (flip(w, d, at, size, value) == WON)
				return WON;
	return REFUSED;
}

static enum outcome every_register(struct worker *w, uint32_t arg, uint32_t *value)
{
	return flip_all(w, device_nr(w, arg), 0, 256, value);
}

static enum outcome extended(struct worker *w, uint32_t arg, uint32_t *value)
{
	return flip_all(w, device_nr(w, arg), 256, 4096, value);
}

/* MSI and MSI-X control: on, with all that they have. */
static enum outcome vectors(struct worker *w, uint32_t arg, uint32_t *value)
{
	static const uint8_t caps[] = { PCI_CAP_ID_MSI, PCI_CAP_ID_MSIX };
	struct device *d = device_nr(w, arg);

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		unsigned cap = pcidev_find_cap(&d->dev, caps[i]);
		uint32_t old;

		if (!cap)
			continue;
		old = now(d, cap + 2, 2);
		for (uint32_t bits = 1; bits <= 0xffff; bits += 17) {
			if ((old ^ bits) & 0xffff && ask_write(w, d->slot, cap + 2, 2, bits) != EPERM)
				return WON;
			++*value;
		}
		if (now(d, cap + 2, 2) != old)
			return WON;
	}
	return *value ? REFUSED : WON;
}

/* The command register: all values of it. What only the OS and the vectors turn on stays off. */
static enum outcome command(struct worker *w, uint32_t arg, uint32_t *value)
{
	struct device *d = device_nr(w, arg);
	uint32_t old = now(d, PCI_COMMAND, 2), open = opened(d, PCI_COMMAND, 2);

	for (uint32_t v = 0; v <= 0xffff; v++) {
		if (!((v ^ old) & ~open))
			continue;
		if (ask_write(w, d->slot, PCI_COMMAND, 2, v) != EPERM ||
		    (now(d, PCI_COMMAND, 2) ^ old) & ~open)
			return WON;
		++*value;
	}
	return REFUSED;
}

static enum outcome bars(struct worker *w, uint32_t arg, uint32_t *value)
{
	static const uint32_t tries[] = { 0, UINT32_MAX, 0xfee00000, 0x1000, 0xfffff800 };
	struct device *d = device_nr(w, arg);

	for (uint32_t at = PCI_BASE_ADDRESS_0; at <= PCI_BASE_ADDRESS_5; at += 4) {
		uint32_t old = now(d, at, 4);

		for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
			if (tries[i] == old)
				continue;
			if ((ask_write(w, d->slot, at, 4, tries[i]) != EPERM &&
			     ~opened(d, at, 4) & (tries[i] ^ old)) ||
			    (now(d, at, 4) ^ old) & ~opened(d, at, 4)) {
				*value = at;
				return WON;
			}
			++*value;
		}
		/* An image's may be moved: nothing is behind them. */
		ask_write(w, d->slot, at, 4, old);
	}
	return REFUSED;
}

static enum outcome other_slots(struct worker *w, uint32_t arg, uint32_t *value)
{
	static const enum message_kind kinds[] = { MESSAGE_WRITE, MESSAGE_ENABLE, MESSAGE_INTERRUPT };
	struct message m;

	(void)arg;
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		for (size_t i = 0; i < ARRAY_SIZE(kinds) && !w->device[slot].cfg; i++) {
			message_init(&m, kinds[i], slot);
			if (kinds[i] == MESSAGE_WRITE)
				m.u.write.size = 4;
			if (ask(w, &m) != ENODEV)
				return WON;
			++*value;
		}
	}
	return REFUSED;
}

static enum outcome out_of_range(struct worker *w, uint32_t arg, uint32_t *value)
{
	static const uint32_t offsets[] = { 0, 1, 2, 3, 255, 256, 4094, 4095, 4096, 4097, 65536,
					    0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff };
	static const uint32_t sizes[] = { 0, 3, 5, 8, 16, 256, 0x80000000, 0xffffffff, 1, 2, 4 };
	struct device *d = device_nr(w, arg);

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			uint32_t s = sizes[k], o = offsets[i];

			/* What is a register of the device is the others' to try. */
			if ((s == 1 || s == 2 || s == 4) && !(o & (s - 1)) &&
			    o < d->dev.info.config_size)
				continue;
			if (ask_write(w, d->slot, o, s, 0x12345678) <= 0)
				return WON;
			++*value;
		}
	}
	return REFUSED;
}

/* Interrupt commands that there are not, and those that there are with what no device has. */
static enum outcome commands(struct worker *w, uint32_t arg, uint32_t *value)
{
	static const uint32_t numbers[] = { 0, 1, 32, 33, 127, 128, 129, 2049, 0x7fffffff, 0xffffffff };
	struct device *d = any_device(w);
	struct message m;

	(void)arg;
	for (uint32_t cmd = 0; cmd < 64; cmd++) {
		for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
			message_init(&m, MESSAGE_INTERRUPT, d->slot);
			memset(&m.u.interrupt, 0xff, sizeof(m.u.interrupt));
			m.u.interrupt.op.cmd = cmd < 48 ? cmd : UINT32_MAX - cmd;
			m.u.interrupt.op.value = numbers[i];
			m.u.interrupt.op.info = numbers[i];
			/* MSI alone has no number that could be wrong, and turning off always works. */
			if (cmd == XEN_PCI_OP_enable_msi || cmd == XEN_PCI_OP_disable_msi ||
			    cmd == XEN_PCI_OP_disable_msix ||
			    (cmd == XEN_PCI_OP_enable_multi_msi && numbers[i] - 1 < 32))
				continue;
			if (ask(w, &m) || m.kind != MESSAGE_INTERRUPTED || !m.u.interrupt.op.err)
				return WON;
			++*value;
		}
	}
	return REFUSED;
}

/* One that is refused, arg thousand times over. */
static enum outcome many(struct worker *w, uint32_t arg, uint32_t *value)
{
	struct device *d = any_device(w);
	uint32_t vendor = now(d, PCI_VENDOR_ID, 2);

	for (uint32_t i = 0; i < arg * 1000; i++) {
		if (ask_write(w, d->slot, PCI_VENDOR_ID, 2, ~vendor & 0xffff) != EPERM)
			return WON;
	}
	*value = arg * 1000;
	return REFUSED;
}

/* ---- What ends the connection ---- */

/* Whether the gate hears no more of us: the socket is at its end, whatever was on its way. */
static enum outcome gate_ended(struct worker *w, uint32_t *value)
{
	char byte[sizeof(struct message)];
	ssize_t n;

	*value = 0;
	while (wait_busily(w, w->gate, 3000)) {
		n = read(w->gate, byte, sizeof(byte));
		if (n <= 0)
			return REPLACED;
		++*value;
	}
	return WON;
}

static enum outcome wrong_kind(struct worker *w, uint32_t arg, uint32_t *value)
{
	struct message m;

	message_init(&m, (enum message_kind)arg, any_device(w)->slot);
	message_send(w->gate, &m, NULL, 0, NULL, 0);
	return gate_ended(w, value);
}

static enum outcome raw(struct worker *w, const void *bytes, size_t len, uint32_t *value)
{
	send(w->gate, bytes, len, MSG_NOSIGNAL);
	return gate_ended(w, value);
}

static enum outcome misshapen(struct worker *w, uint32_t arg, uint32_t *value)
{
	static struct { struct message m; char tail[65536]; } big;
	struct message *m = &big.m;
	size_t len = HEAD + sizeof(m->u.write);

	message_init(m, MESSAGE_WRITE, any_device(w)->slot);
	switch (arg) {
	case 0: /* of another version */
		m->version++;
		break;
	case 1: /* a head alone */
		len = HEAD;
		break;
	case 2: /* less than a head */
		len = 3;
		break;
	case 3: /* nothing */
		len = 0;
		break;
	case 4: /* a body that is longer than it says */
		len += 4;
		break;
	case 5: /* one that says that it is longer */
		m->size = UINT32_MAX;
		break;
	case 6: /* huge */
		len = sizeof(big);
		break;
	case 7: /* of a device that no guest can have */
		m->slot = SLOT_COUNT;
		break;
	default: /* of a kind that there is not */
		m->kind = arg == 8 ? MESSAGE_KINDS : UINT16_MAX;
		break;
	}
	return raw(w, m, len, value);
}

static enum outcome descriptors(struct worker *w, uint32_t arg, uint32_t *value)
{
	(void)arg;
	send_descriptors(w->gate, MESSAGE_WRITE, any_device(w)->slot, any_device(w)->fd);
	return gate_ended(w, value);
}

/* Asks and asks, and takes no answer. */
static enum outcome deaf(struct worker *w, uint32_t arg, uint32_t *value)
{
	struct message m;

	message_init(&m, MESSAGE_WRITE, any_device(w)->slot);
	m.u.write.size = 4;
	for (uint32_t i = 0; i < 10 * arg; i++) {
		struct pollfd p = { .fd = w->gate, .events = POLLOUT };

		if (message_send(w->gate, &m, NULL, 0, NULL, 0) && errno != EAGAIN)
			return gate_ended(w, value);
		if (errno == EAGAIN && poll(&p, 1, 100) <= 0)
			break;
	}
	return gate_ended(w, value);
}

const struct attack attacks_gate[] = {
	{ "gate: every closed bit of every register", AIM_ASK, every_register },
	{ "gate: every closed bit of extended config space", AIM_ASK, extended },
	{ "gate: MSI and MSI-X control", AIM_ASK, vectors },
	{ "gate: all values of the command register", AIM_ASK, command },
	{ "gate: BARs elsewhere", AIM_ASK, bars },
	{ "gate: other slots", AIM_ASK, other_slots },
	{ "gate: offsets and sizes out of range", AIM_ASK, out_of_range },
	{ "gate: interrupt commands", AIM_ASK, commands },
	{ "gate: many", AIM_ASK, many },
	{ "gate: kind", AIM_END, wrong_kind },
	{ "gate: misshapen", AIM_END, misshapen },
	{ "gate: a thousand descriptors", AIM_END, descriptors },
	{ "gate: answers not taken", AIM_END, deaf },
	{ NULL, AIM_ASK, NULL }
};
