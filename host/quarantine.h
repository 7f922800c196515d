/* SPDX-License-Identifier: MIT */
/*
 * Devices that are given to nobody since a reset went wrong: those that did not come back
 * (quarantine), and those that were not reset although there is a way, or whose configuration was
 * not put back (held back: the rule unreset, which can be overridden). They are remembered in
 * xenstore, below our own domain, so that the daemon, its successors and the operator's command know
 * of them alike:
 *	<state_nodes()>/quarantine/<address> = why, or "unreset: why", in its envelope (common/state.h)
 * and, with the same text, in the state directory, which outlives xenstored and can be written while
 * there is none:
 *	quarantine-<address>
 * A device is kept as long as one of the two says so. Nothing here logs, or waits for a device.
 */
#ifndef XENPCI_HOST_QUARANTINE_H
#define XENPCI_HOST_QUARANTINE_H

#include <stdbool.h>
#include <xenstore.h>

#include "host/reset_function.h"
#include "common/sbdf.h"

/* Where it is remembered; both are the caller's. */
struct quarantine {
	struct xs_handle *xs; /* NULL: there is no xenstore */
	const char *state_dir; /* NULL: there is none */
};

/*
 * 0, or -1 with errno: xenstore's (ENOTCONN: there is none) where neither place took it; for remove,
 * of the place that still has it.
 */
int quarantine_add(struct quarantine q, struct sbdf a, const char *why);
int quarantine_remove(struct quarantine q, struct sbdf a);

/* The same of those that are held back until they have been reset. */
int quarantine_hold(struct quarantine q, struct sbdf a, const char *why);

/* fn->quarantined and fn->unreset as they are remembered; without any place: neither. */
void quarantine_mark(struct quarantine q, struct topology_function *fn);

/*
 * After a reset of function i that ended as result tells, user being as for reset_owed: what is
 * remembered of it is brought up to date; held: it may be held back now. Returns 1 where it is held
 * back from now on, with the reason in why; 0 where not; -1 with errno as above. A device that is
 * lost is the caller's to quarantine. Without any place nothing is remembered.
 */
int quarantine_after_reset(struct quarantine q, const struct topology *t, int i, uint32_t user,
			   const struct reset_result *result, bool held, char why[RESET_TEXT_MAX]);

#endif
