/* SPDX-License-Identifier: MIT */
#include "backend/resume.h"

#include <stdio.h>
#include <string.h>

#include "backend/channel.h"
#include "backend/recovery.h"
#include "common/store.h"
#include "common/util.h"

#define SWEEP_MAX 256 /* pirqs above the lowest free one: more than Xen gives a guest by default */

/* The entry that dev-N says is a device: what of it a resumed device needs. */
struct entry {
	unsigned n; /* 0 where there is none */
	unsigned state; /* ENTRIES_ABSENT where there is none */
	char opts[256]; /* empty where there are none */
};

static void find_entry(struct guest *g, struct sbdf host, struct entry *e)
{
	struct xs_handle *xs = g->be->xen.xs;
	char node[NODE_NAME_MAX], text[NODE_VALUE_MAX];
	struct sbdf a;
	unsigned nr;

	*e = (struct entry){ .state = ENTRIES_ABSENT };
	if (entries_nr(g, &nr))
		return;
	for (unsigned n = 0; n < nr; n++) {
		snprintf(node, sizeof(node), NODE_DEV_FMT, n);
		if (store_read(xs, XBT_NULL, g->dir, node, text, sizeof(text)) < 0 ||
		    node_dev_parse(text, &a) || !sbdf_equal(a, host))
			continue;
		e->n = n;
		e->state = entries_state(g, n);
		snprintf(node, sizeof(node), NODE_OPTS_FMT, n);
		if (store_read(xs, XBT_NULL, g->dir, node, e->opts, sizeof(e->opts)) < 0)
			e->opts[0] = 0;
		return;
	}
}

static void resume_device(struct guest *g, struct sbdf host, struct claim **unsure)
{
	char opts_node[NODE_NAME_MAX], buf[SBDF_TEXT], virt[NODE_VALUE_MAX];
	struct problem p = { 0 };
	struct claim *claim;
	struct entry e;
	bool lost = false;

	find_entry(g, host, &e);
	snprintf(opts_node, sizeof(opts_node), NODE_OPTS_FMT, e.n);
	claim = claim_resume(&g->be->host, &g->talk, host, e.opts, opts_node, &lost, &p);
	if (!claim) {
		guest_report(g, &p, false);
		memory_device_forget(&g->be->host.memory, XBT_NULL, g->domid, host);
		return;
	}
	/* Killed before it was published: the entry asks for it still. */
	claim->published = e.state != XenbusStateInitialising;
	TAILQ_INSERT_TAIL(&g->claims, claim, of_guest);
	g->nr_claims++;
	recovery_watch(g, claim);
	if (lost)
		*unsure = claim;
	talk_tell(&g->talk, XTL_INFO, "%s goes on as %s", sbdf_format(host, buf),
		 node_vdev_format(claim->virt, virt));
}

static bool remembered(struct guest *g, uint32_t pirq)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		for (unsigned i = 0; i < claim->irq.pirqs; i++) {
			uint32_t first = claim->irq.pirq[i], n = claim->irq.pirqs == 1 ? claim->irq.vectors : 1;

			if (pirq >= first && pirq < first + n)
				return true;
		}
	}
	return false;
}

/*
 * The process before us was killed while it mapped vectors. Xen hands them out from
 * the top down: above the lowest that is free, all are in use, by a claim that remembers them, or
 * by nobody any more.
 */
static void sweep(struct guest *g, struct claim *unsure)
{
	uint32_t lowest;

	if (interrupt_probe(&unsure->irq, &lowest)) {
		talk_tell(&g->talk, XTL_WARN, "vectors may be lost until the guest ends: %s",
			 strerror(errno));
		return;
	}
	for (uint32_t pirq = lowest + 1; pirq <= lowest + SWEEP_MAX; pirq++)
		if (!remembered(g, pirq) &&
		    !hypercall_unmap_pirq(g->be->host.hypercall, g->domid, pirq))
			talk_tell(&g->talk, XTL_INFO, "pirq %u, which nobody remembers, is unmapped", pirq);
	interrupt_remember(&unsure->irq, "none");
}

int guest_resume(struct guest *g, unsigned own, struct problem *p)
{
	struct claim *unsure = NULL;
	struct sbdf *list;
	unsigned n;

	if (guest_identify(g, p))
		return -1;
	talk_tell(&g->talk, XTL_INFO, "taking over from an earlier xenpcid, state %u (%s)", own,
		 pciif_state_name(own));
	g->state = own;
	g->check_alive = true; /* it may have died while nobody looked */
	schedule_dirty(&g->be->schedule, g);
	n = memory_guest_devices(&g->be->host.memory, g->domid, &list);
	for (unsigned i = 0; i < n; i++)
		resume_device(g, list[i], &unsure);
	free(list);
	if (unsure)
		sweep(g, unsure);
	if (own != XenbusStateConnected && own != XenbusStateReconfiguring &&
	    own != XenbusStateReconfigured)
		return 0;
	if (channel_connect(g, p))
		return -1;
	g->resumed = true;
	/* Killed behind an answer and before its kick: the guest would sleep on. */
	xen_notify(&g->be->xen, g->port);
	/* A step of error recovery that was in flight: nobody waits for its verdict any more. */
	if (page_flag(g->page, XEN_PCIB_active))
		page_aer_withdraw(g->page);
	return 0;
}
