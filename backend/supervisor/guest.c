/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/guest.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/supervisor/earlier.h"
#include "backend/supervisor/guest_devices.h"
#include "backend/supervisor/guest_error.h"
#include "backend/supervisor/guest_identity.h"
#include "backend/supervisor/guest_kept.h"
#include "backend/supervisor/guest_loss.h"
#include "backend/supervisor/guest_state.h"
#include "backend/supervisor/ledgers.h"
#include "backend/supervisor/resume.h"
#include "common/store.h"
#include "common/util.h"
#include "protocol/states.h"

#define STEPS_MAX 16 /* in one look: more is a peer that plays with us, and waits its turn */
/* Looks that a guest may cause by writing its state node: 200 at once, then 200 a second. */
#define CHANGES_BURST 200
#define CHANGES_INTERVAL_NS 5000000u

struct guest *guest_new(struct backend *be, struct guest_id id)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->be = be;
	g->slept_ns = be->slept_ns;
	g->domid = g->owner = id.domid;
	g->devid = id.devid;
	TAILQ_INIT(&g->claims);
	service_init(&g->service);
	talk_init(&g->talk, be->lg, id.domid);
	talk_init(&g->denials, be->lg, id.domid);
	g->talk.devid = g->denials.devid = id.devid;
	ratelimit_init(&g->changes, CHANGES_INTERVAL_NS, CHANGES_BURST, now_ns());
	snprintf(g->dir, sizeof(g->dir), "%s/%u/%u", be->root, id.domid, id.devid);
	g->told.since = time(NULL);
	return g;
}

/*
 * Back to an instance that knows nothing. true: it is; false: something has to end first, and the
 * guest will be looked at again.
 */
static bool forget(struct guest *g)
{
	g->resuming = false;
	g->failing = false;
	if (!service_disconnect(g) || !guest_devices_release(g))
		return false;
	service_dispose(g);
	guest_unwatch(g);
	if (g->frontend[0] || g->taking_back) {
		earlier_forget(g);
	}
	entries_forget(&g->entries);
	g->taking_back = false;
	g->frontend[0] = 0;
	g->halted = false;
	g->roots_told = false;
	g->introduced = false;
	g->nodes_lost = false;
	g->told.named = 0;
	g->told.name[0] = '\0';
	return true;
}

void guest_free(struct guest *g)
{
	if (!g)
		return;
	service_dispose(g);
	while (!TAILQ_EMPTY(&g->claims))
		claim_free(TAILQ_FIRST(&g->claims));
	guest_unwatch(g);
	schedule_forget(&g->be->schedule, g);
	free(g);
}

void guests_job_done(struct backend *be)
{
	struct guest *g;

	for (uint64_t at = 0; (g = backend_next_guest(be, &at)); at++) {
		if (!g->wants_job)
			continue;
		g->wants_job = false;
		schedule_dirty(&be->schedule, g);
	}
}

/* Disconnected after a failure, or about to be: state 5, where nothing is retried. */
static void finish_failing(struct guest *g, unsigned from)
{
	if (!service_disconnect(g))
		return;
	if (guest_set_state(g, from, XenbusStateClosing, g->why) && !xen_answers(&g->be->xen))
		return;
	g->failing = false;
}

/*
 * Whether what a request to xenstored found is the guest's own. Where it is not, the next xenpcid finds the
 * guest as it is (daemon.c sees xenstored end); if it was a moment's failure, we do.
 */
static bool xenstore_answers(struct guest *g)
{
	if (xen_answers(&g->be->xen))
		return true;
	if (g->be->xen.lost)
		return false;
	talk_event(&g->talk, XTL_ERROR, "xenstored does not answer: %s; tried again in a second", strerror(errno));
	schedule_at(&g->be->schedule, g, now_ns() + BACKEND_RETRY_NS);
	return false;
}

/* A failure of the whole instance: told, and it is closed. */
static void fatal(struct guest *g, unsigned from, const struct problem *p)
{
	if (!xenstore_answers(g))
		return;
	/* From where a guest can come again and again, within its budget. */
	guest_report(g, p, from != XenbusStateInitialising);
	snprintf(g->why, sizeof(g->why), "%.150s", p->text);
	g->resuming = false;
	g->failing = true;
	finish_failing(g, from);
}

