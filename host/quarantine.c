/* SPDX-License-Identifier: MIT */
#include "host/quarantine.h"

#include <stdio.h>
#include <string.h>

#include "common/store.h"
#include "host/own_nodes.h"
#include "protocol/nodes.h"

#define QUARANTINE_DIR_MAX 32
#define UNRESET "unreset: " /* what the text of one that is held back begins with */

/* Below our own nodes, relative to our domain. */
static const char *quarantine_dir(struct xs_handle *xs, char dir[QUARANTINE_DIR_MAX])
{
	snprintf(dir, QUARANTINE_DIR_MAX, "%s/quarantine", own_nodes(xs));
	return dir;
}

int quarantine_add(struct xs_handle *xs, struct sbdf a, const char *why)
{
	char dir[QUARANTINE_DIR_MAX], name[NODE_VALUE_MAX];

	return store_write_state(xs, XBT_NULL, STATE_QUARANTINE, quarantine_dir(xs, dir), node_bdf_format(a, name),
				 "%s", why);
}

int quarantine_hold(struct xs_handle *xs, struct sbdf a, const char *why)
{
	char dir[QUARANTINE_DIR_MAX], name[NODE_VALUE_MAX];

	return store_write_state(xs, XBT_NULL, STATE_QUARANTINE, quarantine_dir(xs, dir), node_bdf_format(a, name),
				 UNRESET "%s", why);
}

int quarantine_remove(struct xs_handle *xs, struct sbdf a)
{
	char dir[QUARANTINE_DIR_MAX], name[NODE_VALUE_MAX];

	return store_remove(xs, XBT_NULL, quarantine_dir(xs, dir), node_bdf_format(a, name));
}

void quarantine_mark(struct xs_handle *xs, struct topology_function *fn)
{
	char dir[QUARANTINE_DIR_MAX], name[NODE_VALUE_MAX], buf[STORE_VALUE_MAX + 1], *why;

	fn->quarantined = fn->unreset = false;
	if (!xs)
		return;
	/* What we do not understand holds it back all the same. */
	if (store_read_state(xs, STATE_QUARANTINE, quarantine_dir(xs, dir), node_bdf_format(fn->info.sbdf, name),
			     buf, sizeof(buf), &why) < 0) {
		fn->quarantined = errno == EINVAL || errno == EPROTONOSUPPORT;
		return;
	}
	fn->unreset = !strncmp(why, UNRESET, strlen(UNRESET));
	fn->quarantined = !fn->unreset;
}

int quarantine_after_reset(struct xs_handle *xs, const struct topology *t, int i, uint32_t user,
			   const struct reset_result *result, bool held, char why[RESET_TEXT_MAX])
{
	struct sbdf a = t->function[i].info.sbdf;

	if (result->lost)
		return 0;
	if (reset_owed(t, user, result, why))
		return xs && quarantine_hold(xs, a, why) ? -1 : 1;
	if (xs && held && result->method != RESET_METHODS_COUNT && quarantine_remove(xs, a))
		return -1;
	return 0;
}
