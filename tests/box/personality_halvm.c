/* SPDX-License-Identifier: MIT */
/*
 * HaLVM: node after node without a transaction, the state last; takes root_num for the number
 * of devices and dev-N for an address, so that it lives with slots = "passthrough" and a bus
 * for each device; reads before it shows 4; lowers the flag itself when the answer is there.
 * It has no end.
 */
#include "tests/box/personality.h"

#include <stdio.h>

#include <linux/pci_regs.h>

#include "common/store.h"

#define TIMEOUT_NS 3000000000u

static void publish_loosely(struct front *f)
{
	struct xs_handle *xs = f->xen.xs;

	if (!check(!store_write(xs, XBT_NULL, NODE_FRONTEND_DIR, NODE_PCI_OP_REF, "%u", f->offer.ref) &&
			   !store_write(xs, XBT_NULL, NODE_FRONTEND_DIR, NODE_EVENT_CHANNEL, "%u",
					f->offer.port) &&
			   !store_write(xs, XBT_NULL, NODE_FRONTEND_DIR, NODE_MAGIC, PCIIF_MAGIC),
		   "its nodes are written", "no"))
		return;
	write_state(f, XenbusStateInitialised);
}

static void probe(struct front *f, const struct function *fn)
{
	uint32_t vendor = 0, device = 0, bar;
	int32_t err = conf_read(f, fn, PCI_VENDOR_ID, 2, &vendor);

	err |= conf_read(f, fn, PCI_DEVICE_ID, 2, &device);
	/* Not the sixth: it knows of five. */
	for (int offset = PCI_BASE_ADDRESS_0; !err && offset < PCI_BASE_ADDRESS_5; offset += 4)
		err |= conf_read(f, fn, offset, 4, &bar);
	check(!err && (vendor & 0xffff) && (vendor & 0xffff) != 0xffff && (device & 0xffff) != 0xffff,
	      "a device is found at its host's address", "%04x:%02x:%02x: err %d, 0x%x 0x%x",
	      fn->domain, fn->bus, fn->devfn, err, vendor, device);
}

void run_halvm(struct front *f)
{
	long roots;

	f->timeout_ns = TIMEOUT_NS;
	f->plain_flags = f->needs_event = f->lowers_flag = true;
	make_offer(f, false);
	publish_loosely(f);
	wait_backend(f, STATE(Connected));
	roots = backend_number(f, NODE_ROOT_NUM);
	check(roots > 0, "root_num", "%ld", roots);
	for (long i = 0; i < roots; i++) {
		struct function fn = { .id = 0 };
		unsigned slot, func;
		const char *text = backend_text(f, "dev-%ld", i);

		if (!check(sscanf(text, "%x:%x:%x.%x", &fn.domain, &fn.bus, &slot, &func) == 4,
			   "dev-N parses", "'%s'", text))
			continue;
		fn.devfn = slot << 3 | func;
		probe(f, &fn);
	}
	write_state(f, XenbusStateConnected);
	check(f->slowest_ns < TIMEOUT_NS, "every answer within 3 s", "the slowest took %llu ms",
	      (unsigned long long)f->slowest_ns / 1000000);
	check(wait_backend(f, STATE(Connected)) == XenbusStateConnected, "it stays connected", "?");
}
