/* SPDX-License-Identifier: MIT */
/*
 * A kernel that was locked down (Secure Boot) lets nobody write to PCI config space from user space: EPERM
 * for each write, while reads, resets through sysfs and hypercalls go on. Linux: kernel_lockdown(7),
 * security/lockdown.
 */
#ifndef XENPCI_HOST_LOCKDOWN_H
#define XENPCI_HOST_LOCKDOWN_H

#include <stddef.h>

/*
 * Whether the kernel of sysfs_root refuses config writes: 1 (its level, "integrity" for instance, is in
 * level, of size bytes), or 0: it does not, or does not say (no such file: an older kernel, or securityfs
 * is not mounted). Does not wait or log.
 */
int lockdown_refuses_writes(const char *sysfs_root, char *level, size_t size);

#endif