/* The steps. Each returns 1 (did something: look again), 0 (nothing to do), or -1 (*p is fatal). */

static int step_setup(struct guest *g, unsigned own, struct problem *p)
{
	/* More than can be seen to at once stand in line. */
	if (!claims_jobs_left(g->be)) {
		g->wants_job = true;
		return 0;
	}
	if (!forget(g)) /* the domid's earlier life, if its end was missed */
		return 0;
	guest_error_over(g);
	if (guest_identify(g, p))
		return errno == EAGAIN ? 0 : -1;
	guest_life(g, g->life);
	if (successor_guest_begin(&g->be->successor, guest_id(g), g->life))
		return problem_set(p, errno, "cannot remember the guest: %s", strerror(errno));
	guest_set_state(g, own, XenbusStateInitWait, "new instance");
	return 1;
}

static int step_devices(struct guest *g, enum backend_action action, unsigned own,
			struct problem *p)
{
	unsigned to = backend_action_state(action);
	int n;

	/* The kernel's frontend may come this far without having been connected. */
	if (action == BACKEND_RECONFIGURE) {
		n = service_connect(g, p);
		if (n <= 0)
			return n;
	}
	n = guest_devices_serve(g, action == BACKEND_EXPORT, own, to, p);
	if (n < 0)
		return errno == ESTALE ? 1 : errno == EAGAIN ? 0 : -1;
	if (to != XenbusStateUnknown)
		guest_state_is(g, to, backend_action_text(action));
	return to != XenbusStateUnknown || n;
}

static int step_connect(struct guest *g, unsigned own, struct problem *p)
{
	int n = step_devices(g, BACKEND_SUBSTATES, own, p);

	/* A device told of just before the guest came would be asked for by nobody in state 4. */
	if (n < 0 || !guest_devices_settled(g))
		return n;
	n = service_connect(g, p);
	/* It shows 7, but has not published what it would show 3 for: it is waited for. */
	if (n < 0 && p->err == ENOENT && g->peer == XenbusStateReconfiguring)
		return 0;
	if (n <= 0)
		return n;
	guest_set_state(g, own, XenbusStateConnected, "frontend published its page and channel");
	return 1;
}

/*
 * Whether the toolstack still wants the instance: absent and 0 mean no. -1: it could not be read, which
 * must not cost a guest that comes again its devices.
 */
static int online(struct guest *g)
{
	uint64_t on;

	if (!store_read_number(g->be->xen.xs, XBT_NULL, g->dir, NODE_ONLINE, 10, UINT32_MAX, &on))
		return on != 0;
	return guest_unread(g, g->dir, NODE_ONLINE) ? -1 : 0;
}

static int step_close(struct guest *g, enum backend_action action, unsigned own)
{
	int on;

	if (!service_disconnect(g))
		return 0;
	on = action == BACKEND_CLOSED ? online(g) : 1;
	if (on < 0 || (!on && !guest_devices_release(g)))
		return 0;
	guest_set_state(g, own, backend_action_state(action), backend_action_text(action));
	return 1;
}

static int step(struct guest *g, enum backend_action action, unsigned own, struct problem *p)
{
	int rc;

	switch (action) {
	case BACKEND_SETUP:
		return step_setup(g, own, p);
	case BACKEND_EXPORT:
	case BACKEND_SUBSTATES:
	case BACKEND_RECONFIGURE:
	case BACKEND_RETURN:
		return step_devices(g, action, own, p);
	case BACKEND_CONNECT:
		return step_connect(g, own, p);
	case BACKEND_SETTLE:
		rc = service_connect(g, p);
		if (rc <= 0)
			return rc;
		guest_set_state(g, own, XenbusStateConnected, backend_action_text(action));
		return 1;
	case BACKEND_CLOSE:
	case BACKEND_CLOSED:
	case BACKEND_REOPEN:
		return step_close(g, action, own);
	case BACKEND_NOTHING:
	case BACKEND_GONE:
		return 0;
	}
	return 0;
}

