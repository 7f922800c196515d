/* SPDX-License-Identifier: MIT */
/*
 * Config accesses of somebody who holds the channel's slot. Arguments as those of
 * xenpcifront_read and _write, unchecked; 0, or -1 with the request errors.
 */
#ifndef XENPCI_FRONTEND_CONFIG_H
#define XENPCI_FRONTEND_CONFIG_H

#include "frontend/channel.h"

int config_read_taken(struct channel *ch, struct xenpcifront_address address, unsigned offset,
		      unsigned size, uint32_t *value);
int config_write_taken(struct channel *ch, struct xenpcifront_address address, unsigned offset,
		       unsigned size, uint32_t value);

#endif
