/* SPDX-License-Identifier: MIT */
/* What a guest's worker says, and how it is watched: judged by what the supervisor knows itself. */
#include "backend/supervisor/service_parts.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "backend/supervisor/claim.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/told.h"
#include "common/util.h"

/* So often a worker that has work is looked at; so many looks without progress are a hang. */
#define CHECK_NS 400000000u
#define STUCK_MAX 3

void service_stop_watching(struct guest *g)
{
	struct service *s = &g->service;

	loop_drop(&g->be->loop, &s->events);
	close_keep(s->events_fd);
	s->events_fd = -1;
	s->check_ns = 0;
	s->stuck = 0;
}

static void on_events(struct source *src)
{
	struct service *s = (struct service *)((char *)src - offsetof(struct service, events));
	struct guest *g = (struct guest *)((char *)s - offsetof(struct guest, service));

	/* Once: the worker has been woken as well. From now on its progress is looked at. */
	s->progress = atomic_load(&s->ledger->progress);
	s->stuck = 0;
	s->check_ns = now_ns() + CHECK_NS;
	schedule_at(&g->be->schedule, g, s->check_ns);
}

void service_watch_events(struct guest *g)
{
	struct service *s = &g->service;

	s->check_ns = 0;
	if (s->events_fd >= 0)
		loop_once(&g->be->loop, &s->events, s->events_fd, on_events);
}

