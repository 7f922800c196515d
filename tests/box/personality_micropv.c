/* SPDX-License-Identifier: MIT */
/*
 * micropv: turns round until the flag is down and an event came; sends what lay on its stack
 * in all fields that a request does not need; reads vdev-N into 15 bytes, and looks at no
 * error. It writes its 4 in a transaction that has ended, so that it may be lost, and closes
 * by 5, 6 and 0.
 */
#include "tests/box/personality.h"

#include <stdio.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "common/store.h"

#define VDEV_BYTES 15 /* with the NUL */

static void read_device(struct front *f, const struct function *fn)
{
	uint32_t vendor, device, revision, class, bar;

	conf_read(f, fn, PCI_VENDOR_ID, 2, &vendor);
	conf_read(f, fn, PCI_DEVICE_ID, 2, &device);
	conf_read(f, fn, PCI_REVISION_ID, 1, &revision);
	conf_read(f, fn, PCI_CLASS_DEVICE, 2, &class);
	for (int offset = PCI_BASE_ADDRESS_0; offset <= PCI_BASE_ADDRESS_5; offset += 4)
		conf_read(f, fn, offset, 4, &bar);
	check((vendor & 0xffff) && (vendor & 0xffff) != 0xffff && (class & 0xffff), "a device is read",
	      "%04x:%02x:%02x: 0x%x 0x%x, revision 0x%x, class 0x%x", fn->domain, fn->bus, fn->devfn,
	      vendor, device, revision, class);
}

static void scan(struct front *f)
{
	long n = backend_number(f, NODE_NUM_DEVS);

	check(n > 0, "num_devs", "%ld", n);
	for (long i = 0; i < n; i++) {
		struct function fn = { .id = 0 };
		const char *text = backend_text(f, "vdev-%ld", i);
		unsigned slot = 0, func = 0;

		check(strlen(text) < VDEV_BYTES && sscanf(text, "%x:%x:%x.%x", &fn.domain, &fn.bus, &slot,
							  &func) == 4,
		      "vdev-N fits and parses", "'%s'", text);
		fn.devfn = slot << 3 | func;
		read_device(f, &fn);
	}
}

void run_micropv(struct front *f)
{
	f->plain_flags = f->needs_event = f->spins = f->littered = true;
	make_offer(f, false);
	publish(f, true);
	wait_backend(f, STATE(Connected));
	/* Its 4 is lost, and it goes on at 3. */
	scan(f);
	write_state(f, XenbusStateClosing);
	wait_backend(f, STATE(Closing) | STATE(Closed) | STATE(Reconfiguring) | STATE(Reconfigured));
	write_state(f, XenbusStateClosed);
	check(wait_backend(f, STATE(Closed)), "the backend follows it to 6", "no");
	write_state(f, XenbusStateUnknown);
	store_remove(f->xen.xs, XBT_NULL, NODE_FRONTEND_DIR, "info-ref");
	store_remove(f->xen.xs, XBT_NULL, NODE_FRONTEND_DIR, NODE_EVENT_CHANNEL);
}
