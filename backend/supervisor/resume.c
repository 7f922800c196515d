/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/resume.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/earlier.h"
#include "backend/supervisor/guest_error.h"
#include "backend/supervisor/guest_identity.h"
#include "backend/supervisor/ownership.h"
#include "backend/supervisor/recovery.h"
#include "backend/supervisor/sweep.h"
#include "common/store.h"
#include "common/util.h"
#include "host/entry.h"

/* The entry that dev-N says is a device: what of it a resumed device needs. */
struct entry {
	unsigned n; /* 0 where there is none */
	unsigned state; /* ENTRIES_ABSENT where there is none */
	char opts[256]; /* empty where there are none */
};

static void find_entry(struct guest *g, struct sbdf host, struct entry *e)
{
	struct xs_handle *xs = g->be->xen.xs;
	int n = entry_find(xs, XBT_NULL, g->dir, host);
	char node[NODE_NAME_MAX];

	*e = (struct entry){ .state = ENTRIES_ABSENT };
	if (n < 0)
		return;
	e->n = (unsigned)n;
	e->state = entries_state(g, e->n);
	if (store_read(xs, XBT_NULL, g->dir, node_numbered(NODE_OPTS_FMT, e->n, node), e->opts, sizeof(e->opts)) < 0)
		e->opts[0] = 0;
}

/* What is remembered of one device at most is right. */
static bool shares_address(struct guest *g, const struct claim *claim)
{
	const struct claim *other;

	TAILQ_FOREACH(other, &g->claims, of_guest)
		if (other != claim && other->has_virt && sbdf_equal(other->virt, claim->virt))
			return true;
	return false;
}

/* Device host is carried on with; a job settles its line again. */
static void resume_device(struct guest *g, struct sbdf host)
{
	char opts_node[NODE_NAME_MAX];
	struct problem p = { 0 };
	struct claim *claim;
	struct entry e;

	find_entry(g, host, &e);
	snprintf(opts_node, sizeof(opts_node), NODE_OPTS_FMT, e.n);
	claim = claim_carry_on(g, host, e.opts, opts_node, &p);
	if (!claim) {
		guest_report(g, &p, false);
		successor_device_forget(&g->be->successor, XBT_NULL, guest_id(g), host);
		return;
	}
	/* Killed before it was published: the entry asks for it still. */
	claim->published = e.state != XenbusStateInitialising;
	claim->unnamed = e.state == ENTRIES_ABSENT || shares_address(g, claim);
	ownership_check(claim, "while no xenpcid ran: ");
}

/* Devices that the guest saw and has lost: their entries are closed, and told where they were. */
static void recall_gone(struct guest *g)
{
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];
	struct sbdf virt;
	unsigned nr;

	if (entries_nr(g, &nr))
		return;
	for (unsigned n = 0; n < nr; n++) {
		if (entries_state(g, n) != XenbusStateClosed)
			continue;
		snprintf(node, sizeof(node), NODE_VDEV_FMT, n);
		if (store_read(g->be->xen.xs, XBT_NULL, g->dir, node, text, sizeof(text)) > 0 &&
		    !node_vdev_parse(text, &virt))
			service_keep_gone(&g->service, virt);
	}
}

static void lose(struct guest *g, struct claim *claim, const struct problem *p)
{
	/* What its host has taken was told. */
	if (!claim->lost)
		guest_report(g, p, false);
	successor_device_forget(&g->be->successor, XBT_NULL, guest_id(g), claim->sbdf);
	claim_free(claim);
}

/* The job is done. */
static void settle(struct guest *g, struct claim *claim)
{
	char buf[SBDF_TEXT], virt[NODE_VALUE_MAX];
	struct problem p = { 0 };
	int rc;

	if (claim->phase == CLAIM_REFUSED) {
		p = claim->problem;
		lose(g, claim, &p);
		return;
	}
	rc = vectors_recall(&claim->vectors);
	if (rc < 0 && !xen_answers(&g->be->xen)) {
		claim->settled = false;
		return;
	}
	if (rc < 0) {
		problem_set(&p, errno, "%s: cannot go on with its interrupts: %s",
			    sbdf_format(claim->sbdf, buf), strerror(errno));
		guest_report(g, &p, false);
		claim->unasked = true;
		claim_leave(claim);
		return;
	}
	claim->unsure = rc > 0;
	if (claim->unnamed) {
		talk_tell(&g->talk, XTL_WARN, "%s is remembered, but no entry of the toolstack's names it "
			  "for this address: it is not carried on with", sbdf_format(claim->sbdf, buf));
		claim->unasked = true;
		claim_leave(claim);
		return;
	}
	recovery_watch(g, claim);
	talk_tell(&g->talk, XTL_INFO, "%s goes on as %s", sbdf_format(claim->sbdf, buf),
		  node_vdev_format(claim->virt, virt));
}

static int begin(struct guest *g, unsigned own, struct problem *p)
{
	struct sbdf *list;
	unsigned n;

	if (guest_identify(g, p))
		return errno == EAGAIN ? 0 : -1;
	talk_tell(&g->talk, XTL_INFO, "taking over from an earlier xenpcid, state %u (%s)", own,
		  pciif_state_name(own));
	/* One that was left by version 1 is known by its uuid from now on. */
	guest_life(g, g->life);
	n = successor_guest_devices(&g->be->successor, guest_id(g), &list);
	/* Without xenstored nothing of it can be believed: the next look begins anew. */
	if (successor_guest_begin(&g->be->successor, guest_id(g), g->life)) {
		problem_set(p, errno, "cannot remember the guest: %s", strerror(errno));
		free_keep(list);
		guest_unwatch(g);
		g->frontend[0] = 0;
		return -1;
	}
	g->state = own;
	g->check_alive = true; /* it may have died while nobody looked */
	g->resuming = true;
	g->recalled = false;
	g->service.resumed = true;
	guest_look_again(g);
	for (unsigned i = 0; i < n; i++)
		resume_device(g, list[i]);
	free(list);
	recall_gone(g);
	claims_run(g->be);
	return 0;
}

/* All that were carried on with are: what is known of their vectors now is all there is. */
static void settle_all(struct guest *g)
{
	struct claim *claim, *next;

	for (claim = TAILQ_FIRST(&g->claims); claim; claim = next) {
		next = TAILQ_NEXT(claim, of_guest);
		if (claim->carried_on && !claim->settled) {
			claim->settled = true;
			settle(g, claim);
		}
	}
	g->recalled = true;
	sweep_vectors(g->be, g->domid);
}

static bool are_through(const struct guest *g)
{
	const struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->phase == CLAIM_QUEUED || claim->phase == CLAIM_TAKING)
			return false;
	return true;
}

int guest_resume(struct guest *g, unsigned own, struct problem *p)
{
	int rc = 1;

	if (!g->resuming)
		return begin(g, own, p);
	if (!are_through(g))
		return 0;
	settle_all(g);
	if (own == XenbusStateConnected || own == XenbusStateReconfiguring ||
	    own == XenbusStateReconfigured)
		rc = service_connect(g, p);
	/* What could not be read because xenstored ended is read when it is back. */
	if (rc < 0 && !xen_answers(&g->be->xen))
		return 0;
	if (rc)
		g->resuming = false;
	return rc;
}
