/* SPDX-License-Identifier: MIT */
/*
 * One machine's text in other encodings, and what stands around it: it loads as it does by
 * itself, or is refused with what to cut.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_text.h"

/* ---- Encodings */

static void utf16(const struct text_buffer *from, struct text_buffer *to, bool big, bool mark)
{
	to->len = 0;
	if (mark)
		text_put_bytes(to, big ? "\xfe\xff" : "\xff\xfe", 2);
	for (size_t i = 0; i < from->len; i++) {
		char pair[2] = { big ? 0 : from->bytes[i], big ? from->bytes[i] : 0 };

		if (from->bytes[i] == '\n')
			text_put_bytes(to, big ? "\0\r" : "\r\0", 2);
		text_put_bytes(to, pair, 2);
	}
}

static void test_encodings(void **state)
{
	static struct text_buffer plain, coded;

	(void)state;
	text_machine(&plain);
	for (unsigned i = 0; i < 4; i++) {
		utf16(&plain, &coded, i & 1, i & 2);
		text_expect_machine("UTF-16", &coded);
	}
	coded.len = 0;
	text_put(&coded, "\xef\xbb\xbf");
	text_put_bytes(&coded, plain.bytes, plain.len);
	text_expect_machine("UTF-8 with its mark", &coded);
	/* A name in Latin-1 or UTF-8, and the byte that stands for pin 192. */
	coded.len = 0;
	text_put(&coded, "00:1f.0 Caf\xe9 Caf\xc3\xa9\n\tInterrupt: pin ");
	text_put_bytes(&coded, "", 1);
	text_put(&coded, " routed to IRQ 11\n");
	text_rows(&coded, "00: " TEXT_ZEROS "10: " TEXT_ZEROS "20: " TEXT_ZEROS "30: " TEXT_ZEROS, 64);
	{
		struct image_text text;
		struct machine m;

		assert_int_equal(text_load(&coded, &m, &text), 0);
		assert_int_equal(text.function[0].irq, 11);
		image_text_dispose(&text);
		machine_end(&m);
	}
}

/* ---- What stands around it */

static void test_surroundings(void **state)
{
	static const char *const around[][2] = {
		{ "lspci -vvxxxx\n", "" },
		{ "$ lspci -vvxxxx\n", "$\n" },
		{ "# lspci -vvxxxx\n", "# \n" },
		{ "sudo lspci -vvxxxx\n", "" },
		{ "/usr/sbin/lspci -vvxxxx\n", "" },
		{ "root@host:~# lspci -vvxxxx\n", "root@host:~# exit\n" },
		{ "[root@host ~]# lspci -vvxxxx\n", "[root@host ~]# \n" },
		{ "user@host ~ $ sudo lspci -vvxxxx\n", "user@host ~ $ \n" },
		{ "user@host:/tmp$ lspci -vvxxxx > /dev/stdout\n", "user@host:/tmp$\n" },
		{ "sh-5.1# lspci -vvxxxx\n", "sh-5.1# exit\nexit\n" },
		{ "Script started on 2026-01-01 00:00:00+00:00\n\033[01;32mroot@host\033[0m:~# lspci\n",
		  "\033[?2004hroot@host:~# \033]0;host\007\nScript done on 2026-01-01\n" },
		{ "```\n", "```\n" },
		{ "```text\n$ lspci -vvxxxx\n", "```\n" },
		{ "    $ lspci -vvxxxx\n", "" },
		{ "~~~\n", "~~~\n" },
		{ "[code]\n", "[/code]\n" },
		{ "[code]", "[/code]" },
		{ "<pre>", "</pre>\n" },
		{ "<pre><code>\n", "</code></pre>\n" },
		{ "{{{\n", "}}}\n" },
		{ "{noformat}\n", "{noformat}\n" },
		{ "# a comment\n\n", "" },
		{ "\n\n\n", "\n\n" },
		/* -M */
		{ "WARNING: Bus mapping can be reliable only with direct hardware access enabled.\n\n",
		  "## 00.1c:0 is a bridge from 00 to 03-03\n!!! Bridge points to invalid primary bus.\n"
		  "\nSummary of buses:\n\n00: Primary host bus\n\t1c.0 Bridge to 03-03\n"
		  "03: Entered via 00:1c.0\n3d: Secondary host bus (?)\n" },
	};
	static struct text_buffer plain, framed_text;

	(void)state;
	text_machine(&plain);
	for (size_t i = 0; i < ARRAY_SIZE(around); i++) {
		framed_text.len = 0;
		text_framed(&framed_text, around[i][0], plain.bytes, plain.len, around[i][1]);
		text_expect_machine(around[i][0], &framed_text);
	}
}

/* A title as long as a line of lspci can be, and longer. */
static void test_long_title(void **state)
{
	static struct text_buffer b;
	struct image_text text;
	struct machine m;

	(void)state;
	for (size_t len = 200; len < TEXT_MAX / 2; len *= 3) {
		b.len = 0;
		text_put(&b, "00:1f.0 ");
		for (size_t i = 0; i < len; i++)
			text_put(&b, "x");
		text_put(&b, " [8086:10d3]\n");
		text_rows(&b, "00: " TEXT_ZEROS "10: " TEXT_ZEROS "20: " TEXT_ZEROS "30: " TEXT_ZEROS, 64);
		assert_int_equal(text_load(&b, &m, &text), 0);
		assert_int_equal(text.function[0].device, 0x10d3);
		image_text_dispose(&text);
		machine_end(&m);
	}
}

/* ---- Refused, with what to cut */

static void test_refused(void **state)
{
	static const char *const cases[][3] = {
		/* before, behind, what is said: of the line behind the machine's where there is one */
		{ "Hello,\nhere is my machine:\n\n", "", ":1: not a line of lspci's output: \"Hello,\"; cut" },
		{ "", "Regards,\nJoe\n", ":37: not a line of lspci's output: \"Regards,\"; cut" },
		{ "From: Joe <joe@example.org>\n", "", ":1: a description before the first device: \"From: Joe" },
		{ "", "00:1c.0 PCI bridge: the next machine\n",
		  ":37: 0000:00:1c.0 is already described in line 1: one machine is wanted" },
		{ "", "-[0000:00]-+-00.0  Host bridge\n", ":37: not a line of lspci's output: \"-[0000:00]" },
		{ "caf\xe9\n", "", ":1: not a line of lspci's output: \"caf?\"" },
	};
	static struct text_buffer plain, bad;

	(void)state;
	text_machine(&plain);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_text text;
		struct machine m;

		bad.len = 0;
		text_framed(&bad, cases[i][0], plain.bytes, plain.len, cases[i][1]);
		assert_int_equal(text_load(&bad, &m, &text), -1);
		assert_int_equal(errno, EINVAL);
		if (!logbook_has(&m.log, cases[i][2]))
			fail_msg("wanted \"%s\", got \"%s\"", cases[i][2], m.log.text);
		image_text_dispose(&text);
		machine_end(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_surroundings),
		cmocka_unit_test(test_long_title),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, text_load_machine, text_free_machine);
}
