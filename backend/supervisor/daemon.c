/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/daemon_inner.h"

#include <string.h>

#include "backend/keeper/link.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/idle.h"
#include "backend/supervisor/recovery.h"
#include "common/log.h"
#include "common/util.h"

static void serve_timers(struct daemon *d)
{
	uint64_t now = d->be.now_ns;
	struct guest *g;

	if (d->be.retry_ns && d->be.retry_ns <= now) {
		d->be.retry_ns = 0;
		watches_retry(&d->watches);
		claims_run(&d->be);
	}
	if (d->be.errors_due_ns && d->be.errors_due_ns <= now)
		recovery_look(&d->be, now);
	if (d->be.idle_ns && d->be.idle_ns <= now)
		idle_look(&d->be);
	while ((g = schedule_next_expired(&d->be.schedule, now)))
		watches_guest_timer(&d->watches, g, now);
}

/* Whether all guests have closed, or had their time. */
static bool closed(struct daemon *d)
{
	struct guest *g;

	if (now_ns() >= d->close_by_ns)
		return true;
	for (uint64_t at = 0; (g = backend_next_guest(&d->be, &at)); at++)
		if (!guest_closed(g))
			return false;
	return true;
}

static void leave_hvm_guests(struct daemon *d)
{
	struct guest *g;

	for (uint64_t at = 0; (g = backend_next_guest(&d->be, &at)); at++)
		if (g->hvm)
			guest_leave(g);
}

/* Each turn: one whose end xenstored did not hear of is told again. */
static void end_guests(struct daemon *d)
{
	struct guest *g;

	for (uint64_t at = 0; (g = backend_next_guest(&d->be, &at)); at++)
		if (!g->hvm)
			guest_end(g, "xenpcid is stopping");
}

static void tell_ready(struct daemon *d)
{
	if (d->ready_fd < 0)
		return;
	if (write(d->ready_fd, "ready\n", 6) != 6 && errno != EPIPE) /* EPIPE: who asked has gone, no matter */
		log_warn(d->be.lg, "we serve, but cannot say so on --ready-fd %d: %s", d->ready_fd, strerror(errno));
	close(d->ready_fd);
	d->ready_fd = -1;
}

/* To the next phase, when what this one waits for is done. */
static void move_once(struct daemon *d)
{
	bool idle = TAILQ_EMPTY(&d->be.handovers) && !d->be.nr_jobs;

	switch (d->phase) {
	case DAEMON_STARTING:
		if (!idle)
			return;
		d->phase = DAEMON_SERVING;
		if (watches_open(&d->watches, &d->be)) {
			daemon_lost(d, "xenstore");
			return;
		}
		tell_ready(d);
		keeper_serving(d->keeper, d->be.loop.overdue_fd);
		idle_begin(&d->be);
		break;
	case DAEMON_ASKING:
		if (!closed(d))
			return;
		d->phase = DAEMON_ENDING;
		leave_hvm_guests(d);
		break;
	case DAEMON_ENDING:
		end_guests(d);
		if (daemon_has_guests(d, false) || !idle)
			return;
		d->phase = DAEMON_LAST;
		idle_end(&d->be);
		claims_decode(&d->be);
		break;
	case DAEMON_LAST:
		if (idle)
			d->phase = DAEMON_DONE;
		break;
	case DAEMON_SERVING:
	case DAEMON_DONE:
		break;
	}
}

static void move_on(struct daemon *d)
{
	enum daemon_phase before;

	do {
		before = d->phase;
		move_once(d);
	} while (d->phase != before);
}

/* How long to sleep, in epoll_wait's milliseconds. */
static int timeout_ms(struct daemon *d)
{
	uint64_t first, now;

	if (!TAILQ_EMPTY(&d->be.schedule.dirty) && !d->be.xen.lost)
		return 0;
	first = schedule_first(&d->be.schedule);
	if (d->seek_ns && d->seek_ns < first)
		first = d->seek_ns;
	if (d->phase == DAEMON_ASKING && d->close_by_ns < first)
		first = d->close_by_ns;
	if (d->be.retry_ns && d->be.retry_ns < first)
		first = d->be.retry_ns;
	if (d->be.errors_due_ns && d->be.errors_due_ns < first)
		first = d->be.errors_due_ns;
	if (d->be.idle_ns && d->be.idle_ns < first)
		first = d->be.idle_ns;
	if (d->be.processes.answer_by_ns && d->be.processes.answer_by_ns < first)
		first = d->be.processes.answer_by_ns;
	if (first == UINT64_MAX)
		return -1;
	now = now_ns();
	return first <= now ? 0 : (int)((first - now) / 1000000 + 1);
}

static void turn(struct daemon *d)
{
	if (loop_turn(&d->be.loop, timeout_ms(d))) {
		daemon_lost(d, "epoll");
		return;
	}
	/* Without xenstore, or on our way out, nothing is looked at any more. */
	if (d->phase == DAEMON_DONE)
		return;
	d->be.now_ns = now_ns();
	processes_look(&d->be.processes, d->be.now_ns);
	if (d->be.processes.lost) {
		errno = EPIPE;
		daemon_lost(d, "the process that starts others is gone");
		return;
	}
	/* Who tells us of watches ends with xenstored, and where there is no memory for what it hears. */
	if (!d->be.xen.lost && !xen_hears(&d->be.xen) && xen_ended(&d->be.xen)) {
		errno = ECONNRESET;
		daemon_lose_xenstore(d);
	}
	/* A successor finds all that is there, as soon as there is memory. */
	if (d->be.no_memory || (!d->be.xen.lost && !xen_hears(&d->be.xen))) {
		errno = ENOMEM;
		daemon_lost(d, d->be.no_memory ? "a guest that has come" : "xenstore's watches");
		return;
	}
	/* One guest's nodes, then what else came. */
	if (d->seek_ns && d->seek_ns <= d->be.now_ns)
		daemon_seek_xenstore(d);
	if (d->phase != DAEMON_STARTING && !d->be.xen.lost)
		watches_update_one(&d->watches);
	serve_timers(d);
	move_on(d);
}

int daemon_run(struct daemon_options *o, xentoollog_logger *lg)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int rc = -1;

	if (!d)
		return daemon_cannot_begin(lg);
	the_daemon = d;
	if (daemon_open(d, o, lg))
		goto out;
	log_info(lg, "serving %s, virtual slots: %s", d->be.root,
		 slots_mode_name(d->env.settings.slots));
	move_on(d);
	while (d->phase != DAEMON_DONE)
		turn(d);
	loop_watch_no_more(&d->be.loop);
	rc = d->rc;
	if (d->left) {
		/* As if killed: whatever we closed, the guests would notice. */
		log_info(lg, "stopped; guests and devices are left to a successor");
		if (d->succeed) {
			/* Workers and gates end with the spawner; the next server has its own. */
			processes_close(&d->be.processes);
			keeper_succeed(d->installed);
			log_error(lg, "cannot become the keeper: %s", strerror(errno));
			rc = -1;
		}
		kernel_backend_end(&d->be.kernel_backend);
		_exit(rc ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	log_info(lg, "stopped");
	if (d->released && !rc)
		rc = DAEMON_RELEASED;
out:
	daemon_close(d);
	free(d);
	return rc;
}
