/* SPDX-License-Identifier: MIT */
/* The jobs of claims: what they are told. What comes of them is in claim_result.c. */
#include "backend/supervisor/claim_inner.h"

#include <stdio.h>
#include <string.h>

#include "backend/job/job.h"
#include "backend/supervisor/guest.h"
#include "common/util.h"

struct backend_pristine *claim_pristine(struct backend *be, struct sbdf a, bool room)
{
	struct backend_pristine *empty = NULL;

	for (unsigned i = 0; i < PRISTINE_MAX; i++) {
		struct backend_pristine *p = &be->pristine[i];

		if (p->p.known && sbdf_equal(p->sbdf, a))
			return p;
		if (!p->p.known && !empty)
			empty = p;
	}
	return room ? empty : NULL;
}

static enum job_kind kind_of(const struct claim *claim)
{
	switch (claim->phase) {
	case CLAIM_TAKING:
		return claim->carried_on ? JOB_CARRY_ON : JOB_TAKE;
	case CLAIM_RETURNING:
		return JOB_GIVE_BACK;
	case CLAIM_ERRAND:
		return claim->errand;
	default:
		return JOB_RECOVER;
	}
}

static unsigned list_owners(const struct backend *be, struct message_owner *owners)
{
	const struct claim *claim;
	unsigned nr = 0;

	TAILQ_FOREACH(claim, &be->claims, of_host)
		if (claim->holds && claim->guest && nr < MESSAGE_OWNERS_MAX)
			owners[nr++] = (struct message_owner){ claim->sbdf, claim->guest->owner };
	return nr;
}

static void fill_order(struct claim *claim, struct message_order *o)
{
	struct backend *be = claim->be;

	o->kind = kind_of(claim);
	o->sbdf = claim->sbdf;
	o->domid = claim->guest ? claim->guest->domid : 0;
	o->owner = claim->guest ? claim->guest->owner : 0;
	o->devid = claim->guest ? claim->guest->devid : 0;
	o->provider = claim->provider;
	o->prepared = claim->prepared;
	o->line_judged = claim->line_judged;
	o->hide_intx = claim->hide_intx;
	o->hands_off = claim->hands_off;
	o->raw = claim->raw;
	o->stuck = claim->vectors.stuck;
	o->unreset = claim->unreset;
	o->reset_untold = be->reset_untold;
	o->denied = be->denied;
	o->irq_line = claim->irq_line;
	snprintf(o->opts, sizeof(o->opts), "%s", claim->opts);
	snprintf(o->opts_node, sizeof(o->opts_node), "%.*s", (int)sizeof(o->opts_node) - 1,
		 claim->opts_node);
	memcpy(o->saved, claim->saved, sizeof(o->saved));
	o->pristine = claim->pristine;
	if (o->kind == JOB_TAKE) {
		struct backend_pristine *p = claim_pristine(be, claim->sbdf, false);

		if (p) {
			o->pristine = p->p;
			p->p.known = false;
		}
	} else if (o->kind == JOB_GIVE_BACK) {
		o->kernel_serves = kernel_backend_serves_any(&be->kernel_backend);
	}
}

/* Which machine the device is of: while it is taken, the first one's, where there is but one. */
static int machine_of(const struct claim *claim)
{
	const struct backend *be = claim->be;

	if (claim->phase == CLAIM_TAKING && !claim->carried_on) {
		for (unsigned i = 0; i < be->env->nr_providers; i++)
			if (topology_find(&be->machine[i].topology, claim->sbdf) != TOPOLOGY_NONE)
				return be->machine[i].fd;
		return -1;
	}
	return claim->provider < be->env->nr_providers ? be->machine[claim->provider].fd : -1;
}

/* It stands in line still: nobody would come to it but another job's end. */
static void cannot_start(const struct claim *claim)
{
	struct backend *be = claim->be;
	char name[SBDF_TEXT];

	talk_event(claim->guest ? &claim->guest->talk : &be->processes.talk, XTL_ERROR,
		   "%s: no process to see to it can be started: %s; tried again in a second",
		   sbdf_format(claim->sbdf, name), strerror(errno));
	be->retry_ns = now_ns() + BACKEND_RETRY_NS;
}

void claim_start_job(struct claim *claim)
{
	struct backend *be = claim->be;
	static struct message_owner owners[MESSAGE_OWNERS_MAX];
	unsigned nr = list_owners(be, owners);
	int fd = machine_of(claim);
	struct message m;

	claim->job = process_start(&be->processes, ROLE_JOB, be->upward->job, claim);
	if (!claim->job) {
		cannot_start(claim);
		return;
	}
	be->nr_jobs++;
	claim->attempts++;
	message_init(&m, MESSAGE_ORDER, claim->slot);
	fill_order(claim, &m.u.order);
	process_send_tail(claim->job, &m, &fd, fd >= 0, owners, nr * sizeof(*owners));
}
