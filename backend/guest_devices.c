/* SPDX-License-Identifier: MIT */
#include "backend/guest_devices.h"

#include <stdio.h>
#include <string.h>

#include "backend/guest_state.h"
#include "backend/recovery.h"
#include "common/store.h"
#include "common/util.h"

/* What becomes of one entry of the toolstack's list. */
enum outcome { OUTCOME_EXPORTED, OUTCOME_REFUSED, OUTCOME_RELEASED };

struct entry {
	unsigned n; /* the index in dev-N */
	enum outcome outcome;
	char dev[NODE_VALUE_MAX]; /* dev-N as it was read */
	struct sbdf host, virt;
	struct claim *claim; /* exported, and not released by a later entry */
};

/* One pass over the list, and what it has to publish. */
struct pass {
	struct guest *g;
	unsigned nr;
	struct entry entries[NODES_MAX_DEVS];
	unsigned nr_roots; /* new ones, to be appended behind old_roots */
	unsigned old_roots;
	struct node_root roots[NODES_MAX_ROOTS];
};

/* The name of node number n, in buf of NODE_NAME_MAX bytes. */
#define node_n(buf, fmt, n) (snprintf(buf, NODE_NAME_MAX, fmt, n), (buf))

static int read_node(struct guest *g, const char *node, char *buf, unsigned size)
{
	return store_read(g->be->xen.xs, XBT_NULL, g->dir, node, buf, size);
}

static void release(struct guest *g, struct claim *claim)
{
	char buf[SBDF_TEXT];

	talk_tell(&g->talk, XTL_INFO, "%s taken back", sbdf_format(claim->dev->info.sbdf, buf));
	TAILQ_REMOVE(&g->claims, claim, of_guest);
	g->nr_claims--;
	g->last = NULL;
	claim_release(claim);
}

void guest_devices_release(struct guest *g)
{
	struct claim *leaving;

	TAILQ_FOREACH(leaving, &g->claims, of_guest)
		claim_leaves(leaving);
	while (!TAILQ_EMPTY(&g->claims)) {
		struct claim *claim = TAILQ_FIRST(&g->claims);
		struct sbdf host = claim->dev->info.sbdf;

		release(g, claim);
		memory_device_forget(&g->be->host.memory, XBT_NULL, g->domid, host);
	}
}

void guest_devices_idle(struct guest *g)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		claim_idle(claim);
}

static struct claim *find_own(struct guest *g, struct sbdf host)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (sbdf_equal(claim->dev->info.sbdf, host))
			return claim;
	return NULL;
}

static int assign_address(struct guest *g, struct claim *claim, struct problem *p)
{
	struct slots_device list[NODES_MAX_DEVS], dev = {
		.host = claim->dev->info.sbdf,
		.is_vf = claim->dev->info.is_vf,
	};
	struct claim *other;
	char buf[SBDF_TEXT];
	size_t n = 0;

	if (g->nr_claims == NODES_MAX_DEVS)
		return problem_set(p, ENOSPC, "more than %d devices", NODES_MAX_DEVS);
	TAILQ_FOREACH(other, &g->claims, of_guest)
		list[n++] = (struct slots_device){ other->dev->info.sbdf, other->virt,
						   other->dev->info.is_vf };
	if (slots_assign(g->be->host.settings.slots, list, n, &dev, &claim->virt))
		return problem_set(p, errno, "%s: %s", sbdf_format(dev.host, buf),
				   errno == ENOSPC ? "all 32 virtual slots are in use"
						   : "its virtual address is taken");
	return 0;
}

/* Takes device host for the guest; opts-N tells how. */
static struct claim *take_device(struct guest *g, unsigned n, struct sbdf host, struct problem *p)
{
	char opts[256], opts_node[NODE_NAME_MAX];
	struct claim *claim;

	node_n(opts_node, NODE_OPTS_FMT, n);
	if (read_node(g, opts_node, opts, sizeof(opts)) < 0)
		snprintf(opts, sizeof(opts), "%s", errno == ENOENT ? "" : strerror(errno));
	claim = claim_take(&g->be->host, &g->talk, host, opts, opts_node, p);
	if (!claim)
		return NULL;
	if (p->err)
		guest_report(g, p, false); /* of opts: it goes on without */
	if (assign_address(g, claim, p)) {
		claim_release(claim);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&g->claims, claim, of_guest);
	g->nr_claims++;
	recovery_watch(g, claim);
	return claim;
}

