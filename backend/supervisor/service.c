/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/service_inner.h"

#include <string.h>

#include "backend/supervisor/claim.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/ledgers.h"
#include "common/store.h"
#include "common/util.h"

/*
 * A guest's processes that die are replaced at once, so many times, and ten times a second from then
 * on: one that dies over and over costs others little, and its guest little more than its own bugs.
 */
#define DEATHS_BURST 50
#define DEATHS_INTERVAL_NS 100000000u
#define RESTART_LATER_NS 200000000u
/* What the guest has published is asked for again, where xenstored failed: so often, and so much later. */
#define UNREAD_MAX 5
#define UNREAD_NS 200000000u

void service_init(struct service *s)
{
	memset(s, 0, sizeof(*s));
	s->ledger_fd = -1;
	s->events_fd = -1;
	ratelimit_init(&s->deaths, DEATHS_INTERVAL_NS, DEATHS_BURST, now_ns());
}

void service_dispose(struct guest *g)
{
	struct service *s = &g->service;
	struct claim *claim;

	if (s->standby_ns)
		processes_prepare(&g->be->processes);
	service_stop_watching(g);
	process_disown(s->worker);
	process_disown(s->gate);
	ledger_close(s->ledger, s->ledger_fd);
	TAILQ_FOREACH(claim, &g->claims, of_guest)
		claim->gate_asked = claim->in_gate = claim->worker_asked = claim->in_worker = false;
	service_init(s);
}

/* ---- What the guest has published ---- */

struct published {
	uint64_t ref;
	uint64_t port;
	char magic[8];
};

/*
 * All three nodes in one transaction: what a guest changes meanwhile is not half seen. 0, or -1 with *p:
 * ENOENT, EINVAL (the guest's doing), EAGAIN (xenstored's: it may be asked again).
 */
static int read_published(struct guest *g, struct published *out, struct problem *p)
{
	struct xs_handle *xs = g->be->xen.xs;
	xs_transaction_t t = xs_transaction_start(xs);
	const char *bad = NULL;

	if (t == XBT_NULL)
		return problem_set(p, EAGAIN, "no transaction: %s", strerror(errno));
	if (store_read_number(xs, t, g->frontend, NODE_PCI_OP_REF, 10, UINT32_MAX, &out->ref))
		bad = NODE_PCI_OP_REF;
	else if (store_read_number(xs, t, g->frontend, NODE_EVENT_CHANNEL, 10, UINT32_MAX, &out->port))
		bad = NODE_EVENT_CHANNEL;
	else if (store_read(xs, t, g->frontend, NODE_MAGIC, out->magic, sizeof(out->magic)) < 0)
		bad = NODE_MAGIC;
	store_abort(xs, t);
	if (bad && errno != ENOENT && errno != EINVAL && errno != ERANGE && errno != E2BIG)
		return problem_set(p, EAGAIN, "frontend's %s cannot be read: %s", bad, strerror(errno));
	if (bad)
		return problem_set(p, errno == ENOENT ? ENOENT : EINVAL, "frontend's %s is %s", bad,
				   errno == ENOENT ? "missing" : "malformed");
	if (strcmp(out->magic, PCIIF_MAGIC)) {
		char magic[sizeof(out->magic)];

		message_text(magic, sizeof(magic), out->magic, sizeof(out->magic));
		return problem_set(p, EINVAL, "frontend speaks magic \"%s\", not \"" PCIIF_MAGIC "\"",
				   magic);
	}
	return 0;
}

/* ---- Coming up ---- */

void service_failed(struct guest *g, int err, const char *what)
{
	struct service *s = &g->service;

	problem_set(&s->problem, err, "%s", what);
	s->phase = SERVICE_FAILED;
	service_stop_watching(g);
	process_disown(s->worker);
	s->worker = NULL;
	processes_prepare(&g->be->processes);
	/* A worker before it may have served. */
	service_quiet_devices(g);
	guest_look_again(g);
}

