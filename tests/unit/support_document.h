/* SPDX-License-Identifier: MIT */
/* For tests that compare a document of the tree with the tables that it repeats. */
#ifndef XENPCI_TESTS_UNIT_SUPPORT_DOCUMENT_H
#define XENPCI_TESTS_UNIT_SUPPORT_DOCUMENT_H

#include <stdio.h>
#include <stdlib.h>

static char *document;

/* A group's setup: the whole text. The tree's root is where tests are started (tests/run). 0, or -1. */
static int document_read(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t len = 0;

	if (f == NULL)
		return -1;
	if (getdelim(&document, &len, '\0', f) < 0)
		document = NULL;
	fclose(f);
	return document == NULL ? -1 : 0;
}

static int drop_document(void **state)
{
	(void)state;
	free(document);
	return 0;
}

#endif
