/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/guest_loss.h"

#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_error.h"
#include "common/store.h"
#include "common/util.h"
#include "host/entry.h"

/* The entry of host, wherever it is now, is closed. */
static int close_entry(struct guest *g, xs_transaction_t t, struct sbdf host)
{
	int n = entry_find(g->be->xen.xs, t, g->dir, host);
	char node[NODE_NAME_MAX];

	if (n < 0)
		return -1;
	entries_wrote(&g->entries, (unsigned)n);
	return store_write(g->be->xen.xs, t, g->dir, node_numbered(NODE_STATE_FMT, (unsigned)n, node), "%u",
			   XenbusStateClosed);
}

struct lost {
	struct guest *g;
	struct sbdf host;
};

/* Its entry is closed, and no successor looks for it. */
static int forget_entry(struct xs_handle *xs, xs_transaction_t t, void *context)
{
	const struct lost *l = context;

	(void)xs;
	return close_entry(l->g, t, l->host) ||
	       successor_device_forget(&l->g->be->successor, t, guest_id(l->g), l->host) ? -1 : 0;
}

/* Where xenstored is lost: when it is back. */
static void close_now(struct guest *g, struct claim *claim)
{
	struct lost l = { g, claim->sbdf };

	claim->entry_stands = store_transaction(g->be->xen.xs, forget_entry, &l) &&
			      !xen_answers(&g->be->xen);
}

void guest_losses_settle(struct guest *g)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->entry_stands)
			close_now(g, claim);
}

void guest_loses(struct guest *g, struct claim *claim, const char *why)
{
	struct sbdf host = claim->sbdf;
	struct problem p = { 0 };
	char buf[SBDF_TEXT];

	problem_set(&p, EIO, "%s: taken away after an error: %s", sbdf_format(host, buf), why);
	guest_report(g, &p, false);
	claim->unasked = true;
	claim_leave(claim);
	close_now(g, claim);
}

void guest_gate_refuses(struct claim *claim)
{
	struct guest *g = claim->guest;

	claim->unasked = true;
	claim_leave(claim);
	close_now(g, claim);
}

/* It was not taken over yet: what a predecessor left in Xen goes, and none of its jobs begins. */
static void drop_vectors(struct guest *g, struct claim *claim)
{
	/* Those of a domain that died Xen has unmapped. */
	if (g->taking_back && !g->same_life)
		return;
	if (vectors_recall(&claim->vectors) < 0)
		claim->vectors.stuck = true;
	vectors_unmap(&claim->vectors);
}

void guest_loses_to_host(struct guest *g, struct claim *claim, const char *why)
{
	bool had = claim->phase == CLAIM_TAKEN, leaves = claim->phase > CLAIM_TAKEN;
	bool begun = claim->carried_on && claim->phase < CLAIM_REFUSED;
	struct sbdf host = claim->sbdf;
	struct problem p = { 0 };
	char buf[SBDF_TEXT];

	problem_set(&p, ENODEV, "%s: taken away: %s; to give it again, bind it to pciback, reset it and "
		    "attach it anew", sbdf_format(host, buf), why);
	/* First what cannot wait. */
	claim->unasked |= had;
	if (begun) {
		drop_vectors(g, claim);
		service_keep_gone(&g->service, claim->virt);
	}
	claim_lose(claim);
	if (!leaves)
		guest_report(g, &p, false);
	/* Whom an earlier life's was taken back from has no entry any more. */
	if (had || (begun && !g->taking_back))
		close_now(g, claim);
}
