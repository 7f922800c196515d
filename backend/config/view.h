/* SPDX-License-Identifier: MIT */
/*
 * The compiled table as a person looks at it: what a guest may do with each byte, and by which rule. It is
 * the table that the worker filters by and the gate watches over; nothing is worked out anew here. Nothing
 * logs; one thread at a time per struct config.
 */
#ifndef XENPCI_BACKEND_CONFIG_VIEW_H
#define XENPCI_BACKEND_CONFIG_VIEW_H

#include "backend/config/config.h"

/* X(id, name, letter, what it means) */
#define CONFIG_USES(X)                                                                             \
	X(RAW, "raw", 'w', "writes reach the device as they come")                                 \
	X(RULED, "ruled", 'p', "writes reach the device in part, by the register's rule")          \
	X(KEPT, "kept", 's', "what is written shows in reads as far as the rule has it; the device stays as it is") \
	X(SWITCH, "switch", 'i', "read as it stands; writes are dropped unless interrupt_control or permissive") \
	X(NAMED, "named", 'r', "read as it stands; writes are dropped unless permissive or a quirk") \
	X(UNLISTED, "unlisted", '.', "of no known register: read as it stands; writes are dropped unless permissive or a quirk") \
	X(CLOSED, "closed", '-', "read as it stands; writes are dropped whatever is set")          \
	X(VIRTUAL, "virtual", 'v', "reads are the host's answer, not the device's; writes are dropped")

enum config_use {
#define X(id, name, letter, text) CONFIG_USE_##id,
	CONFIG_USES(X)
#undef X
	CONFIG_USES_COUNT
};

struct config_view {
	const char *field; /* the register's name; "unlisted" */
	uint16_t offset;   /* of the register; where it has none, of the byte */
	uint8_t width;
	enum config_use use; /* of the byte */
	uint8_t open;	     /* bits of the byte that a guest can change in the device */
	const char *reads;   /* the rules, in words */
	const char *writes;
};

/* Byte `offset`, below the device's config_size. */
void config_look(const struct config *cfg, unsigned offset, struct config_view *out);

const char *config_use_name(enum config_use use);
char config_use_letter(enum config_use use);
const char *config_use_text(enum config_use use);

#endif