/* Who serves it, once it is served and both have told their pids. */
void service_tell_processes(void *context)
{
	struct guest *g = context;
	struct service *s = &g->service;

	if (s->phase == SERVICE_UP && s->worker && s->worker->pid && s->gate && s->gate->pid)
		talk_tell(&g->talk, XTL_DEBUG, "process %d serves it, process %d writes for it",
			  s->worker->pid, s->gate->pid);
}

/* All that the guest has is known to a worker that serves: it may begin. */
void service_check_up(struct guest *g)
{
	struct service *s = &g->service;
	struct claim *claim;
	uint64_t now;

	if (s->phase != SERVICE_STARTING || !s->ready)
		return;
	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->phase == CLAIM_TAKEN && claim->has_virt && !claim->in_worker)
			return;
	s->phase = SERVICE_UP;
	service_resume(g);
	/*
	 * The next one starts when this one's guest waits no more: at once where it had been connected; a guest that
	 * connects looks at its buses first, which is when dom0's processor is wanted most.
	 */
	now = now_ns();
	s->standby_ns = now + (s->resumed ? 0 : SERVICE_STANDBY_NS);
	service_watch_deadlines(g, now);
	service_tell_processes(g);
	guest_look_again(g);
}

static int start_worker(struct guest *g)
{
	struct service *s = &g->service;
	int sv[2] = { -1, -1 }, fds[2];
	struct message m;

	if (service_start_gate(g) || message_pair(sv))
		return -1;
	s->worker = process_start(&g->be->processes, ROLE_WORKER, g->be->upward->worker, g);
	if (!s->worker) {
		close_keep(sv[0]);
		close_keep(sv[1]);
		return -1;
	}
	s->ready = false;
	s->awaited = 0;
	s->ready_by_ns = now_ns() + SERVICE_READY_NS;
	schedule_at(&g->be->schedule, g, s->ready_by_ns);
	message_init(&m, MESSAGE_CONNECT, 0);
	process_send(s->gate, &m, &sv[0], 1);
	message_init(&m, MESSAGE_SETUP, 0);
	m.u.setup = (struct message_setup){
		.domid = g->domid,
		.ref = s->ref,
		.port = s->port,
		.poll_us = g->be->env->settings.poll_us,
		.late_ms = g->be->env->settings.answer_warning_ms,
		.resumed = s->resumed,
		.slept_ns = g->slept_ns,
	};
	fds[0] = s->ledger_fd;
	fds[1] = sv[1];
	process_send(s->worker, &m, fds, 2);
	close_keep(sv[0]);
	close_keep(sv[1]);
	service_tell_of_devices(g);
	return 0;
}

static int open_ledger(struct guest *g, struct problem *p)
{
	struct service *s = &g->service;
	struct claim *claim;

	if (s->ledger)
		return 1;
	switch (ledger_open(&g->be->successor, guest_id(g), s->resumed, &s->ledger, &s->ledger_fd)) {
	case 0:
		break;
	case 1:
		/* A predecessor's worker is about to end. */
		schedule_at(&g->be->schedule, g, g->be->now_ns + 2000000);
		return 0;
	default:
		return problem_set(p, errno, "no ledger: %s", strerror(errno));
	}
	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (!claim->carried_on || !s->resumed)
			ledger_fresh(s->ledger, claim->slot, claim->command);
	return 1;
}

static int begin(struct guest *g, struct problem *p)
{
	struct service *s = &g->service;
	struct published pub = { 0 };
	int rc;

	if (read_published(g, &pub, p)) {
		if (p->err != EAGAIN || s->unread++ == UNREAD_MAX)
			return -1;
		schedule_at(&g->be->schedule, g, g->be->now_ns + UNREAD_NS);
		return 0;
	}
	s->unread = 0;
	rc = open_ledger(g, p);
	if (rc <= 0)
		return rc;
	s->ref = (uint32_t)pub.ref;
	s->port = (uint32_t)pub.port;
	s->phase = SERVICE_STARTING;
	if (start_worker(g)) {
		s->phase = SERVICE_NONE;
		/* We end with who starts processes: our successor serves it. */
		if (g->be->processes.lost)
			return 0;
		return problem_set(p, errno, "no process can be started for the guest: %s",
				   strerror(errno));
	}
	return 0;
}

