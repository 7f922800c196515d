/* SPDX-License-Identifier: MIT */
/*
 * The kernel's bus of backend devices as sysfs shows it, ROOT/bus/xen-backend: its one switch for
 * all types, drivers_autoprobe, the devices that wait for a driver, and what the kernel announces
 * of both. Nothing here logs, allocates or needs Xen's libraries, so that the process that guards
 * the host may use it. A probe runs the driver's own probe function and may wait for it.
 */
#ifndef XENPCI_HOST_BACKEND_BUS_H
#define XENPCI_HOST_BACKEND_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BACKEND_BUS_PATH_MAX 160
#define BACKEND_BUS_NAME_MAX 64 /* of a device, vbd-5-51712, with its end */
#define BACKEND_BUS_SWITCH "drivers_autoprobe"
#define BACKEND_BUS_PROBE "drivers_probe"

struct backend_bus {
	char path[BACKEND_BUS_PATH_MAX]; /* ROOT/bus/xen-backend; empty: there is none */
};

/* Names the bus below sysfs_root, whether it is there or not. 0, or -1 with errno (ENAMETOOLONG). */
int backend_bus_init(struct backend_bus *bus, const char *sysfs_root);

/* Whether the kernel has a driver for pci nodes loaded. */
bool backend_bus_has_pci_driver(const struct backend_bus *bus);
/* Whether it has bound that instance of guest domid's, or any guest's. */
bool backend_bus_serves(const struct backend_bus *bus, uint32_t domid, uint32_t devid);
bool backend_bus_serves_any(const struct backend_bus *bus);

/* The switch's position: 1, 0, or -1 with errno (ENOENT: this kernel has no such bus). */
int backend_bus_switch(const struct backend_bus *bus);
/* 0, or -1 with errno. */
int backend_bus_turn(const struct backend_bus *bus, bool on);

/*
 * The position in which the switch is to be left, which outlives the process in a file of
 * state_dir: what somebody before us wrote there and the switch's own position, and on where they
 * differ. Writes the file. 1, 0, or -1 with errno: the switch cannot be read. Where the file
 * cannot be written, errno says why, and is 0 otherwise.
 */
int backend_bus_remember(const struct backend_bus *bus, const char *state_dir);
/* Whether that file is there: nobody who turned the switch has put it back. */
bool backend_bus_is_remembered(const char *state_dir);
/* The switch as it was found; the file is gone. 0, or -1 with errno: the switch cannot be turned. */
int backend_bus_restore(const struct backend_bus *bus, const char *state_dir, bool was_on);

/* Whether a device's name is that of an instance of our type. */
bool backend_bus_is_pci(const char *device);
/*
 * Has the kernel bind one device, whatever the switch says; asks again for a third of a second where
 * the kernel is not ready. 0, also where it is gone or has no driver loaded yet (that driver will be
 * announced); or -1 with errno.
 */
int backend_bus_probe(const struct backend_bus *bus, const char *device);
/*
 * The same for every unbound device that is not pci. Returns how many could not be probed; errno is
 * the last one's, whose name is in failed.
 */
unsigned backend_bus_probe_others(const struct backend_bus *bus, char failed[BACKEND_BUS_NAME_MAX]);

/* What the kernel announces. */
enum backend_bus_news {
	BACKEND_BUS_NOTHING,	/* of another bus, or nothing that matters */
	BACKEND_BUS_APPEARED,	/* a device */
	BACKEND_BUS_GONE,
	BACKEND_BUS_DRIVER,	/* a driver that devices may have been waiting for */
	BACKEND_BUS_LOST,	/* some announcements were lost */
};

/*
 * Opens the kernel's announcements. Where sysfs_root is not /sys they come to a datagram socket
 * named after the process in the directory ROOT/uevents, if there is one. A descriptor that does
 * not block, or -1 with errno (ENOENT: nothing will be announced for that root).
 */
int backend_bus_listen(const char *sysfs_root);
/*
 * Takes the next announcement and puts the name of its device or driver into name. -1: no more for
 * now.
 */
int backend_bus_next(int fd, enum backend_bus_news *news, char name[BACKEND_BUS_NAME_MAX]);
/* One announcement's meaning: "add@PATH" and KEY=VALUE, each ended by a zero byte. */
enum backend_bus_news backend_bus_parse(const char *text, size_t len,
					char name[BACKEND_BUS_NAME_MAX]);

#endif
