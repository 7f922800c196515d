/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/guest_devices.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/guest_error.h"
#include "backend/supervisor/guest_publish.h"
#include "backend/supervisor/guest_state.h"
#include "backend/supervisor/ledgers.h"
#include "backend/supervisor/recovery.h"
#include "common/store.h"
#include "common/util.h"

static int read_node(struct guest *g, const char *node, char *buf, unsigned size)
{
	return store_read(g->be->xen.xs, XBT_NULL, g->dir, node, buf, size);
}

bool guest_devices_release(struct guest *g)
{
	struct claim *claim, *next;

	for (claim = TAILQ_FIRST(&g->claims); claim; claim = next) {
		next = TAILQ_NEXT(claim, of_guest);
		claim_leave(claim);
	}
	for (claim = TAILQ_FIRST(&g->claims); claim; claim = next) {
		next = TAILQ_NEXT(claim, of_guest);
		if (claim->phase != CLAIM_LEFT && claim->phase != CLAIM_REFUSED)
			continue;
		successor_device_forget(&g->be->successor, XBT_NULL, guest_id(g), claim->sbdf);
		claim_free(claim);
	}
	return TAILQ_EMPTY(&g->claims);
}

void guest_devices_reap(struct guest *g)
{
	struct claim *claim, *next;

	for (claim = TAILQ_FIRST(&g->claims); claim; claim = next) {
		next = TAILQ_NEXT(claim, of_guest);
		if (!claim->unasked || claim->phase != CLAIM_LEFT)
			continue;
		successor_device_forget(&g->be->successor, XBT_NULL, guest_id(g), claim->sbdf);
		claim_free(claim);
	}
}

bool guest_devices_settled(const struct guest *g)
{
	const struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->phase != CLAIM_TAKEN)
			return false;
	return true;
}

/* A virtual address beside those that the guest's devices have. */
static int assign_address(struct guest *g, struct claim *claim, struct problem *p)
{
	struct slots_device list[NODES_MAX_DEVS], dev = {
		.host = claim->sbdf,
		.is_vf = claim->info.is_vf,
	};
	struct claim *other;
	char buf[SBDF_TEXT];
	size_t n = 0;

	TAILQ_FOREACH(other, &g->claims, of_guest) {
		if (n == NODES_MAX_DEVS)
			return problem_set(p, ENOSPC, "more than %d devices", NODES_MAX_DEVS);
		if (other->has_virt && other->phase <= CLAIM_TAKEN)
			list[n++] = (struct slots_device){ other->sbdf, other->virt,
							   other->info.is_vf };
	}
	if (slots_assign(g->be->env->settings.slots, list, n, &dev, &claim->virt))
		return problem_set(p, errno, "%s: %s", sbdf_format(dev.host, buf),
				   errno == ENOSPC ? "all 32 virtual slots are in use"
						   : "its virtual address is taken");
	return 0;
}

/* Device host is to be the guest's; opts-N tells how. */
static struct claim *take_device(struct guest *g, unsigned n, struct sbdf host, struct problem *p)
{
	char opts[256], opts_node[NODE_NAME_MAX];
	struct claim *claim;

	node_numbered(NODE_OPTS_FMT, n, opts_node);
	if (read_node(g, opts_node, opts, sizeof(opts)) < 0)
		snprintf(opts, sizeof(opts), "%s", errno == ENOENT ? "" : strerror(errno));
	claim = claim_begin(g, host, opts, opts_node);
	if (!claim)
		problem_set(p, errno, "dev-%u: %s", n, errno == ENOSPC ? "more devices than can be served"
								      : strerror(errno));
	return claim;
}

/* A device that was taken is to be seen by the guest. */
static int settle(struct guest *g, struct claim *claim, struct problem *p)
{
	char host_text[SBDF_TEXT], virt_text[NODE_VALUE_MAX];

	if (!claim->has_virt) {
		if (assign_address(g, claim, p)) {
			claim->unasked = true;
			claim_leave(claim);
			return -1;
		}
		claim->has_virt = true;
		recovery_watch(g, claim);
		talk_tell(&g->talk, XTL_INFO, "%s given as %s", sbdf_format(claim->sbdf, host_text),
			  node_vdev_format(claim->virt, virt_text));
	}
	if (g->service.ledger && !claim->gate_asked)
		ledger_fresh(g->service.ledger, claim->slot, claim->command);
	service_add(claim);
	return 0;
}

/* What export_device and release_device return where the entry is not to be answered yet. */
enum { WAITS = 1 };

