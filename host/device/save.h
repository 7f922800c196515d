/* SPDX-License-Identifier: MIT */
/*
 * A device's config space over the time that a guest has it: the golden image is
 * taken before a guest touches the device and put back after the reset that
 * follows each guest (PROTOCOL.md 5.1, 5.4). Order at release: pcidev_reset,
 * pcidev_restore, pcidev_quiesce.
 *
 * One thread at a time per device; nothing here logs.
 */
#ifndef XENPCI_HOST_DEVICE_SAVE_H
#define XENPCI_HOST_DEVICE_SAVE_H

#include "host/device/pcidev.h"

struct pcidev_saved;

/*
 * Reads the registers that a reset or a guest can change: BARs, ROM, a bridge's
 * buses and windows, command, cache line, latency, interrupt line, PM, express and
 * PCI-X control, MSI and MSI-X. NULL with errno: ENOMEM, EIO (the device reads
 * ones), or the device's.
 */
struct pcidev_saved *pcidev_save(struct pcidev *dev);
void pcidev_saved_free(struct pcidev_saved *saved); /* NULL is allowed */

/*
 * Writes back what differs: out of D3hot first (10 ms for real hardware), command
 * last, and with decoding off while addresses change. Goes on after a failed register.
 * 0, or -1 with errno: EIO (the device reads ones, or a register does not take its
 * value), or the device's first failure.
 */
int pcidev_restore(struct pcidev *dev, const struct pcidev_saved *saved);

/*
 * From any other power state to D0 (10 ms for real hardware). What does not keep its registers in D3hot
 * (No_Soft_Reset) has lost them then. 0, or -1 with errno: the device's.
 */
int pcidev_wake(struct pcidev *dev);
/* Whether it is in D3hot. What reads ones is not. */
bool pcidev_in_d3hot(struct pcidev *dev);

/*
 * The addresses that the OS has assigned, into the BARs of a function that has lost its own and of
 * which nothing was saved; decoding is left off. Virtual functions and bridges have none of these. 0,
 * or -1 with errno: EIO (it reads ones, or does not take an address), ENOTSUP, or the device's.
 */
int pcidev_readdress(struct pcidev *dev);

/* The command register that is put back, and another one in its place. */
uint16_t pcidev_saved_command(const struct pcidev_saved *saved);
void pcidev_saved_set_command(struct pcidev_saved *saved, uint16_t command);

/*
 * Makes an endpoint silent: MSI-X and MSI off (2-byte writes: Xen filters a PV
 * dom0's others), INTx enabled, MWI off, device disabled and bus mastering off.
 * Decoding stays. Of a bridge, only MWI is turned off. 0, or -1 with errno of the
 * first failure, having gone on.
 */
int pcidev_quiesce(struct pcidev *dev);

/*
 * The image as text, for a successor of this process to go on with: "offset=value" in
 * hexadecimal, the offsets being those of the registers. Returns its length, which is
 * below PCIDEV_SAVED_TEXT.
 */
#define PCIDEV_SAVED_TEXT 1024
int pcidev_saved_format(const struct pcidev_saved *saved, char buf[PCIDEV_SAVED_TEXT]);
/*
 * The image that text tells of, for dev, which a guest has changed meanwhile. NULL
 * with errno: EINVAL (malformed, or registers that dev does not have), or as pcidev_save.
 */
struct pcidev_saved *pcidev_saved_parse(struct pcidev *dev, const char *text);

/* Whether the device answers: false where its class and revision read ones. */
bool pcidev_alive(struct pcidev *dev);

/*
 * Whether what answers is the device: its vendor and device ids are those that it was found with. Ones and
 * zeros are not. A virtual function has no ids of its own: it is alive.
 */
bool pcidev_is_itself(struct pcidev *dev);

/* Waits so long for it to be, and reads nothing else of it meanwhile. 0, or -1 with errno ENODEV: it is not. */
int pcidev_wait_itself(struct pcidev *dev, unsigned patience_ms);

/*
 * Whether dev was reset since saved was taken and not restored, by whomever: it answers, and does not
 * decode what it decoded then.
 */
bool pcidev_lost_config(struct pcidev *dev, const struct pcidev_saved *saved);

/*
 * The same with some of its addresses gone, too, which its guest cannot have done: one that is permissive may
 * have turned decoding off.
 */
bool pcidev_lost_addresses(struct pcidev *dev, const struct pcidev_saved *saved);

/* Whether MSI-X is masked as a whole, which it was not when saved was taken. */
bool pcidev_masked_since(struct pcidev *dev, const struct pcidev_saved *saved);

#endif
