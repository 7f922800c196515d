/* SPDX-License-Identifier: MIT */
/*
 * Strict numbers from outside: no white space, no sign, no leftover text, no
 * wrap-around. Nothing here logs; everything may be called from several threads.
 */
#ifndef XENPCI_COMMON_NUMBER_H
#define XENPCI_COMMON_NUMBER_H

#include <stdint.h>

/*
 * Parses the whole of text as an unsigned number in base (10 or 16; base 0
 * takes 0x for hexadecimal) not above max, into *out.
 * Returns 0, or -1 with errno EINVAL (not a number) or ERANGE (above max);
 * *out is untouched on failure.
 */
int number_parse(const char *text, int base, uint64_t max, uint64_t *out);

/* number_parse for 32 bits: base 10, max UINT32_MAX. */
int number_u32(const char *text, uint32_t *out);

#endif
