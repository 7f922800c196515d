/* SPDX-License-Identifier: MIT */
/*
 * Whether guests' devices are still theirs: the host may unbind one from pciback, give it to a driver of its
 * own, or lose it. The kernel announces each; what it announces of a device that a guest has takes that
 * device from the guest at once, and it is held back until it has been reset. One thread; nothing waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_OWNERSHIP_H
#define XENPCI_BACKEND_SUPERVISOR_OWNERSHIP_H

struct backend;

/* Begins to listen. A descriptor for the event loop; -1: nothing is announced here. Logs why. */
int ownership_listen(struct backend *be);
/* That descriptor has something: hears all of it, so much in one turn. */
void ownership_hear(struct backend *be, int fd);

#endif
