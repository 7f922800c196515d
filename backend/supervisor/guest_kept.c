/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/guest_kept.h"

#include <string.h>

#include "backend/supervisor/earlier.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_devices.h"
#include "backend/supervisor/guest_identity.h"
#include "backend/supervisor/guest_state.h"
#include "common/store.h"
#include "common/util.h"

/* ---- For a successor ---- */

/* What was to be forgotten while nobody heard it. */
static void drop_stale(struct guest *g)
{
	struct sbdf *list;
	unsigned n = successor_guest_devices(&g->be->successor, guest_id(g), &list);

	for (unsigned i = 0; i < n; i++) {
		const struct claim *claim;

		TAILQ_FOREACH(claim, &g->claims, of_guest)
			if (sbdf_equal(claim->sbdf, list[i]))
				break;
		if (!claim)
			successor_device_forget(&g->be->successor, XBT_NULL, guest_id(g), list[i]);
	}
	free_keep(list);
}

static int record(struct guest *g)
{
	struct claim *claim;

	/* What is not its own yet is as a predecessor left it. */
	if (!g->frontend[0] || g->taking_back)
		return 0;
	if (successor_guest_begin(&g->be->successor, guest_id(g), g->life))
		return -1;
	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim_record_again(claim))
			return -1;
	if (!g->resuming)
		drop_stale(g);
	return 0;
}

int guest_kept(struct guest *g, bool empty)
{
	if (empty && g->frontend[0] && !g->nodes_lost) {
		g->nodes_lost = true;
		g->peer_lost = g->peer;
	}
	g->state_known = g->peer_known = false;
	g->again |= g->ending;
	g->check_alive = true;
	g->untold = true;
	entries_forget(&g->entries);
	guest_look_again(g);
	if (guest_watch_again(g))
		return -1;
	return record(g);
}

/* ---- Without nodes ---- */

bool guest_domain_gone(struct guest *g)
{
	uint8_t handle[16];

	return !hypercall_domain_handle(g->be->hypercall, g->domid, handle);
}

static bool is_another(struct guest *g)
{
	char life[SUCCESSOR_LIFE_MAX];

	return !guest_life(g, life) || (life[0] && g->life[0] && strcmp(life, g->life) != 0);
}

/* What the frontend had published: it does not know that this is gone, and so would not write it again. */
static int publish_for_frontend(struct xs_handle *xs, xs_transaction_t t, void *context)
{
	const struct guest *g = context;
	uint64_t state;

	if (!store_read_number(xs, t, g->frontend, NODE_STATE, 10, PCIIF_STATE_COUNT - 1, &state) &&
	    state > XenbusStateInitialising)
		return 0;
	return store_write(xs, t, g->frontend, NODE_PCI_OP_REF, "%u", g->service.ref) ||
	       store_write(xs, t, g->frontend, NODE_EVENT_CHANNEL, "%u", g->service.port) ||
	       store_write(xs, t, g->frontend, NODE_MAGIC, "%s", PCIIF_MAGIC) ||
	       store_write(xs, t, g->frontend, NODE_STATE, "%u",
			   g->peer_lost > XenbusStateInitialising ? g->peer_lost : XenbusStateConnected) ?
		       -1 : 0;
}

int guest_returns(struct guest *g, unsigned own)
{
	unsigned was = g->state;
	int n = 0;

	if (is_another(g))
		return -1;
	if (own == XenbusStateUnknown || own == GUEST_STATE_INVALID)
		return 0;
	if (service_is_up(&g->service) &&
	    store_transaction(g->be->xen.xs, publish_for_frontend, g))
		return 0;
	/* In the state that it had, they are its own nodes, kept elsewhere. */
	if (own != was)
		n = guest_devices_tell_again(g, own, was);
	if (n < 0)
		return 0;
	g->nodes_lost = false;
	g->state_known = g->peer_known = false;
	talk_tell(&g->talk, XTL_INFO, "its nodes are back, state %u (%s): it has kept %u device%s", was,
		  pciif_state_name(was), g->nr_claims, g->nr_claims == 1 ? "" : "s");
	return 1;
}
