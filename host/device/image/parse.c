/* SPDX-License-Identifier: MIT */
#include "host/device/image/parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "host/device/image/reader.h"
#include "host/device/image/region.h"
#include "host/device/image/scan.h"

enum {
	DUMP_ROW = 16,
	DUMP_MAX = 4096,
	TAB = 8,
	NR_UNNUMBERED = PCIDEV_BARS,
	BAR_REGISTERS = 0x10,
	SECONDARY_BUS = 0x19,
};

struct parser {
	const char *file;
	unsigned line;
	xentoollog_logger *lg;
	struct image_text *text;
	size_t room;			 /* of text->function */
	struct image_text_function *now; /* the function being read; NULL before the first */
	unsigned indent;		 /* of its description, in columns; 0: not seen yet */
	bool past_capabilities;		 /* of a description without indentation */
	/* -v gives regions without their numbers: they wait here for the hex dump. */
	struct image_region unnumbered[NR_UNNUMBERED];
	unsigned nr_unnumbered;
};

/* Logs "file:line: ...", what comes from the file as printable ASCII, and fails with EINVAL. */
static int __attribute__((format(printf, 3, 4))) bad(const struct parser *ps, unsigned line,
						     const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		*p = *p < ' ' || *p > '~' ? '?' : *p;
	log_error(ps->lg, "%s:%u: %s", ps->file, line, text);
	return fail(EINVAL);
}

/* ---- A function's beginning and end */

/* "8086:10d3" somewhere in a title, where -n or -nn gave it. */
static void find_ids(struct image_text_function *fn, const char *title)
{
	uint64_t vendor, device;

	for (const char *p = title; *p; p++) {
		const char *q = p;

		if (p > title && isalnum((unsigned char)p[-1]))
			continue;
		scan_word(&q, "0x");
		if (scan_hex(&q, 4, &vendor) != 4 || !scan_word(&q, ":"))
			continue;
		scan_word(&q, "0x");
		if (scan_hex(&q, 4, &device) != 4 || isalnum((unsigned char)*q))
			continue;
		fn->has_ids = true;
		fn->vendor = (uint16_t)vendor;
		fn->device = (uint16_t)device;
	}
}

static uint32_t bar_register(const struct image_text_function *fn, unsigned number)
{
	const uint8_t *bar = fn->bytes + BAR_REGISTERS + 4 * (size_t)number;

	return (uint32_t)bar[0] | (uint32_t)bar[1] << 8 | (uint32_t)bar[2] << 16 |
	       (uint32_t)bar[3] << 24;
}

/* lspci -F takes a 64-bit address's upper half for a region, of which it knows nothing. */
static bool is_upper_half(const struct image_text_function *fn, const struct image_region *rg,
			  unsigned next)
{
	return next >= 2 && next <= PCIDEV_BARS && fn->region[next - 2].is_64bit && !rg->start &&
	       !rg->size && fn->nr_bytes && bar_register(fn, next - 1);
}

/* Gives a region that came without its number the BAR whose register holds its address. */
static int number_region(const struct parser *ps, const struct image_region *rg, unsigned *next)
{
	unsigned i, found = *next;

	if (is_upper_half(ps->now, rg, *next))
		return 0;
	for (i = *next; ps->now->nr_bytes && i < PCIDEV_BARS; i++) {
		uint32_t v = bar_register(ps->now, i);

		if (v && (v & 1) == (rg->io ? 1u : 0u) &&
		    (v & ~(rg->io ? 3u : 0xfu)) == (uint32_t)rg->start) {
			found = i;
			break;
		}
	}
	if (found >= PCIDEV_BARS)
		return bad(ps, rg->line, "more regions than base addresses");
	ps->now->region[found] = *rg;
	*next = found + (rg->is_64bit ? 2 : 1);
	return 0;
}

/* Whether the hex dump is none, or as long as one is: all base addresses are in it then. */
static bool is_whole(const struct image_text_function *fn)
{
	return !fn->nr_bytes || fn->nr_bytes == 64 || fn->nr_bytes == 128 || fn->nr_bytes == 256 ||
	       fn->nr_bytes == DUMP_MAX;
}

/* The function being read is complete. */
static int finish_function(struct parser *ps)
{
	struct image_text_function *fn = ps->now;
	unsigned i, next = 0;

	if (!fn)
		return 0;
	if (!is_whole(fn))
		return bad(ps, fn->line, "the hex dump ends at %zx: 64, 128, 256 or 4096 bytes "
			   "expected; is a part of it missing?", fn->nr_bytes);
	for (i = 0; i < ps->nr_unnumbered; i++) {
		if (number_region(ps, &ps->unnumbered[i], &next))
			return -1;
	}
	ps->nr_unnumbered = 0;
	ps->indent = 0;
	ps->past_capabilities = false;
	ps->now = NULL;
	return 0;
}

