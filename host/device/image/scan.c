/* SPDX-License-Identifier: MIT */
#include "host/device/image/scan.h"

#include <ctype.h>
#include <string.h>

bool scan_word(const char **p, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*p, word, len) != 0)
		return false;
	*p += len;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

unsigned scan_hex(const char **p, unsigned max, uint64_t *v)
{
	const char *at = *p;
	uint64_t value = 0;
	unsigned n = 0;

	for (; hex_digit(*at) >= 0; at++) {
		if (n++ == max)
			return 0;
		value = value << 4 | (unsigned)hex_digit(*at);
	}
	if (n) {
		*v = value;
		*p = at;
	}
	return n;
}

bool scan_decimal(const char **p, uint64_t max, uint64_t *v)
{
	const char *at = *p;
	uint64_t value = 0;

	for (; isdigit((unsigned char)*at); at++) {
		unsigned digit = (unsigned)(*at - '0');

		if (value > max / 10 || digit > max - value * 10)
			return false;
		value = value * 10 + digit;
	}
	if (at == *p)
		return false;
	*v = value;
	*p = at;
	return true;
}