/* Nothing is to stay of the instance. true: nothing does any more. */
static bool finish_ending(struct guest *g)
{
	unsigned own;

	if (!forget(g))
		return false;
	own = guest_read_state(g);
	if (own == GUEST_STATE_UNREAD)
		return false;
	/* In state 1 it is not this instance any more, but the next one; the kernel's is its to close. */
	if (g->closes && own > XenbusStateInitialising && own != XenbusStateClosed &&
	    own < PCIIF_STATE_COUNT &&
	    !kernel_backend_serves(&g->be->kernel_backend, g->domid, g->devid))
		guest_set_state(g, own, XenbusStateClosed, g->why);
	talk_tell(&g->talk, XTL_DEBUG, "released: %s", g->why);
	return true;
}

void guest_leave(struct guest *g)
{
	struct claim *claim;
	char name[SBDF_TEXT];

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->phase == CLAIM_TAKEN)
			talk_tell(&g->talk, XTL_INFO, "%s stays with its guest, as it is",
				  sbdf_format(claim->sbdf, name));
}

void guest_end(struct guest *g, const char *why)
{
	if (g->ending)
		return;
	if (!xenstore_answers(g)) {
		g->check_alive = true;
		return;
	}
	g->ending = true;
	g->closes = guest_read_state(g) != XenbusStateUnknown;
	snprintf(g->why, sizeof(g->why), "%s", why);
	guest_look_again(g);
}

/* A guest that runs no more keeps its devices until the toolstack takes them, but does nothing with them. */
static void note_halt(struct guest *g)
{
	if (g->halted || hypercall_domain_halted(g->be->hypercall, g->domid) <= 0)
		return;
	g->halted = true;
	service_disconnect(g);
	talk_tell(&g->talk, XTL_INFO, "the domain has halted");
}

static bool domain_died(struct guest *g)
{
	bool there;

	if (!g->check_alive)
		return false;
	g->check_alive = false;
	there = xs_is_domain_introduced(g->be->xen.xs, g->domid);
	if (there) {
		g->introduced = true;
		g->untold = false;
	} else if (g->untold) {
		there = !guest_domain_gone(g);
	}
	if (there)
		note_halt(g);
	/* A domain that was never seen is one that is still being built. */
	return g->introduced && !there;
}

/* Serves a reconfiguration without the guest. */
static int step_back(struct guest *g, const char *why, struct problem *p)
{
	if (guest_devices_serve(g, false, XenbusStateReconfiguring, XenbusStateConnected, p) < 0)
		return errno == ESTALE ? 1 : errno == EAGAIN ? 0 : -1;
	guest_state_is(g, XenbusStateConnected, why);
	return 1;
}

/*
 * The toolstack takes the devices of a halted guest one by one, and waits for
 * state 4 before and after each: ten seconds in vain, if it had to come from the guest.
 */
static int step_halted(struct guest *g, unsigned own, struct problem *p)
{
	static const char why[] = "the guest has halted: the toolstack need not wait for it";

	if (own == XenbusStateConnected || own >= PCIIF_STATE_COUNT)
		return 0;
	if (own == XenbusStateReconfiguring)
		return step_back(g, why, p);
	guest_set_state(g, own, XenbusStateConnected, why);
	return 1;
}

/* Another backend's instance, or one of ours that failed at once and rests in 5. */
static int leave_alone(struct guest *g, unsigned own)
{
	bool kernel = kernel_backend_serves(&g->be->kernel_backend, g->domid, g->devid);

	if (!g->foreign_told && (kernel || own != XenbusStateClosing))
		talk_tell(&g->talk, XTL_INFO, "%s serves it (state %u): left alone",
			  kernel ? "the kernel's xen-pciback" : "another backend", own);
	g->foreign_told = true;
	return 0;
}

/* What was read is told of, and remembered until an event says otherwise. */
static void note_states(struct guest *g, unsigned own, unsigned peer)
{
	guest_complain(g, own, peer);
	guest_state_is(g, own == GUEST_STATE_INVALID ? g->state : own, "written by the toolstack");
	g->state_known = own != GUEST_STATE_INVALID;
}

/*
 * Why what is to leave does not wait for the guest, who would not answer; NULL: it does. One that is saved is
 * suspended, and destroyed when that is done: the toolstack takes its devices one by one, as from a halted one.
 */
