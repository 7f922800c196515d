/* SPDX-License-Identifier: MIT */
/*
 * Our own place in xenstore, for whoever runs in this domain: daemon, jobs and the operator's command
 * (common/state.h). Our domain's number is asked for once: it is the same for as long as we run. One thread.
 */
#ifndef XENPCI_HOST_OWN_NODES_H
#define XENPCI_HOST_OWN_NODES_H

#include <stdint.h>
#include <xenstore.h>

/* Our domid, 0 where xenstore does not tell. May wait for xenstored; does not log. */
uint32_t own_domid(struct xs_handle *xs);

/* state_nodes() of it: a path relative to our domain. Static. */
const char *own_nodes(struct xs_handle *xs);

#endif
