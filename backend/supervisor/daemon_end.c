/* SPDX-License-Identifier: MIT */
/* Why the daemon ends, and what it leaves: told from everywhere, done by its turns (daemon.c). */
#include "backend/supervisor/daemon_inner.h"

#include <string.h>

#include "backend/supervisor/guest.h"
#include "common/log.h"
#include "common/util.h"

#define CLOSE_TIMEOUT_NS 3000000000u /* guests that do not close are closed by us */

struct daemon *the_daemon;

void daemon_lost(struct daemon *d, const char *what)
{
	log_error(d->be.lg, "%s: %s; stopping", what, strerror(errno));
	d->phase = DAEMON_DONE;
	d->left = true;
	d->rc = -1;
}

void daemon_leave(struct daemon *d)
{
	d->left = true;
	d->phase = DAEMON_DONE;
}

void daemon_stop(struct daemon *d, unsigned by, const char *who)
{
	struct guest *g;

	if (d->keep_guests) {
		daemon_leave(d);
		return;
	}
	/* Asked a second time, it does not wait for guests any more. */
	if (d->asked_by & by)
		d->close_by_ns = 0;
	d->asked_by |= by;
	if (d->phase >= DAEMON_ASKING)
		return;
	/* By xenstore alone guests are asked. */
	if (d->be.xen.lost) {
		errno = ENOTCONN;
		daemon_lost(d, "xenstore");
		return;
	}
	log_info(d->be.lg, "%s: asking the guests to close", who);
	d->be.closing = true;
	d->phase = DAEMON_ASKING;
	d->close_by_ns = now_ns() + CLOSE_TIMEOUT_NS;
	for (uint64_t at = 0; (g = backend_next_guest(&d->be, &at)); at++)
		guest_ask_to_close(g);
}

bool daemon_has_guests(struct daemon *d, bool hvm)
{
	struct guest *g;

	for (uint64_t at = 0; (g = backend_next_guest(&d->be, &at)); at++)
		if (g->hvm == hvm)
			return true;
	return false;
}
