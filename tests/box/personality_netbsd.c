/* SPDX-License-Identifier: MIT */
/*
 * NetBSD's xpci: 4-byte accesses only, roots in fixed columns, segment 0 only, no
 * timeout, and a panic at every state that it does not know: 6, 7 and 8.
 */
#include "tests/box/personality.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

/* "dddd:bb", no more, no less, and dddd is 0000. */
static bool parse_root(const char *text, uint32_t *bus)
{
	if (strlen(text) != 7 || strncmp(text, "0000:", 5) || !isxdigit((unsigned char)text[5]) ||
	    !isxdigit((unsigned char)text[6]))
		return false;
	*bus = (uint32_t)strtoul(text + 5, NULL, 16);
	return true;
}

static void scan_bus(struct front *f, uint32_t bus)
{
	for (uint32_t dev = 0; dev < 32; dev++) {
		for (uint32_t func = 0; func < 8; func++) {
			struct function fn = { .bus = bus, .devfn = dev << 3 | func };

			if (!conf_read(f, &fn, PCI_VENDOR_ID, 4, &fn.id) && fn.id &&
			    fn.id != UINT32_MAX && f->n < MAX_FUNCTIONS)
				f->functions[f->n++] = fn;
		}
	}
}

/* Errors of single accesses are not looked at: a read that failed is what the page held. */
static uint32_t read_dword(struct front *f, const struct function *fn, int offset)
{
	uint32_t value;

	conf_read(f, fn, offset, 4, &value);
	return value;
}

/* With decoding off, the bits that the BARs need are written: command and status in one. */
static void enable(struct front *f, const struct function *fn)
{
	uint32_t csr = read_dword(f, fn, PCI_COMMAND), want = 0, got;

	for (int offset = PCI_BASE_ADDRESS_0; offset <= PCI_BASE_ADDRESS_5; offset += 4) {
		uint32_t bar = read_dword(f, fn, offset);

		if (bar)
			want |= bar & 1 ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
	}
	/* As after a reset, so that there is something to enable. */
	conf_write(f, fn, PCI_COMMAND, 4, csr & ~(uint32_t)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	conf_write(f, fn, PCI_COMMAND, 4, csr | want);
	got = read_dword(f, fn, PCI_COMMAND);
	check((got & want) == want && got >> 16 == csr >> 16, "a 4-byte write enables decoding",
	      "0x%x was written over 0x%x, 0x%x reads back", csr | want, csr, got);
}

static void use(struct front *f, const struct function *fn)
{
	uint32_t line, bar, mask;

	enable(f, fn);
	line = read_dword(f, fn, PCI_INTERRUPT_LINE);
	check((line >> 8 & 0xff) <= 4, "interrupt line and pin in one read", "0x%x", line);
	bar = read_dword(f, fn, PCI_BASE_ADDRESS_0);
	conf_write(f, fn, PCI_BASE_ADDRESS_0, 4, UINT32_MAX);
	mask = read_dword(f, fn, PCI_BASE_ADDRESS_0);
	conf_write(f, fn, PCI_BASE_ADDRESS_0, 4, bar);
	check(read_dword(f, fn, PCI_BASE_ADDRESS_0) == bar && (!bar || mask), "the first BAR sizes",
	      "0x%x, mask 0x%x", bar, mask);
}

void run_netbsd(struct front *f)
{
	long roots;
	uint32_t bus = 0;

	f->panics = true;
	make_offer(f, false);
	publish(f, true);
	wait_backend(f, STATE(Connected));
	roots = backend_number(f, NODE_ROOT_NUM);
	if (roots < 0)
		scan_bus(f, 0);
	for (long i = 0; i < roots; i++) {
		const char *text = backend_text(f, "root-%ld", i);

		if (check(parse_root(text, &bus), "root-N has its columns", "'%s'", text))
			scan_bus(f, bus);
	}
	write_state(f, XenbusStateConnected);
	check(f->n > 0, "devices are found", "none");
	for (unsigned i = 0; i < f->n; i++)
		use(f, &f->functions[i]);
	/* It never closes by itself: the machine is switched off. */
	check(wait_backend(f, STATE(Connected)) == XenbusStateConnected, "no state that panics", "?");
}
