/* SPDX-License-Identifier: MIT */
/* After a xenpcid of which nothing is left: for whoever sees that it ended. */
#include "backend/keeper/keeper.h"

#include <string.h>
#include <sys/file.h>

#include "backend/keeper/instance.h"
#include "common/log.h"
#include "common/util.h"

int keeper_clean_up(const struct keeper_options *o, struct xentoollog_logger *lg)
{
	char name[BACKEND_BUS_NAME_MAX];
	struct backend_bus bus;
	int lock, was, rc = -1;

	if (!backend_bus_is_remembered(o->state_dir))
		return 0;
	/* Who runs has it, and does this itself when it ends. */
	lock = instance_lock(o->state_dir);
	if (lock < 0)
		return errno == EBUSY ? 0 : -1;
	if (backend_bus_init(&bus, o->sysfs_root))
		goto out;
	was = backend_bus_remember(&bus, o->state_dir);
	rc = was < 0 && errno == ENOENT ? 0 : was < 0 ? -1 : backend_bus_restore(&bus, o->state_dir, was);
	if (rc || was < 0)
		goto out;
	backend_bus_probe_others(&bus, name);
	log_info(lg, "%s/" BACKEND_BUS_SWITCH " is as it was before the xenpcid that was killed", bus.path);
out:
	if (rc)
		log_error(lg, "the bus of backends cannot be put back: %s; disks, nics and consoles of new guests need "
			  "a 1 in %s/bus/xen-backend/" BACKEND_BUS_SWITCH, strerror(errno), o->sysfs_root);
	close_keep(lock);
	return rc;
}
