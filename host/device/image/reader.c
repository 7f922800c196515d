/* SPDX-License-Identifier: MIT */
#include "host/device/image/reader.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "common/sbdf.h"
#include "common/util.h"
#include "host/device/image/decode.h"
#include "host/device/image/scan.h"

enum {
	ROW_BYTES = 16,
	PROMPT_WORDS = 4,
	PIECES_MAX = 64, /* that one line is put together from */
};

/* Who complains on lspci's standard error. */
static const char *const warners[] = { "lspci: ", "pcilib: ", "libkmod: " };

/* ---- One line of the file */

/* The next line as it stands there, its end cut off. NULL at the end. */
static char *take_line(struct reader *r)
{
	char *line = r->next, *end;
	size_t returns;

	if (!*line)
		return NULL;
	end = line + strcspn(line, "\r\n");
	returns = strspn(end, "\r");
	/* CR LF, and what a careless transfer makes of it; or either alone */
	r->next = end + (end[returns] == '\n' ? returns + 1 : *end ? 1 : 0);
	*end = '\0';
	r->number++;
	return line;
}

/* "=3D" is "=", "=20" a blank; "=" at the end is no end. In place; whether the line goes on. */
static bool decode_quoted_printable(char *line)
{
	const char *from = line;
	char *to = line;
	uint64_t v;

	while (*from) {
		char pair[3] = { 0 };
		const char *p = pair;

		if (*from != '=') {
			*to++ = *from++;
			continue;
		}
		from++;
		if (!*from) {
			*to = '\0';
			return true;
		}
		memcpy(pair, from, from[1] ? 2 : 1);
		if (scan_hex(&p, 2, &v) == 2 && v >= ' ') {
			*to++ = (char)v;
			from += 2;
		} else {
			*to++ = '=';
		}
	}
	*to = '\0';
	return false;
}

/* No-break spaces, marks of byte order, what HTML writes for < > &: what they stand for. */
static void decode_marks(char *line)
{
	static const struct {
		const char *mark, *meant;
	} marks[] = {
		{ "\xc2\xa0", " " }, { "\xef\xbb\xbf", "" }, { "&lt;", "<" }, { "&gt;", ">" },
		{ "&amp;", "&" }, { "&nbsp;", " " },
	};
	const char *from = line;
	char *to = line;

	while (*from) {
		size_t i = 0;

		while (i < ARRAY_SIZE(marks) && !scan_word(&from, marks[i].mark))
			i++;
		if (i == ARRAY_SIZE(marks))
			*to++ = *from++;
		else if (*marks[i].meant)
			*to++ = *marks[i].meant;
	}
	*to = '\0';
}

/* Behind the marks of a mail that answers another, "> > ", at most *max: *max is then how many. */
static char *skip_quotes(char *line, unsigned *max)
{
	char *p = line + strspn(line, SCAN_BLANKS);
	unsigned n = 0;

	for (; n < *max && (*p == '>' || (*p == '|' && p[1] == ' ')); n++) {
		p++;
		p += *p == ' ';
	}
	*max = n;
	return n ? p : line;
}

/* What marks a text as verbatim, before it and behind it on the same line. */
static char *strip_markup(char *line)
{
	static const char *const before[] = { "<pre>", "<code>", "[code]", "{code}", "{noformat}",
					      "{{{", "[quote]" };
	static const char *const behind[] = { "</pre>", "</code>", "[/code]", "{code}",
					      "{noformat}", "}}}", "[/quote]" };
	char *p = line + strspn(line, SCAN_BLANKS);
	bool found = false;

	if (!strncmp(p, "```", 3) || !strncmp(p, "~~~", 3)) {
		*p = '\0';
		return p;
	}
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		if (!strncmp(p, before[i], strlen(before[i]))) {
			p += strlen(before[i]);
			found = true;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(behind); i++) {
		size_t len = strlen(p), part = strlen(behind[i]);

		if (len >= part && !strcmp(p + len - part, behind[i]))
			p[len - part] = '\0';
	}
	return found ? p : line;
}

/* Behind a shell's prompt at p, or p: "$ ", "root@host:~# ", "[root@host ~]# ", "host / # ". */
static const char *skip_prompt(const char *p)
{
	const char *at = p;
	bool named = *p == '[';

	for (unsigned words = 0; words < PROMPT_WORDS && *at; words++) {
		size_t len = strcspn(at, SCAN_BLANKS);

		named = named || memchr(at, '@', len);
		if (strchr("$#%", at[len - 1]) && (named || !words || len == 1))
			return at + len + strspn(at + len, SCAN_BLANKS);
		at += len;
		at += strspn(at, SCAN_BLANKS);
	}
	return p;
}

