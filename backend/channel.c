/* SPDX-License-Identifier: MIT */
#include "backend/channel.h"

#include <string.h>

#include "backend/helper.h"
#include "backend/serve.h"
#include "common/store.h"
#include "common/util.h"

/* The first spurious event is free; then 1, 2, 4 ... ms, up to a second. */
#define SPURIOUS_FREE 1
#define SPURIOUS_FIRST_NS 1000000u
#define SPURIOUS_MAX_NS 1000000000u

struct published {
	uint64_t ref;
	uint64_t port;
	char magic[8];
};

/* All three nodes in one transaction: what a guest changes meanwhile is not half seen. */
static int read_published(struct guest *g, struct published *out, struct problem *p)
{
	struct xs_handle *xs = g->be->xen.xs;
	xs_transaction_t t = xs_transaction_start(xs);
	const char *bad = NULL;

	if (t == XBT_NULL)
		return problem_set(p, errno, "no transaction: %s", strerror(errno));
	if (store_read_number(xs, t, g->frontend, NODE_PCI_OP_REF, 10, UINT32_MAX, &out->ref))
		bad = NODE_PCI_OP_REF;
	else if (store_read_number(xs, t, g->frontend, NODE_EVENT_CHANNEL, 10, UINT32_MAX, &out->port))
		bad = NODE_EVENT_CHANNEL;
	else if (store_read(xs, t, g->frontend, NODE_MAGIC, out->magic, sizeof(out->magic)) < 0)
		bad = NODE_MAGIC;
	store_abort(xs, t);
	if (bad)
		return problem_set(p, errno == ENOENT ? ENOENT : EINVAL, "frontend's %s is %s", bad,
				   errno == ENOENT ? "missing" : "malformed");
	if (strcmp(out->magic, PCIIF_MAGIC))
		return problem_set(p, EINVAL, "frontend speaks magic \"%.7s\", not \"" PCIIF_MAGIC "\"",
				   out->magic);
	return 0;
}

int channel_connect(struct guest *g, struct problem *p)
{
	struct xen *xen = &g->be->xen;
	struct published pub = { 0 };

	if (g->page)
		return 0;
	if (read_published(g, &pub, p))
		return -1;
	g->page = xen_map_page(xen, g->domid, (uint32_t)pub.ref);
	if (!g->page)
		return problem_set(p, errno, "cannot map the frontend's page, grant %u: %s",
				   (unsigned)pub.ref, strerror(errno));
	if (xen_bind(xen, g->domid, (uint32_t)pub.port, &g->port)) {
		problem_set(p, errno, "cannot bind the frontend's event channel, port %u: %s",
			    (unsigned)pub.port, strerror(errno));
		goto out;
	}
	if (schedule_add_port(&g->be->schedule, g->port, g)) {
		problem_set(p, errno, "no memory for another port");
		xen_unbind(xen, g->port);
		goto out;
	}
	g->spurious = 0;
	g->unmask_ns = 0;
	/* A request may have been raised before we were bound. */
	schedule_ready(&g->be->schedule, g);
	return 0;
out:
	xen_unmap_page(xen, g->page);
	g->page = NULL;
	return fail(p->err);
}

void channel_disconnect(struct guest *g)
{
	if (!g->page)
		return;
	helper_wait(g);
	aer_cancel(g);
	poller_drop(&g->be->poller, g);
	schedule_drop_port(&g->be->schedule, g->port);
	xen_unbind(&g->be->xen, g->port);
	xen_unmap_page(&g->be->xen, g->page);
	g->page = NULL;
	g->unmask_ns = 0;
	g->turn_due = false;
}

static void let_go(struct guest *g, bool genuine)
{
	uint64_t delay;

	g->spurious = genuine ? 0 : g->spurious + 1;
	if (g->spurious <= SPURIOUS_FREE) {
		xen_unmask(&g->be->xen, g->port);
		return;
	}
	delay = g->spurious - SPURIOUS_FREE > 10
			? SPURIOUS_MAX_NS
			: (uint64_t)SPURIOUS_FIRST_NS << (g->spurious - SPURIOUS_FREE - 1);
	g->unmask_ns = now_ns() + delay;
	schedule_at(&g->be->schedule, g, g->unmask_ns);
}

void channel_turn(struct guest *g)
{
	bool answered, served;

	if (!g->page || g->unmask_ns)
		return;
	if (helper_busy(g)) {
		g->turn_due = true;
		return;
	}
	answered = g->aer.waiting && !page_flag(g->page, XEN_PCIB_active);
	served = serve_request(g);
	if (helper_busy(g))
		return;
	/* What follows from it may be a reset. */
	if (answered)
		schedule_at(&g->be->schedule, g, g->be->now_ns);
	if (served && poller_keep(&g->be->poller, g))
		return;
	/* Seen with the port still masked: what comes later raises it again at unmask. */
	if (page_requested(g->page))
		schedule_ready(&g->be->schedule, g);
	else if (!g->polled.hot)
		let_go(g, served || answered);
}

void channel_served(struct guest *g)
{
	if (channel_has_work(g))
		schedule_ready(&g->be->schedule, g);
	else
		let_go(g, true);
}

void channel_let_go(struct guest *g)
{
	let_go(g, true);
}

void channel_unmask_due(struct guest *g, uint64_t now)
{
	if (!g->unmask_ns)
		return;
	if (g->unmask_ns > now) {
		schedule_at(&g->be->schedule, g, g->unmask_ns);
		return;
	}
	g->unmask_ns = 0;
	xen_unmask(&g->be->xen, g->port);
	/* Raised without a kick while we looked away? Linux's order would not, others may. */
	if (g->page && page_requested(g->page))
		schedule_ready(&g->be->schedule, g);
}
