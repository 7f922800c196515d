/* SPDX-License-Identifier: MIT */
/*
 * What an operator has told xen-pciback, in its driver's sysfs files and its module parameters
 * (PROTOCOL.md 2.13): it is to count with us as it did there. Whatever is absent or malformed is as
 * if it had not been said. Nothing logs; may be called from several threads.
 */
#ifndef XENPCI_HOST_PCIBACK_WORDS_H
#define XENPCI_HOST_PCIBACK_WORDS_H

#include "host/device/pcidev.h"
#include "host/policy.h"

enum {
	PCIBACK_QUIRKS_MAX = 16, /* of one device */
	PCIBACK_HIDE_MAX = 1024, /* bytes of the parameter */
};

/* Of one device. A source is where it was said, below sysfs, NULL where it was not; static. */
struct pciback_words {
	const char *permissive;
	const char *interrupt_control;
	struct config_quirk quirk[PCIBACK_QUIRKS_MAX];
	unsigned nr_quirks;
};

/*
 * Reads it for the device that info tells of; sysfs is /sys, or what stands for it. pciback's own list
 * of quirks shows every register that it knows, of each device, with a mask of 0 where nobody has
 * written it, and ends after a page. A mask counts here, which pciback keeps and does not apply: what it
 * leaves out was not meant.
 */
void pciback_read(const char *sysfs, const struct pcidev_info *info, struct pciback_words *out);

/* Whether the module's parameter `name` is on. */
bool pciback_parameter(const char *sysfs, const char *name);
/* The parameter `hide`, "(0000:03:00.0)(04:00.*)", or "". Returns its length. */
int pciback_hidden(const char *sysfs, char text[PCIBACK_HIDE_MAX]);

#endif
