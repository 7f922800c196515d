/* SPDX-License-Identifier: MIT */
/*
 * What the text of `lspci -vvxxxx` says: a list of PCI functions, each with its
 * hex dump and the regions, interrupt and ids of its description. Any of -v to
 * -vvv and -x to -xxxx will do, with or without segments. No meaning is given to
 * the registers here.
 */
#ifndef XENPCI_HOST_DEVICE_IMAGE_PARSE_H
#define XENPCI_HOST_DEVICE_IMAGE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xentoollog.h>

#include "host/device/pcidev.h"

enum {
	IMAGE_FILE_MAX = 64 << 20, /* bytes of a file */
	IMAGE_FUNCTIONS_MAX = 4096,
};

/* One "Region N:" or "Expansion ROM at" line. */
struct image_region {
	unsigned line;	 /* where it stands in the file; 0: there is none */
	uint64_t start;	 /* as the OS knows it; 0 where it is unassigned */
	uint64_t size;	 /* bytes; 0 where the text does not tell */
	bool io;
	bool is_64bit;
	bool below_1m;
	bool prefetchable;
	bool virtual;	 /* the OS's knowledge: the register reads 0 */
};

struct image_text_function {
	struct sbdf sbdf;
	unsigned line;	/* of its title */
	uint8_t *bytes; /* the hex dump, in one piece from 0 */
	size_t nr_bytes; /* 64, 128, 256 or 4096; 0: there is no hex dump */
	struct image_region region[PCIDEV_RESOURCES]; /* by BAR number, the ROM last */
	bool has_irq;
	uint32_t irq;	/* "routed to IRQ n" */
	bool has_ids;	/* the title gives vendor and device as numbers */
	uint16_t vendor;
	uint16_t device;
};

struct image_text {
	struct image_text_function *function; /* in the file's order */
	size_t nr;
};

/*
 * Reads file into *out, which the caller disposes of in any case. Returns 0, or -1
 * with errno: EINVAL (what is wrong is logged, by line), EFBIG, ENOMEM or the OS's
 * (logged).
 */
int image_text_load(const char *file, xentoollog_logger *lg, struct image_text *out);
/* Frees what *text holds; safe on a half-read or zeroed one, and twice. */
void image_text_dispose(struct image_text *text);

#endif