int service_connect(struct guest *g, struct problem *p)
{
	struct service *s = &g->service;

	if (g->hvm) /* its devices are QEMU's, whatever says that it is a frontend */
		return 0;
	switch (s->phase) {
	case SERVICE_NONE:
		return begin(g, p);
	case SERVICE_UP:
		return 1;
	case SERVICE_FAILED:
		*p = s->problem;
		return fail(p->err);
	case SERVICE_STARTING:
	case SERVICE_ENDING:
		break;
	}
	return 0;
}

/* ---- Going down ---- */

void service_finish_ending(struct guest *g)
{
	struct service *s = &g->service;

	if (s->phase != SERVICE_ENDING || s->worker || s->quiet)
		return;
	s->phase = SERVICE_NONE;
	guest_look_again(g);
}

/* The worker is gone: interrupts go off, and the shadow begins anew. */
void service_quiet_devices(struct guest *g)
{
	struct service *s = &g->service;
	struct claim *claim;
	struct message m;

	s->quiet = 0;
	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		claim->worker_asked = claim->in_worker = false;
		if (claim->phase == CLAIM_LEAVING && !claim->lost)
			service_drop_from_gate(claim);
		if (claim->phase != CLAIM_TAKEN)
			continue;
		ledger_fresh(s->ledger, claim->slot, claim->command);
		if (!s->gate || !claim->gate_asked)
			continue;
		message_init(&m, MESSAGE_QUIET, claim->slot);
		process_send(s->gate, &m, NULL, 0);
		s->quiet++;
	}
	s->resumed = false;
	service_finish_ending(g);
}

bool service_disconnect(struct guest *g)
{
	struct service *s = &g->service;

	switch (s->phase) {
	case SERVICE_NONE:
		return true;
	case SERVICE_ENDING:
		return false;
	case SERVICE_FAILED: /* interrupts are going off */
		s->phase = s->quiet ? SERVICE_ENDING : SERVICE_NONE;
		return s->phase == SERVICE_NONE;
	case SERVICE_STARTING:
	case SERVICE_UP:
		break;
	}
	g->be->upward->aer_cancel(g);
	service_stop_watching(g);
	s->nr_gone = 0;
	s->phase = SERVICE_ENDING;
	if (s->worker)
		process_kill(s->worker);
	else
		service_quiet_devices(g);
	return s->phase == SERVICE_NONE;
}

/* ---- Deaths ---- */

/* A process of the guest's has died: told; whether another is to take its place at once. */
bool service_at_once(struct guest *g, const char *who, const char *how)
{
	struct service *s = &g->service;
	uint64_t now = now_ns();

	talk_event(&g->talk, XTL_WARN, "its %s %s; another takes its place", who, how);
	if (ratelimit_allow(&s->deaths, now))
		return true;
	s->restart_ns = now + RESTART_LATER_NS;
	schedule_at(&g->be->schedule, g, s->restart_ns);
	return false;
}

/* What is missing of the guest's processes is started. */
void service_restart(struct guest *g)
{
	struct service *s = &g->service;
	struct claim *claim;

	s->restart_ns = 0;
	if (s->phase == SERVICE_STARTING && !s->worker) {
		if (start_worker(g))
			service_failed(g, errno, "no worker can be started");
		return;
	}
	TAILQ_FOREACH(claim, &g->claims, of_guest)
		service_add(claim);
}

void service_check(struct guest *g, uint64_t now)
{
	struct service *s = &g->service;

	service_watch_deadlines(g, now);
	if (s->restart_ns && now >= s->restart_ns)
		service_restart(g);
	else if (s->restart_ns)
		schedule_at(&g->be->schedule, g, s->restart_ns);
	service_watch_progress(g, now);
}
