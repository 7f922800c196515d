/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/guest_loss.h"

#include <stdio.h>

#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_error.h"
#include "common/store.h"
#include "common/util.h"

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
		snprintf(node, sizeof(node), NODE_DEV_FMT, i);
		if (store_read(xs, t, g->dir, node, text, sizeof(text)) < 0 ||
		    node_dev_parse(text, &at) || !sbdf_equal(at, host))
			continue;
		snprintf(node, sizeof(node), NODE_STATE_FMT, i);
		entries_wrote(&g->entries, i);
		return store_write(xs, t, g->dir, node, "%u", XenbusStateClosed);
	}
	return fail(ENOENT);
}

/* Its entry is closed, and no successor looks for it. */
static void forget_entry(struct guest *g, struct sbdf host)
{
	struct xs_handle *xs = g->be->xen.xs;
	int rc;

	do {
		xs_transaction_t t = xs_transaction_start(xs);

		if (t == XBT_NULL)
			return;
		if (close_entry(g, t, host) ||
		    memory_device_forget(&g->be->memory, t, guest_id(g), host)) {
			store_abort(xs, t);
			return;
		}
		rc = store_commit(xs, t);
	} while (rc == 1);
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
	forget_entry(g, host);
}

void guest_gate_refuses(struct claim *claim)
{
	struct guest *g = claim->guest;
	struct sbdf host = claim->sbdf;

	claim->unasked = true;
	claim_leave(claim);
	forget_entry(g, host);
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
		forget_entry(g, host);
}
