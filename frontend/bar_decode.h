/* SPDX-License-Identifier: MIT */
/*
 * What base address registers say, without asking anybody: values and sizing masks in,
 * ranges out (PCI 3.0, 6.2.5). Nothing logs or fails; any numbers give some answer.
 */
#ifndef XENPCI_FRONTEND_BAR_DECODE_H
#define XENPCI_FRONTEND_BAR_DECODE_H

#include "xenpci/xenpcifront.h"

/* The registers of one function, in the order of xenpcifront_bars. */
struct bar_registers {
	uint8_t header_type;			/* without the multi-function bit */
	uint16_t command;
	uint32_t value[XENPCIFRONT_BARS];
	uint32_t mask[XENPCIFRONT_BARS];	/* what was read after all ones were written */
};

/* The config space offset of register index, 0 where this header type has none. */
unsigned bar_offset(uint8_t header_type, unsigned index);
/* What is written to learn the mask: all ones, without a ROM's enable bit. */
uint32_t bar_ones(unsigned index);

void bars_decode(const struct bar_registers *regs, struct xenpcifront_bar bars[XENPCIFRONT_BARS]);

/*
 * bars as they are by regs->value and regs->command now, their kinds and sizes being
 * known from before. A BAR that holds all ones is being sized: it keeps its old start.
 */
void bars_update(const struct bar_registers *regs, struct xenpcifront_bar bars[XENPCIFRONT_BARS]);

/* Whether the two differ in what a caller has to hook. */
bool bar_moved(const struct xenpcifront_bar *old, const struct xenpcifront_bar *now);

#endif
