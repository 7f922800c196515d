/* SPDX-License-Identifier: MIT */
/* lspci's text, or what is taken for it: every error, with its line. */
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

#define WIDE "\tMemory at f0000000 (64-bit, non-prefetchable)\n"
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
	/* Its regions have no registers to be looked for in. */
	{ "00:03.0 x\n" WIDE WIDE WIDE WIDE "00: " ROW "\n", 1, "ends at 10" },
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
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_too_long_dump),
		cmocka_unit_test(test_zero_byte),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
