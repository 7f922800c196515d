/* SPDX-License-Identifier: MIT */
/*
 * A store of a few nodes for the frontend's unit tests, in libxenstore's place. The backend's
 * directory is FRONT_STORE_BACKEND. Included by one file of each test program.
 */
#ifndef XENPCI_TESTS_FRONT_STORE_H
#define XENPCI_TESTS_FRONT_STORE_H

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#define FRONT_STORE_BACKEND "/local/domain/0/backend/pci/7/0"
#define FRONT_STORE_NODES   16

static struct {
	char path[64];
	char *value;
	unsigned len;
} store_nodes[FRONT_STORE_NODES];

static unsigned store_writes;

static inline void store_clear(void)
{
	for (unsigned i = 0; i < FRONT_STORE_NODES; i++) {
		free(store_nodes[i].value);
		store_nodes[i].value = NULL;
		store_nodes[i].path[0] = 0;
	}
	store_writes = 0;
}

/* The node's value as len bytes; NULL: there is none. */
static inline void store_set_bytes(const char *path, const char *value, unsigned len)
{
	unsigned at = 0;

	while (store_nodes[at].path[0] && strcmp(store_nodes[at].path, path))
		assert_true(++at < FRONT_STORE_NODES);
	snprintf(store_nodes[at].path, sizeof(store_nodes[at].path), "%s", path);
	free(store_nodes[at].value);
	store_nodes[at].value = NULL;
	store_nodes[at].len = len;
	if (!value)
		return;
	store_nodes[at].value = calloc(1, len + 1);
	assert_non_null(store_nodes[at].value);
	memcpy(store_nodes[at].value, value, len);
}

/* A node of the backend's, as text. */
static inline void store_set(const char *leaf, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), FRONT_STORE_BACKEND "/%s", leaf);
	store_set_bytes(path, value, value ? (unsigned)strlen(value) : 0);
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned *len)
{
	char *copy;

	(void)h;
	(void)t;
	for (unsigned i = 0; i < FRONT_STORE_NODES; i++) {
		if (!store_nodes[i].value || strcmp(store_nodes[i].path, path))
			continue;
		*len = store_nodes[i].len;
		copy = calloc(1, *len + 1);
		assert_non_null(copy);
		memcpy(copy, store_nodes[i].value, *len);
		return copy;
	}
	errno = ENOENT;
	return NULL;
}

#endif
