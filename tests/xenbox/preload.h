/* SPDX-License-Identifier: MIT */
/* Common to the files of the preloaded library. */
#ifndef XENBOX_PRELOAD_H
#define XENBOX_PRELOAD_H

#include <stddef.h>

#include "box.h"
#include "client.h"

#define EXPORT __attribute__((visibility("default")))

/* A handle's connection for the domain of this process. 0, or -1 with errno. */
int xb_open(struct xb_conn *c, enum xb_kind kind, int *fd, uint32_t *slot);
/* Map frames that the hypervisor named, at addr or (NULL) anywhere. NULL with errno. */
void *xb_map_frames(struct xb_conn *c, const struct xb_frame *frames, size_t n, int prot,
		    void *addr);
/*
 * Where a path of the host is in the box: below /var/run/xenstored, for oxenstored. In buf, or
 * path itself.
 */
const char *xb_own_path(const char *path, char buf[static BOX_PATH_MAX]);

#endif
