/* SPDX-License-Identifier: MIT */
/* lspci's text as image_parse reads it: every form that is taken, every error with its line. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
		{ "Flags: fast devsel", false, 0 },
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

/* ---- errors */

#define ROW "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
#define HEAD "00:03.0 x\n\tControl: I/O-\n"

static const struct {
	const char *text;
	unsigned line;
	const char *says;
} errors[] = {
	{ "", 0, "no device in it" },
	{ "# nothing\n", 1, "no device in it" },
	{ "00: " ROW "\n", 1, "hex dump before the first device" },
	{ "\tRegion 0: Memory at 0 (32-bit, prefetchable)\n", 1, "before the first device" },
	{ "hello\n", 1, "not a line of lspci's output: \"hello\"" },
	{ "00:03.0 x\n00:20.0 y\n", 2, "not a line of lspci's output" },
	{ "00:03.8 x\n", 1, "not a line of lspci's output" },
	{ "00:03.0 x\n0000:00:03.0 y\n", 2, "0000:00:03.0 is already described in line 1" },
	{ "00:03.0 x\n10: " ROW "\n", 2, "hex dump at 10 where 0 is next" },
	{ "00:03.0 x\n00: " ROW "\n20: " ROW "\n", 3, "hex dump at 20 where 10 is next" },
	{ "00:03.0 x\n00: " ROW "\n00: " ROW "\n", 3, "hex dump at 0 where 10 is next" },
	{ "00:03.0 x\n00: 00 00\n", 2, "byte 2 of the row" },
	{ "00:03.0 x\n00: 0g " ROW "\n", 2, "byte 0 of the row" },
	{ "00:03.0 x\n00: 0 " ROW "\n", 2, "byte 0 of the row" },
	{ "00:03.0 x\n00: 000 " ROW "\n", 2, "byte 0 of the row" },
	{ "00:03.0 x\n00: " ROW " 00\n", 2, "more than 16 bytes" },
	{ "00:03.0 x\n00: " ROW "\n10: " ROW "\n\n", 1, "ends at 20: 64, 128, 256 or 4096" },
	{ "00:03.0 x\n00: " ROW "\n\n00:04.0 x\n", 1, "ends at 10" },
	{ HEAD "\tRegion 6: Memory at 0\n", 3, "the number is not 0 to 5" },
	{ HEAD "\tRegion x: Memory at 0\n", 3, "the number is not 0 to 5" },
	{ HEAD "\tRegion 99999999999999999999: Memory at 0\n", 3, "the number is not 0 to 5" },
	{ HEAD "\tRegion 0: Bananas at 0\n", 3, "neither memory nor I/O ports" },
	{ HEAD "\tRegion 0: Memory at xyz (32-bit, prefetchable)\n", 3, "malformed address" },
	{ HEAD "\tRegion 0: Memory at 11112222333344445 (64-bit, prefetchable)\n", 3,
	  "malformed address" },
	{ HEAD "\tRegion 0: Memory at <unassigned (32-bit, prefetchable)\n", 3,
	  "malformed address" },
	{ HEAD "\tRegion 0: Memory at f0000000 (48-bit, prefetchable)\n", 3,
	  "unknown kind of memory" },
	{ HEAD "\tRegion 0: Memory at f0000000 (32-bit, fetchable)\n", 3,
	  "unknown kind of memory" },
	{ HEAD "\tRegion 0: Memory at f0000000 (32-bit, prefetchable) [size=K]\n", 3,
	  "size is not a number" },
	{ HEAD "\tRegion 0: I/O ports at c000 [size=-1]\n", 3, "size is not a number" },
	{ HEAD "\tRegion 0: I/O ports at c000 [size=0]\n", 3, "malformed size" },
	{ HEAD "\tRegion 0: I/O ports at c000 [size=1X]\n", 3, "malformed size" },
	{ HEAD "\tRegion 0: I/O ports at c000 [size=4K\n", 3, "malformed size" },
	{ HEAD "\tRegion 0: Memory at 0 (64-bit, prefetchable) [size=16777217T]\n", 3,
	  "malformed size" },
	{ HEAD "\tRegion 0: I/O ports at c000 [size=99999999999]\n", 3, "size is not a number" },
	{ HEAD "\tRegion 0: I/O ports at c000 [disabled\n", 3, "a bracket is not closed" },
	{ HEAD "\tRegion 0: I/O ports at c000 and more\n", 3, "unexpected text \"and more\"" },
	{ HEAD "\tRegion 0: I/O ports at c000\n\tRegion 0: I/O ports at d000\n", 4,
	  "the region of line 3 again" },
	{ HEAD "\tExpansion ROM at 0\n\tExpansion ROM at 0\n", 4, "the region of line 3 again" },
	{ HEAD "\tI/O ports at 1\n\tI/O ports at 2\n\tI/O ports at 3\n\tI/O ports at 4\n"
	  "\tI/O ports at 5\n\tI/O ports at 6\n\tI/O ports at 7\n", 9, "more regions than" },
	{ HEAD "\tMemory at 0 (64-bit, prefetchable)\n\tMemory at 0 (64-bit, prefetchable)\n"
	  "\tMemory at 0 (64-bit, prefetchable)\n\tMemory at 0 (64-bit, prefetchable)\n", 6,
	  "more regions than" },
	{ HEAD "\tInterrupt: pin A routed to IRQ x\n", 3, "malformed IRQ" },
	{ HEAD "\tInterrupt: pin A routed to IRQ 99999999999\n", 3, "malformed IRQ" },
	{ HEAD "\tInterrupt: pin A routed to IRQ 5x\n", 3, "malformed IRQ" },
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct image_text text;
		struct machine m;
		char where[96];

		machine_begin(&m);
		machine_text(&m, "%s", errors[i].text);
		errno = 0;
		if (!load(&m, &text))
			fail_msg("case %zu is taken", i);
		assert_int_equal(errno, EINVAL);
		image_text_dispose(&text);
		snprintf(where, sizeof(where), "error: %s:%u: ", m.file, errors[i].line);
		if (!logbook_has(&m.log, where) || !logbook_has(&m.log, errors[i].says))
			fail_msg("case %zu: wanted \"%s...%s\", got \"%s\"", i, where,
				 errors[i].says, m.log.text);
		/* A file that is refused opens no provider. */
		assert_null(machine_open(&m));
		assert_int_equal(errno, EINVAL);
		machine_end(&m);
	}
}

