/* SPDX-License-Identifier: MIT */
/*
 * xenstore through its ring: one request at a time, and one thing watched. Paths are cut at
 * STORE_PATH_MAX. An answer that cannot be understood ends the domain.
 */
#ifndef XENPCI_TESTS_PVKERNEL_STORE_H
#define XENPCI_TESTS_PVKERNEL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_PATH_MAX 256

typedef uint32_t store_tx_t; /* 0: none */

void store_init(void);

/* False where the node is not there; buf is "" then. A longer value is cut. */
bool store_read(const char *dir, const char *node, char *buf, size_t size);
/* As a decimal number; absent is -1. */
long store_number(const char *dir, const char *node);
/* False: it was refused. */
bool store_write(store_tx_t tx, const char *dir, const char *node, const char *value);
void store_remove(const char *dir, const char *node);

store_tx_t store_begin(void);
/* False: again, others came in between. */
bool store_commit(store_tx_t tx);

void store_watch(const char *dir, const char *node);
void store_unwatch(const char *dir, const char *node);
/* Sleeps until what is watched has changed since the last time. */
void store_wait(void);

#endif
