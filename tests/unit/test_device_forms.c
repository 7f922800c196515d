/* SPDX-License-Identifier: MIT */
/*
 * One machine's text as it arrives: through mail, the web, a terminal, another system. Each
 * transformation of it loads as the text itself does, or is refused with what to cut.
 */
#include "tests/unit/unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/device/image/parse.h"
#include "common/util.h"
#include "tests/unit/support_device.h"

enum { TEXT_MAX = 1 << 16 };

/* A text in the making. */
struct buffer {
	char bytes[TEXT_MAX];
	size_t len;
};

static void put(struct buffer *b, const char *bytes, size_t len)
{
	assert_true(b->len + len < TEXT_MAX);
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	b->bytes[b->len] = '\0';
}

static void put_text(struct buffer *b, const char *text)
{
	put(b, text, strlen(text));
}

/* ---- The machine */

#define ZEROS "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"

static void put_rows(struct buffer *b, const char *header, unsigned nr)
{
	char offset[8];

	put_text(b, header);
	for (unsigned at = 0x40; at < nr; at += 16) {
		snprintf(offset, sizeof(offset), "%02x: ", at);
		put_text(b, offset);
		put_text(b, at == 0x40 ? "05 00 80 00 00 00 3d 00 00 00 00 00 00 00 00 ff\n" : ZEROS);
	}
	put_text(b, "\n");
}

static void put_machine(struct buffer *b)
{
	b->len = 0;
	put_text(b, "00:1c.0 PCI bridge: Example Systems Root Port #1 (rev 03) (prog-if 00 [Normal decode])\n"
		    "\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+\n"
		    "\tStatus: Cap+ 66MHz- UDF- FastB2B- ParErr- DEVSEL=fast >TAbort- <TAbort- <MAbort- >SERR- <PERR- INTx-\n"
		    "\tInterrupt: pin A routed to IRQ 16\n"
		    "\tBus: primary=00, secondary=03, subordinate=3d, sec-latency=0\n"
		    "\tMemory behind bridge: f0000000-f00fffff [size=1M] [32-bit]\n");
	put_rows(b, "00: 86 80 10 9d 07 04 10 00 f1 00 04 06 10 00 81 00\n10: " ZEROS
		    "20: 00 f0 00 f0 f1 ff 01 00 00 00 00 00 00 00 00 00\n"
		    "30: 00 00 00 00 40 00 00 00 00 00 00 00 10 01 02 00\n", 256);
	/* The address's three bytes of 03:00.1 begin like a row's. */
	put_text(b, "03:00.1 Ethernet controller: Example Systems 82574L Gigabit Network Connection\n"
		    "\tSubsystem: Example Systems Device 0001\n"
		    "\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-\n"
		    "\tInterrupt: pin A routed to IRQ 17\n"
		    "\tRegion 0: Memory at 38f0000000 (64-bit, non-prefetchable) [size=128K]\n"
		    "\tRegion 2: I/O ports at e000 [disabled] [size=32]\n"
		    "\tExpansion ROM at <unassigned> [disabled]\n"
		    "\tCapabilities: [40] MSI: Enable- Count=1/1 Maskable- 64bit+\n"
		    "\t\tAddress: 0000000000000000  Data: 0000\n"
		    "\tCapabilities: [160] Single Root I/O Virtualization (SR-IOV)\n"
		    "\t\tRegion 0: Memory at 000000e000000000 (64-bit, prefetchable)\n"
		    "\tKernel driver in use: e1000e\n");
	put_rows(b, "00: 86 80 d3 10 07 04 10 00 00 00 00 02 00 00 00 00\n"
		    "10: 04 00 00 f0 38 00 00 00 01 e0 00 00 00 00 00 00\n20: " ZEROS
		    "30: 00 00 00 00 40 00 00 00 00 00 00 00 0b 01 00 00\n", 256);
}

/* ---- Loading and comparing */

static int load(const struct buffer *b, struct machine *m, struct image_text *text)
{
	machine_begin(m);
	assert_int_equal(fwrite(b->bytes, 1, b->len, m->out), b->len);
	assert_int_equal(fflush(m->out), 0);
	return image_text_load(m->file, &m->log.logger, text);
}

