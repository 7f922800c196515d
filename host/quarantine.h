/* SPDX-License-Identifier: MIT */
/*
 * Devices that did not come back from a reset are given to nobody. They are
 * remembered in xenstore, below our own domain, so that the daemon, its successors
 * and the operator's command know of them alike:
 *	xenpci/quarantine/<address> = why
 * Nothing here logs.
 */
#ifndef XENPCI_HOST_QUARANTINE_H
#define XENPCI_HOST_QUARANTINE_H

#include <stdbool.h>
#include <xenstore.h>

#include "common/sbdf.h"

/* 0, or -1 with xenstore's errno. */
int quarantine_add(struct xs_handle *xs, struct sbdf a, const char *why);
int quarantine_remove(struct xs_handle *xs, struct sbdf a);
bool quarantine_has(struct xs_handle *xs, struct sbdf a);

#endif
