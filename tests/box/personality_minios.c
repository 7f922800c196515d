/* SPDX-License-Identifier: MIT */
/*
 * mini-os: learns its devices from num_devs, dev-N and vdev-N, waits without end,
 * publishes its state with the nodes, echoes reconfigurations, and closes by 5, 6, 1.
 */
#include "tests/box/personality.h"

#include <stdio.h>

#include <linux/pci_regs.h>

#include "common/store.h"

void minios_open(struct front *f)
{
	f->plain_flags = true;
	make_offer(f, false);
	publish(f, true);
	wait_backend(f, STATE(Connected));
	/* Its port stays masked until here. */
	write_state(f, XenbusStateConnected);
	xen_unmask(&f->xen, f->offer.port);
}

static void learn(struct front *f)
{
	long n = backend_number(f, NODE_NUM_DEVS);

	f->n = 0;
	check(n > 0, "num_devs", "%ld", n);
	for (long i = 0; i < n && f->n < MAX_FUNCTIONS; i++) {
		struct function *fn = &f->functions[f->n];
		unsigned hd, hb, hs, hf, domain, bus, slot, func;
		const char *text = backend_text(f, "dev-%ld", i);

		if (!check(sscanf(text, "%x:%x:%x.%x", &hd, &hb, &hs, &hf) == 4, "dev-N parses",
			   "'%s'", text))
			continue;
		text = backend_text(f, "vdev-%ld", i);
		if (!check(sscanf(text, "%x:%x:%x.%x", &domain, &bus, &slot, &func) == 4,
			   "vdev-N parses", "'%s'", text))
			continue;
		*fn = (struct function){ .domain = domain, .bus = bus, .devfn = slot << 3 | func };
		f->n++;
	}
}

static void use(struct front *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		struct function *fn = &f->functions[i];
		uint32_t low, high, line;
		int32_t err = conf_read(f, fn, PCI_VENDOR_ID, 4, &fn->id);

		err |= conf_read(f, fn, PCI_VENDOR_ID, 2, &low);
		err |= conf_read(f, fn, PCI_DEVICE_ID, 2, &high);
		err |= conf_read(f, fn, PCI_INTERRUPT_LINE, 1, &line);
		check(!err && (low & 0xffff) == (fn->id & 0xffff) && (high & 0xffff) == fn->id >> 16,
		      "the ids agree", "err %d: 0x%x 0x%x 0x%x", err, fn->id, low, high);
	}
}

void minios_close(struct front *f, bool tidies)
{
	write_state(f, XenbusStateClosing);
	wait_backend(f, STATE(Closing) | STATE(Closed) | STATE(Reconfiguring) | STATE(Reconfigured));
	write_state(f, XenbusStateClosed);
	wait_backend(f, STATE(Closed) | STATE(Reconfiguring) | STATE(Reconfigured));
	write_state(f, XenbusStateInitialising);
	check(wait_backend(f, STATE(InitWait) | STATE(Initialised) | STATE(Connected) | STATE(Closing)),
	      "the backend starts over", "no");
	if (tidies) {
		/* It means to delete pci-op-ref and names another node. */
		store_remove(f->xen.xs, XBT_NULL, NODE_FRONTEND_DIR, "info-ref");
		store_remove(f->xen.xs, XBT_NULL, NODE_FRONTEND_DIR, NODE_EVENT_CHANNEL);
	}
	drop_offer(f);
}

static void echo(struct front *f)
{
	wait_backend(f, STATE(Reconfiguring));
	write_state(f, XenbusStateReconfiguring);
	wait_backend(f, STATE(Reconfigured));
	write_state(f, XenbusStateConnected);
	wait_backend(f, STATE(Connected));
}

void run_minios(struct front *f, bool hotplug)
{
	unsigned before;

	minios_open(f);
	learn(f);
	use(f);
	if (hotplug) {
		before = f->n;
		puts("ready");
		fflush(stdout);
		echo(f);
		learn(f);
		check(f->n == before + 1, "hot attach", "%u devices, then %u", before, f->n);
		use(f);
		echo(f);
	}
	minios_close(f, true);
	/* It opens again with what it left behind. */
	minios_open(f);
	learn(f);
	use(f);
	minios_close(f, true);
}