static int export_device(struct guest *g, struct entry *e, struct problem *p)
{
	char host_text[SBDF_TEXT], virt_text[NODE_VALUE_MAX];
	struct claim *claim;

	if (node_dev_parse(e->dev, &e->host))
		return problem_set(p, EINVAL, "dev-%u: \"%s\" is no address like 0000:03:00.0", e->n,
				   e->dev);
	claim = find_own(g, e->host);
	if (claim && claim->published)
		return problem_set(p, EEXIST, "dev-%u: the guest has %s already", e->n, e->dev);
	if (!claim) {
		claim = take_device(g, e->n, e->host, p);
		if (!claim)
			return -1;
		talk_tell(&g->talk, XTL_INFO, "%s given as %s", sbdf_format(e->host, host_text),
			  node_vdev_format(claim->virt, virt_text));
	}
	claim->published = true;
	e->claim = claim;
	e->virt = claim->virt;
	return 0;
}

static void release_device(struct pass *pass, struct entry *e)
{
	struct guest *g = pass->g;
	struct claim *claim = node_dev_parse(e->dev, &e->host) ? NULL : find_own(g, e->host);

	for (unsigned i = 0; claim && i < pass->nr; i++)
		if (pass->entries[i].claim == claim)
			pass->entries[i].claim = NULL;
	/* One that we do not hold must not keep the others from leaving. */
	if (claim)
		release(g, claim);
	else
		talk_tell(&g->talk, XTL_INFO, "dev-%u (%s) is to leave, but is not here", e->n, e->dev);
}

/* A state-N that is none. */
static void refuse_state(struct guest *g, unsigned n, bool by_guest)
{
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];
	struct problem p;

	if (read_node(g, node_n(node, NODE_STATE_FMT, n), text, sizeof(text)) < 0)
		snprintf(text, sizeof(text), "%s", strerror(errno));
	problem_set(&p, EINVAL, "state-%u: \"%s\" is no state", n, text);
	guest_report(g, &p, by_guest);
}

/* Serves entry n if its state-N asks for it: not one that was refused before. */
static void serve_entry(struct pass *pass, unsigned n, bool all)
{
	struct guest *g = pass->g;
	struct entry *e = &pass->entries[pass->nr];
	unsigned state = entries_state(g, n);
	struct problem p = { 0 };
	char node[NODE_NAME_MAX];

	if (state == ENTRIES_INVALID) {
		refuse_state(g, n, all); /* again with each reopening */
		return;
	}
	if (state == XenbusStateClosed ||
	    (state != XenbusStateClosing && !all && state != XenbusStateInitialising))
		return;
	e->n = n;
	if (read_node(g, node_n(node, NODE_DEV_FMT, n), e->dev, sizeof(e->dev)) < 0) {
		problem_set(&p, errno, "dev-%u cannot be read: %s", n, strerror(errno));
		e->dev[0] = 0;
	}
	pass->nr++;
	if (state == XenbusStateClosing) {
		e->outcome = OUTCOME_RELEASED;
		release_device(pass, e);
		return;
	}
	e->outcome = OUTCOME_EXPORTED;
	if (p.err || export_device(g, e, &p)) {
		e->outcome = OUTCOME_REFUSED;
		guest_report(g, &p, false);
	}
}

static void add_root(struct pass *pass, struct node_root root)
{
	for (unsigned i = 0; i < pass->old_roots + pass->nr_roots; i++)
		if (pass->roots[i].segment == root.segment && pass->roots[i].bus == root.bus)
			return;
	if (pass->old_roots + pass->nr_roots < NODES_MAX_ROOTS)
		pass->roots[pass->old_roots + pass->nr_roots++] = root;
}

