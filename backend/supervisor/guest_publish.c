/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/guest_publish.h"

#include <string.h>

#include "backend/supervisor/guest_state.h"
#include "common/store.h"
#include "common/util.h"

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
		if (store_read(g->be->xen.xs, XBT_NULL, g->dir,
			       node_numbered(NODE_ROOT_FMT, pass->old_roots, node), text, sizeof(text)) < 0 ||
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
	if (g->be->env->settings.slots == SLOTS_VPCI) {
		add_root(pass, (struct node_root){ 0 });
		return;
	}
	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (claim->phase != CLAIM_TAKEN || !claim->has_virt)
			continue;
		if (provider_parent(g->be->env->providers[claim->provider], claim->sbdf, &parent) > 0 &&
		    claim_of_guest(g, parent))
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
		    successor_device_forget(&g->be->successor, XBT_NULL, guest_id(g), e->host))
			return -1;
		if (e->outcome == OUTCOME_EXPORTED && e->claim && claim_record(e->claim))
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
	if (e->dev[0] && (store_read(xs, t, g->dir, node_numbered(NODE_DEV_FMT, e->n, node), dev,
				     sizeof(dev)) < 0 || strcmp(dev, e->dev)))
		return fail(ESTALE);
	entries_wrote(&g->entries, e->n);
	if (e->outcome == OUTCOME_REFUSED)
		return store_write(xs, t, g->dir, node_numbered(NODE_STATE_FMT, e->n, node), "%u",
				   XenbusStateClosed);
	if (store_write(xs, t, g->dir, node_numbered(NODE_VDEV_FMT, e->n, node), "%s",
			node_vdev_format(e->virt, value)))
		return -1;
	return store_write(xs, t, g->dir, node_numbered(NODE_STATE_FMT, e->n, node), "%u",
			   XenbusStateInitialised);
}

static int write_roots(struct pass *pass, xs_transaction_t t)
{
	struct xs_handle *xs = pass->g->be->xen.xs;
	char node[NODE_NAME_MAX], value[NODE_VALUE_MAX];

	for (unsigned i = pass->old_roots; i < pass->old_roots + pass->nr_roots; i++)
		if (store_write(xs, t, pass->g->dir, node_numbered(NODE_ROOT_FMT, i, node), "%s",
				node_root_format(pass->roots[i], value)))
			return -1;
	return pass->nr_roots ? store_write(xs, t, pass->g->dir, NODE_ROOT_NUM, "%u",
					    pass->old_roots + pass->nr_roots)
			      : 0;
}

static int write_pass(struct xs_handle *xs, xs_transaction_t t, void *context)
{
	struct pass *pass = context;
	struct guest *g = pass->g;

	for (unsigned i = 0; i < pass->nr; i++)
		if (write_entry(g, t, &pass->entries[i]))
			return -1;
	/* Our state last: so it stands in the kernel's order, and decides for all. */
	if (write_roots(pass, t) || guest_check_state(g, t, pass->from))
		return -1;
	return pass->to == XenbusStateUnknown ? 0 : store_write(xs, t, g->dir, NODE_STATE, "%u", pass->to);
}

/* What was to be told of was not. */
static void unpublish(struct pass *pass)
{
	for (unsigned i = 0; i < pass->nr; i++)
		if (pass->entries[i].claim)
			pass->entries[i].claim->published = false;
}

int guest_publish(struct pass *pass)
{
	struct backend *be = pass->g->be;
	int err;

	find_roots(pass);
	if (record(pass) || store_transaction(be->xen.xs, write_pass, pass)) {
		err = errno;
		unpublish(pass);
		return fail(err);
	}
	pass->g->roots_told = be->env->settings.slots == SLOTS_VPCI;
	return 0;
}
