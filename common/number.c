/* SPDX-License-Identifier: MIT */
#include "common/number.h"

#include <ctype.h>
#include <stdlib.h>

#include "common/util.h"

int number_parse(const char *text, int base, uint64_t max, uint64_t *out)
{
	unsigned long long v;
	char *end;

	/* strtoull would take a sign, white space, or 0x where base 16 is fixed. */
	if (!text || !isxdigit((unsigned char)text[0]))
		return fail(EINVAL);
	if (base == 16 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return fail(EINVAL);
	if (base == 0)
		base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	errno = 0;
	v = strtoull(text, &end, base);
	if (end == text || *end)
		return fail(EINVAL);
	if (errno || v > max)
		return fail(ERANGE);
	*out = v;
	return 0;
}

int number_u32(const char *text, uint32_t *out)
{
	uint64_t v;

	if (number_parse(text, 10, UINT32_MAX, &v))
		return -1;
	*out = (uint32_t)v;
	return 0;
}
