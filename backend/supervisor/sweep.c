/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/sweep.h"

#include <string.h>

#include "backend/supervisor/guest.h"
#include "common/util.h"

#define SWEEP_MAX 256 /* pirqs above the lowest free one: more than Xen gives a guest by default */

static bool remembered(const struct guest *first, uint32_t pirq)
{
	const struct claim *claim;

	for (const struct guest *g = first; g; g = g->next)
		TAILQ_FOREACH(claim, &g->claims, of_guest)
			if (vectors_have(&claim->vectors, pirq))
				return true;
	return false;
}

/*
 * Xen hands them out from the top down: above the lowest that is free, all are in use, by a claim that
 * remembers them, or by nobody any more.
 */
static void sweep(const struct guest *first, struct guest *g, struct claim *unsure)
{
	uint32_t lowest;

	if (vectors_probe(&unsure->vectors, &lowest)) {
		talk_tell(&g->talk, XTL_WARN, "vectors may be lost until the guest ends: %s",
			 strerror(errno));
		return;
	}
	for (uint32_t pirq = lowest + 1; pirq <= lowest + SWEEP_MAX; pirq++)
		if (!remembered(first, pirq) &&
		    !hypercall_unmap_pirq(g->be->hypercall, g->owner, pirq))
			talk_tell(&g->talk, XTL_INFO, "pirq %u, which nobody remembers, is unmapped", pirq);
	vectors_forget(&unsure->vectors);
}

/* Whether what it has mapped is not known yet. */
static bool is_unknown(struct guest *g)
{
	return g->met ? g->resuming && !g->recalled : successor_knows_guest(&g->be->successor, guest_id(g));
}

void sweep_vectors(struct backend *be, uint32_t domid)
{
	struct guest *first = be->guests[domid];
	struct claim *claim;

	for (struct guest *g = first; g; g = g->next)
		if (is_unknown(g))
			return;
	for (struct guest *g = first; g; g = g->next) {
		TAILQ_FOREACH(claim, &g->claims, of_guest) {
			if (claim->unsure && !claim->lost)
				sweep(first, g, claim);
			claim->unsure = false;
		}
	}
}
