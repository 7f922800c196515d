/* SPDX-License-Identifier: MIT */
/*
 * The filtered config space of one device as one guest sees it: declared fields
 * (fields.h) compiled at attach into a flat table, so that an access walks no list.
 * Reads and writes of every width go through one byte-lane engine.
 *
 * The names config_read, config_write, config_init and config_destroy are libconfig's, in
 * the same program.
 *
 * One thread at a time per struct config.
 */
#ifndef XENPCI_BACKEND_CONFIG_CONFIG_H
#define XENPCI_BACKEND_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "host/policy.h"
#include "host/device/pcidev.h"

struct config;

/*
 * Reads dev's header and capabilities and compiles its table for a new guest:
 * shadows as the hardware stands, latches clear, counters zero. dev stays the
 * caller's and must outlive the result. Turns PM's PME off in the device, logs nothing.
 * NULL with errno: ENOMEM, EINVAL (a quirk that reaches beyond the space, partly into another
 * quirk, or into a register that has a rule of its own), or the device's.
 */
struct config *config_open(struct pcidev *dev, const struct config_policy *policy);
/* NULL is allowed. Does not touch the device. */
void config_close(struct config *cfg);

/*
 * One request: offset and size straight from the guest (any values). Returns the
 * protocol's error number (XEN_PCI_ERR_*): success; invalid_offset (a size that is not 1, 2 or 4,
 * an offset that is no multiple of it, or one outside the space: negative, or at
 * info.config_size and above); access_denied (write); op_failed (the device could not be
 * read, written or enabled). A read's value is cut to size: 0 for a request without
 * legal form, ffffffff where the offset is outside, all ones where the device failed.
 * Of a write that is refused in part, the rest is done, and the first error answered.
 * A request costs at most one device read where it is a read, none where all its
 * bytes are virtual (ids, BARs, ROM, interrupt line). Neither allocates, logs or waits.
 */
int config_guest_read(struct config *cfg, int32_t offset, int32_t size, uint32_t *value);
int config_guest_write(struct config *cfg, int32_t offset, int32_t size, uint32_t value);

/*
 * A refused write that the operator has not been told of: one per register. The
 * guest's access is `access`/`size`/`value`; `bits` are those that were refused, in
 * the register's coordinates. What is already as the guest writes it is not refused.
 */
struct config_denial {
	uint16_t offset;       /* of the register, or of the access where there is none */
	uint16_t access;       /* where the guest's access began */
	uint8_t size;
	uint8_t width;	       /* of the register, or of the access */
	uint32_t value;
	uint32_t bits;
	const char *field;     /* register's name, "MSI control"; "unlisted" where it has none */
	const char *remedy;    /* the setting that would allow it, "permissive=1"; NULL: none */
	uint16_t quirk_offset; /* a quirk would as well, with this window */
	uint8_t quirk_width;   /* 0: none would */
	uint32_t quirk_mask;
	bool no_hardware;      /* these bits are fixed in every device */
};
/*
 * Takes the oldest untold denial (each register is reported once per assignment,
 * an unlisted one per dword). true if there was one. 16 wait at most; what finds no
 * room is told when it is refused again. The caller rate-limits and logs.
 */
bool config_take_denial(struct config *cfg, struct config_denial *out);
/* The one that was taken last could not be told: it is the next again. Nothing may come in between. */
void config_put_back_denial(struct config *cfg);
/*
 * Has heard called for each refusal from now on, in the midst of the write; it is not to use cfg.
 * NULL: nobody.
 */
typedef void config_heard(void *context, const struct config_denial *denial);
void config_listen(struct config *cfg, config_heard *heard, void *context);
/* The name of the register at offset (any value), "unlisted" where it has none. */
const char *config_name_at(const struct config *cfg, int32_t offset);
/*
 * Refused writes in all, and per register: calls of the iterator give one register
 * each, from *at = 0; false at the end. Unlisted bytes are counted per dword.
 */
uint64_t config_denied_total(const struct config *cfg);
struct config_denied {
	uint16_t offset;
	uint8_t width;
	const char *field;
	uint64_t count;
};
bool config_next_denied(const struct config *cfg, unsigned *at, struct config_denied *out);

/*
 * After a reset of the device: latches clear, shadows and moved BARs as at open, constants
 * read anew. Counters stay.
 */
void config_reset(struct config *cfg);

/*
 * What a successor of this process needs to go on for the same guest: what the
 * device itself does not remember. `latches` has a bit per BAR, the ROM last.
 */
struct config_state {
	uint16_t command; /* the shadow */
	uint16_t command_home; /* ... and as it was at attach */
	bool enabled;
	uint8_t latches;
	uint32_t bar[PCIDEV_RESOURCES]; /* register values, as the guest has moved them */
};
void config_save_state(const struct config *cfg, struct config_state *out);
/*
 * For a freshly opened cfg. Where the guest may move BARs, they are written to
 * the device. 0, or -1 with errno: EINVAL (an address that the BAR cannot hold), or the device's.
 */
int config_load_state(struct config *cfg, const struct config_state *state);

/*
 * Byte `offset` as who watches over the filter's writes has it: bits of *open may change in the device;
 * those of *fixed only to *value (BARs: what the host has assigned); those of *clears are cleared by a
 * one, which no write of the filter's does unless they are open; all others stay as they are. Of the
 * command register, what is not open may also go back to what it was (*command is set). What is fixed of an
 * address goes to *value as a whole, in one write of 32 bits, or not at all (*whole is set): a part of it is another.
 */
struct config_opening {
	uint8_t open, fixed, value, clears;
	bool command, whole;
};
void config_opening(const struct config *cfg, unsigned offset, struct config_opening *out);

#endif