static const char *why_alone(struct guest *g, unsigned own, unsigned peer)
{
	if (own != XenbusStateReconfiguring || peer != XenbusStateConnected)
		return NULL;
	if (guest_devices_unseen(g))
		return "what leaves was refused: the guest never had it";
	if (guest_devices_leave(g) && hypercall_domain_suspended(g->be->hypercall, g->domid) > 0)
		return "the guest is suspended: what leaves does not wait for it";
	return NULL;
}

static int look_without_nodes(struct guest *g, unsigned own)
{
	int rc = guest_returns(g, own);

	if (rc >= 0)
		return rc;
	g->nodes_lost = false;
	guest_end(g, "the domain is gone");
	/* The nodes that are there are the next one's. */
	g->again = own != XenbusStateUnknown;
	return 0;
}

/* One look and at most one step. 1: look again; 0: nothing to do; -1: the instance is gone. */
static int look(struct guest *g)
{
	unsigned own = guest_own_state(g);
	unsigned peer = XenbusStateUnknown;
	struct problem p = { 0 };
	enum backend_action action;
	const char *alone;
	int rc;

	if (own == GUEST_STATE_UNREAD)
		return 0;
	if (g->failing) {
		finish_failing(g, own);
		return g->failing ? 0 : 1;
	}
	/* What a read did not find must not be believed where xenstored ended meanwhile. */
	if (own == GUEST_STATE_INVALID && !xen_answers(&g->be->xen))
		return 0;
	if (g->nodes_lost)
		return look_without_nodes(g, own);
	if (!earlier_settle(g, own))
		return 0;
	if (own != XenbusStateUnknown && own != XenbusStateInitialising) {
		if (!g->frontend[0] && successor_knows_guest(&g->be->successor, guest_id(g)) == 0)
			return leave_alone(g, own);
		if (!g->frontend[0] || g->resuming) {
			rc = guest_resume(g, own, &p);
			if (rc < 0)
				fatal(g, own, &p);
			return rc < 0 ? 1 : rc;
		}
		peer = guest_peer_state(g);
		/* What a read did not find must not be believed where xenstored ended meanwhile. */
		if (peer == GUEST_STATE_UNREAD || (peer == GUEST_STATE_INVALID && !xen_answers(&g->be->xen)))
			return 0;
	}
	if (own == XenbusStateInitialising && kernel_backend_serves(&g->be->kernel_backend, g->domid, g->devid))
		return leave_alone(g, own);
	note_states(g, own, peer);
	action = backend_action(own, peer);
	if (action == BACKEND_GONE) {
		guest_end(g, own ? "the frontend's directory is gone, or not ours to read" : "our directory is gone");
		return 0;
	}
	/* On our way out no guest is let in or given a device. */
	if (g->be->closing && action != BACKEND_CLOSE && action != BACKEND_CLOSED)
		return 0;
	if (own == XenbusStateConnected && service_has_failed(&g->service))
		rc = service_connect(g, &p);
	else if (g->halted && own != XenbusStateInitialising)
		rc = step_halted(g, own, &p);
	else if ((alone = why_alone(g, own, peer)))
		rc = step_back(g, alone, &p);
	else
		rc = step(g, action, own, &p);
	if (rc < 0)
		fatal(g, own, &p);
	return rc < 0 ? 0 : rc;
}

bool guest_update(struct guest *g)
{
	int rc = 1;

	guest_losses_settle(g);
	guest_devices_reap(g);
	if (!g->ending && domain_died(g))
		guest_end(g, "the domain is gone");
	for (int i = 0; i < STEPS_MAX && rc > 0 && !g->ending; i++)
		rc = look(g);
	if (g->ending)
		return !finish_ending(g);
	if (rc > 0)
		guest_look_again(g);
	return true;
}

bool guest_closed(const struct guest *g)
{
	return g->service.phase == SERVICE_NONE;
}

void guest_ask_to_close(struct guest *g)
{
	unsigned own = guest_read_state(g);

	if (service_is_up(&g->service) && own != XenbusStateUnknown && own != XenbusStateClosing)
		guest_set_state(g, own, XenbusStateClosing, "xenpcid is stopping");
}
