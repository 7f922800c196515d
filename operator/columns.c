/* SPDX-License-Identifier: MIT */
#include "operator/columns.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/util.h"

/* What stands before the columns of a row's second line, and of those behind it. */
#define INDENT "    "

static int put(struct columns *c, char *text)
{
	char *at = text, *next;

	if (c->rows == c->room) {
		size_t room = c->room ? 2 * c->room : 16;
		char *(*grown)[COLUMNS_MAX] = realloc(c->row, room * sizeof(*grown));

		if (!grown)
			return -1;
		c->row = grown;
		c->room = room;
	}
	memset(c->row[c->rows], 0, sizeof(c->row[0]));
	/* The first text is what is freed; the others lie in it. */
	for (unsigned i = 0; i < c->nr; i++) {
		next = at ? strchr(at, '\t') : NULL;
		if (next)
			*next++ = '\0';
		c->row[c->rows][i] = at;
		at = next;
	}
	c->rows++;
	return 0;
}

int columns_init(struct columns *c, unsigned nr, const char *const *headings)
{
	size_t len = 1, at = 0;
	char *text;

	memset(c, 0, sizeof(*c));
	c->nr = nr > COLUMNS_MAX ? COLUMNS_MAX : nr;
	for (unsigned i = 0; i < c->nr; i++)
		len += strlen(headings[i]) + 1;
	text = calloc(1, len);
	if (!text)
		return -1;
	for (unsigned i = 0; i < c->nr; i++)
		at += (size_t)snprintf(text + at, len - at, "%s%s", i ? "\t" : "", headings[i]);
	if (!put(c, text))
		return 0;
	free_keep(text);
	return -1;
}

int columns_add(struct columns *c, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	if (!put(c, text))
		return 0;
	free_keep(text);
	return -1;
}

static const char *text_at(const struct columns *c, size_t row, unsigned i)
{
	const char *text = c->row[row][i];

	if (!text || !text[0])
		return "-";
	return row == 0 && text[0] == '>' ? text + 1 : text;
}

/*
 * The columns that begin a line, a bit each: on a terminal that is too narrow for all of them the
 * rows are folded between two columns, where the terminal itself would break them anywhere.
 */
static unsigned folds(const struct columns *c, const int *width)
{
	struct winsize terminal;
	int room = INT_MAX, at = width[0];
	unsigned set = 0;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &terminal) && terminal.ws_col)
		room = terminal.ws_col;
	for (unsigned i = 1; i < c->nr; i++) {
		at += 2 + width[i];
		if (at > room) {
			set |= 1u << i;
			at = (int)strlen(INDENT) + width[i];
		}
	}
	return set;
}

void columns_print(const struct columns *c)
{
	bool bold = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	int width[COLUMNS_MAX] = { 0 };
	unsigned fold;

	if (c->rows < 2)
		return;
	for (size_t r = 0; r < c->rows; r++)
		for (unsigned i = 0; i < c->nr; i++)
			if ((int)strlen(text_at(c, r, i)) > width[i])
				width[i] = (int)strlen(text_at(c, r, i));
	fold = folds(c, width);
	for (size_t r = 0; r < c->rows; r++) {
		if (r == 0 && bold)
			fputs("\033[1m", stdout);
		for (unsigned i = 0; i < c->nr; i++) {
			bool right = c->row[0][i][0] == '>';
			bool last = i + 1 == c->nr || fold & 1u << (i + 1);

			if (i)
				fputs(fold & 1u << i ? "\n" INDENT : "  ", stdout);
			printf(right ? "%*s" : "%-*s", last && !right ? 0 : width[i], text_at(c, r, i));
		}
		puts(r == 0 && bold ? "\033[0m" : "");
	}
}

void columns_dispose(struct columns *c)
{
	for (size_t r = 0; r < c->rows; r++)
		free_keep(c->row[r][0]);
	free_keep(c->row);
	memset(c, 0, sizeof(*c));
}