static int export_device(struct pass *pass, struct entry *e, struct problem *p)
{
	struct guest *g = pass->g;
	struct claim *claim;

	if (node_dev_parse(e->dev, &e->host))
		return problem_set(p, EINVAL, "dev-%u: \"%s\" is no address like 0000:03:00.0", e->n,
				   e->dev);
	claim = claim_of_guest(g, e->host);
	if (claim && claim->phase == CLAIM_TAKEN && claim->published)
		return problem_set(p, EEXIST, "dev-%u: the guest has %s already", e->n, e->dev);
	if (!claim || claim->phase == CLAIM_LEFT) {
		claim = take_device(g, e->n, e->host, p);
		if (!claim)
			return -1;
	}
	for (unsigned i = 0; i < pass->nr; i++)
		if (pass->entries[i].claim == claim && pass->entries[i].n != e->n)
			return problem_set(p, EEXIST, "dev-%u: the guest has %s already", e->n, e->dev);
	e->claim = claim;
	if (claim->phase == CLAIM_REFUSED) {
		*p = claim->problem;
		return fail(p->err);
	}
	/* Addresses are given in the entries' order, whichever is through first. */
	if (claim->phase != CLAIM_TAKEN || (pass->takes && !claim->has_virt)) {
		pass->takes = true;
		return WAITS;
	}
	if (settle(g, claim, p))
		return -1;
	e->virt = claim->virt;
	return service_knows(claim) ? 0 : WAITS;
}

/* The claim that an entry in state 5 is about: one that leaves already, else the one that the guest has. */
static struct claim *find_leaving(struct pass *pass, struct sbdf host)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &pass->g->claims, of_guest) {
		bool taken = false;

		if (!sbdf_equal(claim->sbdf, host) || claim->phase <= CLAIM_TAKEN)
			continue;
		for (unsigned i = 0; i < pass->nr; i++)
			taken |= pass->entries[i].leaving == claim;
		if (!taken)
			return claim;
	}
	claim = claim_of_guest(pass->g, host);
	return claim && claim->phase <= CLAIM_TAKEN ? claim : NULL;
}

static int release_device(struct pass *pass, struct entry *e)
{
	struct claim *claim = node_dev_parse(e->dev, &e->host) ? NULL : find_leaving(pass, e->host);

	for (unsigned i = 0; claim && i < pass->nr; i++)
		if (pass->entries[i].claim == claim)
			pass->entries[i].claim = NULL;
	/* One that we do not hold must not keep the others from leaving. */
	e->missing = !claim;
	if (!claim)
		return 0;
	claim_leave(claim);
	e->leaving = claim;
	return claim->phase == CLAIM_LEFT || claim->phase == CLAIM_REFUSED ? 0 : WAITS;
}

/* A state-N that is none. */
static void refuse_state(struct guest *g, unsigned n, bool by_guest)
{
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];
	struct problem p;

	if (read_node(g, node_numbered(NODE_STATE_FMT, n, node), text, sizeof(text)) < 0)
		snprintf(text, sizeof(text), "%s", strerror(errno));
	problem_set(&p, EINVAL, "state-%u: \"%s\" is no state", n, text);
	guest_report(g, &p, by_guest);
}

/* Serves entry n if its state-N asks for it: not one that was refused before. */
static void serve_entry(struct pass *pass, unsigned n)
{
	struct guest *g = pass->g;
	struct entry *e = &pass->entries[pass->nr];
	unsigned state = entries_state(g, n);
	char node[NODE_NAME_MAX];
	int rc;

	if (state == ENTRIES_INVALID || state == ENTRIES_UNREAD) {
		pass->invalid[n] = state == ENTRIES_INVALID;
		pass->waits |= state == ENTRIES_UNREAD;
		return;
	}
	if (state == XenbusStateClosed ||
	    (state != XenbusStateClosing && !pass->all && state != XenbusStateInitialising))
		return;
	*e = (struct entry){ .n = n };
	if (entries_dev(g, n, e->dev) < 0) {
		if (guest_unread(g, g->dir, node_numbered(NODE_DEV_FMT, n, node))) {
			pass->waits = true;
			return;
		}
		problem_set(&e->problem, errno, "dev-%u cannot be read: %s", n, strerror(errno));
		e->dev[0] = 0;
	}
	if (state == XenbusStateClosing) {
		e->outcome = OUTCOME_RELEASED;
		rc = release_device(pass, e);
		/* What has left already needs no answer: else the look would go on for ever. */
		if (e->missing && !pass->moves)
			return;
	} else {
		e->outcome = OUTCOME_EXPORTED;
		rc = e->problem.err ? -1 : export_device(pass, e, &e->problem);
		if (rc < 0)
			e->outcome = OUTCOME_REFUSED;
	}
	pass->waits |= rc == WAITS;
	pass->nr++;
}

