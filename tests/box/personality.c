/* SPDX-License-Identifier: MIT */
/* personality NAME [--hotplug]: what they have in common, and main. */
#include "tests/box/personality.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/store.h"
#include "common/util.h"

#define LITTER 0x5a
#define LIFE_S 30 /* of the whole program: who waits for ever must end somewhere */

static unsigned failures;

static void print_result(bool good, const char *name, const char *why)
{
	if (good)
		printf("ok %s\n", name);
	else
		printf("FAIL %s: %s\n", name, why);
	fflush(stdout);
}

bool check(bool good, const char *name, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	print_result(good, name, why);
	failures += !good;
	return good;
}

__attribute__((noreturn)) static void die(const char *what)
{
	check(false, what, "%s", strerror(errno));
	exit(1);
}

const char *backend_text(struct front *f, const char *fmt, ...)
{
	static char value[64];
	char node[NODE_NAME_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(node, sizeof(node), fmt, ap);
	va_end(ap);
	if (store_read(f->xen.xs, XBT_NULL, f->backend, node, value, sizeof(value)) < 0)
		value[0] = 0;
	return value;
}

long backend_number(struct front *f, const char *fmt, ...)
{
	char node[NODE_NAME_MAX];
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(node, sizeof(node), fmt, ap);
	va_end(ap);
	text = backend_text(f, "%s", node);
	return *text ? strtol(text, NULL, 10) : -1;
}

void write_state(struct front *f, unsigned state)
{
	if (store_write(f->xen.xs, XBT_NULL, NODE_FRONTEND_DIR, NODE_STATE, "%u", state))
		die("writing the state");
}

void make_offer(struct front *f, bool aer)
{
	uint64_t id;

	if (store_read(f->xen.xs, XBT_NULL, NODE_FRONTEND_DIR, NODE_BACKEND, f->backend,
		       sizeof(f->backend)) < 0 ||
	    store_read_number(f->xen.xs, XBT_NULL, NODE_FRONTEND_DIR, NODE_BACKEND_ID, 10,
			      UINT16_MAX, &id))
		die("finding the backend");
	if (xen_offer(&f->xen, (uint32_t)id, aer, &f->offer))
		die("sharing a page");
}

void drop_offer(struct front *f)
{
	xen_withdraw(&f->xen, &f->offer);
}

void publish(struct front *f, bool state_inside)
{
	struct xs_handle *xs = f->xen.xs;
	xs_transaction_t t;
	int rc;

	do {
		t = xs_transaction_start(xs);
		if (t == XBT_NULL ||
		    store_write(xs, t, NODE_FRONTEND_DIR, NODE_PCI_OP_REF, "%u", f->offer.ref) ||
		    store_write(xs, t, NODE_FRONTEND_DIR, NODE_EVENT_CHANNEL, "%u", f->offer.port) ||
		    store_write(xs, t, NODE_FRONTEND_DIR, NODE_MAGIC, PCIIF_MAGIC) ||
		    (state_inside && store_write(xs, t, NODE_FRONTEND_DIR, NODE_STATE, "%d",
						 XenbusStateInitialised)))
			die("publishing");
		rc = store_commit(xs, t);
		if (rc < 0)
			die("publishing");
	} while (rc);
	if (!state_inside)
		write_state(f, XenbusStateInitialised);
}

static void look(struct front *f, long state)
{
	if (f->panics && state >= XenbusStateClosed) {
		check(false, "no state that panics", "the backend shows %ld", state);
		exit(1);
	}
}

unsigned wait_backend(struct front *f, unsigned set)
{
	char path[300];
	long state = -1;

	snprintf(path, sizeof(path), "%s/" NODE_STATE, f->backend);
	if (!xs_watch(f->xen.xs, path, "state"))
		die("watching the backend");
	while (state < 0 || !(1u << state & set)) {
		unsigned n;
		char **event = xs_read_watch(f->xen.xs, &n);

		free(event);
		state = backend_number(f, NODE_STATE);
		look(f, state);
	}
	xs_unwatch(f->xen.xs, path, "state");
	return (unsigned)state;
}

static void raise_flag(struct front *f, bool up)
{
	uint32_t flags = f->offer.page->flags;

	f->offer.page->flags = up ? flags | XEN_PCIF_active : flags & ~(uint32_t)XEN_PCIF_active;
}

static void post(struct front *f, const struct xen_pci_op *op)
{
	if (!f->plain_flags) {
		page_post(f->offer.page, op);
		return;
	}
	f->offer.page->op = *op;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	raise_flag(f, true);
}

bool exchange(struct front *f, struct xen_pci_op *op)
{
	uint64_t start = now_ns(), took;
	bool event = !f->needs_event;

	post(f, op);
	xen_notify(&f->xen, f->offer.port);
	for (;;) {
		if (event && page_answered(f->offer.page))
			break;
		if (f->timeout_ns && now_ns() - start > f->timeout_ns)
			return false;
		if ((f->spins ? xen_pending(&f->xen, f->offer.port) :
				xen_wait(&f->xen, f->offer.port, 1000000, -1)) > 0) {
			event = true;
			xen_unmask(&f->xen, f->offer.port);
		}
	}
	page_collect(f->offer.page, op);
	if (f->lowers_flag)
		raise_flag(f, false);
	took = now_ns() - start;
	if (took > f->slowest_ns)
		f->slowest_ns = took;
	return true;
}

static int32_t access_config(struct front *f, uint32_t cmd, const struct function *fn, int offset,
			     int size, uint32_t *value)
{
	struct xen_pci_op op;

	memset(&op, f->littered ? LITTER : 0, sizeof(op));
	op.cmd = cmd;
	op.domain = fn->domain;
	op.bus = fn->bus;
	op.devfn = fn->devfn;
	op.offset = offset;
	op.size = size;
	if (cmd != XEN_PCI_OP_conf_read || !f->littered)
		op.value = *value;
	if (!exchange(f, &op))
		return XEN_PCI_ERR_op_failed;
	*value = op.value;
	return op.err;
}

int32_t conf_read(struct front *f, const struct function *fn, int offset, int size, uint32_t *value)
{
	*value = 0;
	return access_config(f, XEN_PCI_OP_conf_read, fn, offset, size, value);
}

int32_t conf_write(struct front *f, const struct function *fn, int offset, int size, uint32_t value)
{
	return access_config(f, XEN_PCI_OP_conf_write, fn, offset, size, &value);
}

static void linux_alone(struct front *f)
{
	run_linux(f, false);
}

static void linux_hotplug(struct front *f)
{
	run_linux(f, true);
}

static void minios_alone(struct front *f)
{
	run_minios(f, false);
}

static void minios_hotplug(struct front *f)
{
	run_minios(f, true);
}

static const struct {
	const char *name;
	void (*run)(struct front *f), (*hotplug)(struct front *f);
} personalities[] = {
	{ "linux", linux_alone, linux_hotplug },
	{ "minios", minios_alone, minios_hotplug },
	{ "netbsd", run_netbsd, NULL },
	{ "rump", run_rump, NULL },
	{ "halvm", run_halvm, NULL },
	{ "micropv", run_micropv, NULL },
};

int main(int argc, char **argv)
{
	bool hotplug = argc == 3 && !strcmp(argv[2], "--hotplug");
	void (*run)(struct front *f) = NULL;
	struct front f = { .offer.page = NULL };

	for (size_t i = 0; argc == 2 + hotplug && i < sizeof(personalities) / sizeof(personalities[0]); i++)
		if (!strcmp(argv[1], personalities[i].name))
			run = hotplug ? personalities[i].hotplug : personalities[i].run;
	if (!run) {
		fprintf(stderr, "Usage: %s linux|minios [--hotplug], or netbsd|rump|halvm|micropv\n", argv[0]);
		return 2;
	}
	alarm(LIFE_S);
	if (xen_open(&f.xen, NULL))
		die("opening Xen's interfaces");
	run(&f);
	drop_offer(&f);
	xen_close(&f.xen, false);
	return failures ? 1 : 0;
}
