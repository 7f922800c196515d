/* SPDX-License-Identifier: MIT */
#include "tests/pvkernel/text.h"

void *memcpy(void *to, const void *from, size_t n)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	return to;
}

void *memset(void *to, int c, size_t n)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(c) : "memory");
	return to;
}

struct sink {
	char *at;
	size_t left;
};

static void put(struct sink *s, char c)
{
	if (s->left > 1) {
		*s->at++ = c;
		s->left--;
	}
}

static void put_number(struct sink *s, unsigned value, unsigned base, unsigned width)
{
	char digits[16];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	for (; width > n; width--)
		put(s, '0');
	while (n)
		put(s, digits[--n]);
}

void vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct sink s = { .at = buf, .left = size };

	for (; *fmt; fmt++) {
		unsigned width = 0;

		if (*fmt != '%') {
			put(&s, *fmt);
			continue;
		}
		while (*++fmt >= '0' && *fmt <= '9')
			width = width * 10 + (unsigned)(*fmt - '0');
		if (*fmt == 's') {
			for (const char *p = va_arg(ap, const char *); *p; p++)
				put(&s, *p);
		} else {
			put_number(&s, va_arg(ap, unsigned), *fmt == 'x' ? 16 : 10, width);
		}
	}
	if (size)
		*s.at = 0;
}

void format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vformat(buf, size, fmt, ap);
	va_end(ap);
}

bool text_equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

size_t text_length(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

void text_option(const char *line, const char *name, char *buf, size_t size)
{
	struct sink s = { .at = buf, .left = size };

	while (*line) {
		const char *n = name;

		while (*n && *line == *n)
			line++, n++;
		if (!*n && *line == '=') {
			while (*++line && *line != ' ')
				put(&s, *line);
			break;
		}
		while (*line && *line != ' ')
			line++;
		while (*line == ' ')
			line++;
	}
	*s.at = 0;
}

unsigned text_decimal(const char *text)
{
	unsigned value = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (unsigned)(*text - '0');
	return value;
}

static const char *hex(const char *text, unsigned *value)
{
	*value = 0;
	for (;; text++) {
		char c = *text;

		if (c >= '0' && c <= '9')
			*value = *value * 16 + (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value = *value * 16 + (unsigned)(c - 'a') + 10;
		else
			return text;
	}
}

bool text_address(const char *text, struct address *out)
{
	unsigned *parts[] = { &out->domain, &out->bus, &out->slot, &out->function };

	for (unsigned i = 0; i < 4; i++) {
		text = hex(text, parts[i]);
		if (*text != "::."[i])
			return false;
		text += *text != 0;
	}
	return true;
}
