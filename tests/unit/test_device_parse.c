/* SPDX-License-Identifier: MIT */
/* lspci's text as image_parse reads it: every form that is taken. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "host/device/image/parse.h"
#include "common/util.h"
#include "tests/unit/support_device.h"

/* Loads what m has so far. */
static int load(struct machine *m, struct image_text *text)
{
	assert_int_equal(fflush(m->out), 0);
	return image_text_load(m->file, &m->log.logger, text);
}

/* One device of nr bytes with these lines of description. */
static void one_device(struct machine *m, const char *title, const char *description, size_t nr)
{
	uint8_t bytes[256];

	bytes_init(bytes, 0x10ec, 0x8139);
	machine_begin(m);
	machine_text(m, "%s\n%s", title, description);
	machine_dump(m, bytes, nr);
}

/* ---- forms */

struct region_form {
	const char *line;
	unsigned number;
	struct image_region want; /* but for its line */
};

static const struct region_form region_forms[] = {
	{ "Region 0: Memory at febd6000 (32-bit, non-prefetchable) [size=4K]", 0,
	  { .start = 0xfebd6000, .size = 4 << 10 } },
	{ "Region 2: Memory at 380000000000 (64-bit, prefetchable) [size=1G]", 2,
	  { .start = 0x380000000000, .size = 1 << 30, .is_64bit = true, .prefetchable = true } },
	{ "Region 5: Memory at d0000000 (32-bit, prefetchable) [disabled] [size=256M]", 5,
	  { .start = 0xd0000000, .size = 256 << 20, .prefetchable = true } },
	{ "Region 1: Memory at 000a0000 (low-1M, non-prefetchable) [size=64K]", 1,
	  { .start = 0xa0000, .size = 64 << 10, .below_1m = true } },
	{ "Region 1: Memory at fe000000 (type 3, non-prefetchable) [size=16]", 1,
	  { .start = 0xfe000000, .size = 16 } },
	{ "Region 0: Memory at 8000000000 (64-bit, prefetchable) [size=2T]", 0,
	  { .start = 0x8000000000, .size = UINT64_C(2) << 40, .is_64bit = true,
	    .prefetchable = true } },
	{ "Region 4: I/O ports at c060 [size=32]", 4, { .start = 0xc060, .size = 32, .io = true } },
	{ "Region 2: I/O ports at a400 [disabled] [size=1K]", 2,
	  { .start = 0xa400, .size = 1 << 10, .io = true } },
	{ "Region 2: I/O ports at <unassigned> [disabled]", 2, { .io = true } },
	{ "Region 3: Memory at <unassigned> (32-bit, non-prefetchable) [size=16K]", 3,
	  { .size = 16 << 10 } },
	{ "Region 3: Memory at <ignored> (64-bit, prefetchable) [disabled] [size=16K]", 3,
	  { .size = 16 << 10, .is_64bit = true, .prefetchable = true } },
	{ "Region 0: [virtual] Memory at 843000000000 (32-bit, non-prefetchable) [size=1G]", 0,
	  { .start = 0x843000000000, .size = 1 << 30, .virtual = true } },
	{ "Region 0: Memory at 382002000000 (64-bit, prefetchable) [virtual] [size=1M]", 0,
	  { .start = 0x382002000000, .size = 1 << 20, .is_64bit = true, .prefetchable = true,
	    .virtual = true } },
	{ "Region 0: Memory at 1000 (32-bit, non-prefetchable) [enhanced] [size=4K]", 0,
	  { .start = 0x1000, .size = 4 << 10 } },
	{ "Region 0: [enhanced] Memory at 843000000000 (32-bit, non-prefetchable) [size=1G]", 0,
	  { .start = 0x843000000000, .size = 1 << 30 } },
	/* lspci 3.0 gives the name no end */
	{ "DeviceName: Onboard LAN\tRegion 0: Memory at 1000 (32-bit, prefetchable)", 0,
	  { .start = 0x1000, .prefetchable = true } },
	{ "Region 1: [virtual] I/O ports at 03f4", 1,
	  { .start = 0x3f4, .io = true, .virtual = true } },
	{ "Region 0: Memory at e0000000 (32-bit, prefetchable)", 0,
	  { .start = 0xe0000000, .prefetchable = true } },
	{ "Expansion ROM at feb80000 [disabled] [size=256K]", PCIDEV_ROM,
	  { .start = 0xfeb80000, .size = 256 << 10 } },
	{ "Expansion ROM at fe000000 [disabled by cmd] [size=64K]", PCIDEV_ROM,
	  { .start = 0xfe000000, .size = 64 << 10 } },
	{ "Expansion ROM at 000c0000 [virtual] [disabled] [size=128K]", PCIDEV_ROM,
	  { .start = 0xc0000, .size = 128 << 10, .virtual = true } },
	{ "[virtual] Expansion ROM at 000c0000 [disabled] [size=128K]", PCIDEV_ROM,
	  { .start = 0xc0000, .size = 128 << 10, .virtual = true } },
	{ "Expansion ROM at <unassigned> [disabled]", PCIDEV_ROM, { 0 } },
	/* lspci 2.2 and older, from 2 GiB on */
	{ "Region 1: Memory at 80000000 (32-bit, prefetchable) [size=80000000]", 1,
	  { .start = 0x80000000, .size = UINT64_C(1) << 31, .prefetchable = true } },
	{ "Region 0: Memory at 0000004000000000 (64-bit, prefetchable) [size=0000000400000000]", 0,
	  { .start = 0x4000000000, .size = UINT64_C(1) << 34, .is_64bit = true,
	    .prefetchable = true } },
	{ "Region 0: Memory at <invalid-64bit-slot> (64-bit, prefetchable)", 0,
	  { .is_64bit = true, .prefetchable = true } },
	{ "Region 5: Memory at <broken-64-bit-slot> (64-bit, non-prefetchable) [size=4K]", 5,
	  { .size = 4 << 10, .is_64bit = true } },
	/* -b: the upper half twice */
	{ "Region 0: Memory at 0000003838f0000000 (64-bit, non-prefetchable)", 0,
	  { .start = 0x38f0000000, .is_64bit = true } },
	{ "Region 0: Memory at 00000038f0000000 (64-bit, non-prefetchable)", 0,
	  { .start = 0x38f0000000, .is_64bit = true } },
	{ "Region 0: Memory at 0x38f0000000 (64-bit, non-prefetchable) [size=1P]", 0,
	  { .start = 0x38f0000000, .size = UINT64_C(1) << 50, .is_64bit = true } },
	/* More than any processor addresses: as if it were not told */
	{ "Region 0: Memory at f0000000 (64-bit, non-prefetchable) [size=16P]", 0,
	  { .start = 0xf0000000, .is_64bit = true } },
	{ "Region 0: Memory at f0000000 (64-bit, non-prefetchable) [size=8E]", 0,
	  { .start = 0xf0000000, .is_64bit = true } },
};

