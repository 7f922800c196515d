/* SPDX-License-Identifier: MIT */
#include "backend/guest.h"

#include <stdio.h>
#include <string.h>

#include "backend/channel.h"
#include "backend/guest_devices.h"
#include "backend/guest_state.h"
#include "backend/resume.h"
#include "common/store.h"
#include "common/util.h"
#include "protocol/states.h"

#define STEPS_MAX 16 /* in one look: more is a peer that plays with us, and waits its turn */
/* Looks that a guest may cause by writing its state node: 200 at once, then 200 a second. */
#define CHANGES_BURST 200
#define CHANGES_INTERVAL_NS 5000000u

struct guest *guest_new(struct backend *be, uint32_t domid)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->be = be;
	g->domid = domid;
	TAILQ_INIT(&g->claims);
	talk_init(&g->talk, be->host.lg, domid);
	ratelimit_init(&g->changes, CHANGES_INTERVAL_NS, CHANGES_BURST, now_ns());
	snprintf(g->dir, sizeof(g->dir), "%s/%u/0", be->root, domid);
	return g;
}

struct guest *backend_next_guest(struct backend *be, uint32_t *domid)
{
	for (; *domid < DOMID_FIRST_RESERVED; ++*domid)
		if (be->guests[*domid])
			return be->guests[*domid];
	return NULL;
}

static void watch_token(const struct guest *g, char token[16])
{
	snprintf(token, 16, "f%u", g->domid);
}

/* Watches the one node of the guest's that we follow: its state. */
static int watch_frontend(struct guest *g)
{
	char path[GUEST_DIR_MAX + 8], token[16];

	if (g->watching)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", g->frontend, NODE_STATE);
	watch_token(g, token);
	if (!xs_watch(g->be->xen.watches, path, token))
		return -1;
	g->watching = true;
	return 0;
}

static void unwatch_frontend(struct guest *g)
{
	char path[GUEST_DIR_MAX + 8], token[16];

	if (!g->watching)
		return;
	snprintf(path, sizeof(path), "%s/%s", g->frontend, NODE_STATE);
	watch_token(g, token);
	xs_unwatch(g->be->xen.watches, path, token);
	g->watching = false;
	g->peer_known = false;
}

/* Back to an instance that knows nothing. */
static void forget(struct guest *g)
{
	channel_disconnect(g);
	guest_devices_release(g);
	unwatch_frontend(g);
	if (g->frontend[0])
		memory_guest_end(&g->be->host.memory, g->domid);
	entries_forget(&g->entries);
	g->frontend[0] = 0;
	g->resumed = false;
	g->halted = false;
	g->roots_told = false;
	g->introduced = false;
}

void guest_free(struct guest *g)
{
	if (!g)
		return;
	forget(g);
	schedule_forget(&g->be->schedule, g);
	free(g);
}

void guest_report(struct guest *g, const struct problem *p, bool by_guest)
{
	char dir[2 * GUEST_DIR_MAX];

	if (by_guest)
		talk_say(&g->talk, XTL_ERROR, "%s", p->text);
	else
		talk_tell(&g->talk, XTL_ERROR, "%s", p->text);
	/* xenbus's place for it: the instance's path, below our own error directory. */
	snprintf(dir, sizeof(dir), "/local/domain/%u/error/%s/%u/0", g->be->xen.domid,
		 NODE_BACKEND_ROOT, g->domid);
	if (store_write(g->be->xen.xs, XBT_NULL, dir, "error", "%d %s", p->err, p->text))
		talk_say(&g->talk, XTL_WARN, "cannot write %s/error: %s", dir, strerror(errno));
}

static void remove_error(struct guest *g)
{
	char dir[2 * GUEST_DIR_MAX];

	snprintf(dir, sizeof(dir), "/local/domain/%u/error/%s/%u", g->be->xen.domid,
		 NODE_BACKEND_ROOT, g->domid);
	store_remove(g->be->xen.xs, XBT_NULL, dir, NULL);
}

/* A failure of the whole instance: told, and left in state 5, where nothing is retried. */
static void fatal(struct guest *g, unsigned from, const struct problem *p)
{
	guest_report(g, p, from == XenbusStateInitialised);
	channel_disconnect(g);
	guest_devices_idle(g);
	guest_set_state(g, from, XenbusStateClosing, p->text);
}

