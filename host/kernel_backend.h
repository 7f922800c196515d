/* SPDX-License-Identifier: MIT */
/*
 * Living beside the kernel's xen-pciback, which holds the devices for the toolstack but would
 * also serve their guests: its xenbus driver binds every backend node of type pci. The bus has
 * one switch for all types, drivers_autoprobe. We turn it off, probe each device of another type
 * by name as the kernel announces it (disks, nics and consoles are bound as ever), and leave the
 * switch as it was. That is done whether xen-pciback is loaded or not: if it came while the
 * switch is on, it would bind the nodes that we serve. A process that has a keeper leaves all
 * this to it and only asks whom the kernel serves. One thread.
 */
#ifndef XENPCI_HOST_KERNEL_BACKEND_H
#define XENPCI_HOST_KERNEL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xentoollog.h>

#include "host/backend_bus.h"

#define KERNEL_BACKEND_STATE_DIR_MAX 128

struct kernel_backend {
	xentoollog_logger *lg;
	struct backend_bus bus;
	char state_dir[KERNEL_BACKEND_STATE_DIR_MAX]; /* where the switch's old position is kept */
	int uevent_fd;				/* what the kernel announces; -1: none */
	bool off;				/* the switch, by us */
	bool was_on;
};

/*
 * Turns the switch off, if this kernel has the bus (below sysfs_root), and probes what waits on
 * it already. What was found is remembered in state_dir, which exists: after a kill the successor
 * knows what to restore. 0 (*t is to be ended), or -1 with errno: the kernel has a driver for pci
 * nodes, and the switch cannot be turned (logged: what and why).
 */
int kernel_backend_begin(struct kernel_backend *t, const char *sysfs_root, const char *state_dir,
		   xentoollog_logger *lg);
/* In place of kernel_backend_begin, where another process minds the switch: for the questions below. */
int kernel_backend_watch_only(struct kernel_backend *t, const char *sysfs_root, const char *state_dir,
			xentoollog_logger *lg);
/* After kernel_backend_watch_only: that process is no more, so leave the switch as it was found. */
void kernel_backend_inherit(struct kernel_backend *t);
/* Leaves the switch as it was found, if we turned it. Safe on a zeroed *t. */
void kernel_backend_end(struct kernel_backend *t);

/* Readable: call kernel_backend_news. -1: nothing to wait for. */
int kernel_backend_fd(const struct kernel_backend *t);
/* Takes the announcements that wait, a bounded number. */
void kernel_backend_news(struct kernel_backend *t);
/* One announcement, as backend_bus_parse has it. */
void kernel_backend_announced(struct kernel_backend *t, enum backend_bus_news news, const char *name);

/* Whether the kernel's driver has bound that instance of guest domid's, from before we came. */
bool kernel_backend_serves(const struct kernel_backend *t, uint32_t domid, uint32_t devid);
/* Whether it has bound any guest's. */
bool kernel_backend_serves_any(const struct kernel_backend *t);

#endif
