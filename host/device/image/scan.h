/* SPDX-License-Identifier: MIT */
/*
 * Taking the front off a text: each call moves *p behind what it took and leaves it
 * alone where that is not there. Nothing here logs or fails otherwise.
 */
#ifndef XENPCI_HOST_DEVICE_IMAGE_SCAN_H
#define XENPCI_HOST_DEVICE_IMAGE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#define SCAN_BLANKS " \t"

/* The word, if the text begins with it. */
bool scan_word(const char **p, const char *word);
/* 1 to max hexadecimal digits into *v. How many, or 0 for none and for more. */
unsigned scan_hex(const char **p, unsigned max, uint64_t *v);
/* Decimal digits into *v. false where there are none, or they make more than max. */
bool scan_decimal(const char **p, uint64_t max, uint64_t *v);

#endif
