/* SPDX-License-Identifier: MIT */
/*
 * That the host was suspended, as its kernel counts it: whatever was done then, and also where no clock stood still
 * (suspend to idle without a driver for the processor's idle states, which Xen's PV dom0 has not). Its kernel
 * announces no such thing; that somebody wrote to the file which suspends it shows, and is over when it is.
 * Linux: ABI/testing/sysfs-power, inotify(7).
 */
#ifndef XENPCI_HOST_SUSPENDS_H
#define XENPCI_HOST_SUSPENDS_H

#include <stdint.h>

/*
 * A descriptor that can be read when somebody has had the kernel of sysfs_root suspend, or may have; the caller's. -1 with
 * errno: ENOENT is a kernel that cannot.
 */
int suspends_listen(const char *sysfs_root);

/* Takes what is to be read there. Does not wait. */
void suspends_hear(int fd);

/* How often it was suspended, or began to be, since it was booted. */
uint64_t suspends_count(const char *sysfs_root);

#endif
