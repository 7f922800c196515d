/* SPDX-License-Identifier: MIT */
/*
 * What the kernel announces of its devices: "ACTION@PATH" and KEY=VALUE, each ended by a zero byte.
 * Nothing here logs, allocates or waits.
 */
#ifndef XENPCI_HOST_UEVENT_H
#define XENPCI_HOST_UEVENT_H

#include <stddef.h>
#include <sys/types.h>

#define UEVENT_MAX 4096

/*
 * Opens the kernel's announcements. Where sysfs_root is not /sys they come to a datagram socket
 * named after the process, and suffix, in the directory ROOT/uevents, if there is one. A descriptor
 * that does not block, or -1 with errno (ENOENT: nothing will be announced for that root).
 */
int uevent_listen(const char *sysfs_root, const char *suffix);
/*
 * Takes the next one. Its length; 0: it is not the kernel's; -1 with errno: EAGAIN (no more for now),
 * ENOBUFS (some were lost).
 */
ssize_t uevent_receive(int fd, char text[UEVENT_MAX]);
/* The value of "KEY=" in one whose last byte is zero, or NULL. */
const char *uevent_value(const char *text, size_t len, const char *key);

#endif
