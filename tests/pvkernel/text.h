/* SPDX-License-Identifier: MIT */
/* Text without a library: what the kernel prints, writes into nodes and reads from them. */
#ifndef XENPCI_TESTS_PVKERNEL_TEXT_H
#define XENPCI_TESTS_PVKERNEL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * As snprintf, cut at size; knows %s, %u, and %x with or without a width in zeros (%04x),
 * nothing else.
 */
void format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void vformat(char *buf, size_t size, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

/* As everywhere; the compiler calls them too, where it copies and clears. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);

bool text_equal(const char *a, const char *b);
size_t text_length(const char *text);
/* The value of NAME=VALUE in a line of words, in buf; "" where there is none. */
void text_option(const char *line, const char *name, char *buf, size_t size);

/* Digits from the start of text; what follows does not matter. No digit: 0. */
unsigned text_decimal(const char *text);
/* "0000:03:00.1": four numbers in hex, whatever their width. False: it is none. */
struct address {
	unsigned domain, bus, slot, function;
};
bool text_address(const char *text, struct address *out);

#endif
