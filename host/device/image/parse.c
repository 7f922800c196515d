/* SPDX-License-Identifier: MIT */
#include "host/device/image/parse.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/util.h"

enum { DUMP_ROW = 16, DUMP_MAX = 4096, TAB = 8, NR_UNNUMBERED = PCIDEV_BARS };

struct parser {
	const char *file;
	unsigned line;
	xentoollog_logger *lg;
	struct image_text *text;
	size_t room;			 /* of text->function */
	struct image_text_function *now; /* the function being read; NULL before the first */
	unsigned indent;		 /* of its description, in columns; 0: not seen yet */
	/* -v gives regions without their numbers: they wait here for the hex dump. */
	struct image_region unnumbered[NR_UNNUMBERED];
	unsigned nr_unnumbered;
};

/* Logs "file:line: ..." and fails with EINVAL. */
static int __attribute__((format(printf, 3, 4))) bad(const struct parser *ps, unsigned line,
						     const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error(ps->lg, "%s:%u: %s", ps->file, line, text);
	return fail(EINVAL);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes 1 to max hexadecimal digits at *p into *v. How many, or 0 for none and for more. */
static unsigned take_hex(const char **p, unsigned max, uint64_t *v)
{
	const char *start = *p;
	uint64_t value = 0;

	for (; hex_digit(**p) >= 0; (*p)++) {
		if ((unsigned)(*p - start) == max)
			return 0;
		value = value << 4 | (unsigned)hex_digit(**p);
	}
	*v = value;
	return (unsigned)(*p - start);
}

/* Takes decimal digits at *p into *v, at most max. */
static bool take_decimal(const char **p, uint64_t max, uint64_t *v)
{
	const char *start = *p;
	uint64_t value = 0;

	for (; isdigit((unsigned char)**p); (*p)++) {
		value = value * 10 + (uint64_t)(**p - '0');
		if (value > max)
			return false;
	}
	*v = value;
	return *p != start;
}

/* Takes the word at *p if it is there. */
static bool take_text(const char **p, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*p, word, len) != 0)
		return false;
	*p += len;
	return true;
}

/* "8086:10d3" somewhere in a title, where -n or -nn gave it. */
static void find_ids(struct image_text_function *fn, const char *p)
{
	uint64_t vendor, device;

	for (; *p; p++) {
		const char *q = p;

		if (isalnum((unsigned char)p[-1]) || take_hex(&q, 4, &vendor) != 4 || *q++ != ':' ||
		    take_hex(&q, 4, &device) != 4 || isalnum((unsigned char)*q))
			continue;
		fn->has_ids = true;
		fn->vendor = (uint16_t)vendor;
		fn->device = (uint16_t)device;
	}
}

