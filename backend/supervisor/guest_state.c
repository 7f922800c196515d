/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/guest_state.h"

#include "backend/supervisor/guest_error.h"
#include "common/probe.h"
#include "common/store.h"
#include "common/util.h"
#include "protocol/states.h"

/*
 * A state node: its number; Unknown where it is absent; GUEST_STATE_INVALID where it is no number;
 * GUEST_STATE_UNREAD.
 */
static unsigned read_state(struct guest *g, xs_transaction_t t, const char *dir)
{
	uint64_t state;

	if (!store_read_number(g->be->xen.xs, t, dir, NODE_STATE, 10, PCIIF_STATE_COUNT - 1, &state))
		return (unsigned)state;
	/* Of what is gone from another's directory, xenstored tells no one but dom0 more than that it is not ours. */
	if (errno == ENOENT || (errno == EACCES && g->be->xen.domid && dir == g->frontend))
		return XenbusStateUnknown;
	return guest_unread(g, dir, NODE_STATE) ? GUEST_STATE_UNREAD : GUEST_STATE_INVALID;
}

unsigned guest_read_state(struct guest *g)
{
	return read_state(g, XBT_NULL, g->dir);
}

int guest_check_state(struct guest *g, xs_transaction_t t, unsigned from)
{
	if (read_state(g, t, g->dir) == from)
		return 0;
	g->state_known = false;
	return fail(ESTALE);
}

/*
 * A request to xenstored costs more than all else in a look: what no event has told of is not asked for.
 * The state may be newer than the events that we have heard: the entries are forgotten with it, so that they are
 * not older than a state that asks for them.
 */
unsigned guest_own_state(struct guest *g)
{
	if (g->state_known)
		return g->state;
	entries_forget(&g->entries);
	return guest_read_state(g);
}

unsigned guest_peer_state(struct guest *g)
{
	if (!g->peer_known)
		g->peer = read_state(g, XBT_NULL, g->frontend);
	g->peer_known = g->watching && g->peer != GUEST_STATE_UNREAD;
	return g->peer;
}

/* States that only the toolstack begins; among the others a guest can go round as it likes. */
static bool by_toolstack(unsigned state)
{
	return state <= XenbusStateInitialising || state == XenbusStateReconfiguring ||
	       state == XenbusStateReconfigured;
}

void guest_state_is(struct guest *g, unsigned state, const char *why)
{
	const char *from = pciif_state_name(g->state), *to = pciif_state_name(state);

	if (state == g->state)
		return;
	PROBE3(state, g->domid, g->state, state);
	if (by_toolstack(g->state) || by_toolstack(state))
		talk_tell(&g->talk, XTL_INFO, "state %u (%s) -> %u (%s): %s", g->state, from, state,
			  to, why);
	else
		talk_say(&g->talk, XTL_INFO, "state %u (%s) -> %u (%s): %s", g->state, from, state, to,
			 why);
	g->state = state;
}

struct change {
	struct guest *g;
	unsigned from, to;
};

static int write_state(struct xs_handle *xs, xs_transaction_t t, void *context)
{
	const struct change *c = context;

	if (guest_check_state(c->g, t, c->from))
		return -1;
	return store_write(xs, t, c->g->dir, NODE_STATE, "%u", c->to);
}

int guest_set_state(struct guest *g, unsigned from, unsigned to, const char *why)
{
	struct change c = { g, from, to };

	if (from == to)
		return 0;
	/* What the toolstack has removed must not come back as a state without an instance. */
	if (from == XenbusStateUnknown)
		return fail(ENOENT);
	if (store_transaction(g->be->xen.xs, write_state, &c))
		return -1;
	guest_state_is(g, to, why);
	return 0;
}

void guest_complain(struct guest *g, unsigned own, unsigned peer)
{
	struct problem p;

	if (own != GUEST_STATE_INVALID && peer != GUEST_STATE_INVALID) {
		g->complained = false;
		return;
	}
	if (g->complained)
		return;
	g->complained = true;
	problem_set(&p, EINVAL, "%s/" NODE_STATE " is no state; ignored",
		    own == GUEST_STATE_INVALID ? g->dir : g->frontend);
	guest_report(g, &p, own != GUEST_STATE_INVALID);
}