/* The roots that are published already; what cannot be read is published anew. */
static void read_roots(struct pass *pass)
{
	struct guest *g = pass->g;
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];
	uint64_t n = 0;

	if (store_read_number(g->be->xen.xs, XBT_NULL, g->dir, NODE_ROOT_NUM, 10, NODES_MAX_ROOTS, &n))
		return;
	while (pass->old_roots < n) {
		if (read_node(g, node_n(node, NODE_ROOT_FMT, pass->old_roots), text,
			      sizeof(text)) < 0 ||
		    node_root_parse(text, &pass->roots[pass->old_roots]))
			return;
		pass->old_roots++;
	}
}

/*
 * One root in slot mode. Else each bus that holds a device whose bridge the
 * guest does not have as well: behind that bridge it will look by itself.
 */
static void find_roots(struct pass *pass)
{
	struct guest *g = pass->g;
	struct claim *claim;
	struct sbdf parent;

	if (g->roots_told)
		return;
	read_roots(pass);
	if (g->be->host.settings.slots == SLOTS_VPCI) {
		add_root(pass, (struct node_root){ 0 });
		return;
	}
	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (claim->provider->ops->parent(claim->provider, claim->dev->info.sbdf, &parent) > 0 &&
		    find_own(g, parent))
			continue;
		add_root(pass, slots_root(claim->virt));
	}
}

/*
 * What a successor has to know goes before what the guest sees: killed in between, it finds a device
 * whose entry still asks for it (resume.h), or one that is to leave and has left. So it needs no part
 * in the transaction, where each node costs several times as much.
 */
static int record(const struct pass *pass)
{
	const struct guest *g = pass->g;

	for (unsigned i = 0; i < pass->nr; i++) {
		const struct entry *e = &pass->entries[i];

		if (e->outcome == OUTCOME_RELEASED &&
		    memory_device_forget(&g->be->host.memory, XBT_NULL, g->domid, e->host))
			return -1;
		if (e->claim && claim_record(e->claim))
			return -1;
	}
	return 0;
}

/* vdev-N, then state-N, as the kernel's backend does. */
static int write_entry(struct guest *g, xs_transaction_t t, const struct entry *e)
{
	struct xs_handle *xs = g->be->xen.xs;
	char node[NODE_NAME_MAX], value[NODE_VALUE_MAX], dev[NODE_VALUE_MAX];

	if (e->outcome == OUTCOME_RELEASED)
		return 0;
	/* The toolstack may have renumbered its list since we read it. */
	if (e->dev[0] && (store_read(xs, t, g->dir, node_n(node, NODE_DEV_FMT, e->n), dev,
				     sizeof(dev)) < 0 || strcmp(dev, e->dev)))
		return fail(ESTALE);
	entries_wrote(&g->entries, e->n);
	if (e->outcome == OUTCOME_REFUSED)
		return store_write(xs, t, g->dir, node_n(node, NODE_STATE_FMT, e->n), "%u",
				   XenbusStateClosed);
	if (store_write(xs, t, g->dir, node_n(node, NODE_VDEV_FMT, e->n), "%s",
			node_vdev_format(e->virt, value)))
		return -1;
	return store_write(xs, t, g->dir, node_n(node, NODE_STATE_FMT, e->n), "%u",
			   XenbusStateInitialised);
}

static int write_roots(struct pass *pass, xs_transaction_t t)
{
	struct xs_handle *xs = pass->g->be->xen.xs;
	char node[NODE_NAME_MAX], value[NODE_VALUE_MAX];

	for (unsigned i = pass->old_roots; i < pass->old_roots + pass->nr_roots; i++)
		if (store_write(xs, t, pass->g->dir, node_n(node, NODE_ROOT_FMT, i), "%s",
				node_root_format(pass->roots[i], value)))
			return -1;
	return pass->nr_roots ? store_write(xs, t, pass->g->dir, NODE_ROOT_NUM, "%u",
					    pass->old_roots + pass->nr_roots)
			      : 0;
}

static int write_pass(struct pass *pass, xs_transaction_t t, unsigned from, unsigned to)
{
	struct guest *g = pass->g;

	for (unsigned i = 0; i < pass->nr; i++)
		if (write_entry(g, t, &pass->entries[i]))
			return -1;
	/* Our state last: so it stands in the kernel's order, and decides for all. */
	if (write_roots(pass, t) || guest_check_state(g, t, from))
		return -1;
	return to == XenbusStateUnknown ? 0 : store_write(g->be->xen.xs, t, g->dir, NODE_STATE, "%u", to);
}

