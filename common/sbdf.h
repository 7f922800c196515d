/* SPDX-License-Identifier: MIT */
/*
 * A PCI function's address: segment, bus, devfn. Nothing here logs; everything
 * may be called from several threads.
 */
#ifndef XENPCI_COMMON_SBDF_H
#define XENPCI_COMMON_SBDF_H

#include <stdbool.h>
#include <stdint.h>

struct sbdf {
	uint32_t segment; /* Linux numbers VMD's segments from 0x10000 up */
	uint8_t bus;
	uint8_t devfn; /* slot << 3 | function */
};

#define SBDF_TEXT 24 /* bytes that hold any formatted address */

static inline uint8_t sbdf_slot(struct sbdf a)
{
	return (uint8_t)(a.devfn >> 3);
}

static inline uint8_t sbdf_function(struct sbdf a)
{
	return a.devfn & 7;
}

static inline bool sbdf_equal(struct sbdf a, struct sbdf b)
{
	return a.segment == b.segment && a.bus == b.bus && a.devfn == b.devfn;
}

/* Orders by segment, bus, devfn: negative, 0, positive. */
int sbdf_compare(struct sbdf a, struct sbdf b);

/*
 * Parses "SSSS:BB:DD.F" or "BB:DD.F" (segment 0), hexadecimal, one to eight
 * digits for the segment, one or two for the rest, nothing behind.
 * Returns 0, or -1 with errno EINVAL; *out is untouched on failure.
 */
int sbdf_parse(const char *text, struct sbdf *out);

/*
 * Writes "SSSS:BB:DD.F" (libxl's and sysfs's form) into buf of SBDF_TEXT bytes
 * and returns buf.
 */
const char *sbdf_format(struct sbdf a, char buf[SBDF_TEXT]);

#endif
