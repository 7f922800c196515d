/* SPDX-License-Identifier: MIT */
/*
 * Devices that nobody can have used since we reset them: they are given without a second reset.
 * That is shown, not assumed. A device that we take back and reset is left without decoding and bus
 * mastering, so that nothing reaches it, or memory through it, but config accesses of domain 0.
 * It is still so when it is to be given if
 *   - we remember it: after a reset that worked, and until it is given, of this boot (memory.h);
 *   - its binding to its driver is the same, so that no other driver had it;
 *   - the first 256 bytes of config space are as they were: whoever used it had to make it decode,
 *     and xen-pciback, QEMU and drivers leave it so.
 * Not remembered, and so reset as ever: what nothing could reset; virtual functions, which decode
 * as their physical one does; what a guest could write raw; what has a vector that Xen may still
 * touch; all devices while the kernel's backend serves a guest, which might get one and think that
 * it decodes; and all that `reset_always` says.
 */
#ifndef XENPCI_BACKEND_UNTOUCHED_H
#define XENPCI_BACKEND_UNTOUCHED_H

#include "backend/claim.h"

/* Whether claim's device, which is about to be reset and taken back, is to be left untouchable. */
bool untouched_wanted(const struct claim *claim);
/*
 * It was reset and is left without decoding; command is the register that belongs to it. 0, or -1
 * with errno: EIO (it decodes all the same), ENOSPC (too many are remembered), or the device's or
 * the OS's. Logs nothing.
 */
int untouched_note(struct claim *claim, uint16_t command);

/*
 * Whether claim's device, of which nothing was changed yet, needs no reset before it is given. What
 * was remembered of it is forgotten. *command is the register as it was read; if the device was
 * left without decoding, it gets the one that belongs to it, and *command becomes that. Logs the
 * answer, unless nothing was remembered.
 */
bool untouched_take(struct claim *claim, uint16_t *command);

/*
 * At our end: every device that was left without decoding, and is so still, gets its command back.
 */
void untouched_end(struct host *host);

#endif
