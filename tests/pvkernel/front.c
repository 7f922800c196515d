/* SPDX-License-Identifier: MIT */
#include "tests/pvkernel/front.h"

#include <xen/io/pciif.h>
#include <xen/io/xenbus.h>

#include "tests/pvkernel/pv.h"
#include "tests/pvkernel/store.h"

#define FRONTEND "device/pci/0"
#define LITTER 0x5a

static const struct manners all[] = {
	{ .name = "minios", .msi = true, .ending = ENDS_WAITING },
	{ .name = "rump", .msi = true, .dwords = true, .forgets_nodes = true, .ending = ENDS_WAITING },
	{ .name = "halvm", .counts_roots = true, .host_address = true, .loose_nodes = true,
	  .probes_first = true, .lowers_flag = true },
	{ .name = "micropv", .spins = true, .littered = true, .ending = ENDS_UNKNOWN },
};

static union {
	struct xen_pci_sharedinfo info;
	char bytes[PAGE_SIZE];
} page __attribute__((aligned(PAGE_SIZE)));
static volatile struct xen_pci_sharedinfo *const shared = &page.info;

static const struct manners *manners;
static char backend[STORE_PATH_MAX / 2];
static evtchn_port_t port;
static grant_ref_t ref = GRANT_FIRST;
static unsigned last_state;

const struct manners *front_manners(const char *name)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (text_equal(all[i].name, name))
			return &all[i];
	return NULL;
}

static void write_number(store_tx_t tx, const char *node, unsigned value)
{
	char text[16];

	format(text, sizeof(text), "%u", value);
	if (!store_write(tx, FRONTEND, node, text))
		say("not ok %s cannot be written", node);
}

void front_set_state(unsigned state)
{
	write_number(0, "state", state);
}

static void write_nodes(store_tx_t tx)
{
	write_number(tx, "pci-op-ref", ref);
	write_number(tx, "event-channel", port);
	store_write(tx, FRONTEND, "magic", XEN_PCI_MAGIC);
	write_number(tx, "state", XenbusStateInitialised);
}

static void publish(void)
{
	store_tx_t tx;

	if (manners->loose_nodes) {
		write_nodes(0);
		return;
	}
	do {
		tx = store_begin();
		write_nodes(tx);
	} while (!store_commit(tx));
}

static unsigned backend_state(void)
{
	long state = store_number(backend, "state");

	return state < 0 ? 0 : (unsigned)state;
}

/* Waits until the backend shows one of the states from `first` up to `last`. */
static unsigned wait_backend(unsigned first, unsigned last)
{
	for (;;) {
		unsigned state = backend_state();

		if (state >= first && state <= last)
			return state;
		store_wait();
	}
}

unsigned front_next_state(void)
{
	unsigned state;

	while ((state = backend_state()) == last_state)
		store_wait();
	last_state = state;
	return state;
}

void front_open(const struct manners *m)
{
	domid_t remote = (domid_t)store_number(FRONTEND, "backend-id");
	unsigned state;

	manners = m;
	port = port_for(remote);
	memset(&page, 0, sizeof(page));
	grant_give(ref, remote, &page);
	publish();
	if (!store_read(FRONTEND, "backend", backend, sizeof(backend)))
		die("there is no backend", 0);
	store_watch(backend, "state");
	state = wait_backend(XenbusStateConnected, XenbusStateReconfigured);
	if (state != XenbusStateConnected)
		die("the backend does not connect, its state", (long)state);
	last_state = state;
	if (!m->probes_first)
		front_set_state(XenbusStateConnected);
}

void front_probed(void)
{
	if (manners->probes_first)
		front_set_state(XenbusStateConnected);
}

bool front_close(void)
{
	bool free;

	if (manners->ending == ENDS_NEVER)
		return true;
	front_set_state(XenbusStateClosing);
	wait_backend(XenbusStateClosing, XenbusStateReconfigured);
	front_set_state(XenbusStateClosed);
	wait_backend(XenbusStateClosed, XenbusStateReconfigured);
	if (manners->ending == ENDS_WAITING) {
		front_set_state(XenbusStateInitialising);
		wait_backend(XenbusStateInitWait, XenbusStateClosing);
	} else {
		front_set_state(XenbusStateUnknown);
	}
	store_unwatch(backend, "state");
	/* All of them mean to remove pci-op-ref, and name another node. */
	store_remove(FRONTEND, "info-ref");
	if (!manners->forgets_nodes)
		store_remove(FRONTEND, "event-channel");
	free = grant_end(ref++);
	port_close(port);
	return free;
}

