/* SPDX-License-Identifier: MIT */
/* Texts that are put together piece by piece. Nothing here logs or waits. */
#ifndef XENPCI_COMMON_TEXT_H
#define XENPCI_COMMON_TEXT_H

#include <stddef.h>

/* Appends to the string in buf, of size bytes in all; what finds no room is cut off. */
void text_append(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
