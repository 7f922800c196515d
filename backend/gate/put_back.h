/* SPDX-License-Identifier: MIT */
/*
 * What a device has lost behind the gate's back, put back: its configuration as it was saved, the messages that
 * Xen wrote, the enable bits. Lost it is by a reset of others', by a sleep of the host, by a reset that its guest
 * began with a write. What does not read as the device is not written to. One thread. May wait for the
 * device, and for the supervisor. Logs by irq's vectors.say, within the guest's budget.
 */
#ifndef XENPCI_BACKEND_GATE_PUT_BACK_H
#define XENPCI_BACKEND_GATE_PUT_BACK_H

#include "backend/gate/interrupt.h"
#include "host/device/save.h"

/* What the guest's vectors need, after what. 0, or -1 with errno, logged. */
int put_back_vectors(struct interrupts *irq, const char *what);

/*
 * If the device was reset by others (dom0's kernel does that to the bus of a fatal error, and restores nothing):
 * its configuration. Before anything is done to its vectors: where Xen finds memory decoding off it masks
 * MSI-X as a whole, and for good. Whether it was, and is put back.
 */
bool put_back_config(struct interrupts *irq, const struct pcidev_saved *saved);

/* Both. */
bool put_back(struct interrupts *irq, const struct pcidev_saved *saved);

/*
 * The host has slept, and its kernel has put config space back; the rest is ours to. *changed: it had not. 0, or
 * -1 with errno, logged: ENODEV (it does not read as itself), or what vectors failed with.
 */
int put_back_behind_sleep(struct interrupts *irq, const struct pcidev_saved *saved, bool *changed);

/* Whether this write, which is about to be made, resets the function: an FLR, or back from D3hot. */
bool put_back_is_reset(struct interrupts *irq, const struct message_write *w);
/*
 * It was made. Waits for the device, PUT_BACK_PATIENCE_MS at most: its guest waits too, for 2 s. 0, or -1 with
 * errno, logged: ENODEV (it does not read as itself by then), or what failed.
 */
int put_back_behind_reset(struct interrupts *irq, const struct pcidev_saved *saved);
enum { PUT_BACK_PATIENCE_MS = 1000 };

#endif