static struct image_text_function *function_at(const struct image_text *text, struct sbdf sbdf)
{
	for (size_t i = 0; i < text->nr; i++) {
		if (sbdf_equal(text->function[i].sbdf, sbdf))
			return &text->function[i];
	}
	return NULL;
}

static int start_function(struct parser *ps, struct sbdf sbdf, const char *title)
{
	struct image_text *text = ps->text;
	struct image_text_function *more = function_at(text, sbdf);
	char name[SBDF_TEXT];

	if (more)
		return bad(ps, ps->line, "%s is already described in line %u: one machine is wanted, "
			   "once; cut the file before line %u, or what is from there on",
			   sbdf_format(sbdf, name), more->line, ps->line);
	if (text->nr == IMAGE_FUNCTIONS_MAX)
		return bad(ps, ps->line, "more than %d functions", IMAGE_FUNCTIONS_MAX);
	if (text->nr == ps->room) {
		ps->room = ps->room ? 2 * ps->room : 16;
		more = realloc(text->function, ps->room * sizeof(*more));
		if (!more)
			return -1;
		text->function = more;
	}
	ps->now = &text->function[text->nr++];
	memset(ps->now, 0, sizeof(*ps->now));
	ps->now->sbdf = sbdf;
	ps->now->line = ps->line;
	find_ids(ps->now, title);
	return 0;
}

/* ---- Titles */

static int not_lspci(const struct parser *ps, const char *line)
{
	return bad(ps, ps->line, "not a line of lspci's output: \"%.40s\"; cut what is not",
		   line + strspn(line, SCAN_BLANKS));
}

/*
 * -P names a function by its way there: "00:1c.0/00.0" is device 0, function 0 behind that bridge,
 * whose registers tell the bus. -PP tells it: "00:1c.0/03:00.0". *hidden says that the bus is not
 * to be known.
 */
static int parse_path(const struct parser *ps, const char *word, struct sbdf *sbdf, bool *hidden)
{
	size_t len = strcspn(word, "/");
	char part[SBDF_TEXT];
	uint32_t segment;

	snprintf(part, sizeof(part), "%.*s", (int)len, word);
	if (sbdf_parse(part, sbdf))
		return -1;
	segment = sbdf->segment;
	for (word += len; *word; word += len) {
		const struct image_text_function *bridge = function_at(ps->text, *sbdf);

		len = 1 + strcspn(word + 1, "/");
		*hidden = !memchr(word, ':', len) && !(bridge && bridge->nr_bytes);
		if (*hidden)
			return -1;
		if (memchr(word, ':', len))
			snprintf(part, sizeof(part), "%.*s", (int)len - 1, word + 1);
		else
			snprintf(part, sizeof(part), "%x:%.*s", bridge->bytes[SECONDARY_BUS],
				 (int)len - 1, word + 1);
		if (sbdf_parse(part, sbdf))
			return -1;
		sbdf->segment = segment;
	}
	return 0;
}

static int parse_title(struct parser *ps, const char *line)
{
	size_t len = strcspn(line, SCAN_BLANKS);
	bool hidden = false;
	struct sbdf sbdf = { 0 };
	char word[128];

	/* What was before is complete, so that a path finds its bridge. */
	if (finish_function(ps))
		return -1;
	snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : 0), line);
	if (!parse_path(ps, word, &sbdf, &hidden))
		return start_function(ps, sbdf, line + len);
	if (hidden)
		return bad(ps, ps->line, "lspci -P tells no bus: leave -P out, or take -PP");
	return not_lspci(ps, line);
}

/* ---- Hex dumps */

/* "3f0: 00 11 .. ff" */
static int parse_row(struct parser *ps, const char *p)
{
	struct image_text_function *fn = ps->now;
	uint64_t offset = 0, v;
	uint8_t row[DUMP_ROW];
	uint8_t *bytes;
	unsigned i;

	p += strspn(p, SCAN_BLANKS);
	scan_word(&p, "0x");
	scan_hex(&p, 3, &offset);
	scan_word(&p, ":");
	if (!fn)
		return bad(ps, ps->line, "a hex dump before the first device");
	if (offset != fn->nr_bytes)
		return bad(ps, ps->line, "hex dump at %x where %zx is next", (unsigned)offset,
			   fn->nr_bytes);
	for (i = 0; i < DUMP_ROW; i++) {
		p += strspn(p, SCAN_BLANKS);
		scan_word(&p, "0x");
		if (scan_hex(&p, 2, &v) != 2 || (*p && !strchr(SCAN_BLANKS, *p)))
			return bad(ps, ps->line, "hex dump: byte %u of the row is not two digits",
				   i);
		row[i] = (uint8_t)v;
	}
	if (p[strspn(p, SCAN_BLANKS)])
		return bad(ps, ps->line, "hex dump: more than %d bytes in the row", DUMP_ROW);
	if (fn->nr_bytes == DUMP_MAX)
		return bad(ps, ps->line, "hex dump of more than %d bytes", DUMP_MAX);
	bytes = realloc(fn->bytes, fn->nr_bytes + DUMP_ROW);
	if (!bytes)
		return -1;
	memcpy(bytes + fn->nr_bytes, row, DUMP_ROW);
	fn->bytes = bytes;
	fn->nr_bytes += DUMP_ROW;
	return 0;
}

