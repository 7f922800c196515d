/* SPDX-License-Identifier: MIT */
/*
 * What one assignment of a device may do beyond the filter's defaults. Apart from
 * config.h, so that who reads settings need not know the filter.
 */
#ifndef XENPCI_HOST_POLICY_H
#define XENPCI_HOST_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One raw window: bits of `mask` at offset are the guest's to write. */
struct config_quirk {
	uint16_t offset;
	uint8_t width; /* 1, 2 or 4; offset is a multiple of it */
	uint32_t mask;
};

/*
 * What this assignment may do, and where that was said, for the log ("opts-0",
 * "/etc/xenpci/xenpci.conf:12").
 */
struct config_policy {
	bool permissive;
	bool interrupt_control;
	bool shadow; /* what no device changes is answered without asking it (shadow.c) */
	const char *permissive_source;
	const char *interrupt_control_source;
	const struct config_quirk *quirks; /* copied */
	unsigned nr_quirks;
};

/*
 * What is wrong with a quirk by itself, as text ("mask is wider than width"), or
 * NULL. Whether it fits a device is config_open's to say. Logs nothing; any thread.
 */
const char *config_quirk_error(const struct config_quirk *quirk);

/* The smallest window that holds the bits of mask, which is not 0, of a register at offset. */
struct config_quirk config_quirk_fit(unsigned offset, uint32_t mask);

/*
 * The entry of quirks in xenpci.conf that opens it for devices with these ids, into buf of size bytes, as
 * snprintf does. reason: no quote or backslash in it.
 */
int config_quirk_text(char *buf, size_t size, uint16_t vendor, uint16_t device,
		      const struct config_quirk *quirk, const char *reason);

#endif
