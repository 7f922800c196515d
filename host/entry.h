/* SPDX-License-Identifier: MIT */
/*
 * One entry N of a guest's device list in xenstore, by the host address in its dev-N. The toolstack
 * moves entries, so N holds only until the list changes or within transaction t. `dir` is the
 * backend's directory for the guest. Each waits for xenstored; nothing logs.
 */
#ifndef XENPCI_HOST_ENTRY_H
#define XENPCI_HOST_ENTRY_H

#include "common/sbdf.h"
#include "common/store.h"

/* dev-N of entry n into *device. 0, or -1 with errno: ENOENT, EINVAL (no address), xenstored's. */
int entry_device(struct xs_handle *xs, xs_transaction_t t, const char *dir, unsigned n,
		 struct sbdf *device);
/* The entry of device, or -1 with errno: ENOENT (none), xenstored's. */
int entry_find(struct xs_handle *xs, xs_transaction_t t, const char *dir, struct sbdf device);

#endif