/* What the entries come to is told once, when it is answered. */
static void tell_entries(struct pass *pass, unsigned nr)
{
	struct guest *g = pass->g;

	for (unsigned n = 0; n < nr; n++)
		if (pass->invalid[n])
			refuse_state(g, n, pass->all); /* again with each reopening */
	for (unsigned i = 0; i < pass->nr; i++) {
		struct entry *e = &pass->entries[i];

		if (e->outcome == OUTCOME_REFUSED)
			guest_report(g, &e->problem, false);
		if (e->missing)
			talk_tell(&g->talk, XTL_INFO, "dev-%u (%s) is to leave, but is not here", e->n,
				  e->dev);
		if (e->claim && e->outcome == OUTCOME_EXPORTED)
			e->claim->published = true;
	}
}

/* Records of what has left, or was refused, are of no more use. */
static void drop_records(struct pass *pass)
{
	for (unsigned i = 0; i < pass->nr; i++) {
		struct entry *e = &pass->entries[i];

		if (e->leaving)
			claim_free(e->leaving);
		if (e->claim && e->claim->phase == CLAIM_REFUSED)
			claim_free(e->claim);
		e->leaving = e->claim = NULL;
	}
}

int guest_devices_serve(struct guest *g, bool all, unsigned from, unsigned to, struct problem *p)
{
	struct pass pass = { .g = g, .all = all, .from = from, .to = to,
			     .moves = to != XenbusStateUnknown };
	struct claim *claim;
	unsigned n;

	if (entries_nr(g, &n)) {
		if (guest_unread(g, g->dir, NODE_NUM_DEVS))
			return fail(EAGAIN);
		return problem_set(p, errno, "%s is %s", NODE_NUM_DEVS,
				   errno == ENOENT ? "missing" : "no number of devices");
	}
	if (all)
		TAILQ_FOREACH(claim, &g->claims, of_guest)
			claim->published = false;
	for (unsigned i = 0; i < n; i++)
		serve_entry(&pass, i);
	if (pass.waits)
		return fail(EAGAIN);
	entries_forget_dev(&g->entries);
	tell_entries(&pass, n);
	if (!pass.nr && to == XenbusStateUnknown)
		return 0;
	if (guest_publish(&pass)) {
		int err = errno;

		/* Overtaken by others again and again: they have their turn, then it is done anew. */
		if (err == EAGAIN)
			guest_look_again(g);
		return err == ESTALE || err == EAGAIN ? fail(err)
				     : problem_set(p, err, "cannot publish: %s", strerror(err));
	}
	drop_records(&pass);
	return (int)pass.nr;
}

int guest_devices_tell_again(struct guest *g, unsigned from, unsigned to)
{
	struct pass pass = { .g = g, .from = from, .to = to };
	unsigned n;

	if (entries_nr(g, &n))
		return -1;
	g->roots_told = false;
	for (unsigned i = 0; i < n; i++) {
		struct entry *e = &pass.entries[pass.nr];
		struct claim *claim;

		*e = (struct entry){ .n = i, .outcome = OUTCOME_EXPORTED };
		if (entries_dev(g, i, e->dev) < 0 || node_dev_parse(e->dev, &e->host))
			continue;
		claim = claim_of_guest(g, e->host);
		if (!claim || claim->phase != CLAIM_TAKEN || !claim->published)
			continue;
		e->virt = claim->virt;
		pass.nr++;
	}
	entries_forget_dev(&g->entries);
	return guest_publish(&pass) ? -1 : (int)pass.nr;
}

static bool was_seen(struct guest *g, unsigned n)
{
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];

	return read_node(g, node_numbered(NODE_VDEV_FMT, n, node), text, sizeof(text)) >= 0 ||
	       guest_unread(g, g->dir, node);
}

/* Entries leave, none comes, and (unseen) none of those that leave was ever the guest's. */
static bool only_leave(struct guest *g, bool unseen)
{
	bool leaving = false;
	unsigned n;

	if (entries_nr(g, &n))
		return false;
	for (unsigned i = 0; i < n; i++) {
		unsigned state = entries_state(g, i);

		if (state == XenbusStateInitialising || state == ENTRIES_UNREAD)
			return false;
		if (state != XenbusStateClosing)
			continue;
		leaving = true;
		if (unseen && was_seen(g, i))
			return false;
	}
	return leaving;
}

bool guest_devices_unseen(struct guest *g)
{
	return only_leave(g, true);
}

bool guest_devices_leave(struct guest *g)
{
	return only_leave(g, false);
}
