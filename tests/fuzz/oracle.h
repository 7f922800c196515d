/* SPDX-License-Identifier: MIT */
/*
 * What a guest may change in a device, said once more and by nothing of ours: from the PCI
 * specifications' layout of header and capabilities, and protocol/PROTOCOL.md 4.1 to 4.5.
 */
#ifndef XENPCI_TESTS_FUZZ_ORACLE_H
#define XENPCI_TESTS_FUZZ_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

struct oracle {
	uint8_t home[4096];  /* the device, before anybody used it */
	uint8_t may[4096];   /* bits that may change */
	uint8_t clear[4096]; /* bits that may be cleared, and not set */
	uint8_t w1c[4096];   /* bits that a one clears */
	unsigned size, nr_bars;
	unsigned rom;	     /* where the ROM's register is */
	bool movable;	     /* BARs */
	uint16_t decoded;    /* bits of the command register that the OS has ever set */
};

/* Of `size` bytes at config. */
void oracle_init(struct oracle *o, const uint8_t *config, unsigned size, bool permissive,
		 bool interrupt_control);
/* A window that the operator opened. */
void oracle_open(struct oracle *o, unsigned offset, unsigned width, uint32_t mask);
/* Whether byte `at` may go from old to new; *why says otherwise. */
bool oracle_allows(const struct oracle *o, unsigned at, uint8_t old, uint8_t new, const char **why);
/* Whether byte `at` is of a register that holds an address of the host's, and `value` is another. */
bool oracle_is_foreign(const struct oracle *o, unsigned at, uint32_t value);

#endif