static bool same_function(const struct image_text_function *a, const struct image_text_function *b)
{
	for (unsigned i = 0; i < PCIDEV_RESOURCES; i++) {
		const struct image_region *r = &a->region[i], *s = &b->region[i];

		if (!r->line != !s->line || r->start != s->start || r->size != s->size ||
		    r->io != s->io || r->is_64bit != s->is_64bit ||
		    r->prefetchable != s->prefetchable)
			return false;
	}
	return sbdf_equal(a->sbdf, b->sbdf) && a->nr_bytes == b->nr_bytes &&
	       !memcmp(a->bytes, b->bytes, a->nr_bytes) && a->has_irq == b->has_irq &&
	       a->irq == b->irq;
}

/* Fails unless b loads as the machine does. */
static void expect_machine(const char *name, const struct buffer *b)
{
	static struct buffer plain;
	struct image_text want, got;
	struct machine m, n;

	put_machine(&plain);
	assert_int_equal(load(&plain, &m, &want), 0);
	if (load(b, &n, &got))
fail_msg("%s: %s", name, n.log.text);
	assert_int_equal(want.nr, 2);
	if (got.nr != want.nr)
		fail_msg("%s: %zu functions", name, got.nr);
	for (size_t i = 0; i < want.nr; i++) {
		if (!same_function(&want.function[i], &got.function[i]))
			fail_msg("%s: function %zu is another", name, i);
	}
	image_text_dispose(&want);
	image_text_dispose(&got);
	machine_end(&m);
	machine_end(&n);
}

/* ---- Transformations of each line */

/* A line without its end, and which it is, from 0. */
typedef void line_form(struct buffer *to, const char *line, size_t len, unsigned nr);

static void each_line(const struct buffer *from, struct buffer *to, line_form *form)
{
	const char *p = from->bytes;
	unsigned nr = 0;

	to->len = 0;
	for (; *p; p++) {
		size_t len = strcspn(p, "\n");

		form(to, p, len, nr++);
		p += len;
	}
}

/* Lines between two others. */
static void framed(struct buffer *to, const char *before, const char *line, size_t len,
		   const char *behind)
{
	put_text(to, before);
	put(to, line, len);
	put_text(to, behind);
}

#define FRAMED(name, before, behind)                                                    \
	static void name(struct buffer *to, const char *line, size_t len, unsigned nr) \
	{                                                                              \
		(void)nr;                                                              \
		framed(to, before, line, len, behind);                                 \
	}

FRAMED(windows, "", "\r\n")
FRAMED(old_mac, "", "\r")
FRAMED(transferred_twice, "", "\r\r\n")
FRAMED(quoted, "> ", "\n")
FRAMED(quoted_tight, ">", "\n")
FRAMED(quoted_twice, "> > ", "\n")
FRAMED(quoted_barred, "| ", "\n")
FRAMED(trailing_blanks, "", " \t\n")
FRAMED(indented, "    ", "\n")
FRAMED(indented_tab, "\t", "\n")
FRAMED(html_quoted, "&gt; ", "\n")
FRAMED(spread, "", "\n\n")

/* What a mouse takes along from a page: all but the first line's indentation. */
static void indented_but_first(struct buffer *to, const char *line, size_t len, unsigned nr)
{
	framed(to, nr ? "    " : "", line, len, "\n");
}

/* Whose indentation was lost, except for what is deeper. */
static void not_indented(struct buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	while (len && *line == '\t') {
		line++;
		len--;
	}
	framed(to, "", line, len, "\n");
}

static void eight_blanks(struct buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (; len && *line == '\t'; line++, len--)
		put_text(to, "        ");
	framed(to, "", line, len, "\n");
}

static bool is_row(const char *line, size_t len)
{
	return len > 4 && line[2] == ':' && line[3] == ' ';
}

static void uppercase_rows(struct buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (size_t i = 0; i < len; i++) {
		char c = is_row(line, len) ? (char)toupper((unsigned char)line[i]) : line[i];

		put(to, &c, 1);
	}
	put_text(to, "\n");
}

static void rows_with_0x(struct buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (size_t i = 0; i < len; i++) {
		if (is_row(line, len) && (!i || line[i - 1] == ' '))
			put_text(to, "0x");
		put(to, line + i, 1);
	}
	put_text(to, "\n");
}

