/* SPDX-License-Identifier: MIT */
/*
 * One PCI function brought to life: its registers, which bits of them can be
 * written or cleared, and what they are after a reset. BAR sizing needs no code of
 * its own: the address bits below the size cannot be written.
 *
 * A secondary bus reset reaches other functions of the image, so one thread at a
 * time per image.
 */
#ifndef XENPCI_HOST_DEVICE_IMAGE_FUNCTION_H
#define XENPCI_HOST_DEVICE_IMAGE_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>
#include <xentoollog.h>

#include "host/device/image/parse.h"
#include "host/device/pcidev.h"

struct image;

struct image_function {
	struct pcidev dev; /* first: what provider_open_device hands out */
	struct image *image;
	bool open;
	unsigned slow_ms;  /* what every access takes */
	char *gate;	   /* a reset takes as long as there is a file of this name; NULL: no time */
	/* These two are in memory that all processes share which were forked since: hardware is one. */
	uint8_t *held;	   /* 1: in reset by a bridge above: reads ones, ignores writes */
	uint8_t *now;	   /* what a read shows; config_size bytes, as the next three */
	/* In one piece of memory, which is the image's. */
	uint8_t *reset;	   /* what a function reset leaves */
	uint8_t *writable; /* bits that a write sets and clears */
	uint8_t *clear;	   /* bits that writing a one clears */
	/* Where registers with a side effect are; 0: the function has none. */
	uint8_t pm, express, vpd, af;
	uint8_t fixed; /* BARs by number (ROM: 6) whose registers cannot be written */
	/* The bridge above, fixed by the bus numbers of the dump; NULL on a root bus. */
	struct image_function *parent;
};

/* Three times size bytes, as functions have them: alike functions share them. */
struct image_masks {
	struct image_masks *next;
	size_t size;
	uint8_t bytes[];
};

/* A captured machine. */
struct image {
	struct provider provider; /* first: what image_provider_open hands out */
	struct image_masks *masks;
	struct image_function *function; /* in address order */
	size_t nr;
	int registers; /* the file of all functions' registers; -1: none yet */
	uint8_t *memory; /* the same, mapped and shared */
	size_t memory_size;
	size_t memory_used;
};

/*
 * Finds fn's place in the image's memory, which has room for what the text tells. Called by
 * image_function_init.
 */
void image_place(struct image_function *fn, size_t size);
/* How much one function of so many registers takes of it. */
size_t image_place_size(size_t size);

/* What a virtual function's own registers do not tell. */
struct image_vf {
	struct sbdf pf;
	uint16_t vendor;
	uint16_t device;
};

/*
 * Makes *fn (zeroed, but for its image) of one function's text: info, the captured
 * registers as the present ones, masks. vf is NULL where it is not a virtual
 * function. `file` is named in messages. Counts in *guessed the regions whose size
 * the text does not tell: they are taken as a page (32 ports), or what the address
 * shows to be less. Returns 0, or -1 with errno: EINVAL (logged, by line), ENOMEM.
 * Dispose of it in any case.
 */
int image_function_init(struct image_function *fn, const struct image_text_function *text,
			const struct image_vf *vf, const char *file, xentoollog_logger *lg,
			unsigned *guessed);
/* Safe on a zeroed one. Its masks stay with the image: image_masks_free, after all of them. */
void image_function_dispose(struct image_function *fn);
void image_masks_free(struct image *image);

/*
 * For image_function_init: the present registers' masks and reset values, from
 * the registers, info and `fixed`; also finds the capabilities.
 */
void image_masks_build(struct image_function *fn);

/* The resources of `text`, into fn's info and `fixed`; otherwise as image_function_init. */
int image_resources_build(struct image_function *fn, const struct image_text_function *text,
			  const char *file, xentoollog_logger *lg, unsigned *guessed);

/* A present register of 1, 2 or 4 bytes, inside config_size. */
uint32_t image_register(const struct image_function *fn, unsigned offset, unsigned size);

#endif