/* ---- Descriptions */

static int parse_device_name(struct parser *ps, const char *name);

static int take_region(struct parser *ps, struct region_line *rl)
{
	struct image_region *slot;

	rl->region.line = ps->line;
	if (rl->impossible)
		log_warn(ps->lg, "%s:%u: region: that size is beyond what any processor addresses, and "
			 "is taken as not told", ps->file, ps->line);
	if (rl->number == REGION_UNNUMBERED) {
		if (ps->nr_unnumbered == ARRAY_SIZE(ps->unnumbered))
			return bad(ps, ps->line, "more regions than base addresses");
		ps->unnumbered[ps->nr_unnumbered++] = rl->region;
		return 0;
	}
	slot = &ps->now->region[rl->number];
	if (slot->line)
		return bad(ps, ps->line, "the region of line %u again", slot->line);
	*slot = rl->region;
	return 0;
}

/* The function's own: as deep as the first line of its description, or not indented at all. */
static bool is_own(struct parser *ps, unsigned column, const char *line)
{
	if (!column) {
		if (!strncmp(line, "Capabilities:", strlen("Capabilities:")))
			ps->past_capabilities = true;
		return !ps->past_capabilities;
	}
	if (!ps->indent)
		ps->indent = column;
	return column == ps->indent;
}

/*
 * A line of a description, the function's own or as its depth says. Deeper ones belong to
 * capabilities: an SR-IOV region is a VF's. Where the indentation was lost, so do all that come
 * after the first capability.
 */
static int parse_description(struct parser *ps, const char *line, bool own)
{
	unsigned column = 0;
	struct region_line region;
	struct irq_line irq;
	static const char name[] = "DeviceName: ";
	char why[REGION_WHY_MAX];

	for (; *line == ' ' || *line == '\t'; line++)
		column = *line == '\t' ? (column / TAB + 1) * TAB : column + 1;
	if (!ps->now)
		return bad(ps, ps->line, "a description before the first device: \"%.40s\"; cut what "
			   "lspci did not print", line);
	if (!own && !is_own(ps, column, line))
		return 0;
	if (!own && !strncmp(line, name, strlen(name)))
		return parse_device_name(ps, line + strlen(name));
	if (region_parse(line, &region, why) || irq_parse(line, &irq, why))
		return bad(ps, ps->line, "%s", why);
	if (irq.is_irq) {
		ps->now->has_irq = true;
		ps->now->irq = irq.irq;
	}
	return region.is_region ? take_region(ps, &region) : 0;
}

/*
 * "\tDeviceName: Onboard LAN", to which some releases of lspci give no end: the next line follows,
 * a description or the first row.
 */
static int parse_device_name(struct parser *ps, const char *name)
{
	static const char row[] = "00: ";
	const char *rest = strchr(name, '\t');

	if (rest)
		return parse_description(ps, rest + strspn(rest, SCAN_BLANKS), true);
	for (rest = name; (rest = strstr(rest, row)); rest++) {
		if (strlen(rest) == strlen(row) + 3 * DUMP_ROW - 1)
			return parse_row(ps, rest);
	}
	return 0;
}

/* ---- All of it */

static int parse_line(struct parser *ps, const struct reader_line *line)
{
	ps->line = line->number;
	switch (line->kind) {
	case LINE_BLANK:
		return 0;
	case LINE_TITLE:
		return parse_title(ps, line->text);
	case LINE_ROW:
		return parse_row(ps, line->text);
	case LINE_DESCRIPTION:
		return parse_description(ps, line->text, false);
	default:
		return not_lspci(ps, line->text);
	}
}

static int parse_text(struct parser *ps, struct reader *reader)
{
	struct reader_line line;

	while (reader_next(reader, &line)) {
		if (parse_line(ps, &line))
			return -1;
	}
	if (finish_function(ps))
		return -1;
	if (!ps->text->nr)
		return bad(ps, reader->number, "no device in it; wanted is the output of lspci "
			   "-vvxxxx");
	return 0;
}

int image_text_load(const char *file, xentoollog_logger *lg, struct image_text *out)
{
	struct parser ps = { .file = file, .lg = lg, .text = out };
	struct reader reader;
	int ret = -1;

	memset(out, 0, sizeof(*out));
	if (!reader_init(&reader, file, lg))
		ret = parse_text(&ps, &reader);
	reader_dispose(&reader);
	return ret;
}

void image_text_dispose(struct image_text *text)
{
	for (size_t i = 0; i < text->nr; i++)
		free_keep(text->function[i].bytes);
	free_keep(text->function);
	memset(text, 0, sizeof(*text));
}
