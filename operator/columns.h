/* SPDX-License-Identifier: MIT */
/* Rows of texts, printed in columns that line up. */
#ifndef XENPCI_OPERATOR_COLUMNS_H
#define XENPCI_OPERATOR_COLUMNS_H

#include <stddef.h>

enum { COLUMNS_MAX = 16 };

struct columns {
	unsigned nr; /* of columns */
	char *(*row)[COLUMNS_MAX];
	size_t rows, room;
};

/* With the headings of nr columns; one that begins with '>' has its texts at the right. 0, or -1 (ENOMEM). */
int columns_init(struct columns *c, unsigned nr, const char *const *headings);
/* A row: a format whose texts are parted by tabs, nr of them. 0, or -1 with errno. */
int columns_add(struct columns *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* To stdout, headings first, bold where stdout is a terminal, folded to its width; nothing where there is no row. */
void columns_print(const struct columns *c);
void columns_dispose(struct columns *c);

#endif
