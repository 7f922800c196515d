/* SPDX-License-Identifier: MIT */
/* Linux pcifront: 2 s for a request, 256 functions of each root, full hot-plug. */
#include "tests/box/personality.h"

#include <stdio.h>
#include <string.h>

#include <linux/pci_regs.h>

#define TIMEOUT_NS 2000000000u

static struct function *known(struct front *f, uint32_t domain, uint32_t bus, uint32_t devfn)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->functions[i].domain == domain && f->functions[i].bus == bus &&
		    f->functions[i].devfn == devfn)
			return &f->functions[i];
	return NULL;
}

/* Returns how many were new. Anything but "there" and "not there" (-1) is a failure. */
static unsigned scan_root(struct front *f, uint32_t domain, uint32_t bus)
{
	unsigned added = 0, strange = 0;

	for (uint32_t devfn = 0; devfn < 256; devfn++) {
		struct function fn = { .domain = domain, .bus = bus, .devfn = devfn };
		int32_t err = conf_read(f, &fn, PCI_VENDOR_ID, 4, &fn.id);

		strange += err && err != XEN_PCI_ERR_dev_not_found;
		if (err || !fn.id || fn.id == UINT32_MAX || known(f, domain, bus, devfn) ||
		    f->n == MAX_FUNCTIONS)
			continue;
		f->functions[f->n++] = fn;
		added++;
	}
	check(!strange, "256 functions answer there or not there", "%u answers were neither", strange);
	return added;
}

static unsigned scan(struct front *f)
{
	long roots = backend_number(f, NODE_ROOT_NUM);
	unsigned added = 0;

	if (roots < 0)
		return scan_root(f, 0, 0);
	for (long i = 0; i < roots; i++) {
		unsigned domain, bus;
		const char *text = backend_text(f, "root-%ld", i);

		if (check(sscanf(text, "%x:%x", &domain, &bus) == 2, "root-N parses", "'%s'", text))
			added += scan_root(f, domain, bus);
	}
	return added;
}

/* What the kernel does to each function that it finds: header, BARs, ROM, lists. */
static void probe(struct front *f, const struct function *fn)
{
	uint32_t value, type, before, mask, after, command;
	int32_t err = 0;

	err |= conf_read(f, fn, PCI_HEADER_TYPE, 1, &type);
	err |= conf_read(f, fn, PCI_CLASS_REVISION, 4, &value);
	err |= conf_read(f, fn, PCI_INTERRUPT_PIN, 1, &value);
	err |= conf_read(f, fn, PCI_INTERRUPT_LINE, 1, &value);
	err |= conf_read(f, fn, PCI_COMMAND, 2, &command);
	check(!err && !(type & 0x7e), "the header reads", "err %d type 0x%x", err, type);
	for (int offset = PCI_BASE_ADDRESS_0; offset <= PCI_BASE_ADDRESS_5; offset += 4) {
		err = conf_read(f, fn, offset, 4, &before);
		err |= conf_write(f, fn, offset, 4, UINT32_MAX);
		err |= conf_read(f, fn, offset, 4, &mask);
		err |= conf_write(f, fn, offset, 4, before);
		err |= conf_read(f, fn, offset, 4, &after);
		if (err || after != before || (before && !mask))
			check(false, "a BAR sizes", "at 0x%x: err %d, 0x%x, mask 0x%x, then 0x%x",
			      (unsigned)offset, err, before, mask, after);
	}
	err = conf_write(f, fn, PCI_COMMAND, 2, command | PCI_COMMAND_MASTER);
	err |= conf_read(f, fn, PCI_COMMAND, 2, &value);
	check(!err && (value & PCI_COMMAND_MASTER), "bus master goes on", "err %d, 0x%x", err, value);
	conf_write(f, fn, PCI_COMMAND, 2, command);
}

