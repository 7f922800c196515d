/* SPDX-License-Identifier: MIT */
/*
 * A device that nothing is done to: reads are the real one's, writes stay here, cover what stands there,
 * and are written down. What a filter would do to the device is seen without doing it.
 */
#ifndef XENPCI_OPERATOR_REHEARSAL_H
#define XENPCI_OPERATOR_REHEARSAL_H

#include "host/device/pcidev.h"

enum { REHEARSAL_SPACE = 4096, REHEARSAL_STEPS_MAX = 64 };

struct rehearsal_step {
	enum { REHEARSAL_WRITE, REHEARSAL_ENABLE, REHEARSAL_DISABLE } kind;
	uint16_t offset; /* of a write */
	uint8_t size;
	uint32_t value;
};

struct rehearsal {
	struct pcidev dev;   /* for the filter; never closed by it */
	struct pcidev *real; /* only read */
	uint8_t value[REHEARSAL_SPACE];
	bool covered[REHEARSAL_SPACE];
	struct rehearsal_step step[REHEARSAL_STEPS_MAX];
	unsigned nr; /* steps; those that find no room are counted, and not kept */
};

/* real stays the caller's, and open for as long as r is used. */
void rehearsal_init(struct rehearsal *r, struct pcidev *real);
/* Forgets the steps, not what was written. */
void rehearsal_mark(struct rehearsal *r);

#endif
