/* SPDX-License-Identifier: MIT */
/*
 * A rump kernel: mini-os' frontend under NetBSD's drivers. They scan the host's bus 0 by
 * dwords only, and each access looks its device up in num_devs, dev-N and vdev-N anew, so that
 * a device on another bus is not found and one that leaves is missed at once. When it closes
 * it leaves pci-op-ref and event-channel where they are.
 */
#include "tests/box/personality.h"

#include <stdio.h>

#include <linux/pci_regs.h>

static bool parse(const char *text, struct function *fn)
{
	unsigned slot, func;
	bool good = sscanf(text, "%x:%x:%x.%x", &fn->domain, &fn->bus, &slot, &func) == 4;

	if (good)
		fn->devfn = slot << 3 | func;
	return good;
}

/* From a place on the host's bus to the guest's; false: no such device. */
static bool look_up(struct front *f, uint32_t devfn, struct function *fn)
{
	long n = backend_number(f, NODE_NUM_DEVS);

	for (long i = 0; i < n; i++) {
		struct function host;

		if (!parse(backend_text(f, "dev-%ld", i), &host) || host.domain || host.bus ||
		    host.devfn != devfn)
			continue;
		if (parse(backend_text(f, "vdev-%ld", i), fn))
			return true;
		check(false, "vdev-N parses", "that of dev-%ld", i);
	}
	return false;
}

/* A read that fails leaves what was there, which is all ones in a scan. */
static uint32_t read_dword(struct front *f, uint32_t devfn, int offset)
{
	struct function fn;
	uint32_t value;

	if (!look_up(f, devfn, &fn) || conf_read(f, &fn, offset, 4, &value))
		return UINT32_MAX;
	return value;
}

static void write_dword(struct front *f, uint32_t devfn, int offset, uint32_t value)
{
	struct function fn;

	if (look_up(f, devfn, &fn))
		conf_write(f, &fn, offset, 4, value);
}

static void use(struct front *f, uint32_t devfn)
{
	uint32_t csr = read_dword(f, devfn, PCI_COMMAND), line;

	for (int offset = PCI_BASE_ADDRESS_0; offset <= PCI_BASE_ADDRESS_5; offset += 4) {
		uint32_t bar = read_dword(f, devfn, offset), mask;

		write_dword(f, devfn, offset, UINT32_MAX);
		mask = read_dword(f, devfn, offset);
		write_dword(f, devfn, offset, bar);
		check(read_dword(f, devfn, offset) == bar && (!bar || mask != bar), "a BAR sizes",
		      "at 0x%x: 0x%x, mask 0x%x", (unsigned)offset, bar, mask);
	}
	write_dword(f, devfn, PCI_COMMAND, csr | PCI_COMMAND_MASTER);
	check(read_dword(f, devfn, PCI_COMMAND) & PCI_COMMAND_MASTER, "bus master goes on", "0x%x",
	      read_dword(f, devfn, PCI_COMMAND));
	write_dword(f, devfn, PCI_COMMAND, csr);
	line = read_dword(f, devfn, PCI_INTERRUPT_LINE);
	check((line >> 8 & 0xff) <= 4, "interrupt line and pin in one read", "0x%x", line);
}

static unsigned scan(struct front *f)
{
	unsigned found = 0;

	for (uint32_t devfn = 0; devfn < 256; devfn += 8) {
		if (read_dword(f, devfn, PCI_VENDOR_ID) == UINT32_MAX)
			continue;
		found++;
		use(f, devfn);
	}
	return found;
}

void run_rump(struct front *f)
{
	unsigned first, second;

	minios_open(f);
	first = scan(f);
	check(first > 0, "devices are found on the host's bus 0", "none");
	minios_close(f, false);
	/* Its nodes still name a page and a port that are no more, until it publishes anew. */
	minios_open(f);
	second = scan(f);
	check(second == first, "the same devices in its second life", "%u, then %u", first, second);
	minios_close(f, false);
}
