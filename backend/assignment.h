/* SPDX-License-Identifier: MIT */
/*
 * What one assignment of a device may do: its options in xenstore and the settings, put together. The
 * same in every process that needs it, so that none has to believe another.
 */
#ifndef XENPCI_BACKEND_ASSIGNMENT_H
#define XENPCI_BACKEND_ASSIGNMENT_H

#include "backend/config/config.h"
#include "common/talk.h"
#include "host/settings.h"

struct assignment {
	struct settings_policy policy; /* points into itself: not to be copied */
	char bad[NODE_OPTS_BAD_MAX];   /* what of the options is not understood; "": nothing */
};

/* Of the device that info tells of; opts is the text of node opts_node. */
void assignment_init(struct assignment *a, const struct settings *settings,
		     const struct pcidev_info *info, const char *opts, const char *opts_node);

/* Logs the effective policy and where it was said. */
void assignment_tell(const struct assignment *a, struct talk *talk, struct sbdf sbdf);

#endif
