/* SPDX-License-Identifier: MIT */
/* Lines of a function's description that tell a region or an interrupt. Nothing here logs. */
#ifndef XENPCI_HOST_DEVICE_IMAGE_REGION_H
#define XENPCI_HOST_DEVICE_IMAGE_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "host/device/image/parse.h"

enum { REGION_WHY_MAX = 96, REGION_UNNUMBERED = -1 };

/* What a line says of a region. */
struct region_line {
	bool is_region;	 /* else nothing below counts */
	int number;	 /* of the BAR, PCIDEV_ROM, or REGION_UNNUMBERED, which -v's are */
	bool impossible; /* the size is one that nothing can address: left out of `region` */
	struct image_region region; /* but for its line */
};

/* Reads p, a line without its indentation. 0, or -1 with errno EINVAL and what is wrong in why. */
int region_parse(const char *p, struct region_line *out, char why[REGION_WHY_MAX]);

/* What a line says of the interrupt. */
struct irq_line {
	bool is_irq;
	uint32_t irq; /* 0: no line */
};
int irq_parse(const char *p, struct irq_line *out, char why[REGION_WHY_MAX]);

#endif