int guest_identify(struct guest *g, struct problem *p)
{
	char frontend[GUEST_DIR_MAX], expected[GUEST_DIR_MAX];
	struct xs_handle *xs = g->be->xen.xs;
	uint64_t id;

	snprintf(expected, sizeof(expected), "/local/domain/%u/%s", g->domid, NODE_FRONTEND_DIR);
	if (store_read_number(xs, XBT_NULL, g->dir, NODE_FRONTEND_ID, 10, UINT32_MAX, &id))
		return problem_set(p, errno, "%s/%s: %s", g->dir, NODE_FRONTEND_ID, strerror(errno));
	if (id != g->domid)
		return problem_set(p, EINVAL, "%s/%s names domain %u", g->dir, NODE_FRONTEND_ID,
				   (unsigned)id);
	if (store_read(xs, XBT_NULL, g->dir, NODE_FRONTEND, frontend, sizeof(frontend)) < 0)
		return problem_set(p, errno, "%s/%s: %s", g->dir, NODE_FRONTEND, strerror(errno));
	if (strcmp(frontend, expected))
		return problem_set(p, EINVAL, "%s/%s is not %s", g->dir, NODE_FRONTEND, expected);
	memcpy(g->frontend, expected, sizeof(g->frontend));
	if (watch_frontend(g))
		return problem_set(p, errno, "cannot watch %s: %s", g->frontend, strerror(errno));
	g->introduced = xs_is_domain_introduced(xs, g->domid);
	return 0;
}

/* The steps. Each returns 1 (did something: look again), 0 (nothing to do), or -1 (*p is fatal). */

static int step_setup(struct guest *g, unsigned own, struct problem *p)
{
	forget(g); /* the domid's earlier life, if its end was missed */
	remove_error(g);
	if (guest_identify(g, p))
		return -1;
	if (memory_guest_begin(&g->be->host.memory, XBT_NULL, g->domid))
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
	if (action == BACKEND_RECONFIGURE && channel_connect(g, p))
		return -1;
	n = guest_devices_serve(g, action == BACKEND_EXPORT, own, to, p);
	if (n < 0)
		return errno == ESTALE ? 1 : -1;
	if (to != XenbusStateUnknown)
		guest_state_is(g, to, backend_action_text(action));
	return to != XenbusStateUnknown || n;
}

static int step_connect(struct guest *g, unsigned own, struct problem *p)
{
	/* A device told of just before the guest came would be asked for by nobody in state 4. */
	if (step_devices(g, BACKEND_SUBSTATES, own, p) < 0)
		return -1;
	if (channel_connect(g, p))
		return -1;
	guest_set_state(g, own, XenbusStateConnected, "frontend published its page and channel");
	return 1;
}

static void disconnect(struct guest *g)
{
	channel_disconnect(g);
	guest_devices_idle(g);
}

/* Whether the toolstack still wants the instance: absent and 0 mean no. */
static bool online(struct guest *g)
{
	uint64_t on;

	return !store_read_number(g->be->xen.xs, XBT_NULL, g->dir, NODE_ONLINE, 10, UINT32_MAX, &on) &&
	       on;
}

static int step_close(struct guest *g, enum backend_action action, unsigned own)
{
	disconnect(g);
	if (action == BACKEND_CLOSED && !online(g))
		guest_devices_release(g);
	guest_set_state(g, own, backend_action_state(action), backend_action_text(action));
	return 1;
}

static int step(struct guest *g, enum backend_action action, unsigned own, struct problem *p)
{
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
		if (channel_connect(g, p))
			return -1;
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

/* The domain died, or one of the directories went: nothing of the instance stays. */
static void gone(struct guest *g, unsigned own, const char *why)
{
	forget(g);
	/* The kernel's instance is the kernel's to close. */
	if (own != XenbusStateUnknown && own != XenbusStateClosed &&
	    !takeover_kernel_serves(&g->be->takeover, g->domid))
		guest_set_state(g, own, XenbusStateClosed, why);
	talk_tell(&g->talk, XTL_DEBUG, "released: %s", why);
}

/* A guest that runs no more keeps its devices until the toolstack takes them, but does nothing with them. */
static void note_halt(struct guest *g)
{
	if (g->halted || hypercall_domain_halted(g->be->host.hypercall, g->domid) <= 0)
		return;
	g->halted = true;
	disconnect(g);
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
		note_halt(g);
	}
	/* A domain that was never seen is one that is still being built. */
	return g->introduced && !there;
}