static bool has_event(const struct service *s)
{
	struct pollfd p = { .fd = s->events_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* What the worker is to let go of: its end does it in its place. */
static void check_drops(struct guest *g, uint64_t now)
{
	struct claim *claim;
	char name[SBDF_TEXT];

	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (claim->phase != CLAIM_LEAVING || !claim->worker_asked || !g->service.worker)
			continue;
		if (now < claim->drop_by_ns) {
			schedule_at(&g->be->schedule, g, claim->drop_by_ns);
			continue;
		}
		talk_event(&g->talk, XTL_ERROR, "its worker does not let go of %s: it is replaced",
			   sbdf_format(claim->sbdf, name));
		claim->drop_by_ns = now + SERVICE_DROP_NS;
		process_kill(g->service.worker);
		return;
	}
}

/* One that has not told that it serves has no progress to be looked at. */
static void check_ready(struct guest *g, uint64_t now)
{
	struct service *s = &g->service;

	if (s->phase != SERVICE_STARTING || !s->worker || s->ready)
		return;
	if (now >= s->ready_by_ns) {
		talk_event(&g->talk, XTL_ERROR, "its worker does not begin: it is replaced");
		s->ready_by_ns = now + SERVICE_READY_NS;
		process_kill(s->worker);
	}
	schedule_at(&g->be->schedule, g, s->ready_by_ns);
}

void service_check(struct guest *g, uint64_t now)
{
	struct service *s = &g->service;
	uint64_t progress;

	check_drops(g, now);
	check_ready(g, now);
	if (s->restart_ns && now >= s->restart_ns)
		service_restart(g);
	else if (s->restart_ns)
		schedule_at(&g->be->schedule, g, s->restart_ns);
	if (!s->check_ns || now < s->check_ns) {
		if (s->check_ns)
			schedule_at(&g->be->schedule, g, s->check_ns);
		return;
	}
	progress = atomic_load(&s->ledger->progress);
	/* Asleep with an event that nobody takes is no sleep. */
	if (atomic_load(&s->ledger->asleep) && !has_event(s)) {
		s->stuck = 0;
		service_watch_events(g);
		return;
	}
	/* Who waits for a device is the device's affair: it delays its own guest. So does one that we have stopped. */
	if (progress != s->progress || atomic_load(&s->ledger->at_gate) || g->waking)
		s->stuck = 0;
	else
		s->stuck++;
	s->progress = progress;
	if (s->stuck >= STUCK_MAX && s->worker) {
		talk_event(&g->talk, XTL_ERROR, "its worker hangs: it is replaced");
		s->stuck = 0;
		process_kill(s->worker);
		s->check_ns = 0;
		return;
	}
	s->check_ns = now + CHECK_NS;
	schedule_at(&g->be->schedule, g, s->check_ns);
}

/* ---- What the worker says ---- */

static void worker_ready(struct guest *g, const struct message_ready *r, int *fd)
{
	struct service *s = &g->service;
	char text[200], what[sizeof(r->what)];

	/* It is ready once. One that is being ended may have said so just before. */
	if (s->phase != SERVICE_STARTING || s->ready) {
		if (s->phase != SERVICE_ENDING)
			process_reject(s->worker);
		return;
	}
	message_text(what, sizeof(what), r->what, sizeof(r->what));
	if (r->err) {
		if (!strcmp(what, "map"))
			snprintf(text, sizeof(text), "cannot map the frontend's page, grant %u: %s", s->ref,
				 strerror(r->err));
		else if (!strcmp(what, "bind"))
			snprintf(text, sizeof(text), "cannot bind the frontend's event channel, port %u: %s",
				 s->port, strerror(r->err));
		else
			snprintf(text, sizeof(text), "cannot confine its worker: %s", strerror(r->err));
		service_failed(g, r->err > 0 ? r->err : EIO, text);
		return;
	}
	service_stop_watching(g);
	s->events_fd = *fd;
	*fd = -1;
	s->ready = true;
	service_watch_events(g);
	service_check_up(g);
}

static void worker_answered(struct guest *g, const struct message *m)
{
	struct claim *claim = service_claim_at(g, m->slot);

	if (!claim)
		return;
	switch (m->u.answer.to) {
	case MESSAGE_ADD:
		if (m->u.answer.err)
			talk_event(&g->talk, XTL_ERROR, "slot %u: the worker does not take the device: %s",
				 m->slot, strerror(m->u.answer.err));
		/* Once for each asking: a worker that repeats itself would have its guest looked at for ever. */
		if (claim->in_worker || !claim->worker_asked)
			break;
		claim->in_worker = true;
		service_check_up(g);
		guest_look_again(g);
		break;
	case MESSAGE_DROP:
		if (claim->phase == CLAIM_LEAVING && claim->worker_asked)
			service_drop_from_gate(claim);
		break;
	case MESSAGE_PAUSE:
	case MESSAGE_RELOAD:
		claim->be->upward->worker_answered(claim, m->u.answer.to);
		break;
	default:
		break;
	}
}

static void worker_heard(void *context, const struct message *m, int *fds)
{
	struct guest *g = context;

	switch (m->kind) {
	case MESSAGE_READY:
		worker_ready(g, &m->u.ready, &fds[0]);
		break;
	case MESSAGE_ANSWER:
		worker_answered(g, m);
		break;
	case MESSAGE_DENIED:
		tell_denied(g, service_claim_at(g, m->slot), &m->u.denied);
		break;
	case MESSAGE_LATE:
		tell_late(g, &m->u.late);
		break;
	case MESSAGE_AER_ANSWER:
		g->be->upward->aer_answered(g, true, m->u.aer.err);
		break;
	case MESSAGE_AER_UNHEARD:
		g->be->upward->aer_answered(g, false, 0);
		break;
	default:
		break;
	}
}

/* What it was to let go of, nobody has any more but the gate. */
static void leave_without_worker(struct guest *g)
{
	struct claim *claim, *next;

	for (claim = TAILQ_FIRST(&g->claims); claim; claim = next) {
		next = TAILQ_NEXT(claim, of_guest);
		if (claim->phase == CLAIM_LEAVING && claim->worker_asked)
			service_drop_from_gate(claim);
	}
}

static void worker_ended(void *context, int status, const char *how)
{
	struct guest *g = context;
	struct service *s = &g->service;

	(void)status;
	s->worker = NULL;
	service_stop_watching(g);
	if (s->phase == SERVICE_ENDING) {
		service_quiet_devices(g);
		return;
	}
	if (s->phase != SERVICE_UP && s->phase != SERVICE_STARTING)
		return;
	s->worker_deaths++;
	g->be->upward->aer_cancel(g);
	s->resumed = true;
	s->phase = SERVICE_STARTING;
	leave_without_worker(g);
	g->be->upward->worker_died(g);
	if (service_at_once(g, "worker", how))
		service_restart(g);
}

const struct process_owner service_worker_owner = { worker_heard, worker_ended,
						    service_tell_processes };