static void title_with_tab(struct buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	if (len > 8 && line[5] == '.')
		framed(to, "", line, 7, "\t");
	framed(to, "", len > 8 && line[5] == '.' ? line + 8 : line,
	       len > 8 && line[5] == '.' ? len - 8 : len, "\n");
}

static void no_break_spaces(struct buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (size_t i = 0; i < len; i++)
		put_text(to, line[i] == ' ' ? "\xc2\xa0" : (char[]){ line[i], '\0' });
	put_text(to, "\n");
}

static void html(struct buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (size_t i = 0; i < len; i++)
		put_text(to, line[i] == '<' ? "&lt;" : line[i] == '>' ? "&gt;" :
				     (char[]){ line[i], '\0' });
	put_text(to, "\n");
}

/* A mail's source: "=" is coded, and no line is longer than 60. */
static void quoted_printable(struct buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (size_t i = 0; i < len; i++) {
		if (i && i % 60 == 0)
			put_text(to, "=\n");
		put_text(to, line[i] == '=' ? "=3D" : (char[]){ line[i], '\0' });
	}
	put_text(to, "\n");
}

static const struct {
	const char *name;
	line_form *form;
} line_forms[] = {
	{ "CR LF", windows }, { "CR", old_mac }, { "CR CR LF", transferred_twice },
	{ "quoted", quoted }, { "quoted without a blank", quoted_tight },
	{ "quoted twice", quoted_twice }, { "quoted with bars", quoted_barred },
	{ "quoted in HTML", html_quoted }, { "blanks behind", trailing_blanks },
	{ "indented", indented }, { "indented by a tab", indented_tab },
	{ "indented but for the first", indented_but_first }, { "indentation lost", not_indented },
	{ "tabs made blanks", eight_blanks }, { "uppercase rows", uppercase_rows },
	{ "0x in rows", rows_with_0x }, { "a tab behind the address", title_with_tab },
	{ "no-break spaces", no_break_spaces }, { "HTML", html },
	{ "quoted-printable", quoted_printable }, { "empty lines between", spread },
};

static void test_line_forms(void **state)
{
	static struct buffer plain, formed, both;

	(void)state;
	put_machine(&plain);
	for (size_t i = 0; i < ARRAY_SIZE(line_forms); i++) {
		each_line(&plain, &formed, line_forms[i].form);
		expect_machine(line_forms[i].name, &formed);
		/* Windows' mail */
		each_line(&formed, &both, windows);
		if (line_forms[i].form != old_mac && line_forms[i].form != windows &&
		    line_forms[i].form != transferred_twice)
			expect_machine(line_forms[i].name, &both);
	}
}

/* ---- Wrapped lines */

/* Breaks each line at the last blank before `width`, as mail programs do. */
static void wrap(const struct buffer *from, struct buffer *to, size_t width, const char *mark)
{
	const char *p = from->bytes;

	to->len = 0;
	for (; *p; p++) {
		size_t len = strcspn(p, "\n"), at;

		for (put_text(to, mark); len > width; p += at + 1, len -= at + 1) {
			at = width;
			while (at && p[at] != ' ')
				at--;
			if (!at)
				break;
			framed(to, "", p, at, "\n");
			put_text(to, mark);
		}
		framed(to, "", p, len, "\n");
		p += len;
	}
}

static void test_wrapped(void **state)
{
	static const size_t widths[] = { 100, 78, 76, 72, 70, 65, 60, 52, 50, 45, 40, 36 };
	static struct buffer plain, wrapped;

	(void)state;
	put_machine(&plain);
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		char name[32];

		snprintf(name, sizeof(name), "wrapped at %zu", widths[i]);
		wrap(&plain, &wrapped, widths[i], "");
		expect_machine(name, &wrapped);
		wrap(&plain, &wrapped, widths[i], "> ");
		expect_machine(name, &wrapped);
	}
}

/* ---- Warnings in the midst */