static void test_region_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(region_forms); i++) {
		const struct region_form *f = &region_forms[i];
		struct image_region want = f->want;
		struct image_text text;
		struct machine m;
		char line[160];

		snprintf(line, sizeof(line), "\t%s\n", f->line);
		one_device(&m, "00:03.0 Ethernet controller: x", line, 64);
		if (load(&m, &text))
			fail_msg("%s: %s", f->line, m.log.text);
		want.line = 2;
		for (unsigned n = 0; n < PCIDEV_RESOURCES; n++) {
			const struct image_region *got = &text.function[0].region[n];

			if (n != f->number) {
				assert_int_equal(got->line, 0);
				continue;
			}
			assert_int_equal(got->line, want.line);
			if (got->start != want.start || got->size != want.size ||
			    got->io != want.io || got->is_64bit != want.is_64bit ||
			    got->below_1m != want.below_1m ||
			    got->prefetchable != want.prefetchable || got->virtual != want.virtual)
				fail_msg("%s: taken for something else", f->line);
		}
		image_text_dispose(&text);
		machine_end(&m);
	}
}

struct title_form {
	const char *title;
	struct sbdf want;
	bool has_ids;
	uint16_t vendor, device;
};

static const struct title_form title_forms[] = {
	{ "00:1f.3 SMBus: Intel Corporation", { 0, 0, 0xfb }, false, 0, 0 },
	{ "0000:00:1f.3 SMBus: x", { 0, 0, 0xfb }, false, 0, 0 },
	{ "0004:01:01.0 x", { 4, 1, 8 }, false, 0, 0 },
	{ "10000:e1:00.0 NVMe behind VMD", { 0x10000, 0xe1, 0 }, false, 0, 0 },
	{ "ff:06.2 Host bridge: x", { 0, 0xff, 0x32 }, false, 0, 0 },
	{ "01:00.0 Class 0280: Device 8086:095a (rev 61)", { 0, 1, 0 }, true, 0x8086, 0x095a },
	{ "01:00.0 0200: 8086:10ca (rev 01)", { 0, 1, 0 }, true, 0x8086, 0x10ca },
	{ "01:00.0 Ethernet controller [0200]: Intel x [8086:10ca] (rev 01)", { 0, 1, 0 }, true,
	  0x8086, 0x10ca },
	{ "01:00.0", { 0, 1, 0 }, false, 0, 0 },
	{ "1000000:00:1f.0 a segment above any that Xen names", { 0x1000000, 0, 0xf8 }, false, 0, 0 },
	{ "00:1f.0\tEthernet controller: x", { 0, 0, 0xf8 }, false, 0, 0 },
	{ "01:00.0 Ethernet controller [0x0200]: x [0x8086:0x10ca]", { 0, 1, 0 }, true, 0x8086,
	  0x10ca },
	{ "01:00.0 \"0200\" \"8086\" \"10ca\" -r01 \"\" \"\"", { 0, 1, 0 }, false, 0, 0 },
	/* -vm of lspci 2, -vmm of 3 */
	{ "Device:\t01:00.0\nClass:\tEthernet controller\nVendor:\tx\nDevice:\ty", { 0, 1, 0 },
	  false, 0, 0 },
	{ "Slot:\t0004:01:00.0\nClass:\tEthernet controller [0200]\nVendor:\tx [8086]\n"
	  "Device:\ty [10ca]\nSVendor:\tz\nRev:\t01\nProgIf:\t02\nNUMANode:\t0\nIOMMUGroup:\t1",
	  { 4, 1, 0 }, false, 0, 0 },
	/* -PP */
	{ "0000:00:1c.0/02:00.0/03:01.0 x", { 0, 3, 8 }, false, 0, 0 },
};

