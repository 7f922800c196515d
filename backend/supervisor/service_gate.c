/* SPDX-License-Identifier: MIT */
/* What a guest's gate says, and what is done about it. */
#include "backend/supervisor/service_inner.h"

#include <string.h>

#include "backend/supervisor/claim.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_error.h"
#include "backend/supervisor/told.h"
#include "common/util.h"

static void gate_holds(struct guest *g, const struct message *m, int *fd)
{
	struct claim *claim = service_claim_at(g, m->slot);
	char text[sizeof(m->u.held.text)];

	if (!claim || claim->phase != CLAIM_TAKEN)
		return;
	if (m->u.held.err || *fd < 0) {
		struct problem p;

		message_text(text, sizeof(text), m->u.held.text, sizeof(m->u.held.text));
		problem_set(&p, m->u.held.err ? m->u.held.err : EIO, "%.200s; not given: to have it tried again, "
			    "detach it and attach it anew", text);
		guest_report(g, &p, false);
		claim->gate_asked = false;
		claim->be->upward->not_held(claim);
		return;
	}
	close_keep(claim->reader_fd);
	claim->reader_fd = *fd;
	*fd = -1;
	claim->reader = m->u.held.reader;
	claim->policy = m->u.held.policy;
	claim->in_gate = true;
	service_add(claim);
	guest_look_again(g);
}

static void answer_gate(struct guest *g, unsigned slot, enum message_kind to, int err)
{
	struct message m;

	message_init(&m, MESSAGE_ANSWER, slot);
	m.u.answer.to = to;
	m.u.answer.err = err;
	process_send(g->service.gate, &m, NULL, 0);
}

/* Each is judged by what the guest is known to have here. */
static void gate_maps(struct guest *g, const struct message *asked)
{
	struct claim *claim = service_claim_at(g, asked->slot);
	struct message m;

	message_init(&m, MESSAGE_MAPPED, asked->slot);
	if (claim && claim->phase == CLAIM_TAKEN)
		vectors_map(&claim->vectors, &asked->u.map, &m.u.mapped);
	else
		m.u.mapped.err = ENODEV;
	process_send(g->service.gate, &m, NULL, 0);
}

static void gate_unmaps(struct guest *g, unsigned slot)
{
	struct claim *claim = service_claim_at(g, slot);

	if (claim)
		vectors_unmap(&claim->vectors);
	answer_gate(g, slot, MESSAGE_UNMAP, claim ? 0 : ENODEV);
}

static void gate_restores(struct guest *g, unsigned slot)
{
	struct claim *claim = service_claim_at(g, slot);
	int err = ENODEV;

	if (claim && claim->phase == CLAIM_TAKEN)
		err = hypercall_restore_msi(g->be->hypercall, claim->sbdf) ? errno : 0;
	answer_gate(g, slot, MESSAGE_RESTORE, err);
}

static void gate_answered(struct guest *g, const struct message *m)
{
	struct claim *claim = service_claim_at(g, m->slot);
	struct service *s = &g->service;

	switch (m->u.answer.to) {
	case MESSAGE_LET_GO:
	case MESSAGE_DISOWN:
		if (claim && claim->phase == CLAIM_LEAVING) {
			claim->in_gate = claim->gate_asked = false;
			claim->be->upward->let_go(claim);
		}
		break;
	case MESSAGE_FREE:
		s->gate_asked = false;
		s->gate_free = true;
		break;
	case MESSAGE_QUIET:
		if (s->quiet)
			s->quiet--;
		service_finish_ending(g);
		break;
	default:
		if (claim)
			claim->be->upward->gate_answered(claim, m);
		break;
	}
}

static void gate_heard(void *context, const struct message *m, int *fds)
{
	struct guest *g = context;
	struct claim *claim;

	switch (m->kind) {
	case MESSAGE_HELD:
		gate_holds(g, m, &fds[0]);
		break;
	case MESSAGE_MAP:
		gate_maps(g, m);
		break;
	case MESSAGE_UNMAP:
		gate_unmaps(g, m->slot);
		break;
	case MESSAGE_RESTORE:
		gate_restores(g, m->slot);
		break;
	case MESSAGE_SAY:
		tell_said(g, &m->u.say);
		break;
	case MESSAGE_LOOKED:
		claim = service_claim_at(g, m->slot);
		if (claim)
			claim->be->upward->gate_answered(claim, m);
		break;
	case MESSAGE_ANSWER:
		gate_answered(g, m);
		break;
	default:
		break;
	}
}

/* What it was asked for is asked of the next, or done without. */
static void gate_ended(void *context, int status, const char *how)
{
	struct guest *g = context;
	struct service *s = &g->service;
	struct claim *claim, *next;

	(void)status;
	s->gate_deaths++;
	s->gate = NULL;
	s->gate_asked = s->gate_free = false;
	for (claim = TAILQ_FIRST(&g->claims); claim; claim = next) {
		next = TAILQ_NEXT(claim, of_guest);
		claim->in_gate = claim->gate_asked = false;
		if (claim->phase == CLAIM_LEAVING && !claim->worker_asked)
			claim->be->upward->let_go(claim);
		else if (s->phase == SERVICE_ENDING && claim->phase == CLAIM_TAKEN && s->quiet)
			vectors_unmap(&claim->vectors); /* the device is silenced when it is given back */
	}
	g->be->upward->gate_died(g);
	s->quiet = 0;
	if (s->phase == SERVICE_ENDING) {
		service_finish_ending(g);
		return;
	}
	if (TAILQ_EMPTY(&g->claims))
		return;
	/* The worker's socket went with it: its end starts both. */
	if (s->worker)
		process_kill(s->worker);
	else if (service_at_once(g, "gate", how))
		service_restart(g);
}

const struct process_owner service_gate_owner = { gate_heard, gate_ended, service_tell_processes };
