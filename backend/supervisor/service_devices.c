/* SPDX-License-Identifier: MIT */
/* What a guest's two processes are told: of its devices, and what recoveries ask. */
#include "backend/supervisor/service_inner.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/claim.h"
#include "backend/supervisor/guest.h"
#include "common/util.h"

static void tell_gone(struct service *s, unsigned slot, struct sbdf virt)
{
	struct message m;

	if (!s->worker)
		return;
	message_init(&m, MESSAGE_GONE, slot);
	m.u.gone.virt = virt;
	process_send(s->worker, &m, NULL, 0);
}

static unsigned find_gone(const struct service *s, struct sbdf virt)
{
	unsigned i = 0;

	while (i < s->nr_gone && !sbdf_equal(s->gone[i], virt))
		i++;
	return i;
}

void service_keep_gone(struct service *s, struct sbdf virt)
{
	if (s->nr_gone < SLOT_COUNT && find_gone(s, virt) == s->nr_gone)
		s->gone[s->nr_gone++] = virt;
}

static void ask_gate(struct claim *claim)
{
	struct guest *g = claim->guest;
	struct message m;

	message_init(&m, MESSAGE_HOLD, claim->slot);
	m.u.hold = (struct message_hold){
		.sbdf = claim->sbdf,
		.provider = claim->provider,
		.irq = claim->info.irq,
		.domid = g->domid,
		.no_msix = claim->vectors.no_msix,
		.no_vectors = claim->vectors.no_vectors,
		.mode = claim->vectors.mode,
		.vectors = claim->vectors.nr,
	};
	memcpy(m.u.hold.opts, claim->opts, sizeof(m.u.hold.opts));
	snprintf(m.u.hold.opts_node, sizeof(m.u.hold.opts_node), "%.*s",
		 (int)sizeof(m.u.hold.opts_node) - 1, claim->opts_node);
	memcpy(m.u.hold.saved, claim->saved, sizeof(m.u.hold.saved));
	claim->gate_asked = true;
	process_send(g->service.gate, &m, NULL, 0);
}

static void ask_worker(struct claim *claim)
{
	struct service *s = &claim->guest->service;
	unsigned gone = find_gone(s, claim->virt);
	struct message m;

	if (gone < s->nr_gone)
		s->gone[gone] = s->gone[--s->nr_gone];
	message_init(&m, MESSAGE_ADD, claim->slot);
	m.u.add = (struct message_add){
		.virt = claim->virt,
		.info = claim->info,
		.reader = claim->reader,
		.policy = claim->policy,
		.resumed = s->resumed,
	};
	claim->worker_asked = true;
	process_send(s->worker, &m, &claim->reader_fd, 1);
	service_await_answer(claim->guest);
}

int service_start_gate(struct guest *g)
{
	struct service *s = &g->service;

	if (!s->gate)
		s->gate = process_start(&g->be->processes, ROLE_GATE, g->be->upward->gate, g);
	return s->gate ? 0 : -1;
}

void service_add(struct claim *claim)
{
	struct service *s = &claim->guest->service;

	if (claim->phase != CLAIM_TAKEN || !claim->has_virt)
		return;
	if (!claim->gate_asked) {
		if (service_start_gate(claim->guest)) {
			talk_event(&claim->guest->talk, XTL_ERROR, "no gate can be started: %s",
				   strerror(errno));
			return;
		}
		ask_gate(claim);
	}
	if (claim->in_gate && s->worker && !claim->worker_asked)
		ask_worker(claim);
}

bool service_knows(const struct claim *claim)
{
	const struct service *s = &claim->guest->service;

	if (s->phase != SERVICE_STARTING && s->phase != SERVICE_UP)
		return true;
	return claim->in_gate && claim->in_worker;
}

void service_drop_from_gate(struct claim *claim)
{
	struct service *s = &claim->guest->service;
	struct message m;

	claim->in_worker = claim->worker_asked = false;
	if (!s->gate || !claim->gate_asked) {
		claim->be->upward->let_go(claim);
		return;
	}
	message_init(&m, MESSAGE_LET_GO, claim->slot);
	process_send(s->gate, &m, NULL, 0);
}

void service_drop(struct claim *claim)
{
	struct service *s = &claim->guest->service;
	struct message m;

	if (!s->worker || !claim->worker_asked) {
		service_drop_from_gate(claim);
		return;
	}
	message_init(&m, MESSAGE_DROP, claim->slot);
	process_send(s->worker, &m, NULL, 0);
	claim->drop_by_ns = now_ns() + SERVICE_DROP_NS;
	schedule_at(&claim->be->schedule, claim->guest, claim->drop_by_ns);
}

/* Neither waits for the other: whoever has it now is in a hurry. */
void service_lose(struct claim *claim)
{
	struct service *s = &claim->guest->service;
	struct message m;

	if (claim->has_virt) {
		service_keep_gone(s, claim->virt);
		tell_gone(s, claim->slot, claim->virt);
	}
	claim->in_worker = claim->worker_asked = false;
	if (!s->gate || !claim->gate_asked) {
		claim->be->upward->let_go(claim);
		return;
	}
	message_init(&m, MESSAGE_DISOWN, claim->slot);
	process_send(s->gate, &m, NULL, 0);
}

struct claim *service_claim_at(struct guest *g, unsigned slot)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->slot == slot)
			return claim;
	return NULL;
}

void service_tell_of_devices(struct guest *g)
{
	struct service *s = &g->service;
	struct claim *claim;

	for (unsigned i = 0; i < s->nr_gone; i++)
		tell_gone(s, 0, s->gone[i]);
	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		claim->worker_asked = claim->in_worker = false;
		service_add(claim);
	}
}

/* ---- What others have to say to the two ---- */

void service_ask_gate(struct claim *claim, enum message_kind what)
{
	struct message m;

	message_init(&m, what, claim->slot);
	if (claim->guest->service.gate)
		process_send(claim->guest->service.gate, &m, NULL, 0);
}

bool service_ask_worker(struct claim *claim, enum message_kind what)
{
	struct message m;

	message_init(&m, what, claim->slot);
	if (!claim->in_worker || !service_tell_worker(claim->guest, &m))
		return false;
	service_await_answer(claim->guest);
	return true;
}

void service_resume(struct guest *g)
{
	struct message m;

	if (g->service.phase != SERVICE_UP)
		return;
	message_init(&m, MESSAGE_RESUME, 0);
	m.u.resume.slept_ns = g->slept_ns;
	service_tell_worker(g, &m);
}

bool service_tell_worker(struct guest *g, const struct message *m)
{
	if (!g->service.worker || !g->service.ready)
		return false;
	process_send(g->service.worker, m, NULL, 0);
	return true;
}
