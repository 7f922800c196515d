/* SPDX-License-Identifier: MIT */
/*
 * A file's text as the lines that lspci printed, whatever they went through since: any
 * encoding (decode.h) and line end, mail's quote marks and wrapped lines, a web page's
 * markup, the commands and prompts around them, warnings of lspci's own in their midst.
 */
#ifndef XENPCI_HOST_DEVICE_IMAGE_READER_H
#define XENPCI_HOST_DEVICE_IMAGE_READER_H

#include <stdbool.h>
#include <xentoollog.h>

/* What a line is, by its beginning. */
enum line_kind {
	LINE_BLANK,
	LINE_TITLE,	  /* begins with a function's address, or something like one */
	LINE_ROW,	  /* of a hex dump: "3f0: 00 .." */
	LINE_BYTES,	  /* two-digit numbers alone: what is left of a row */
	LINE_DESCRIPTION, /* indented, or "Name: ..." where the indentation was lost */
	LINE_OTHER,
};

struct reader_line {
	char *text;	 /* with its indentation, but for a title's */
	unsigned number; /* in the file, from 1; of several, the first */
	enum line_kind kind;
	unsigned quotes; /* marks of a mail that were before it */
	bool cut;	 /* of a piece: the rest of it is in the next line */
};

struct reader {
	char *text; /* all of it */
	char *next; /* what was not looked at yet */
	unsigned number; /* lines looked at */
	bool quoted_printable;
	bool peeked;
	struct reader_line ahead; /* where peeked; its text NULL at the end */
};

/*
 * Reads `file` into *r, which the caller disposes of in any case. 0, or -1 with errno as
 * image_decode's, logged.
 */
int reader_init(struct reader *r, const char *file, xentoollog_logger *lg);
/* Safe on a zeroed one. */
void reader_dispose(struct reader *r);
/* The next line, valid until reader_dispose; false at the end. */
bool reader_next(struct reader *r, struct reader_line *line);

#endif