static bool learn_one(unsigned n, struct device *d)
{
	char node[16], text[32];

	format(node, sizeof(node), "dev-%u", n);
	if (!store_read(backend, node, text, sizeof(text)) || !text_address(text, &d->host)) {
		say("not ok %s: '%s'", node, text);
		return false;
	}
	d->guest = d->host;
	if (manners->host_address)
		return true;
	format(node, sizeof(node), "vdev-%u", n);
	if (!store_read(backend, node, text, sizeof(text)) || !text_address(text, &d->guest)) {
		say("not ok %s: '%s'", node, text);
		return false;
	}
	return true;
}

unsigned front_learn(struct device devices[FRONT_DEVICES])
{
	long count = store_number(backend, manners->counts_roots ? "root_num" : "num_devs");
	unsigned n = 0;

	for (long i = 0; i < count && n < FRONT_DEVICES; i++)
		if (learn_one((unsigned)i, &devices[n]))
			n++;
	return n;
}

/* The flag as an ordinary word: read, changed, written, as all of them do it. */
static void flag(bool up)
{
	uint32_t flags = shared->flags;

	shared->flags = up ? flags | XEN_PCIF_active : flags & ~(uint32_t)XEN_PCIF_active;
}

static bool answered(void)
{
	return !(__atomic_load_n(&shared->flags, __ATOMIC_ACQUIRE) & XEN_PCIF_active);
}

static void wait_answer(void)
{
	if (manners->spins) {
		bool event = false;

		while (!event || !answered())
			event = port_take(port) || event;
		return;
	}
	while (!answered())
		port_wait(port);
}

static void exchange(struct xen_pci_op *op)
{
	page.info.op = *op;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (manners->spins)
		port_take(port);
	flag(true);
	port_notify(port);
	wait_answer();
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*op = page.info.op;
	if (manners->lowers_flag)
		flag(false);
}

static void prepare(const struct device *d, uint32_t cmd, struct xen_pci_op *op)
{
	memset(op, manners->littered ? LITTER : 0, sizeof(*op));
	op->cmd = cmd;
	op->domain = d->guest.domain;
	op->bus = d->guest.bus;
	op->devfn = d->guest.slot << 3 | d->guest.function;
}

static int access(const struct device *d, uint32_t cmd, unsigned offset, unsigned size, uint32_t *value)
{
	struct xen_pci_op op;

	prepare(d, cmd, &op);
	op.offset = (int32_t)offset;
	op.size = (int32_t)size;
	if (cmd == XEN_PCI_OP_conf_write)
		op.value = *value;
	exchange(&op);
	*value = op.value;
	return op.err;
}

int front_read(const struct device *d, unsigned offset, unsigned size, uint32_t *value)
{
	unsigned shift = 0;
	int err;

	if (manners->dwords) {
		shift = offset % 4 * 8;
		offset -= offset % 4;
	}
	err = access(d, XEN_PCI_OP_conf_read, offset, manners->dwords ? 4 : size, value);
	*value >>= shift;
	if (size < 4)
		*value &= (1U << size * 8) - 1;
	return err;
}

int front_write(const struct device *d, unsigned offset, unsigned size, uint32_t value)
{
	return access(d, XEN_PCI_OP_conf_write, offset, size, &value);
}

int front_msi_on(const struct device *d, bool msix, uint32_t *pirq)
{
	struct xen_pci_op op;

	prepare(d, msix ? XEN_PCI_OP_enable_msix : XEN_PCI_OP_enable_msi, &op);
	op.value = msix;
	exchange(&op);
	*pirq = msix ? op.msix_entries[0].vector : op.value;
	return op.err;
}

int front_msi_off(const struct device *d, bool msix)
{
	struct xen_pci_op op;

	prepare(d, msix ? XEN_PCI_OP_disable_msix : XEN_PCI_OP_disable_msi, &op);
	exchange(&op);
	return op.err;
}
