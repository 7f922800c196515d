/* SPDX-License-Identifier: MIT */
/*
 * The filter once more, the slow way: the algorithm of PROTOCOL.md 3
 * and 4, over a list of registers, each read as a whole, merged byte by byte
 * and written as a whole. It shares no code and no table with backend/config.
 */
#ifndef XENPCI_TESTS_UNIT_SUPPORT_CONFIG_MODEL_H
#define XENPCI_TESTS_UNIT_SUPPORT_CONFIG_MODEL_H

#include "tests/unit/support_config.h"

enum model_kind {
	MODEL_FIXED,  /* read as the hardware has it, or as `value`; never written */
	MODEL_COMMAND,
	MODEL_CACHE_LINE,
	MODEL_BIST,
	MODEL_BAR,
	MODEL_ROM,
	MODEL_PMC,
	MODEL_PMCSR,
	MODEL_VPD,
	MODEL_MSI,
	MODEL_MSIX,
	MODEL_QUIRK,
};

struct model_register {
	enum model_kind kind;
	unsigned offset;
	unsigned size;
	bool has_value;
	uint32_t value;	 /* FIXED ids and line; BAR, ROM: address; COMMAND: shadow */
	uint32_t sizing; /* BAR, ROM */
	uint32_t ignored; /* BAR: low bits that need not be ones */
	uint32_t mask;	 /* QUIRK */
	bool latch;
};

#define MODEL_REGISTERS_MAX 64

struct model {
	uint8_t hw[4096]; /* the device as it should be */
	unsigned size;
	bool permissive;
	bool interrupt_control;
	bool enabled;
	unsigned msi, msix; /* capabilities; 0: none */
	unsigned nr;
	struct model_register registers[MODEL_REGISTERS_MAX];
};

/* The device as it stands, before anybody wrote to it. Capabilities are added by the caller. */
void model_init(struct model *m, const struct fake *f, const struct config_policy *policy);
void model_add(struct model *m, enum model_kind kind, unsigned offset, unsigned size);
void model_add_bar(struct model *m, unsigned offset, uint32_t value, uint32_t sizing,
		   uint32_t ignored);

uint32_t model_read(const struct model *m, unsigned offset, unsigned size);
/* Returns the protocol's error number. */
int model_write(struct model *m, unsigned offset, unsigned size, uint32_t value);

#endif