static void test_title_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(title_forms); i++) {
		const struct title_form *f = &title_forms[i];
		const struct image_text_function *fn;
		struct image_text text;
		struct machine m;

		one_device(&m, f->title, "", 64);
		if (load(&m, &text))
			fail_msg("%s: %s", f->title, m.log.text);
		fn = &text.function[0];
		assert_int_equal(text.nr, 1);
		assert_true(sbdf_equal(fn->sbdf, f->want));
		assert_int_equal(fn->has_ids, f->has_ids);
		assert_int_equal(fn->vendor, f->vendor);
		assert_int_equal(fn->device, f->device);
		image_text_dispose(&text);
		machine_end(&m);
	}
}

/* -x, CardBus' -x, -xxx, -xxxx; and a title alone. */
static void test_dump_lengths(void **state)
{
	static const size_t lengths[] = { 64, 128, 256, 4096, 0 };
	uint8_t bytes[4096];
	struct image_text text;
	struct machine m;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	machine_begin(&m);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		machine_text(&m, "00:%02zx.0 x\n", i);
		machine_dump(&m, bytes, lengths[i]);
	}
	assert_int_equal(load(&m, &text), 0);
	assert_int_equal(text.nr, ARRAY_SIZE(lengths));
	for (size_t i = 0; i < text.nr; i++) {
		assert_int_equal(text.function[i].nr_bytes, lengths[i]);
		if (lengths[i])
			assert_memory_equal(text.function[i].bytes, bytes, lengths[i]);
	}
	image_text_dispose(&text);
	image_text_dispose(&text); /* twice is safe */
	machine_end(&m);
}