/* Whether the word at p is `name`, or a path to it. */
static bool is_program(const char *p, const char *name)
{
	size_t len = strcspn(p, SCAN_BLANKS), want = strlen(name);

	return len >= want && !strncmp(p + len - want, name, want) &&
	       (len == want || p[len - want - 1] == '/');
}

/* What else stands there: a recording's first and last words, what lspci -M says of buses. */
static bool is_remark(const char *p)
{
	static const char *const remarks[] = {
		"Script started on ", "Script done on ", "WARNING: Bus mapping ", "Mapping bus ",
		"Discovered device ", "But it was filtered out.", "!!! Bridge points to ",
		"Summary of buses:",
	};
	static const char *const of_bus[] = { "Entered via ", "Primary host bus", "Secondary host bus" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(remarks); i++) {
		if (!strncmp(p, remarks[i], strlen(remarks[i])))
			return true;
	}
	/* "03: Entered via 00:1c.0" */
	for (i = 0; i < ARRAY_SIZE(of_bus) && strlen(p) > 4; i++) {
		if (p[2] == ':' && !strncmp(p + 4, of_bus[i], strlen(of_bus[i])))
			return true;
	}
	return !strcmp(p, "exit") || !strcmp(p, "logout");
}

/* A command or an empty prompt, a comment. */
static bool is_command(const char *p)
{
	if (*p == '#' || skip_prompt(p) != p)
		return true;
	if (is_program(p, "sudo") || is_program(p, "doas") || is_program(p, "su"))
		return strstr(p, "lspci");
	return is_program(p, "lspci");
}

/* Where a warning of lspci begins in the line, or NULL. */
static char *find_warning(char *line)
{
	char *first = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(warners); i++) {
		char *at = strstr(line, warners[i]);

		if (at && (!first || at < first))
			first = at;
	}
	return first;
}

/* ---- What a line is */

/* Digits, colons, a dot and slashes, as in an address. */
static bool is_like_address(const char *p)
{
	size_t len = strspn(p, "0123456789abcdefABCDEF:./");

	return (!p[len] || strchr(SCAN_BLANKS, p[len])) && isxdigit((unsigned char)*p) &&
	       memchr(p, ':', len) && memchr(p, '.', len);
}

static bool is_address(const char *p)
{
	size_t len = strcspn(p, SCAN_BLANKS "/");
	char word[SBDF_TEXT];
	struct sbdf sbdf;

	if (len >= sizeof(word))
		return false;
	memcpy(word, p, len);
	word[len] = '\0';
	return is_like_address(p) && !sbdf_parse(word, &sbdf);
}

/* How many two-digit numbers stand at p with nothing but blanks between; *p is behind them. */
static unsigned count_bytes(const char **p)
{
	unsigned n = 0;
	uint64_t v;

	for (;; n++) {
		const char *at = *p + strspn(*p, SCAN_BLANKS);

		scan_word(&at, "0x");
		if (scan_hex(&at, 2, &v) != 2 || (*at && !strchr(SCAN_BLANKS, *at)))
			break;
		*p = at;
	}
	*p += strspn(*p, SCAN_BLANKS);
	return n;
}

/* "3f0:" and a blank */
static bool skip_offset(const char **p)
{
	uint64_t offset;

	scan_word(p, "0x");
	return scan_hex(p, 3, &offset) >= 2 && scan_word(p, ":") && (!**p || strchr(SCAN_BLANKS, **p));
}

/* "Control: I/O- ...", "Region 0: ...", "Class:\tHost bridge" in the first column. */
static bool is_field(const char *p)
{
	static const char *const nameless[] = { "Memory at ", "I/O ports at ", "Expansion ROM at ",
						"[virtual] ", "[enhanced] " };
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(nameless); i++) {
		if (scan_word(&p, nameless[i]))
			return true;
	}
	if (!isupper((unsigned char)*p))
		return false;
	while (isalnum((unsigned char)p[len]) || (p[len] && strchr(" /()#-", p[len])))
		len++;
	return p[len] == ':' && p[len + 1] && strchr(SCAN_BLANKS, p[len + 1]);
}

/* Of -vm's and -vmm's first line of a function: characters before its address. 0: it is none. */
static size_t slot_name(const char *p)
{
	const char *at = p;

	if ((scan_word(&at, "Slot:\t") || scan_word(&at, "Device:\t")) && is_address(at))
		return (size_t)(at - p);
	return 0;
}

static enum line_kind kind_of(const char *line)
{
	const char *p = line + strspn(line, SCAN_BLANKS), *at = p;
	bool indented = p != line;

