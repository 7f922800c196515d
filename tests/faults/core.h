/* SPDX-License-Identifier: MIT */
/* The library's core: which call is to fail. */
#ifndef XENPCI_TESTS_FAULTS_CORE_H
#define XENPCI_TESTS_FAULTS_CORE_H

#include <stdbool.h>

#include "tests/faults/faults.h"

/* The role that the process named itself for; an unknown name changes nothing. */
void core_named(const char *name);
void core_forked(void);

/*
 * Counts a call made at caller. True: it is to fail. Does not return where the process is to die
 * before it; core_after() where it is to die after it.
 */
bool core_fails(enum faults_kind kind, const char *name, const void *caller);
/* The path that the call which is counted next is about. */
void core_about(const char *path);
void core_after(void);

#endif