/* Offset of a capability in the plain list, by byte reads. */
static int find_capability(struct front *f, const struct function *fn, uint32_t id)
{
	uint32_t status, at, header;

	if (conf_read(f, fn, PCI_STATUS, 2, &status) || !(status & PCI_STATUS_CAP_LIST) ||
	    conf_read(f, fn, PCI_CAPABILITY_LIST, 1, &at))
		return 0;
	for (int ttl = 48; ttl && (at & 0xff) >= 0x40; ttl--) {
		if (conf_read(f, fn, (int)(at & 0xfc), 2, &header))
			return 0;
		if ((header & 0xff) == id)
			return (int)(at & 0xfc);
		at = header >> 8 & 0xff;
	}
	return 0;
}

static void interrupts(struct front *f, const struct function *fn)
{
	struct xen_pci_op op = { .domain = fn->domain, .bus = fn->bus, .devfn = fn->devfn };

	if (find_capability(f, fn, PCI_CAP_ID_MSI)) {
		op.cmd = XEN_PCI_OP_enable_msi;
		check(exchange(f, &op) && !op.err && op.value, "MSI", "err %d, pirq %u", op.err, op.value);
		op.cmd = XEN_PCI_OP_disable_msi;
		check(exchange(f, &op) && !op.err, "MSI off", "err %d", op.err);
	}
	if (find_capability(f, fn, PCI_CAP_ID_MSIX)) {
		op.cmd = XEN_PCI_OP_enable_msix;
		op.value = 1;
		op.msix_entries[0] = (struct xen_msix_entry){ .vector = 0xffff, .entry = 0 };
		check(exchange(f, &op) && !op.err && !op.value && op.msix_entries[0].vector,
		      "MSI-X", "err %d, value %u, vector %u", op.err, op.value,
		      op.msix_entries[0].vector);
		op.cmd = XEN_PCI_OP_disable_msix;
		check(exchange(f, &op) && !op.err, "MSI-X off", "err %d", op.err);
	}
}

static unsigned detach_leaving(struct front *f)
{
	long n = backend_number(f, NODE_NUM_DEVS);
	unsigned gone = 0;

	for (long i = 0; i < n; i++) {
		unsigned domain, bus, slot, func;
		struct function *fn;

		if (backend_number(f, "state-%ld", i) != XenbusStateClosing ||
		    sscanf(backend_text(f, "vdev-%ld", i), "%x:%x:%x.%x", &domain, &bus, &slot,
			   &func) != 4)
			continue;
		fn = known(f, domain, bus, slot << 3 | func);
		if (!fn)
			continue;
		*fn = f->functions[--f->n];
		gone++;
	}
	return gone;
}

static void reconfigure(struct front *f, unsigned want_gone, unsigned want_new)
{
	unsigned gone, added;

	wait_backend(f, STATE(Reconfiguring));
	gone = detach_leaving(f);
	write_state(f, XenbusStateReconfiguring);
	wait_backend(f, STATE(Reconfigured));
	added = scan(f);
	write_state(f, XenbusStateConnected);
	wait_backend(f, STATE(Connected));
	check(gone == want_gone && added == want_new, want_new ? "hot attach" : "hot detach",
	      "%u gone, %u new", gone, added);
}

void run_linux(struct front *f, bool hotplug)
{
	f->timeout_ns = TIMEOUT_NS;
	make_offer(f, true);
	publish(f, false);
	wait_backend(f, STATE(Connected));
	check(scan(f) > 0, "devices are found", "none");
	for (unsigned i = 0; i < f->n; i++)
		probe(f, &f->functions[i]);
	write_state(f, XenbusStateConnected);
	for (unsigned i = 0; i < f->n; i++)
		interrupts(f, &f->functions[i]);
	if (hotplug) {
		puts("ready");
		fflush(stdout);
		reconfigure(f, 0, 1);
		reconfigure(f, 1, 0);
	}
	check(f->slowest_ns < TIMEOUT_NS, "every answer within 2 s", "the slowest took %llu ms",
	      (unsigned long long)f->slowest_ns / 1000000);
	/* The shutdown hook writes 5; what follows is the answer to the backend's 5 and 6. */
	write_state(f, XenbusStateClosing);
	wait_backend(f, STATE(Closing) | STATE(Closed));
	write_state(f, XenbusStateClosed);
	check(wait_backend(f, STATE(Closed)), "it closes", "no");
}