static void test_irq_forms(void **state)
{
	static const struct {
		const char *line;
		bool has;
		uint32_t irq;
	} forms[] = {
		{ "Interrupt: pin A routed to IRQ 16", true, 16 },
		{ "Interrupt: pin A routed to IRQ 275", true, 275 },
		{ "Interrupt: pin ? routed to IRQ 11", true, 11 },
		{ "Interrupt: pin B disabled", false, 0 },
		{ "Flags: bus master, fast devsel, latency 0, IRQ 19, NUMA node 0", true, 19 },
		{ "Flags: bus master, fast devsel, latency 0, IRQ 23", true, 23 },
		{ "DeviceName: Onboard LAN\tFlags: bus master, fast devsel, latency 0, IRQ 19", true, 19 },
		{ "Flags: fast devsel", false, 0 },
		/* The kernel's IRQ_NOTCONNECTED, as a signed number and as an unsigned one */
		{ "Interrupt: pin A routed to IRQ -2147483648", true, 0 },
		{ "Interrupt: pin A routed to IRQ 2147483648", true, 0 },
		{ "Flags: bus master, fast devsel, latency 0, IRQ -2147483648, NUMA node 0", true, 0 },
		/* A SPARC's lspci */
		{ "Interrupt: pin A routed to IRQ 0000001f", true, 31 },
		{ "Kernel driver in use: IRQ 4", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct image_text text;
		struct machine m;
		char line[128];

		snprintf(line, sizeof(line), "\t%s\n", forms[i].line);
		one_device(&m, "00:03.0 x", line, 64);
		assert_int_equal(load(&m, &text), 0);
		assert_int_equal(text.function[0].has_irq, forms[i].has);
		assert_int_equal(text.function[0].irq, forms[i].irq);
		image_text_dispose(&text);
		machine_end(&m);
	}
}

/* Tabs, eight blanks or any other indentation: the first line sets the description's depth. */
static void test_depth(void **state)
{
	static const char *const descriptions[] = {
		("\tControl: I/O+\n\tRegion 0: Memory at f0000000 (32-bit, prefetchable) [size=1M]\n"
		 "\tCapabilities: [160] SR-IOV\n"
		 "\t\tRegion 0: Memory at e0000000 (64-bit, prefetchable)\n"),
		("        Control: I/O+\n"
		 "        Region 0: Memory at f0000000 (32-bit, prefetchable) [size=1M]\n"
		 "                Region 0: Memory at e0000000 (64-bit, prefetchable)\n"),
		("        Control: I/O+\n"
		 "\tRegion 0: Memory at f0000000 (32-bit, prefetchable) [size=1M]\n"
		 "\t\tRegion 2: Memory at e0000000 (64-bit, prefetchable)\n"),
		("  Control: I/O+\n  Region 0: Memory at f0000000 (32-bit, prefetchable) [size=1M]\n"
		 "    Region 0: Memory at e0000000 (64-bit, prefetchable)\n"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(descriptions); i++) {
		struct image_text text;
		struct machine m;

		one_device(&m, "00:03.0 x", descriptions[i], 64);
		if (load(&m, &text))
			fail_msg("form %zu: %s", i, m.log.text);
		assert_int_equal(text.function[0].region[0].start, 0xf0000000);
		assert_int_equal(text.function[0].region[0].size, 1 << 20);
		assert_int_equal(text.function[0].region[2].line, 0);
		image_text_dispose(&text);
		machine_end(&m);
	}
}

/* -v gives no numbers: a region belongs where the register holds its address. */
static void test_unnumbered_regions(void **state)
{
	struct image_text text;
	uint8_t bytes[256];
	struct machine m;

	(void)state;
	bytes_init(bytes, 0x10ec, 0x8168);
	bytes_put(bytes, 0x10, 4, 0xd801);
	bytes_put(bytes, 0x18, 4, 0xfbdff004);
	bytes_put(bytes, 0x20, 4, 0xf8df000c);
	machine_begin(&m);
	machine_text(&m, "07:00.0 x\n\tSubsystem: x\n\tI/O ports at d800 [size=256]\n"
			 "\tMemory at fbdff000 (64-bit, non-prefetchable) [size=4K]\n"
			 "\tMemory at f8df0000 (64-bit, prefetchable) [size=16K]\n"
			 "\tExpansion ROM at <unassigned> [disabled]\n");
	machine_dump(&m, bytes, 64);
	assert_int_equal(load(&m, &text), 0);
	assert_int_equal(text.function[0].region[0].size, 256);
	assert_int_equal(text.function[0].region[2].size, 4096);
	assert_int_equal(text.function[0].region[4].size, 16 << 10);
	assert_int_equal(text.function[0].region[PCIDEV_ROM].line, 6);
	image_text_dispose(&text);
	machine_end(&m);
}

/* -P names a function by its way there: the bridge's registers tell the bus. */
static void test_paths(void **state)
{
	struct image_text text;
	uint8_t bytes[256];
	struct machine m;

	(void)state;
	bytes_init(bytes, 0x8086, 0x9d10);
	bytes[0x19] = 0x3d;
	machine_begin(&m);
	machine_text(&m, "0001:00:1c.0 x\n");
	machine_dump(&m, bytes, 64);
	machine_text(&m, "0001:00:1c.0/02.1 y\n");
	bytes[0x19] = 0x3e;
	machine_dump(&m, bytes, 64);
	machine_text(&m, "0001:00:1c.0/02.1/00.0 z\n");
	machine_dump(&m, bytes, 64);
	assert_int_equal(load(&m, &text), 0);
	assert_true(sbdf_equal(text.function[1].sbdf, address("0001:3d:02.1")));
	assert_true(sbdf_equal(text.function[2].sbdf, address("0001:3e:00.0")));
	image_text_dispose(&text);
	/* A bridge that is not there tells nothing. */
	machine_text(&m, "0002:00:1c.0/02.1 y\n");
	assert_int_equal(load(&m, &text), -1);
	assert_true(logbook_has(&m.log, ":19: lspci -P tells no bus"));
	image_text_dispose(&text);
	machine_end(&m);
}

/* The first row behind a name that has no end. */
static void test_name_and_row(void **state)
{
	struct image_text text;
	struct machine m;

	(void)state;
	machine_begin(&m);
	machine_text(&m, "00:19.0 x\n\tDeviceName: LAN 00: of 2"
			 "00: 86 80 d3 10 00 00 00 00 00 00 00 02 00 00 00 00\n"
			 "10: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
			 "20: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
			 "30: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n\n");
	if (load(&m, &text))
		fail_msg("%s", m.log.text);
	assert_int_equal(text.function[0].nr_bytes, 64);
	assert_int_equal(text.function[0].bytes[3], 0x10);
	image_text_dispose(&text);
	machine_end(&m);
}

/* lspci -F -v: an upper half for a region, and the next one is not taken for it. */
static void test_unnumbered_upper_half(void **state)
{
	struct image_text text;
	uint8_t bytes[256];
	struct machine m;

	(void)state;
	bytes_init(bytes, 0x10ec, 0x8168);
	bytes_put(bytes, 0x10, 4, 0xf0000004);
	bytes_put(bytes, 0x14, 4, 0x38);
	bytes_put(bytes, 0x18, 4, 0x0000000c);
	bytes_put(bytes, 0x1c, 4, 0x3820);
	bytes_put(bytes, 0x24, 4, 0xe000);
	machine_begin(&m);
	machine_text(&m, "07:00.0 x\n\tFlags: bus master, fast devsel, latency 0, IRQ 11\n"
			 "\tMemory at 38f0000000 (64-bit, non-prefetchable)\n"
			 "\tMemory at <unassigned> (32-bit, prefetchable)\n"
			 "\tMemory at 382000000000 (64-bit, prefetchable)\n"
			 "\tMemory at <unassigned> (32-bit, non-prefetchable)\n"
			 "\tMemory at 0000e000 (32-bit, non-prefetchable)\n");
	machine_dump(&m, bytes, 64);
	assert_int_equal(load(&m, &text), 0);
	assert_int_equal(text.function[0].region[0].line, 3);
	assert_int_equal(text.function[0].region[1].line, 0);
	assert_int_equal(text.function[0].region[2].line, 5);
	assert_int_equal(text.function[0].region[3].line, 0);
	assert_int_equal(text.function[0].region[5].line, 7);
	image_text_dispose(&text);
	machine_end(&m);
}

/* Comments, warnings of lspci, carriage returns, a missing last newline, capital digits. */
static void test_tolerated(void **state)
{
	struct image_text text;
	struct machine m;

	(void)state;
	machine_begin(&m);
	machine_text(&m, "# a comment\r\nlspci: Unable to load libkmod resources: error -2\r\n"
			 "pcilib: sysfs_read_vpd: read failed\n"
			 "00:03.0 x\r\n\tRegion 0: I/O ports at C000 [size=32]\r\n"
			 "00: EC 10 39 81 00 00 00 00 00 00 00 02 00 00 00 00 \r\n"
			 "10: 01 c0 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
			 "20: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
			 "30: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
	assert_int_equal(load(&m, &text), 0);
	assert_int_equal(text.nr, 1);
	assert_int_equal(text.function[0].nr_bytes, 64);
	assert_int_equal(text.function[0].bytes[0], 0xec);
	assert_int_equal(text.function[0].region[0].start, 0xc000);
	image_text_dispose(&text);
	machine_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_region_forms),
		cmocka_unit_test(test_title_forms),
		cmocka_unit_test(test_dump_lengths),
		cmocka_unit_test(test_irq_forms),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_unnumbered_regions),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_name_and_row),
		cmocka_unit_test(test_unnumbered_upper_half),
		cmocka_unit_test(test_tolerated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