/* Standard error is not buffered: it comes anywhere in what standard output brings. */
static void test_warning_anywhere(void **state)
{
	static const char *const warnings[] = {
		"pcilib: sysfs_read_vpd: read failed: No such device\n",
		"lspci: Unable to load libkmod resources: error -2\n",
		"pcilib: Cannot open /sys/bus/pci/devices: a\npcilib: sysfs_read_vpd: b\n",
	};
	static struct buffer plain, mixed;

	(void)state;
	put_machine(&plain);
	for (size_t at = 0; at <= plain.len; at++) {
		char name[64];

		mixed.len = 0;
		put(&mixed, plain.bytes, at);
		put_text(&mixed, warnings[at % ARRAY_SIZE(warnings)]);
		put(&mixed, plain.bytes + at, plain.len - at);
		snprintf(name, sizeof(name), "a warning at %zu, before \"%.20s\"", at, plain.bytes + at);
		expect_machine(name, &mixed);
	}
}

/* ---- Encodings */

static void utf16(const struct buffer *from, struct buffer *to, bool big, bool mark)
{
	to->len = 0;
	if (mark)
		put(to, big ? "\xfe\xff" : "\xff\xfe", 2);
	for (size_t i = 0; i < from->len; i++) {
		char pair[2] = { big ? 0 : from->bytes[i], big ? from->bytes[i] : 0 };

		if (from->bytes[i] == '\n')
			put(to, big ? "\0\r" : "\r\0", 2);
		put(to, pair, 2);
	}
}

static void test_encodings(void **state)
{
	static struct buffer plain, coded;

	(void)state;
	put_machine(&plain);
	for (unsigned i = 0; i < 4; i++) {
		utf16(&plain, &coded, i & 1, i & 2);
		expect_machine("UTF-16", &coded);
	}
	coded.len = 0;
	put_text(&coded, "\xef\xbb\xbf");
	put(&coded, plain.bytes, plain.len);
	expect_machine("UTF-8 with its mark", &coded);
	/* A name in Latin-1 or UTF-8, and the byte that stands for pin 192. */
	coded.len = 0;
	put_text(&coded, "00:1f.0 Caf\xe9 Caf\xc3\xa9\n\tInterrupt: pin ");
	put(&coded, "", 1);
	put_text(&coded, " routed to IRQ 11\n");
	put_rows(&coded, "00: " ZEROS "10: " ZEROS "20: " ZEROS "30: " ZEROS, 64);
	{
		struct image_text text;
		struct machine m;

		assert_int_equal(load(&coded, &m, &text), 0);
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
	};
	static struct buffer plain, framed_text;

	(void)state;
	put_machine(&plain);
	for (size_t i = 0; i < ARRAY_SIZE(around); i++) {
		framed_text.len = 0;
		framed(&framed_text, around[i][0], plain.bytes, plain.len, around[i][1]);
		expect_machine(around[i][0], &framed_text);
	}
}

/* A title as long as a line of lspci can be, and longer. */
static void test_long_title(void **state)
{
	static struct buffer b;
	struct image_text text;
	struct machine m;

	(void)state;
	for (size_t len = 200; len < TEXT_MAX / 2; len *= 3) {
		b.len = 0;
		put_text(&b, "00:1f.0 ");
		for (size_t i = 0; i < len; i++)
			put_text(&b, "x");
		put_text(&b, " [8086:10d3]\n");
		put_rows(&b, "00: " ZEROS "10: " ZEROS "20: " ZEROS "30: " ZEROS, 64);
		assert_int_equal(load(&b, &m, &text), 0);
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
		{ "", "Regards,\nJoe\n", ":53: not a line of lspci's output: \"Regards,\"; cut" },
		{ "From: Joe <joe@example.org>\n", "", ":1: a description before the first device: \"From: Joe" },
		{ "", "00:1c.0 PCI bridge: the next machine\n",
		  ":53: 0000:00:1c.0 is already described in line 1: one machine is wanted" },
		{ "", "-[0000:00]-+-00.0  Host bridge\n", ":53: not a line of lspci's output: \"-[0000:00]" },
		{ "caf\xe9\n", "", ":1: not a line of lspci's output: \"caf?\"" },
	};
	static struct buffer plain, bad;

	(void)state;
	put_machine(&plain);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_text text;
		struct machine m;

		bad.len = 0;
		framed(&bad, cases[i][0], plain.bytes, plain.len, cases[i][1]);
		assert_int_equal(load(&bad, &m, &text), -1);
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
		cmocka_unit_test(test_line_forms),
		cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_warning_anywhere),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_surroundings),
		cmocka_unit_test(test_long_title),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
