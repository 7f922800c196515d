/* SPDX-License-Identifier: MIT */
/* Common to the files of the preloaded library. */
#ifndef XENBOX_PRELOAD_H
#define XENBOX_PRELOAD_H

#include <stddef.h>

#include "client.h"

#define EXPORT __attribute__((visibility("default")))

/* A handle's connection for the domain of this process. 0, or -1 with errno. */
int xb_open(struct xb_conn *c, enum xb_kind kind, int *fd, uint32_t *slot);
/* Map frames that the hypervisor named, at addr or (NULL) anywhere. NULL with errno. */
void *xb_map_frames(struct xb_conn *c, const struct xb_frame *frames, size_t n, int prot,
		    void *addr);

#endif