static void test_too_long_dump(void **state)
{
	uint8_t bytes[4096] = { 0 };
	struct image_text text;
	struct machine m;

	(void)state;
	machine_begin(&m);
	machine_text(&m, "00:03.0 x\n");
	machine_dump(&m, bytes, sizeof(bytes));
	machine_text(&m, "1000: " ROW "\n");
	assert_int_equal(load(&m, &text), -1);
	assert_int_equal(errno, EINVAL);
	assert_true(logbook_has(&m.log, "not a line of lspci's output"));
	image_text_dispose(&text);
	machine_end(&m);
}

static void test_zero_byte(void **state)
{
	struct image_text text;
	struct machine m;

	(void)state;
	machine_begin(&m);
	machine_text(&m, "00:03.0 x\n");
	fputc(0, m.out);
	machine_text(&m, "\n");
	assert_int_equal(load(&m, &text), -1);
	assert_int_equal(errno, EINVAL);
	assert_true(logbook_has(&m.log, "not a text file"));
	image_text_dispose(&text);
	machine_end(&m);
}

static void test_too_many(void **state)
{
	struct image_text text;
	struct machine m;

	(void)state;
	machine_begin(&m);
	for (unsigned i = 0; i < IMAGE_FUNCTIONS_MAX; i++)
		machine_text(&m, "%02x:%02x.%u x\n", i >> 8, i >> 3 & 0x1f, i & 7);
	assert_int_equal(load(&m, &text), 0);
	assert_int_equal(text.nr, IMAGE_FUNCTIONS_MAX);
	image_text_dispose(&text);
	machine_text(&m, "fe:00.0 x\n");
	assert_int_equal(load(&m, &text), -1);
	assert_int_equal(errno, EINVAL);
	assert_true(logbook_has(&m.log, ":4097: more than 4096 functions"));
	image_text_dispose(&text);
	machine_end(&m);
}

static void test_unreadable(void **state)
{
	struct image_text text;
	struct machine m;

	(void)state;
	machine_begin(&m);
	assert_int_equal(image_text_load("/nonexistent/dump", &m.log.logger, &text), -1);
	assert_int_equal(errno, ENOENT);
	assert_true(logbook_has(&m.log, "/nonexistent/dump: cannot read: No such file"));
	assert_int_equal(image_text_load("/tmp", &m.log.logger, &text), -1);
	assert_int_equal(errno, EISDIR);
	/* Sparse: the bound is looked at before anything is read. */
	assert_int_equal(ftruncate(fileno(m.out), (off_t)IMAGE_FILE_MAX + 1), 0);
	assert_int_equal(load(&m, &text), -1);
	assert_int_equal(errno, EFBIG);
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
		cmocka_unit_test(test_tolerated),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_too_long_dump),
		cmocka_unit_test(test_zero_byte),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
