/* SPDX-License-Identifier: MIT */
/* xenstored lost, and back: killed, restarted, or updated in a way that closes connections. */
#include "backend/supervisor/daemon_inner.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"

#define PAUSE_FIRST_NS 10000000u  /* before xenstored is looked for again: doubled each time, */
#define PAUSE_MAX_NS 1000000000u  /* up to this, for as long as it takes */

static void on_xenstore(struct source *s)
{
	(void)s;
	if (watches_drain(&the_daemon->watches))
		daemon_lose_xenstore(the_daemon);
}

static void on_xenstored_end(struct source *s)
{
	(void)s;
	errno = ECONNRESET;
	daemon_lose_xenstore(the_daemon);
}

int daemon_hear_xenstore(struct daemon *d)
{
	struct backend *be = &d->be;

	if (loop_add(&be->loop, &d->xenstore, xs_fileno(be->xen.watches), on_xenstore))
		return -1;
	return be->xen.life_fd < 0 ? 0 : loop_add(&be->loop, &d->life, be->xen.life_fd, on_xenstored_end);
}

static void seek_later(struct daemon *d)
{
	uint64_t pause = d->retries < 8 ? PAUSE_FIRST_NS << d->retries : PAUSE_MAX_NS;

	d->retries++;
	d->seek_ns = now_ns() + (pause < PAUSE_MAX_NS ? pause : PAUSE_MAX_NS);
}

/* Nothing of it is used any more but to fail. */
static void let_go(struct daemon *d)
{
	loop_drop(&d->be.loop, &d->xenstore);
	loop_drop(&d->be.loop, &d->life);
	d->be.xen.lost = true;
	d->be.successor.xs = NULL;
	seek_later(d);
}

void daemon_lose_xenstore(struct daemon *d)
{
	if (d->phase != DAEMON_SERVING) {
		daemon_lost(d, "xenstore");
		return;
	}
	if (d->be.xen.lost)
		return;
	log_warn(d->be.lg, "xenstore: %s; guests keep what they have and are served on, and it is looked for "
		 "every second until it is back: start xenstored again, xenpcid needs no restart",
		 strerror(errno));
	d->lost_ns = now_ns();
	d->retries = 0;
	let_go(d);
}

/* 0, or -1: it has gone again, or does not serve us yet. */
static int resume(struct daemon *d)
{
	struct backend *be = &d->be;
	bool empty = false;

	if (successor_again(&be->successor, be->xen.xs, be->xen.domid, be->env->state_dir, &empty))
		return -1;
	/* It may go again before all of this is done: then it is empty still. */
	d->emptied |= empty;
	return watches_again(&d->watches, d->emptied) || daemon_hear_xenstore(d) ? -1 : 0;
}

void daemon_seek_xenstore(struct daemon *d)
{
	struct backend *be = &d->be;

	d->seek_ns = 0;
	if (xen_reopen(&be->xen)) {
		seek_later(d);
		return;
	}
	if (resume(d)) {
		if (errno == EBUSY)
			daemon_lost(d, "another xenpcid serves by now");
		else
			let_go(d);
		return;
	}
	if (d->emptied)
		log_warn(be->lg, "xenstore is back after %" PRIu64 " ms, and empty: guests keep their devices, "
			 "and can be attached to and detached from once the toolstack has written their nodes "
			 "again", (now_ns() - d->lost_ns) / 1000000);
	else
		log_info(be->lg, "xenstore is back after %" PRIu64 " ms: all nodes are looked at",
			 (now_ns() - d->lost_ns) / 1000000);
	d->emptied = false;
	claims_run(be);
	if (d->orphaned) {
		d->succeed = true;
		daemon_leave(d);
	}
}
