/* SPDX-License-Identifier: MIT */
/* What a guest's worker says, and what is done about it: judged by what the supervisor knows itself. */
#include "backend/supervisor/service_inner.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/claim.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/told.h"
#include "common/util.h"

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
		service_has_answer(g);
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
		service_has_answer(g);
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
