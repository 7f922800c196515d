/* SPDX-License-Identifier: MIT */
/* personality linux|minios|netbsd [--hotplug]: what the three have in common, and main. */
#include "tests/box/personality.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/store.h"
#include "common/util.h"

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

bool exchange(struct front *f, struct xen_pci_op *op)
{
	uint64_t start = now_ns(), took;

	page_post(f->offer.page, op);
	xen_notify(&f->xen, f->offer.port);
	for (;;) {
		if (page_answered(f->offer.page))
			break;
		if (f->timeout_ns && now_ns() - start > f->timeout_ns)
			return false;
		if (xen_wait(&f->xen, f->offer.port, 1000000, -1) > 0)
			xen_unmask(&f->xen, f->offer.port);
	}
	page_collect(f->offer.page, op);
	took = now_ns() - start;
	if (took > f->slowest_ns)
		f->slowest_ns = took;
	return true;
}

static int32_t access_config(struct front *f, uint32_t cmd, const struct function *fn, int offset,
			     int size, uint32_t *value)
{
	struct xen_pci_op op = {
		.cmd = cmd,
		.domain = fn->domain,
		.bus = fn->bus,
		.devfn = fn->devfn,
		.offset = offset,
		.size = size,
		.value = *value,
	};

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

int main(int argc, char **argv)
{
	bool hotplug = argc == 3 && !strcmp(argv[2], "--hotplug");
	const char *who = argc == 2 + hotplug ? argv[1] : "";
	struct front f = { .offer.page = NULL };

	if (strcmp(who, "linux") && strcmp(who, "minios") && (strcmp(who, "netbsd") || hotplug)) {
		fprintf(stderr, "Usage: %s linux|minios [--hotplug], or netbsd\n", argv[0]);
		return 2;
	}
	alarm(LIFE_S);
	if (xen_open(&f.xen, NULL))
		die("opening Xen's interfaces");
	if (!strcmp(who, "linux"))
		run_linux(&f, hotplug);
	else if (!strcmp(who, "minios"))
		run_minios(&f, hotplug);
	else
		run_netbsd(&f);
	drop_offer(&f);
	xen_close(&f.xen, false);
	return failures ? 1 : 0;
}
