/* SPDX-License-Identifier: MIT */
/* The nodes of a PV guest's devices, as libxl 4.17 has them. Messages go to stderr. */
#ifndef XENBOX_XL_NODES_H
#define XENBOX_XL_NODES_H

#include "tool.h"

#define BDF_FMT "%04x:%02x:%02x.%01x"
#define BDF_ARGS(d) (d)->sbdf >> 16, (d)->sbdf >> 8 & 0xff, (d)->sbdf >> 3 & 0x1f, (d)->sbdf & 7

struct xl_paths {
	char be[64], fe[64];
};

void xl_paths_init(struct xl_paths *p, unsigned int domid);

bool xl_is_connected(const char *state);
/* Until the backend's state is Connected; at most 10 s. 0, or -1 after a message. */
int xl_wait_connected(struct tool *t, const char *be);

/* Until the backend of a stub domain's first device is there: that of the others has waited. 0, or -1 after a message. */
int xl_wait_stub(struct tool *t, unsigned int stub);

/* The device's number in the list now, whose length goes to *num; -1: it is not there. */
int xl_find(struct tool *t, const struct xl_paths *p, const struct xl_device *d, unsigned int *num);

/* In one transaction, with the directories where it is the first. 0, or -1 after a message. */
int xl_add_nodes(struct tool *t, unsigned int domid, const struct xl_device *d, bool starting,
		 bool wait);
/* Tell that one is to leave, wait for the backend, remove it. 0, or not, mostly after a message. */
int xl_remove_nodes(struct tool *t, const struct xl_paths *p, const struct xl_device *d, bool wait);

#endif
