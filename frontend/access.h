/* SPDX-License-Identifier: MIT */
/*
 * Single config accesses: what xenpcifront_read and _write do, for all that is made of them. Errors
 * are the request errors; nothing here logs.
 */
#ifndef XENPCI_FRONTEND_ACCESS_H
#define XENPCI_FRONTEND_ACCESS_H

#include "frontend/channel.h"

/* A call of the user's: which device it is about, and when it ends. */
struct call {
	struct channel *ch;
	struct xenpcifront_address address;
	uint64_t limit; /* as now_ns counts; NO_LIMIT where the one request's own time is all */
};

/* A call of several requests on address: it ends after xenpcifront_set_call_timeout's time. */
struct call call_begin(struct channel *ch, struct xenpcifront_address address);

/* Any offset and size: EINVAL for those that are none. *value is all ones after a failure. */
int access_read(const struct call *call, unsigned offset, unsigned size, uint32_t *value,
		struct xenpcifront_answer *answer);
int access_write(const struct call *call, unsigned offset, unsigned size, uint32_t value,
		 struct xenpcifront_answer *answer);

/*
 * The same for whoever holds the channel's slot; offset and size are right, the limit is the
 * lock's.
 */
int access_read_locked(struct channel *ch, struct xenpcifront_address address, unsigned offset,
		       unsigned size, uint32_t *value);
int access_write_locked(struct channel *ch, struct xenpcifront_address address, unsigned offset,
			unsigned size, uint32_t value);
/*
 * access_write_locked, which is made up for before the next request if there is no time for it
 * now.
 */
int access_restore_locked(struct channel *ch, struct xenpcifront_address address, unsigned offset,
			  unsigned size, uint32_t value);

#endif
