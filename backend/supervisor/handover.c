/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/handover.h"

#include "backend/supervisor/backend.h"
#include "host/assignable.h"

/*
 * Whether what happens to a may concern b, by what is known of their machine; where one is not known
 * yet, it may.
 */
static bool concerns(const struct backend *be, struct sbdf a, struct sbdf b, bool judged)
{
	bool known = false;

	for (unsigned i = 0; i < be->env->nr_providers; i++) {
		const struct topology *t = &be->machine[i].topology;
		int one = topology_find(t, a), other = topology_find(t, b);

		if (one == TOPOLOGY_NONE || other == TOPOLOGY_NONE)
			continue;
		if (assignable_concerns(t, one, other, judged))
			return true;
		known = true;
	}
	return !known;
}

void handover_queue(struct backend *be, struct handover *h, struct sbdf a)
{
	if (h->queued)
		return;
	h->sbdf = a;
	h->queued = true;
	TAILQ_INSERT_TAIL(&be->handovers, h, link);
}

bool handover_due(struct backend *be, const struct handover *h)
{
	const struct handover *first;

	if (!h->queued)
		return false;
	for (first = TAILQ_FIRST(&be->handovers); first != h; first = TAILQ_NEXT(first, link))
		if (concerns(be, first->sbdf, h->sbdf, h->judged))
			return false;
	return true;
}

void handover_end(struct backend *be, struct handover *h)
{
	if (!h->queued)
		return;
	h->queued = false;
	h->judged = false;
	TAILQ_REMOVE(&be->handovers, h, link);
}
