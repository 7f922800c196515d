/* SPDX-License-Identifier: MIT */
/*
 * What of a device a worker may have written: a mask for each byte, made from the same table as the
 * worker's filter, but in another process. The filter decides; the mask makes sure. Nothing here
 * logs, allocates (but mask_init) or waits, but for the device.
 */
#ifndef XENPCI_BACKEND_GATE_MASK_H
#define XENPCI_BACKEND_GATE_MASK_H

#include "backend/config/config.h"

struct mask {
	struct config_opening *byte; /* config_size of them */
	unsigned size;
	uint16_t command; /* the device's command register, as this process first or, in use, last saw it */
};

/* Of dev under policy. 0, or -1 with errno as config_open. Dispose of it in any case. */
int mask_init(struct mask *m, struct pcidev *dev, const struct config_policy *policy);
void mask_dispose(struct mask *m); /* safe on a zeroed one */

/* The command register is as the device has it now. */
void mask_note_command(struct mask *m, struct pcidev *dev);

/*
 * Vectors were on (before) and are (now), and INTX_DISABLE with them: known even of a device that
 * decodes nothing, whose register says nothing of what it is to get back.
 */
void mask_note_intx(struct mask *m, bool before, bool now);

/*
 * Whether `size` bytes at offset may go from old to new. Any values: what is no register is
 * refused.
 */
bool mask_allows(const struct mask *m, uint32_t offset, uint32_t size, uint32_t old, uint32_t new);

#endif
