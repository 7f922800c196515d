/* SPDX-License-Identifier: MIT */
/* The golden image from the inside: shared by save.c, which takes it, and save_text.c. */
#ifndef XENPCI_HOST_DEVICE_SAVED_H
#define XENPCI_HOST_DEVICE_SAVED_H

#include "host/device/save.h"

enum { SAVED_MAX = 48 };

/*
 * A register to save, `mask` being its bits that are state. The others keep what
 * they are when it is restored, except those that a written one would clear.
 */
struct saved_register {
	uint16_t offset;
	uint8_t width;
	bool address;	/* decoding is off while it changes */
	uint32_t mask;
	uint32_t clear;
	uint32_t value;
};

struct pcidev_saved {
	unsigned nr;
	unsigned pm, msi, msix; /* offsets of the capabilities; 0: none */
	uint32_t command;
	uint32_t msi_flags, msix_flags;
	struct saved_register reg[SAVED_MAX]; /* in the order of restoring */
};

#endif
