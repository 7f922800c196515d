/* SPDX-License-Identifier: MIT */
#include "host/quarantine.h"

#include "common/store.h"
#include "protocol/nodes.h"

#define QUARANTINE_DIR "xenpci/quarantine"
#define UNRESET_DIR "xenpci/unreset"

static int add(struct xs_handle *xs, const char *dir, struct sbdf a, const char *why)
{
	char name[NODE_VALUE_MAX];

	return store_write(xs, XBT_NULL, dir, node_bdf_format(a, name), "%s", why);
}

static int drop(struct xs_handle *xs, const char *dir, struct sbdf a)
{
	char name[NODE_VALUE_MAX];

	return store_remove(xs, XBT_NULL, dir, node_bdf_format(a, name));
}

static bool has(struct xs_handle *xs, const char *dir, struct sbdf a)
{
	char name[NODE_VALUE_MAX];

	return store_exists(xs, XBT_NULL, dir, node_bdf_format(a, name)) == 1;
}

int quarantine_add(struct xs_handle *xs, struct sbdf a, const char *why)
{
	return add(xs, QUARANTINE_DIR, a, why);
}

int quarantine_remove(struct xs_handle *xs, struct sbdf a)
{
	return drop(xs, QUARANTINE_DIR, a);
}

bool quarantine_has(struct xs_handle *xs, struct sbdf a)
{
	return has(xs, QUARANTINE_DIR, a);
}

int quarantine_hold(struct xs_handle *xs, struct sbdf a, const char *why)
{
	return add(xs, UNRESET_DIR, a, why);
}

int quarantine_release(struct xs_handle *xs, struct sbdf a)
{
	return has(xs, UNRESET_DIR, a) ? drop(xs, UNRESET_DIR, a) : 0;
}

void quarantine_mark(struct xs_handle *xs, struct topology_function *fn)
{
	fn->quarantined = xs && quarantine_has(xs, fn->info.sbdf);
	fn->unreset = xs && has(xs, UNRESET_DIR, fn->info.sbdf);
}

int quarantine_after_reset(struct xs_handle *xs, const struct topology *t, struct sbdf a,
			   uint32_t user, const struct reset_result *result,
			   char why[RESET_TEXT_MAX])
{
	if (result->lost)
		return 0;
	if (reset_owed(t, user, result, why))
		return xs && quarantine_hold(xs, a, why) ? -1 : 1;
	if (xs && result->method != RESET_METHODS_COUNT && quarantine_release(xs, a))
		return -1;
	return 0;
}
