/* SPDX-License-Identifier: MIT */
/*
 * One machine's text as it arrives: through mail, the web, a terminal, another system. Each
 * transformation of its lines loads as the text itself does.
 */
#include "tests/unit/unit.h"

#include <ctype.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/support_text.h"

/* ---- Transformations of each line */

/* A line without its end, and which it is, from 0. */
typedef void line_form(struct text_buffer *to, const char *line, size_t len, unsigned nr);

static void each_line(const struct text_buffer *from, struct text_buffer *to, line_form *form)
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

#define FRAMED(name, before, behind)                                                    \
	static void name(struct text_buffer *to, const char *line, size_t len, unsigned nr) \
	{                                                                              \
		(void)nr;                                                              \
		text_framed(to, before, line, len, behind);                                 \
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
static void indented_but_first(struct text_buffer *to, const char *line, size_t len, unsigned nr)
{
	text_framed(to, nr ? "    " : "", line, len, "\n");
}

/* Whose indentation was lost, except for what is deeper. */
static void not_indented(struct text_buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	while (len && *line == '\t') {
		line++;
		len--;
	}
	text_framed(to, "", line, len, "\n");
}

static void eight_blanks(struct text_buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (; len && *line == '\t'; line++, len--)
		text_put(to, "        ");
	text_framed(to, "", line, len, "\n");
}

static bool is_row(const char *line, size_t len)
{
	return len > 4 && line[2] == ':' && line[3] == ' ';
}

static void uppercase_rows(struct text_buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (size_t i = 0; i < len; i++) {
		char c = is_row(line, len) ? (char)toupper((unsigned char)line[i]) : line[i];

		text_put_bytes(to, &c, 1);
	}
	text_put(to, "\n");
}

static void rows_with_0x(struct text_buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (size_t i = 0; i < len; i++) {
		if (is_row(line, len) && (!i || line[i - 1] == ' '))
			text_put(to, "0x");
		text_put_bytes(to, line + i, 1);
	}
	text_put(to, "\n");
}

static void title_with_tab(struct text_buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	if (len > 8 && line[5] == '.')
		text_framed(to, "", line, 7, "\t");
	text_framed(to, "", len > 8 && line[5] == '.' ? line + 8 : line,
	       len > 8 && line[5] == '.' ? len - 8 : len, "\n");
}

static void no_break_spaces(struct text_buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (size_t i = 0; i < len; i++)
		text_put(to, line[i] == ' ' ? "\xc2\xa0" : (char[]){ line[i], '\0' });
	text_put(to, "\n");
}

static void html(struct text_buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (size_t i = 0; i < len; i++)
		text_put(to, line[i] == '<' ? "&lt;" : line[i] == '>' ? "&gt;" :
				     (char[]){ line[i], '\0' });
	text_put(to, "\n");
}

/* A mail's source: "=" is coded, and no line is longer than 60. */
static void quoted_printable(struct text_buffer *to, const char *line, size_t len, unsigned nr)
{
	(void)nr;
	for (size_t i = 0; i < len; i++) {
		if (i && i % 60 == 0)
			text_put(to, "=\n");
		text_put(to, line[i] == '=' ? "=3D" : (char[]){ line[i], '\0' });
	}
	text_put(to, "\n");
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
	static struct text_buffer plain, formed, both;

	(void)state;
	text_machine(&plain);
	for (size_t i = 0; i < ARRAY_SIZE(line_forms); i++) {
		each_line(&plain, &formed, line_forms[i].form);
		text_expect_machine(line_forms[i].name, &formed);
		/* Windows' mail */
		each_line(&formed, &both, windows);
		if (line_forms[i].form != old_mac && line_forms[i].form != windows &&
		    line_forms[i].form != transferred_twice)
			text_expect_machine(line_forms[i].name, &both);
	}
}

/* ---- Wrapped lines */

/* Breaks each line at the last blank before `width`, as mail programs do. */
static void wrap(const struct text_buffer *from, struct text_buffer *to, size_t width, const char *mark)
{
	const char *p = from->bytes;

	to->len = 0;
	for (; *p; p++) {
		size_t len = strcspn(p, "\n"), at;

		for (text_put(to, mark); len > width; p += at + 1, len -= at + 1) {
			at = width;
			while (at && p[at] != ' ')
				at--;
			if (!at)
				break;
			text_framed(to, "", p, at, "\n");
			text_put(to, mark);
		}
		text_framed(to, "", p, len, "\n");
		p += len;
	}
}

static void test_wrapped(void **state)
{
	static const size_t widths[] = { 100, 78, 76, 72, 70, 65, 60, 52, 50, 45, 40, 36 };
	static struct text_buffer plain, wrapped;

	(void)state;
	text_machine(&plain);
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		char name[32];

		snprintf(name, sizeof(name), "wrapped at %zu", widths[i]);
		wrap(&plain, &wrapped, widths[i], "");
		text_expect_machine(name, &wrapped);
		wrap(&plain, &wrapped, widths[i], "> ");
		text_expect_machine(name, &wrapped);
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
	static struct text_buffer plain, mixed;

	(void)state;
	text_machine(&plain);
	for (size_t at = 0; at <= plain.len; at++) {
		char name[64];

		mixed.len = 0;
		text_put_bytes(&mixed, plain.bytes, at);
		text_put(&mixed, warnings[at % ARRAY_SIZE(warnings)]);
		text_put_bytes(&mixed, plain.bytes + at, plain.len - at);
		snprintf(name, sizeof(name), "a warning at %zu, before \"%.20s\"", at, plain.bytes + at);
		text_expect_machine(name, &mixed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_forms),
		cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_warning_anywhere),
	};

	return cmocka_run_group_tests(tests, text_load_machine, text_free_machine);
}
