/* SPDX-License-Identifier: MIT */
#include "host/kernel_backend.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"

#define NEWS_MAX 256

static void cannot_bind(const struct kernel_backend *t, const char *device)
{
	log_warn(t->lg, "cannot let the kernel bind %s: %s; write its name into %s/" BACKEND_BUS_PROBE,
		 device, strerror(errno), t->bus.path);
}

/* Every device of another type that is there and unbound. */
static void probe_others(const struct kernel_backend *t)
{
	char name[BACKEND_BUS_NAME_MAX];

	if (backend_bus_probe_others(&t->bus, name))
		cannot_bind(t, name);
}

/* 0, also where there is no such bus (yet), or -1 with errno. */
static int turn_off(struct kernel_backend *t)
{
	int was = backend_bus_remember(&t->bus, t->state_dir);

	if (was < 0)
		return errno == ENOENT ? 0 : -1;
	if (errno)
		log_warn(t->lg, "cannot remember in %s how %s/" BACKEND_BUS_SWITCH " was found: %s; if we are "
			 "killed it stays off", t->state_dir, t->bus.path, strerror(errno));
	if (backend_bus_turn(&t->bus, false))
		return -1;
	t->was_on = was;
	t->off = true;
	log_info(t->lg, "%s/" BACKEND_BUS_SWITCH " is off while we run, and every backend device that is "
		 "not pci is probed by name%s", t->bus.path,
		 backend_bus_has_pci_driver(&t->bus) ? "; the kernel's xen-pciback is loaded" : "");
	return 0;
}

int kernel_backend_watch_only(struct kernel_backend *t, const char *sysfs_root, const char *state_dir,
			xentoollog_logger *lg)
{
	*t = (struct kernel_backend){ .lg = lg, .uevent_fd = -1 };
	if (backend_bus_init(&t->bus, sysfs_root)) {
		log_error(lg, "%s: too long a path", sysfs_root);
		return -1;
	}
	snprintf(t->state_dir, sizeof(t->state_dir), "%s", state_dir);
	return 0;
}

int kernel_backend_begin(struct kernel_backend *t, const char *sysfs_root, const char *state_dir,
		   xentoollog_logger *lg)
{
	if (kernel_backend_watch_only(t, sysfs_root, state_dir, lg))
		return -1;
	/* Listening comes first: what is announced meanwhile is probed twice, not never. */
	t->uevent_fd = backend_bus_listen(sysfs_root);
	if ((t->uevent_fd < 0 && errno != ENOENT) || turn_off(t)) {
		bool serious = backend_bus_has_pci_driver(&t->bus);

		log_at(lg, serious ? XTL_ERROR : XTL_WARN, "%s/" BACKEND_BUS_SWITCH " cannot be turned "
		       "off: %s; the kernel's xen-pciback, %s, serves the same guests: run as root, or keep "
		       "xen-pciback unloaded", t->bus.path, strerror(errno),
		       serious ? "which is loaded" : "if it is loaded");
		if (serious) {
			kernel_backend_end(t);
			return -1;
		}
	}
	if (t->off)
		probe_others(t);
	return 0;
}

void kernel_backend_inherit(struct kernel_backend *t)
{
	int was = t->off ? -1 : backend_bus_remember(&t->bus, t->state_dir);

	if (was < 0)
		return;
	t->was_on = was;
	t->off = true;
}

void kernel_backend_end(struct kernel_backend *t)
{
	if (!t->bus.path[0])
		return;
	close_keep(t->uevent_fd);
	t->uevent_fd = -1;
	if (!t->off)
		return;
	t->off = false;
	if (backend_bus_restore(&t->bus, t->state_dir, t->was_on))
		log_error(t->lg, "cannot turn %s/" BACKEND_BUS_SWITCH " on again: %s", t->bus.path,
			  strerror(errno));
	probe_others(t);
}

int kernel_backend_fd(const struct kernel_backend *t)
{
	return t->uevent_fd;
}

void kernel_backend_announced(struct kernel_backend *t, enum backend_bus_news news, const char *name)
{
	if (news == BACKEND_BUS_NOTHING || news == BACKEND_BUS_GONE)
		return;
	/* A bus that came after us. */
	if (!t->off && turn_off(t))
		log_warn(t->lg, "%s/" BACKEND_BUS_SWITCH " cannot be turned off: %s", t->bus.path,
			 strerror(errno));
	if (news != BACKEND_BUS_APPEARED)
		probe_others(t);
	else if (!backend_bus_is_pci(name) && backend_bus_probe(&t->bus, name))
		cannot_bind(t, name);
}

void kernel_backend_news(struct kernel_backend *t)
{
	char name[BACKEND_BUS_NAME_MAX];
	enum backend_bus_news news;

	for (int i = 0; i < NEWS_MAX && !backend_bus_next(t->uevent_fd, &news, name); i++)
		kernel_backend_announced(t, news, name);
}

bool kernel_backend_serves(const struct kernel_backend *t, uint32_t domid, uint32_t devid)
{
	return t->bus.path[0] && backend_bus_serves(&t->bus, domid, devid);
}

bool kernel_backend_serves_any(const struct kernel_backend *t)
{
	return t->bus.path[0] && backend_bus_serves_any(&t->bus);
}
