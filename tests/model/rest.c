/* SPDX-License-Identifier: MIT */
/* Nothing moves by itself any more: is each guest where it can stay? */
#include "tests/model/model.h"

#include "protocol/states.h"

/* ---- Rest ---- */

static void check_nothing_left(unsigned i)
{
	unsigned domid = node_domid(i);

	for (unsigned d = 0; d < WORLD_DEVICES; d++)
		if (world.device[d].owner == domid)
			world_break("at rest: guest %u has ended, and device %u is still its own", domid, d);
	for (unsigned k = 0; k < WORLD_PIRQS; k++)
		if (world.pirq[k].domid == domid)
			world_break("at rest: guest %u has ended, and pirq %u is still mapped", domid, k);
	if (plan.guest[i].gone && world.be.guests[domid])
		world_break("at rest: guest %u has ended, and the supervisor keeps a record", domid);
}

static void check_entries(unsigned i)
{
	for (unsigned n = 0; n < node_number(BACKEND, i, NODE_NUM_DEVS, 0); n++) {
		unsigned state = node_number(BACKEND, i, NODE_STATE_FMT, n);

		if (state != XenbusStateInitialised && state != XenbusStateClosed)
			world_break("at rest: guest %u's entry %u is in state %u", node_domid(i), n, state);
	}
}

static void check_connected(unsigned i)
{
	const struct guest *g = world.be.guests[node_domid(i)];
	const struct claim *claim;

	check_entries(i);
	if (!g || !service_is_up(&g->service)) {
		world_break("at rest: guest %u shows 4 and is not served", node_domid(i));
		return;
	}
	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->phase != CLAIM_TAKEN || !claim->in_gate || !claim->in_worker)
			world_break("at rest: guest %u's device %d is in phase %u%s%s", g->domid,
				    world_device_at(claim->sbdf), claim->phase,
				    claim->in_gate ? "" : ", not in its gate",
				    claim->in_worker ? "" : ", not in its worker");
	for (unsigned d = 0; d < WORLD_DEVICES; d++) {
		int n = node_entry(i, d);
		bool has = n >= 0 && node_number(BACKEND, i, NODE_STATE_FMT, (unsigned)n) ==
					     XenbusStateInitialised;

		if (has != (world.device[d].owner == node_domid(i)))
			world_break("at rest: guest %u's entry of device %u says %s, but it is guest %u's",
				    node_domid(i), d, has ? "that it has it" : "nothing",
				    world.device[d].owner);
	}
}

static bool left_alone(unsigned i)
{
	const struct guest *g = world.be.guests[node_domid(i)];

	return g && !g->frontend[0] && TAILQ_EMPTY(&g->claims);
}

static void check_guest(unsigned i)
{
	unsigned own = guest_own(i), peer = guest_peer(i);

	if (!plan.guest[i].created)
		return;
	if (plan.guest[i].dead || plan.guest[i].gone) {
		check_nothing_left(i);
		if (!plan.guest[i].gone && own != XenbusStateClosed)
			world_break("at rest: guest %u is dead, and its backend shows %u", node_domid(i), own);
		return;
	}
	if (own == XenbusStateConnected && peer == XenbusStateConnected) {
		check_connected(i);
		return;
	}
	/* Closed before we had heard of it: for us another backend's, until the toolstack removes it. */
	if (plan.guest[i].stopped && own == XenbusStateClosing && left_alone(i)) {
		check_nothing_left(i);
		return;
	}
	if (own != XenbusStateClosed || peer != XenbusStateClosed)
		world_break("at rest: guest %u stays in backend %u, frontend %u: nobody can leave it",
			    node_domid(i), own, peer);
	else if (plan.guest[i].stopped)
		check_nothing_left(i);
}

void rest_check(void)
{
	for (unsigned i = 0; i < plan.left.guests; i++)
		check_guest(i);
	if (world.be.nr_jobs)
		world_break("at rest: %u jobs are counted, and there is none", world.be.nr_jobs);
}