/* Gives a region that came without its number the BAR whose register holds its address. */
static int number_region(const struct parser *ps, const struct image_region *rg, unsigned *next)
{
	const uint8_t *bar = ps->now->bytes + 0x10;
	unsigned i, found = *next;

	for (i = *next; ps->now->nr_bytes && i < PCIDEV_BARS; i++) {
		uint32_t v = (uint32_t)bar[4 * i] | (uint32_t)bar[4 * i + 1] << 8 |
			     (uint32_t)bar[4 * i + 2] << 16 | (uint32_t)bar[4 * i + 3] << 24;

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

/* The function being read is complete. */
static int finish_function(struct parser *ps)
{
	struct image_text_function *fn = ps->now;
	unsigned i, next = 0;

	if (!fn)
		return 0;
	for (i = 0; i < ps->nr_unnumbered; i++) {
		if (number_region(ps, &ps->unnumbered[i], &next))
			return -1;
	}
	ps->nr_unnumbered = 0;
	ps->indent = 0;
	ps->now = NULL;
	switch (fn->nr_bytes) {
	case 0:
	case 64:
	case 128:
	case 256:
	case DUMP_MAX:
		return 0;
	default:
		return bad(ps, fn->line, "the hex dump ends at %zx: 64, 128, 256 or 4096 bytes "
			   "expected", fn->nr_bytes);
	}
}

static int start_function(struct parser *ps, struct sbdf sbdf, const char *title)
{
	struct image_text *text = ps->text;
	struct image_text_function *more;
	char name[SBDF_TEXT];
	size_t i;

	if (finish_function(ps))
		return -1;
	for (i = 0; i < text->nr; i++) {
		if (sbdf_equal(text->function[i].sbdf, sbdf))
			return bad(ps, ps->line, "%s is already described in line %u",
				   sbdf_format(sbdf, name), text->function[i].line);
	}
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
	if (*title)
		find_ids(ps->now, title + 1);
	return 0;
}

/* "3f0: 00 11 .. ff" */
static int parse_dump_row(struct parser *ps, uint64_t offset, const char *p)
{
	struct image_text_function *fn = ps->now;
	uint8_t row[DUMP_ROW];
	uint8_t *bytes;
	unsigned i;

	if (!fn)
		return bad(ps, ps->line, "a hex dump before the first device");
	if (offset != fn->nr_bytes)
		return bad(ps, ps->line, "hex dump at %x where %zx is next", (unsigned)offset,
			   fn->nr_bytes);
	for (i = 0; i < DUMP_ROW; i++) {
		uint64_t v;

		if (*p++ != ' ' || take_hex(&p, 2, &v) != 2)
			return bad(ps, ps->line, "hex dump: byte %u of the row is not two digits",
				   i);
		row[i] = (uint8_t)v;
	}
	if (p[strspn(p, " \t")])
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

/* "16K]" behind "[size=" */
static int parse_size(const struct parser *ps, const char **p, uint64_t *size)
{
	static const char units[] = "KMGT";
	uint64_t v;
	const char *unit;
	unsigned shift = 0;

	if (!take_decimal(p, UINT32_MAX, &v))
		return bad(ps, ps->line, "region: the size is not a number");
	unit = **p ? strchr(units, **p) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		(*p)++;
	}
	if (**p != ']' || !v || v > (UINT64_C(1) << 63) >> shift)
		return bad(ps, ps->line, "region: malformed size");
	*size = v << shift;
	return 0;
}

/* "(64-bit, prefetchable)" behind its bracket */
static int parse_memory_type(const struct parser *ps, const char **p, struct image_region *rg)
{
	if (take_text(p, "64-bit, "))
		rg->is_64bit = true;
	else if (take_text(p, "low-1M, "))
		rg->below_1m = true;
	else if (!take_text(p, "32-bit, ") && !take_text(p, "type 3, "))
		return bad(ps, ps->line, "region: unknown kind of memory");
	rg->prefetchable = !take_text(p, "non-");
	if (!take_text(p, "prefetchable)"))
		return bad(ps, ps->line, "region: unknown kind of memory");
	return 0;
}

/* The tail of a region line: address, kind, [remarks], [size=...]. */
static int parse_region_tail(const struct parser *ps, const char *p, struct image_region *rg)
{
	if (*p == '<') { /* <unassigned>, <ignored>: no address */
		p = strchr(p, '>');
		if (!p)
			return bad(ps, ps->line, "region: malformed address");
		p++;
	} else if (!take_hex(&p, 16, &rg->start)) {
		return bad(ps, ps->line, "region: malformed address");
	}
	while (*p) {
		p += strspn(p, " \t");
		if (take_text(&p, "(")) {
			if (parse_memory_type(ps, &p, rg))
				return -1;
		} else if (take_text(&p, "[size=")) {
			if (parse_size(ps, &p, &rg->size))
				return -1;
			p++;
		} else if (*p == '[') { /* a remark: [disabled], [enhanced] and the like */
			if (take_text(&p, "[virtual]")) {
				rg->virtual = true;
				continue;
			}
			p = strchr(p, ']');
			if (!p)
				return bad(ps, ps->line, "region: a bracket is not closed");
			p++;
		} else if (*p) {
			return bad(ps, ps->line, "region: unexpected text \"%.40s\"", p);
		}
	}
	return 0;
}

/* A region's line behind its indentation; *is_region says whether it is one. */
static int parse_region(struct parser *ps, const char *p, bool *is_region)
{
	struct image_region rg = { .line = ps->line };
	struct image_region *slot;
	uint64_t number = 0;
	bool numbered = take_text(&p, "Region ");

	*is_region = true;
	if (numbered && (!take_decimal(&p, PCIDEV_BARS - 1, &number) || !take_text(&p, ": ")))
		return bad(ps, ps->line, "region: the number is not 0 to %d", PCIDEV_BARS - 1);
	rg.virtual = take_text(&p, "[virtual] ");
	if (take_text(&p, "Memory at ")) {
		slot = &ps->now->region[number];
	} else if (take_text(&p, "I/O ports at ")) {
		slot = &ps->now->region[number];
		rg.io = true;
	} else if (!numbered && take_text(&p, "Expansion ROM at ")) {
		slot = &ps->now->region[PCIDEV_ROM];
		numbered = true;
	} else if (numbered) {
		return bad(ps, ps->line, "region: neither memory nor I/O ports");
	} else {
		*is_region = false;
		return 0;
	}
	if (!numbered) {
		if (ps->nr_unnumbered == NR_UNNUMBERED)
			return bad(ps, ps->line, "more regions than base addresses");
		slot = &ps->unnumbered[ps->nr_unnumbered++];
		slot->line = 0;
	}
	if (slot->line)
		return bad(ps, ps->line, "the region of line %u again", slot->line);
	if (parse_region_tail(ps, p, &rg))
		return -1;
	*slot = rg;
	return 0;
}

/* "Interrupt: pin A routed to IRQ 16", or -v's "Flags: bus master, ..., IRQ 16" */
static int parse_irq(struct parser *ps, const char *p)
{
	uint64_t irq;
	const char *at;

	if (!take_text(&p, "Interrupt: ") && !take_text(&p, "Flags: "))
		return 0;
	at = strstr(p, "IRQ ");
	if (!at)
		return 0;
	at += 4;
	if (!take_decimal(&at, INT32_MAX, &irq) || (*at && *at != ',' && *at != ' '))
		return bad(ps, ps->line, "interrupt: malformed IRQ");
	ps->now->has_irq = true;
	ps->now->irq = (uint32_t)irq;
	return 0;
}

/* A line of a description. Deeper ones belong to capabilities: an SR-IOV region is a VF's. */
static int parse_description(struct parser *ps, const char *line)
{
	unsigned column = 0;
	bool is_region;

	for (; *line == ' ' || *line == '\t'; line++)
		column = *line == '\t' ? (column / TAB + 1) * TAB : column + 1;
	if (!*line)
		return 0;
	if (!ps->now)
		return bad(ps, ps->line, "a description before the first device");
	if (!ps->indent)
		ps->indent = column;
	if (column != ps->indent)
		return 0;
	if (parse_region(ps, line, &is_region))
		return -1;
	return is_region ? 0 : parse_irq(ps, line);
}

static int parse_line(struct parser *ps, const char *line)
{
	char word[SBDF_TEXT];
	const char *p = line;
	struct sbdf sbdf;
	uint64_t offset;
	size_t len;

	if (!*line || *line == '#' || take_text(&p, "lspci: ") || take_text(&p, "pcilib: "))
		return 0; /* the last two: a warning caught with the output */
	if (*line == ' ' || *line == '\t')
		return parse_description(ps, line);
	len = take_hex(&p, 3, &offset);
	if (len >= 2 && p[0] == ':' && p[1] == ' ')
		return parse_dump_row(ps, offset, p + 1);
	len = strcspn(line, " \t");
	if (len < sizeof(word)) {
		memcpy(word, line, len);
		word[len] = '\0';
		if (!sbdf_parse(word, &sbdf))
			return start_function(ps, sbdf, line + len);
	}
	return bad(ps, ps->line, "not a line of lspci's output: \"%.40s\"", line);
}

/* Reads file whole, with an end; *len without it. */
static char *read_file(const char *file, size_t *len)
{
	struct stat st;
	char *buf = NULL;
	size_t at = 0;
	ssize_t n = 1;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		goto out;
	if (S_ISDIR(st.st_mode) || st.st_size > IMAGE_FILE_MAX) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
		goto out;
	}
	/* The size is a pipe's 0 or may grow: read on to the end, within the bound. */
	for (size_t room = 0; n > 0; at += (size_t)n) {
		if (room - at < 2) {
			char *more;

			room = room ? 2 * room : (size_t)st.st_size + 4096;
			more = at > IMAGE_FILE_MAX ? NULL : realloc(buf, room);
			if (!more) {
				errno = at > IMAGE_FILE_MAX ? EFBIG : ENOMEM;
				goto out;
			}
			buf = more;
		}
		n = read(fd, buf + at, room - at - 1);
		if (n < 0)
			goto out;
	}
	buf[at] = '\0';
	*len = at;
	close(fd);
	return buf;
out:
	free_keep(buf);
	close_keep(fd);
	return NULL;
}

static int parse_text(struct parser *ps, char *buf, size_t len)
{
	char *line = buf, *end;

	if (memchr(buf, 0, len))
		return bad(ps, 1, "a zero byte: not a text file");
	for (; *line; line = end) {
		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		ps->line++;
		line[strcspn(line, "\r")] = '\0';
		if (parse_line(ps, line))
			return -1;
	}
	if (finish_function(ps))
		return -1;
	if (!ps->text->nr)
		return bad(ps, ps->line, "no device in it; wanted is the output of lspci -vvxxxx");
	return 0;
}

int image_text_load(const char *file, xentoollog_logger *lg, struct image_text *out)
{
	struct parser ps = { .file = file, .lg = lg, .text = out };
	size_t len;
	char *buf;
	int ret;

	memset(out, 0, sizeof(*out));
	buf = read_file(file, &len);
	if (!buf) {
		log_error(lg, "%s: cannot read: %s", file, strerror(errno));
		return -1;
	}
	ret = parse_text(&ps, buf, len);
	free_keep(buf);
	return ret;
}

void image_text_dispose(struct image_text *text)
{
	for (size_t i = 0; i < text->nr; i++)
		free_keep(text->function[i].bytes);
	free_keep(text->function);
	memset(text, 0, sizeof(*text));
}
