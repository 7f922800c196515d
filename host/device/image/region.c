/* SPDX-License-Identifier: MIT */
#include "host/device/image/region.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "host/device/image/scan.h"

enum { LONG_SIZE_DIGITS = 8, WIDE_IRQ_DIGITS = 8 };

/* 4 PiB: what 52 address bits reach, the most that a processor has. */
#define SIZE_POSSIBLE (UINT64_C(1) << 52)
/* From here on lspci 2.2 and older print a size in hexadecimal digits, without its unit. */
#define SIZE_OLD_HEX (UINT64_C(1) << 31)

static int __attribute__((format(printf, 2, 3))) bad(char why[REGION_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, REGION_WHY_MAX, fmt, ap);
	va_end(ap);
	return fail(EINVAL);
}

/* "80000000]", which is 2 GiB */
static bool take_old_size(const char **p, uint64_t *size)
{
	const char *at = *p;
	uint64_t v;

	if (scan_hex(&at, 16, &v) < LONG_SIZE_DIGITS || *at != ']' || v < SIZE_OLD_HEX || v & (v - 1))
		return false;
	*p = at;
	*size = v;
	return true;
}

/* "16K]" behind "[size=" */
static int parse_size(const char **p, struct region_line *out, char *why)
{
	static const char units[] = "KMGTPE";
	uint64_t v;
	const char *unit;
	unsigned shift = 0;

	if (!take_old_size(p, &v)) {
		if (!scan_decimal(p, UINT32_MAX, &v))
			return bad(why, "region: the size is not a number");
		unit = **p ? strchr(units, **p) : NULL;
		if (unit) {
			shift = 10 * (unsigned)(unit - units + 1);
			(*p)++;
		}
	}
	if (**p != ']' || !v || v > (UINT64_C(1) << 63) >> shift)
		return bad(why, "region: malformed size");
	(*p)++;
	out->impossible = v << shift > SIZE_POSSIBLE;
	out->region.size = out->impossible ? 0 : v << shift;
	return 0;
}

/* "64-bit, prefetchable)" behind its bracket */
static int parse_memory_type(const char **p, struct image_region *rg, char *why)
{
	if (scan_word(p, "64-bit, "))
		rg->is_64bit = true;
	else if (scan_word(p, "low-1M, "))
		rg->below_1m = true;
	else if (!scan_word(p, "32-bit, ") && !scan_word(p, "type 3, "))
		return bad(why, "region: unknown kind of memory");
	rg->prefetchable = !scan_word(p, "non-");
	if (!scan_word(p, "prefetchable)"))
		return bad(why, "region: unknown kind of memory");
	return 0;
}

/*
 * lspci -b prints a 64-bit address's upper half first, eight digits, and then the address, with
 * the upper half or without: up to 24 digits.
 */
static bool take_doubled(const char **p, uint64_t *start)
{
	const char *digits = *p, *at;
	char half[9] = { 0 };
	uint64_t upper, rest;

	if (strspn(digits, "0123456789abcdefABCDEF") <= 16)
		return false;
	memcpy(half, digits, 8);
	at = half;
	digits += 8;
	if (scan_hex(&at, 8, &upper) != 8 || !scan_hex(&digits, 16, &rest) ||
	    (rest >> 32 && rest >> 32 != upper))
		return false;
	*start = upper << 32 | (rest & UINT32_MAX);
	*p = digits;
	return true;
}

static int parse_address(const char **p, struct image_region *rg, char *why)
{
	if (**p == '<') { /* <unassigned>, <ignored>: no address */
		const char *end = strchr(*p, '>');

		if (!end)
			return bad(why, "region: malformed address");
		*p = end + 1;
		return 0;
	}
	scan_word(p, "0x");
	if (!take_doubled(p, &rg->start) && !scan_hex(p, 16, &rg->start))
		return bad(why, "region: malformed address");
	return 0;
}

/* The tail of a region line: address, kind, [remarks], [size=...]. */
static int parse_tail(const char *p, struct region_line *out, char *why)
{
	if (parse_address(&p, &out->region, why))
		return -1;
	while (*p) {
		p += strspn(p, SCAN_BLANKS);
		if (scan_word(&p, "(")) {
			if (parse_memory_type(&p, &out->region, why))
				return -1;
		} else if (scan_word(&p, "[size=")) {
			if (parse_size(&p, out, why))
				return -1;
		} else if (scan_word(&p, "[virtual]")) {
			out->region.virtual = true;
		} else if (*p == '[') { /* a remark: [disabled], [enhanced] and the like */
			p = strchr(p, ']');
			if (!p)
				return bad(why, "region: a bracket is not closed");
			p++;
		} else if (*p) {
			return bad(why, "region: unexpected text \"%.40s\"", p);
		}
	}
	return 0;
}

int region_parse(const char *p, struct region_line *out, char why[REGION_WHY_MAX])
{
	bool numbered = scan_word(&p, "Region ");
	uint64_t number;

	memset(out, 0, sizeof(*out));
	out->number = REGION_UNNUMBERED;
	if (numbered) {
		if (!scan_decimal(&p, PCIDEV_BARS - 1, &number) || !scan_word(&p, ": "))
			return bad(why, "region: the number is not 0 to %d", PCIDEV_BARS - 1);
		out->number = (int)number;
	}
	out->region.virtual = scan_word(&p, "[virtual] ");
	scan_word(&p, "[enhanced] ");
	if (scan_word(&p, "I/O ports at ")) {
		out->region.io = true;
	} else if (!numbered && scan_word(&p, "Expansion ROM at ")) {
		out->number = PCIDEV_ROM;
	} else if (!scan_word(&p, "Memory at ")) {
		return numbered ? bad(why, "region: neither memory nor I/O ports") : 0;
	}
	out->is_region = true;
	return parse_tail(p, out, why);
}

/* "16", "-2147483648" (the kernel's none), "00000017" (lspci on a SPARC, hexadecimal) */
static bool take_irq(const char **p, uint64_t *irq)
{
	const char *at = *p;
	bool negative = scan_word(&at, "-");
	uint64_t v;

	if (!negative && scan_hex(&at, WIDE_IRQ_DIGITS, irq) == WIDE_IRQ_DIGITS && **p == '0') {
		*p = at;
		return true;
	}
	at = *p + negative;
	if (!scan_decimal(&at, UINT32_MAX, &v))
		return false;
	*p = at;
	*irq = negative ? 0 : v;
	return true;
}

/* "Interrupt: pin A routed to IRQ 16", or -v's "Flags: bus master, ..., IRQ 16" */
int irq_parse(const char *p, struct irq_line *out, char why[REGION_WHY_MAX])
{
	uint64_t irq;
	const char *at;

	memset(out, 0, sizeof(*out));
	if (!scan_word(&p, "Interrupt: ") && !scan_word(&p, "Flags: "))
		return 0;
	at = strstr(p, "IRQ ");
	if (!at)
		return 0;
	at += strlen("IRQ ");
	if (!take_irq(&at, &irq) || (*at && *at != ',' && *at != ' '))
		return bad(why, "interrupt: malformed IRQ");
	out->is_irq = true;
	out->irq = irq > INT32_MAX ? 0 : (uint32_t)irq; /* the kernel's none, without its sign */
	return 0;
}
