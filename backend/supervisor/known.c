/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/known.h"

#include <stdio.h>

#include "backend/supervisor/ledgers.h"
#include "common/log.h"
#include "common/store.h"
#include "common/util.h"

static int unknown(struct successor *m, const char *where)
{
	log_error(m->lg, "%s: left by an xenpcid whose state has another version; this one knows %d to %d: "
		  "start that one again, guests and devices are left as they are", where, STATE_OLDEST,
		  STATE_VERSION);
	return fail(EPROTONOSUPPORT);
}

static bool is_known(struct successor *m, enum state_part part, const char *dir, const char *node)
{
	char buf[STORE_VALUE_MAX + 1], *text;

	return store_read_state(m->xs, part, dir, node, buf, sizeof(buf), &text) >= 0 ||
	       errno != EPROTONOSUPPORT;
}

static int check_guest(struct successor *m, struct guest_id id)
{
	char guest[2 * SUCCESSOR_DIR_MAX], device[3 * SUCCESSOR_DIR_MAX], path[SUCCESSOR_PATH_MAX];
	char bdf[NODE_VALUE_MAX], name[GUEST_ID_NAME_MAX];
	struct sbdf *list;
	unsigned n;
	int rc = 0;

	snprintf(guest, sizeof(guest), "%s/guests/%s", m->dir, guest_id_name(id, name));
	if (!is_known(m, STATE_GUEST, guest, NULL))
		return unknown(m, guest);
	if (!ledger_is_known(m, id, path))
		return unknown(m, path);
	n = successor_guest_devices(m, id, &list);
	for (unsigned i = 0; !rc && i < n; i++) {
		snprintf(device, sizeof(device), "%s/%.*s", guest, SUCCESSOR_DIR_MAX - 2,
			 node_bdf_format(list[i], bdf));
		if (!is_known(m, STATE_DEVICE, device, NULL) ||
		    !is_known(m, STATE_INTERRUPTS, device, "interrupts"))
			rc = unknown(m, device);
	}
	free_keep(list);
	return rc;
}

int known_check(struct successor *m)
{
	struct guest_id *list;
	unsigned n = successor_guests(m, &list);
	int rc = 0;

	for (unsigned i = 0; !rc && i < n; i++)
		rc = check_guest(m, list[i]);
	free_keep(list);
	return rc;
}
