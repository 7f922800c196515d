/* SPDX-License-Identifier: MIT */
#ifndef XENPCI_FRONTEND_MAP_H
#define XENPCI_FRONTEND_MAP_H

#include "xenpci/xenpcifront.h"

/* xenpcifront_bar_map, of the memory that path has. */
void *bar_map_of(const char *path, const struct xenpcifront_bar *bar, uint64_t offset, size_t length);

#endif
