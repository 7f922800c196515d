/* SPDX-License-Identifier: MIT */
/*
 * For tests of what a dump's text went through: one machine of two functions as lspci
 * prints it, and whether a text loads as that one does. What fails ends the test.
 */
#ifndef XENPCI_TESTS_SUPPORT_TEXT_H
#define XENPCI_TESTS_SUPPORT_TEXT_H

#include <stddef.h>

#include "host/device/image/parse.h"
#include "tests/unit/support_device.h"

enum { TEXT_MAX = 1 << 16 };
#define TEXT_ZEROS "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"

/* A text in the making. */
struct text_buffer {
	char bytes[TEXT_MAX];
	size_t len;
};
void text_put_bytes(struct text_buffer *b, const char *bytes, size_t len);
void text_put(struct text_buffer *b, const char *text);
/* A line between two other texts. */
void text_framed(struct text_buffer *b, const char *before, const char *line, size_t len,
		 const char *behind);
/* `header`, which is the first 64 bytes' rows, and rows up to nr bytes. */
void text_rows(struct text_buffer *b, const char *header, unsigned nr);
/* The machine's text instead of what b holds. */
void text_machine(struct text_buffer *b);

/* Loads b from a file of m's own. As image_text_load. */
int text_load(const struct text_buffer *b, struct machine *m, struct image_text *text);
/* Fails unless b loads as the machine does, which a group's setup and teardown keep. */
void text_expect_machine(const char *name, const struct text_buffer *b);
int text_load_machine(void **state);
int text_free_machine(void **state);

#endif
