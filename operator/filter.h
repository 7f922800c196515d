/* SPDX-License-Identifier: MIT */
/* The filter of a device as a guest would get it, over a device that nothing is done to. */
#ifndef XENPCI_OPERATOR_FILTER_H
#define XENPCI_OPERATOR_FILTER_H

#include "backend/config/config.h"
#include "operator/operator.h"
#include "operator/rehearsal.h"

struct filter {
	struct rehearsal rehearsal;
	struct settings_policy policy;
	struct config *config;
	char name[128]; /* of the device, from pci.ids; "" */
};

/*
 * Compiles it as the settings have it, the options with which a guest has the device, and those of --with.
 * 0, or -1 having told why; *f is then as filter_close leaves it.
 */
int filter_open(struct operator *op, const struct place *place, struct filter *f);
/* Safe on a zeroed one. */
void filter_close(struct filter *f);

/* Whether text names a file, and no device. */
bool filter_is_file(const char *text);
/* What a device of the command line is: an address, or a file that has one function. 0, or -1 having told why. */
int filter_find(struct operator *op, const char *text, struct place *place);
/* Opens machines; where text (may be NULL) is a file, that one alone. 0, or -1 having told why. */
int filter_open_machines(struct operator *op, const char *text);

#endif
