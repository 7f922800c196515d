/* SPDX-License-Identifier: MIT */
#include "backend/handover.h"

#include "backend/custody.h"
#include "host/device/slow.h"

void handover_queue(struct host *host, struct handover *h, struct sbdf a)
{
	if (h->queued)
		return;
	h->sbdf = a;
	h->queued = true;
	TAILQ_INSERT_TAIL(&host->handovers, h, link);
}

static bool in_the_way(struct host *host, const struct handover *h)
{
	const struct handover *first;

	for (first = TAILQ_FIRST(&host->handovers); first != h; first = TAILQ_NEXT(first, link))
		if (custody_concerns(host, first->sbdf, h->sbdf, h->judged))
			return true;
	return false;
}

void handover_begin(struct host *host, struct handover *h, struct sbdf a)
{
	handover_queue(host, h, a);
	while (in_the_way(host, h))
		slow_wait();
}

void handover_end(struct host *host, struct handover *h)
{
	if (!h->queued)
		return;
	h->queued = false;
	h->judged = false;
	TAILQ_REMOVE(&host->handovers, h, link);
	slow_tell();
}
