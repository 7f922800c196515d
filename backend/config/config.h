/* SPDX-License-Identifier: MIT */
/*
 * The filtered config space of one device as one guest sees it: declared fields
 * (fields.h) compiled at attach into a flat table, so that an access walks no list.
 * Reads and writes of every width go through one byte-lane engine.
 *
 * One thread at a time per struct config.
 */
#ifndef XENPCI_BACKEND_CONFIG_CONFIG_H
#define XENPCI_BACKEND_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "backend/config/policy.h"
#include "backend/device/pcidev.h"

struct config;

/*
 * Reads dev's header and capabilities and compiles its table for a new guest:
 * shadows as the hardware stands, latches clear, counters zero. dev stays the
 * caller's and must outlive the result. Turns PM's PME off in the device, logs nothing.
 * NULL with errno: ENOMEM, EINVAL (a quirk that does not fit), or the device's.
 */
struct config *config_open(struct pcidev *dev, const struct config_policy *policy);
/* NULL is allowed. Does not touch the device. */
void config_close(struct config *cfg);

/*
 * One request: offset and size straight from the guest (any values). Returns the
 * protocol's error number (XEN_PCI_ERR_*: 0, invalid_offset, access_denied, op_failed), and the value,
 * cut to size, in *value (all ones where the offset is outside the space).
 */
int config_read(struct config *cfg, int32_t offset, int32_t size, uint32_t *value);
int config_write(struct config *cfg, int32_t offset, int32_t size, uint32_t value);

/*
 * A refused write that the operator has not been told of: one per register and
 * kind of refusal. The guest's access is `offset`/`size`/`value`; `bits` are those that were refused.
 */
struct config_denial {
	uint16_t offset;       /* of the register (field), or of the access where there is none */
	uint8_t size;
	uint32_t value;
	uint32_t bits;
	const char *field;     /* register's name, e.g. "MSI control"; "unlisted" where there is none */
	const char *remedy;    /* the setting that would allow it, e.g. "permissive=1"; NULL: none would */
};
/*
 * Takes the oldest untold denial (each register is reported once per assignment).
 * true if there was one. The caller rate-limits and logs.
 */
bool config_take_denial(struct config *cfg, struct config_denial *out);
/* Refused writes in all, and per register: calls of the iterator give one register each, from *at = 0. */
uint64_t config_denied_total(const struct config *cfg);
struct config_denied {
	uint16_t offset;
	uint8_t width;
	const char *field;
	uint64_t count;
};
bool config_next_denied(const struct config *cfg, unsigned *at, struct config_denied *out);

/* After a reset of the device: latches clear, volatile shadows as at open. */
void config_reset(struct config *cfg);

/* The mask of guest-writable (for real: reaches hardware or a shadow) bits, and of virtual ones, of byte `offset`. For tests and pictures. */
uint8_t config_writable_byte(const struct config *cfg, unsigned offset);

/* Prints the table as in a data book: a line per field. */
void config_print(const struct config *cfg, FILE *out);

#endif
