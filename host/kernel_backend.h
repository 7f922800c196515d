/* SPDX-License-Identifier: MIT */
/*
 * Living beside the kernel's xen-pciback, which holds the devices for the toolstack
 * but would also serve their guests: its xenbus driver binds every backend node of type pci.
 * The bus has one switch for all types, drivers_autoprobe. We turn it off, probe each
 * device of another type by name as the kernel announces it (disks, nics and
 * consoles are bound as ever), and leave the switch as it was. One thread.
 */
#ifndef XENPCI_HOST_KERNEL_BACKEND_H
#define XENPCI_HOST_KERNEL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>
#include <xentoollog.h>

#define TAKEOVER_PATH_MAX 160

struct takeover {
	xentoollog_logger *lg;
	struct xs_handle *xs;
	char bus[TAKEOVER_PATH_MAX]; /* ROOT/bus/xen-backend; empty: the kernel has no backend for pci */
	char dir[64];		     /* our directory in xenstore, where the switch's old position is kept */
	int uevent_fd;		     /* what the kernel announces; -1: none */
	bool was_on;
};

/*
 * Turns the switch off if the kernel has a driver for pci nodes (below sysfs_root), and probes
 * what waits on the bus already. dir, which exists, is remembered in: after a kill the
 * successor knows what to restore.
 * 0 (*t is to be ended), or -1 with errno: the switch cannot be turned (logged: what and why).
 */
int takeover_begin(struct takeover *t, const char *sysfs_root, struct xs_handle *xs,
		   const char *dir, xentoollog_logger *lg);
/* Leaves the switch as it was found. With keep, to a successor: as it is. Safe on a zeroed *t. */
void takeover_end(struct takeover *t, bool keep);

/* Readable: call takeover_news. -1: nothing to wait for. */
int takeover_fd(const struct takeover *t);
/* Takes the announcements that wait, a bounded number. */
void takeover_news(struct takeover *t);
/* One announcement, as the kernel sends it: "add@PATH" and KEY=VALUE, each ended by a zero byte. */
void takeover_announced(struct takeover *t, const char *text, size_t len);

/* Whether the kernel's driver has bound guest domid's instance, from before we came. */
bool takeover_kernel_serves(const struct takeover *t, uint32_t domid);
/* Whether it has bound any guest's. */
bool takeover_kernel_serves_any(const struct takeover *t);

#endif