	if (!*p)
		return LINE_BLANK;
	if (indented ? is_address(p) : is_like_address(p + slot_name(p)))
		return LINE_TITLE;
	if (skip_offset(&at) && (!indented || count_bytes(&at)))
		return LINE_ROW;
	at = p;
	if (!indented && count_bytes(&at) && !*at)
		return LINE_BYTES;
	return indented || is_field(p) ? LINE_DESCRIPTION : LINE_OTHER;
}

/* ---- Lines put together */

/*
 * The next line of the file that is no warning, without what it went through, but for more than
 * max quote marks. false at the end.
 */
static bool read_piece(struct reader *r, unsigned max, struct reader_line *out)
{
	char *warning;

	memset(out, 0, sizeof(*out));
	while ((out->text = take_line(r))) {
		out->number = r->number;
		out->cut = r->quoted_printable && decode_quoted_printable(out->text);
		decode_marks(out->text);
		out->quotes = max;
		out->text = strip_markup(skip_quotes(out->text, &out->quotes));
		warning = find_warning(out->text);
		if (!warning)
			return true;
		/* Tabs before it are lspci's; blanks, as before all lines, somebody else's. */
		*warning = '\0';
		out->cut = *out->text && out->text[strspn(out->text, " ")];
		if (out->cut)
			return true;
	}
	return false;
}

/* There is always room: what was between the two lines made way for one blank. */
static void append(struct reader_line *line, const struct reader_line *next, bool glue)
{
	const char *from = next->text + (glue ? strspn(next->text, SCAN_BLANKS) : 0);
	char *end = line->text + strlen(line->text);

	if (glue)
		*end++ = ' ';
	memmove(end, from, strlen(from) + 1);
	line->cut = next->cut;
}

/* The next line that is lspci's, whole. Its text is NULL at the end. */
static void read_one(struct reader *r, struct reader_line *out)
{
	while (read_piece(r, UINT_MAX, out)) {
		struct reader_line rest;
		const char *p;

		for (unsigned pieces = 1; out->cut && pieces < PIECES_MAX &&
					  read_piece(r, out->quotes, &rest); pieces++)
			append(out, &rest, false);
		out->kind = kind_of(out->text);
		p = out->text + strspn(out->text, SCAN_BLANKS);
		if (out->kind == LINE_TITLE || (!is_remark(p) && (out->kind == LINE_ROW || !is_command(p))))
			return;
	}
}

static bool is_short_row(const char *line)
{
	const char *p = line + strspn(line, SCAN_BLANKS);

	return skip_offset(&p) && count_bytes(&p) < ROW_BYTES;
}

/* Whether `next` is the rest of `line`, which was too long for somebody. */
static bool continues(const struct reader_line *line, const struct reader_line *next)
{
	const char *p = next->text + strspn(next->text, SCAN_BLANKS);
	bool text = line->kind == LINE_TITLE || line->kind == LINE_DESCRIPTION;

	switch (next->kind) {
	case LINE_OTHER:
		return text;
	case LINE_BYTES:
		return text || (line->kind == LINE_ROW && is_short_row(line->text));
	case LINE_DESCRIPTION:
		/* Nothing of lspci's begins so, but for -v's "[virtual] Memory at" and the like. */
		return line->kind == LINE_DESCRIPTION && (*p == '(' || (*p == '[' && !is_field(p)));
	default:
		return false;
	}
}

bool reader_next(struct reader *r, struct reader_line *line)
{
	unsigned pieces = 1;

	if (r->peeked)
		*line = r->ahead;
	else
		read_one(r, line);
	if (!line->text)
		return false;
	read_one(r, &r->ahead);
	r->peeked = true;
	for (; r->ahead.text && pieces < PIECES_MAX && continues(line, &r->ahead); pieces++) {
		append(line, &r->ahead, true);
		read_one(r, &r->ahead);
	}
	if (line->kind == LINE_TITLE) {
		line->text += strspn(line->text, SCAN_BLANKS);
		line->text += slot_name(line->text);
	}
	return true;
}

/* ---- */

/* A mail's raw text: "=3D" stands where lspci printed "=", or lines end with "=". */
static bool is_quoted_printable(const char *text)
{
	for (const char *p = strchr(text, '='); p; p = strchr(p + 1, '=')) {
		if (p[1] == '\n' || (p[1] == '\r' && p[2] == '\n') ||
		    (!strncmp(p, "=3D", 3) && (isalnum((unsigned char)p[3]) || p[3] == '=')))
			return true;
	}
	return false;
}

int reader_init(struct reader *r, const char *file, xentoollog_logger *lg)
{
	memset(r, 0, sizeof(*r));
	r->text = image_decode(file, lg);
	if (!r->text)
		return -1;
	r->next = r->text;
	r->quoted_printable = is_quoted_printable(r->text);
	return 0;
}

void reader_dispose(struct reader *r)
{
	free_keep(r->text);
	memset(r, 0, sizeof(*r));
}
