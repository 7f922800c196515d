/* SPDX-License-Identifier: MIT */
/*
 * Whether guests' devices are still theirs: the host may unbind one from pciback, give it to a driver of its
 * own, or lose it. The kernel announces each; what it announces of a device that a guest has takes that
 * device from the guest at once, and it is held back until it has been reset. What happened while nobody
 * listened shows by its binding. One thread; nothing waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_OWNERSHIP_H
#define XENPCI_BACKEND_SUPERVISOR_OWNERSHIP_H

struct backend;
struct claim;

/* Begins to listen. A descriptor for the event loop; -1: nothing is announced here. Logs why. */
int ownership_listen(struct backend *be);
/* That descriptor has something: hears all of it, so much in one turn. */
void ownership_hear(struct backend *be, int fd);
/*
 * The guest loses the device if it is not bound as it was when the guest got it. when: of that, for who
 * reads of it, with a space behind it; or "". Logs.
 */
void ownership_check(struct claim *claim, const char *when);

#endif