/* 0, or -1 with errno: nothing was published. */
static int publish(struct pass *pass, unsigned from, unsigned to)
{
	struct xs_handle *xs = pass->g->be->xen.xs;
	int rc;

	do {
		xs_transaction_t t = xs_transaction_start(xs);

		if (t == XBT_NULL)
			return -1;
		if (write_pass(pass, t, from, to)) {
			store_abort(xs, t);
			return -1;
		}
		rc = store_commit(xs, t);
	} while (rc == 1);
	return rc;
}

static void unpublish(struct pass *pass)
{
	for (unsigned i = 0; i < pass->nr; i++)
		if (pass->entries[i].claim)
			pass->entries[i].claim->published = false;
}

int guest_devices_serve(struct guest *g, bool all, unsigned from, unsigned to, struct problem *p)
{
	struct pass pass = { .g = g };
	struct claim *claim;
	unsigned n;

	if (entries_nr(g, &n))
		return problem_set(p, errno, "%s is %s", NODE_NUM_DEVS,
				   errno == ENOENT ? "missing" : "no number of devices");
	if (all)
		TAILQ_FOREACH(claim, &g->claims, of_guest)
			claim->published = false;
	for (unsigned i = 0; i < n; i++)
		serve_entry(&pass, i, all);
	if (!pass.nr && to == XenbusStateUnknown)
		return 0;
	find_roots(&pass);
	if (record(&pass) || publish(&pass, from, to)) {
		int err = errno;

		unpublish(&pass);
		return err == ESTALE ? fail(err)
				     : problem_set(p, err, "cannot publish: %s", strerror(err));
	}
	g->roots_told = g->be->host.settings.slots == SLOTS_VPCI;
	return (int)pass.nr;
}

bool guest_devices_unseen(struct guest *g)
{
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];
	bool leaving = false;
	unsigned n;

	if (entries_nr(g, &n))
		return false;
	for (unsigned i = 0; i < n; i++) {
		unsigned state = entries_state(g, i);

		if (state == XenbusStateInitialising)
			return false;
		if (state != XenbusStateClosing)
			continue;
		leaving = true;
		if (read_node(g, node_n(node, NODE_VDEV_FMT, i), text, sizeof(text)) >= 0)
			return false;
	}
	return leaving;
}

/* The entry of host, wherever it is now, is closed. */
static int close_entry(struct guest *g, xs_transaction_t t, struct sbdf host)
{
	struct xs_handle *xs = g->be->xen.xs;
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];
	struct sbdf at;
	uint64_t n;

	if (store_read_number(xs, t, g->dir, NODE_NUM_DEVS, 10, NODES_MAX_DEVS, &n))
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (store_read(xs, t, g->dir, node_n(node, NODE_DEV_FMT, i), text, sizeof(text)) < 0 ||
		    node_dev_parse(text, &at) || !sbdf_equal(at, host))
			continue;
		return store_write(xs, t, g->dir, node_n(node, NODE_STATE_FMT, i), "%u",
				   XenbusStateClosed);
	}
	return fail(ENOENT);
}

void guest_devices_lose(struct guest *g, struct claim *claim, const char *why)
{
	struct xs_handle *xs = g->be->xen.xs;
	struct sbdf host = claim->dev->info.sbdf;
	struct problem p = { 0 };
	char buf[SBDF_TEXT];
	int rc;

	problem_set(&p, EIO, "%s: taken away after an error: %s", sbdf_format(host, buf), why);
	guest_report(g, &p, false);
	release(g, claim);
	do {
		xs_transaction_t t = xs_transaction_start(xs);

		if (t == XBT_NULL)
			return;
		if (close_entry(g, t, host) ||
		    memory_device_forget(&g->be->host.memory, t, g->domid, host)) {
			store_abort(xs, t);
			return;
		}
		rc = store_commit(xs, t);
	} while (rc == 1);
}
