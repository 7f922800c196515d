/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/wake.h"

#include "backend/supervisor/guest.h"
#include "backend/supervisor/recovery.h"

/* A recovery has stopped the worker itself, and lets it go on when it is through. */
static bool is_stopped_by_recovery(const struct guest *g)
{
	const struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->recovery >= RECOVERY_PAUSE)
			return true;
	return false;
}

static void go_on(struct guest *g)
{
	g->waking = false;
	g->slept_ns = g->be->slept_ns;
	if (!is_stopped_by_recovery(g))
		service_resume(g);
}

/* One device after another: the gate does one thing at a time. */
static void next(struct guest *g)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (claim->wake != WAKE_DUE)
			continue;
		if (claim->phase == CLAIM_TAKEN && claim->in_gate) {
			claim->wake = WAKE_GATE;
			service_ask_gate(claim, MESSAGE_WAKE);
			return;
		}
		claim->wake = WAKE_NONE;
	}
	go_on(g);
}

/* It is seen to, but for a sleep that came meanwhile. */
static void finish(struct claim *claim)
{
	claim->wake = claim->wake_again ? WAKE_DUE : WAKE_NONE;
	claim->wake_again = false;
}

static void wake(struct guest *g)
{
	struct claim *claim;
	bool due = false, on_its_way = g->waking && service_is_up(&g->service);

	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (claim->phase != CLAIM_TAKEN || !claim->in_gate || claim->hands_off)
			continue;
		due = true;
		/* What is being asked is asked once more. */
		if (on_its_way && claim->wake > WAKE_DUE)
			claim->wake_again = true;
		else
			claim->wake = WAKE_DUE;
	}
	/* One that is on its way sees to what has become due again; one whose processes were ended does not. */
	if (on_its_way)
		return;
	if (!due) {
		go_on(g);
		return;
	}
	g->waking = true;
	g->pausing = false;
	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (service_ask_worker(claim, MESSAGE_PAUSE)) {
			g->pausing = true;
			return;
		}
	}
	next(g);
}

void wake_all(struct backend *be)
{
	struct guest *g;

	for (uint64_t at = 0; (g = backend_next_guest(be, &at)); at++)
		if (!g->hvm)
			wake(g);
}

void wake_gate_answered(struct claim *claim, const struct message *m)
{
	bool woke = m->kind == MESSAGE_ANSWER && m->u.answer.to == MESSAGE_WAKE;

	if (!woke) {
		recovery_gate_answered(claim, m);
		return;
	}
	if (claim->wake != WAKE_GATE)
		return;
	if (m->u.answer.changed && service_ask_worker(claim, MESSAGE_RELOAD)) {
		claim->wake = WAKE_RELOAD;
		return;
	}
	finish(claim);
	next(claim->guest);
}

void wake_worker_answered(struct claim *claim, enum message_kind to)
{
	struct guest *g = claim->guest;

	if (to == MESSAGE_PAUSE && g->pausing) {
		g->pausing = false;
		next(g);
	} else if (to == MESSAGE_RELOAD && claim->wake == WAKE_RELOAD) {
		finish(claim);
		next(g);
		return;
	}
	recovery_worker_answered(claim, to);
}

/* The next one opens the devices as they are then, and is asked what this one was. */
void wake_gate_died(struct guest *g)
{
	struct claim *claim;

	recovery_gate_died(g);
	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		claim->wake = WAKE_NONE;
		claim->wake_again = false;
	}
	if (g->waking && !g->pausing)
		go_on(g);
}

/* The next one begins with the devices as they are. */
void wake_worker_died(struct guest *g)
{
	struct claim *claim;
	bool waited = g->pausing;

	recovery_worker_died(g);
	g->pausing = false;
	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (claim->wake != WAKE_RELOAD)
			continue;
		finish(claim);
		waited = true;
	}
	if (g->waking && waited)
		next(g);
}
