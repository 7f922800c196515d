/* SPDX-License-Identifier: MIT */
/* How a guest's worker is watched: that it begins, goes on, and lets go of what leaves. */
#include "backend/supervisor/service_inner.h"

#include <poll.h>

#include "backend/supervisor/claim.h"
#include "backend/supervisor/guest.h"
#include "common/util.h"

/* So often a worker that has work is looked at; so many looks without progress are a hang. */
#define CHECK_NS 400000000u
#define STUCK_MAX 3
/*
 * A host that starves its processes gives the next worker no more than this one, and starting it costs: one that takes
 * the place of another that hung a minute ago or less has twice that one's time, four times the first one's at most.
 */
#define HANGS_AGAIN_NS 60000000000u
#define DOUBLED_MAX 2

void service_stop_watching(struct guest *g)
{
	struct service *s = &g->service;

	loop_drop(&g->be->loop, &s->events);
	close_keep(s->events_fd);
	s->events_fd = -1;
	s->check_ns = 0;
	s->stuck = 0;
	s->gate_free = false;
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

/*
 * What the worker is to let go of: its end does it in its place. Each device has a time of its own, as others wait for
 * it: no other answer of a worker that was taken over prolongs that.
 */
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

void service_await_answer(struct guest *g)
{
	struct service *s = &g->service;

	s->awaited++;
	s->answer_by_ns = now_ns() + SERVICE_ANSWER_NS;
	schedule_at(&g->be->schedule, g, s->answer_by_ns);
}

void service_has_answer(struct guest *g)
{
	struct service *s = &g->service;

	s->awaited -= s->awaited > 0;
	s->answer_by_ns = now_ns() + SERVICE_ANSWER_NS;
}

static void check_standby(struct guest *g, uint64_t now)
{
	struct service *s = &g->service;

	if (!s->standby_ns)
		return;
	if (now < s->standby_ns) {
		schedule_at(&g->be->schedule, g, s->standby_ns);
		return;
	}
	s->standby_ns = 0;
	processes_prepare(&g->be->processes);
}

/*
 * Whether the worker may wait for its gate still: not where that has told since the last look that it waits for no
 * device. It has answered the worker by then, or does so at once.
 */
static bool may_wait_for_gate(struct guest *g)
{
	struct service *s = &g->service;
	bool free = s->gate_free;
	struct message m;

	s->gate_free = false;
	if (!s->gate_asked && s->gate) {
		message_init(&m, MESSAGE_FREE, 0);
		s->gate_asked = true;
		process_send(s->gate, &m, NULL, 0);
	}
	return !free;
}

/* Nobody may kick one that hangs: its guest's driver waits for an interrupt that is to be put back. */
static void check_answers(struct guest *g, uint64_t now)
{
	struct service *s = &g->service;

	if (!s->awaited || !s->worker || (s->phase != SERVICE_STARTING && s->phase != SERVICE_UP))
		return;
	if (!s->ready) { /* that is its deadline */
		s->answer_by_ns = now + SERVICE_ANSWER_NS;
	} else if (now >= s->answer_by_ns) {
		s->answer_by_ns = now + CHECK_NS;
		if (!atomic_load(&s->ledger->at_gate) || !may_wait_for_gate(g)) {
			talk_event(&g->talk, XTL_ERROR, "its worker does not answer: it is replaced");
			s->answer_by_ns = now + SERVICE_ANSWER_NS;
			process_kill(s->worker);
		}
	}
	schedule_at(&g->be->schedule, g, s->answer_by_ns);
}

void service_watch_deadlines(struct guest *g, uint64_t now)
{
	check_standby(g, now);
	check_drops(g, now);
	check_ready(g, now);
	check_answers(g, now);
}

static unsigned looks_without_progress(struct service *s, uint64_t now)
{
	if (s->hung_ns && now - s->hung_ns > HANGS_AGAIN_NS)
		s->hangs = 0;
	return (unsigned)STUCK_MAX << s->hangs;
}

static void replace_hung(struct guest *g, uint64_t now)
{
	struct service *s = &g->service;

	talk_event(&g->talk, XTL_ERROR, "its worker hangs: it is replaced");
	s->hangs += s->hangs < DOUBLED_MAX;
	s->hung_ns = now;
	s->stuck = 0;
	s->check_ns = 0;
	process_kill(s->worker);
}

void service_watch_progress(struct guest *g, uint64_t now)
{
	struct service *s = &g->service;
	uint64_t progress;

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
	if (progress != s->progress || (g->waking && !g->pausing) ||
	    (atomic_load(&s->ledger->at_gate) && may_wait_for_gate(g)))
		s->stuck = 0;
	else
		s->stuck++;
	s->progress = progress;
	if (s->worker && s->stuck >= looks_without_progress(s, now)) {
		replace_hung(g, now);
		return;
	}
	s->check_ns = now + CHECK_NS;
	schedule_at(&g->be->schedule, g, s->check_ns);
}
