/* SPDX-License-Identifier: MIT */
#include "common/sbdf.h"

#include <ctype.h>
#include <stdio.h>

#include "common/util.h"

int sbdf_compare(struct sbdf a, struct sbdf b)
{
	if (a.segment != b.segment)
		return a.segment < b.segment ? -1 : 1;
	if (a.bus != b.bus)
		return a.bus < b.bus ? -1 : 1;
	return (int)a.devfn - (int)b.devfn;
}

/* Reads one to max_digits hexadecimal digits at *p; returns -1 where there are none or more. */
static int64_t take_hex(const char **p, int max_digits)
{
	int64_t v = 0;
	int n = 0;

	for (; isxdigit((unsigned char)**p); (*p)++, n++) {
		int c = tolower((unsigned char)**p);

		if (n == max_digits)
			return -1;
		v = v * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return n ? v : -1;
}

int sbdf_parse(const char *text, struct sbdf *out)
{
	const char *p = text;
	int64_t part[3], function;
	int n;

	if (!text)
		return fail(EINVAL);
	for (n = 0; n < 3; n++) {
		part[n] = take_hex(&p, n ? 2 : 8);
		if (part[n] < 0)
			return fail(EINVAL);
		if (*p == '.')
			break;
		if (*p++ != ':')
			return fail(EINVAL);
	}
	if (n == 0 || n == 3)
		return fail(EINVAL);
	p++;
	function = take_hex(&p, 1);
	if (function < 0 || function > 7 || *p || part[n] > 0x1f || part[n - 1] > 0xff)
		return fail(EINVAL);
	out->segment = n == 2 ? (uint32_t)part[0] : 0;
	out->bus = (uint8_t)part[n - 1];
	out->devfn = (uint8_t)(part[n] << 3 | function);
	return 0;
}

const char *sbdf_format(struct sbdf a, char buf[SBDF_TEXT])
{
	snprintf(buf, SBDF_TEXT, "%04x:%02x:%02x.%x", a.segment, a.bus, sbdf_slot(a),
		 sbdf_function(a));
	return buf;
}
