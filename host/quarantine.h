/* SPDX-License-Identifier: MIT */
/*
 * Devices that are given to nobody since a reset went wrong: those that did not come back
 * (quarantine), and those that were not reset although there is a way, or whose configuration was
 * not put back (held back: the rule unreset, which can be overridden). They are remembered in
 * xenstore, below our own domain, so that the daemon, its successors and the operator's command know
 * of them alike:
 *	<state_nodes()>/quarantine/<address> = why, or "unreset: why", in its envelope (common/state.h)
 * Nothing here logs.
 */
#ifndef XENPCI_HOST_QUARANTINE_H
#define XENPCI_HOST_QUARANTINE_H

#include <stdbool.h>
#include <xenstore.h>

#include "host/reset_function.h"
#include "common/sbdf.h"

/* 0, or -1 with xenstore's errno. */
int quarantine_add(struct xs_handle *xs, struct sbdf a, const char *why);
int quarantine_remove(struct xs_handle *xs, struct sbdf a);

/* The same of those that are held back until they have been reset. */
int quarantine_hold(struct xs_handle *xs, struct sbdf a, const char *why);

/* fn->quarantined and fn->unreset as they are remembered, in one request; xs NULL: neither. */
void quarantine_mark(struct xs_handle *xs, struct topology_function *fn);

/*
 * After a reset of function i that ended as result tells, user being as for reset_owed: what is
 * remembered of it is brought up to date; held: it may be held back now. Returns 1 where it is held
 * back from now on, with the reason in why; 0 where not; -1 with xenstore's errno. A device that is
 * lost is the caller's to quarantine. xs may be NULL: then nothing is remembered.
 */
int quarantine_after_reset(struct xs_handle *xs, const struct topology *t, int i, uint32_t user,
			   const struct reset_result *result, bool held, char why[RESET_TEXT_MAX]);

#endif
