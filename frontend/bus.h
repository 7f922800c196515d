/* SPDX-License-Identifier: MIT */
/* The bus of a virtual device, as protocol/bus.h has it: one connection for each call, one answer, BUS_WAIT_MS. */
#ifndef XENPCI_FRONTEND_BUS_H
#define XENPCI_FRONTEND_BUS_H

#include "protocol/bus.h"

enum { BUS_WAIT_MS = 5000 };

/* Where the environment says that a bus is; NULL: nowhere, and in a program with its file's user's rights. */
const char *bus_path(void);
/*
 * One request. *fd: the descriptor that came with the answer, the caller's; -1: none. 0, or -1 with errno: the
 * answer's, ETIMEDOUT, EPROTO (no answer at all), or what connecting gave (ENOENT, EACCES, ECONNREFUSED).
 */
int bus_ask(const char *path, const struct bus_request *r, uint64_t *value, int *fd);

#endif
