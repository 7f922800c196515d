/* SPDX-License-Identifier: MIT */
/* The capabilities of a device, of both lists, with names. */
#ifndef XENPCI_OPERATOR_CAPABILITY_H
#define XENPCI_OPERATOR_CAPABILITY_H

#include "host/device/pcidev.h"

enum { CAPABILITIES_MAX = 128 };

struct capability {
	uint16_t offset, id;
	bool extended;	  /* one of those from 0x100 on */
	const char *name; /* NULL: none is known here */
};

/* Reads the lists, which may lie: both walks are bounded. Returns how many. */
unsigned capabilities_read(struct pcidev *dev, struct capability list[CAPABILITIES_MAX]);

#endif