/* Serves a reconfiguration without the guest. */
static int step_back(struct guest *g, const char *why, struct problem *p)
{
	if (guest_devices_serve(g, false, XenbusStateReconfiguring, XenbusStateConnected, p) < 0)
		return errno == ESTALE ? 1 : -1;
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
	bool kernel = takeover_kernel_serves(&g->be->takeover, g->domid);

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

/* Whether what is to leave was never seen by the guest, who would not answer. */
static bool is_unseen(struct guest *g, unsigned own, unsigned peer)
{
	return own == XenbusStateReconfiguring && peer == XenbusStateConnected &&
	       guest_devices_unseen(g);
}

bool guest_look_lightly(struct guest *g)
{
	enum backend_action action;
	unsigned own, peer;

	if (g->check_alive || g->halted || !g->frontend[0])
		return false;
	own = guest_own_state(g);
	if (own <= XenbusStateInitialising || own >= PCIIF_STATE_COUNT)
		return false;
	peer = guest_peer_state(g);
	note_states(g, own, peer);
	action = backend_action(own, peer);
	if (action == BACKEND_SETTLE && g->page && !g->be->closing)
		return !guest_set_state(g, own, XenbusStateConnected, backend_action_text(action));
	return action == BACKEND_NOTHING && !is_unseen(g, own, peer);
}

/* One look and at most one step. 1: look again; 0: nothing to do; -1: the instance is gone. */
static int look(struct guest *g)
{
	unsigned own = guest_own_state(g);
	unsigned peer = XenbusStateUnknown;
	struct problem p = { 0 };
	enum backend_action action;
	int rc;

	if (own != XenbusStateUnknown && own != XenbusStateInitialising) {
		if (!g->frontend[0]) {
			if (!memory_knows_guest(&g->be->host.memory, g->domid))
				return leave_alone(g, own);
			if (guest_resume(g, own, &p)) {
				fatal(g, own, &p);
				return 0;
			}
			return 1; /* it may have waited */
		}
		peer = guest_peer_state(g);
	}
	if (own == XenbusStateInitialising && takeover_kernel_serves(&g->be->takeover, g->domid))
		return leave_alone(g, own);
	note_states(g, own, peer);
	action = backend_action(own, peer);
	if (action == BACKEND_GONE) {
		gone(g, own, own ? "the frontend's directory is gone" : "our directory is gone");
		return -1;
	}
	/* On our way out no guest is let in or given a device. */
	if (g->be->closing && action != BACKEND_CLOSE && action != BACKEND_CLOSED)
		return 0;
	if (g->halted && own != XenbusStateInitialising)
		rc = step_halted(g, own, &p);
	else if (is_unseen(g, own, peer))
		rc = step_back(g, "what leaves was refused: the guest never had it", &p);
	else
		rc = step(g, action, own, &p);
	if (rc < 0)
		fatal(g, own, &p);
	return rc < 0 ? 0 : rc;
}

bool guest_update(struct guest *g)
{
	int rc = 1;

	if (domain_died(g)) {
		gone(g, guest_read_state(g), "the domain is gone");
		return false;
	}
	for (int i = 0; i < STEPS_MAX && rc > 0; i++)
		rc = look(g);
	if (rc > 0)
		schedule_dirty(&g->be->schedule, g);
	return rc >= 0;
}

bool guest_closed(const struct guest *g)
{
	return !g->page;
}

void guest_ask_to_close(struct guest *g)
{
	unsigned own = guest_read_state(g);

	if (g->page && own != XenbusStateUnknown && own != XenbusStateClosing)
		guest_set_state(g, own, XenbusStateClosing, "xenpcid is stopping");
}

void guest_close_now(struct guest *g)
{
	gone(g, guest_read_state(g), "xenpcid is stopping");
}

struct claim *guest_find(struct guest *g, uint32_t domain, uint32_t bus, uint32_t devfn)
{
	struct claim *claim = g->last;

	if (claim && claim->virt.devfn == devfn && claim->virt.bus == bus &&
	    claim->virt.segment == domain)
		return claim;
	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (claim->virt.devfn == devfn && claim->virt.bus == bus &&
		    claim->virt.segment == domain) {
			g->last = claim;
			return claim;
		}
	}
	return NULL;
}
