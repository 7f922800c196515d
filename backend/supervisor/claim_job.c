/* SPDX-License-Identifier: MIT */
/* The jobs of claims: what they are told, and what comes of them in each phase. */
#include "backend/supervisor/claim_parts.h"

#include <stdio.h>
#include <string.h>

#include "backend/job/job.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_error.h"
#include "common/log.h"
#include "common/util.h"
#include "host/privileges.h"
#include "host/quarantine.h"

#define ATTEMPTS_MAX 3 /* of a job that dies */

/* ---- Devices that were left as a reset left them ---- */

static struct backend_pristine *pristine_find(struct backend *be, struct sbdf a, bool room)
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

static void pristine_keep(struct claim *claim, const struct pristine *p)
{
	struct backend_pristine *place = pristine_find(claim->be, claim->sbdf, true);

	if (place)
		*place = (struct backend_pristine){ claim->sbdf, claim->provider, *p };
	else
		log_warn(claim->be->lg, "more than %d devices are left without decoding; what is "
			 "given back from now on may be, until it is given again", PRISTINE_MAX);
}

/* ---- Jobs ---- */

/* What the processes of the machine as a whole know of it, from the last job that looked. */
static void keep_machine(struct backend *be, uint32_t provider, int *fd)
{
	struct machine *m = &be->machine[provider];
	struct topology t;

	if (machine_import(&t, *fd))
		return;
	topology_dispose(&m->topology);
	m->topology = t;
	close_keep(m->fd);
	m->fd = *fd;
	*fd = -1;
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
		struct backend_pristine *p = pristine_find(be, claim->sbdf, false);

		if (p) {
			o->pristine = p->p;
			p->p.known = false;
		}
	} else if (o->kind == JOB_GIVE_BACK) {
		o->kernel_serves = kernel_backend_serves_any(&be->kernel_backend);
	}
}

static void job_heard(void *context, const struct message *m, int *fds);
static void job_ended(void *context, int status, const char *how);
static const struct process_owner job_owner = { job_heard, job_ended, NULL };

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

	claim->job = process_start(&be->processes, ROLE_JOB, &job_owner, claim);
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

static void quarantine(struct claim *claim)
{
	struct backend *be = claim->be;
	const struct quarantine notes = { be->xen.xs, be->env->state_dir };
	char name[SBDF_TEXT];

	log_error(be->lg, "%s: in quarantine: no guest gets it until xenpci reset brings it back",
		  sbdf_format(claim->sbdf, name));
	if (quarantine_add(notes, claim->sbdf, "lost in a reset"))
		log_error(be->lg, "%s: quarantine cannot be noted: %s", name,
			  strerror(errno));
}

/* ---- What comes of them ---- */

void claim_refused(struct claim *claim, int err, const char *text)
{
	problem_set(&claim->problem, err, "%s", text);
	claim->phase = CLAIM_REFUSED;
	claim_unhold(claim);
	successor_device_dispose(&claim->successor);
	handover_end(claim->be, &claim->handover);
}

static void taken(struct claim *claim, const struct message_result *r)
{
	struct vector_record *v = &claim->vectors;

	claim->phase = CLAIM_TAKEN;
	claim->provider = r->provider;
	claim->info = r->info;
	claim->irq_line = r->irq_line;
	claim->prepared = r->prepared;
	claim->line_judged = true;
	claim->hide_intx = r->hide_intx;
	claim->raw = r->raw;
	claim->unreset = r->unreset;
	memcpy(claim->saved, r->saved, sizeof(claim->saved));
	v->has_msi = r->msi != 0;
	v->has_msix = r->msix != 0;
	v->no_msix = r->no_msix;
	v->no_vectors = claim->be->denied & PRIVILEGE_BIT(VECTORS);
	v->entries = r->msix_entries;
	v->base = r->msix_base;
	if (!claim->carried_on)
		claim->command = r->command;
	handover_end(claim->be, &claim->handover);
	/* Another toolstack's word is no error of the device's: an error node would say that it is. */
	if (r->opts_err)
		talk_tell(&claim->guest->talk, XTL_WARN, "%s", r->opts_text);
	if (claim->leaves || claim->lost)
		claim_leave(claim);
}

static void left(struct claim *claim)
{
	claim->phase = CLAIM_LEFT;
	claim_unhold(claim);
	successor_device_dispose(&claim->successor);
	handover_end(claim->be, &claim->handover);
}

/* A reset under its guest is over. One that is to leave meanwhile keeps its place in the line. */
static void reset_over(struct claim *claim, bool failed)
{
	if (claim->phase == CLAIM_TAKEN)
		handover_end(claim->be, &claim->handover);
	claim->be->upward->was_reset(claim, failed);
}

/* A job's end, one way or the other; claim is NULL where it was an errand that is done. */
static void job_over(struct backend *be, struct claim *claim)
{
	if (claim)
		claim_changed(claim);
	be->upward->job_done(be);
	claims_run(be);
}

static void job_heard(void *context, const struct message *m, int *fds)
{
	struct claim *claim = context;
	struct backend *be = claim->be;
	const struct message_result *r = &m->u.result;
	struct process *job = claim->job;

	if (m->kind == MESSAGE_MACHINE && fds[0] >= 0 &&
	    m->u.machine.provider < be->env->nr_providers) {
		/* The reset that it begins with may take a minute: who is not concerned need not wait. */
		keep_machine(be, m->u.machine.provider, &fds[0]);
		claims_run(be);
	}
	if (m->kind != MESSAGE_RESULT)
		return;
	if (fds[0] >= 0 && r->provider < be->env->nr_providers)
		keep_machine(be, r->provider, &fds[0]);
	claim->job = NULL;
	claim->attempts = 0;
	be->nr_jobs--;
	be->reset_untold |= r->reset_untold;
	if (r->lost)
		quarantine(claim);
	switch (claim->phase) {
	case CLAIM_TAKING:
		if (r->err)
			claim_refused(claim, r->err, r->text);
		else
			taken(claim, r);
		break;
	case CLAIM_RETURNING:
		if (r->err)
			talk_tell(&claim->guest->talk, XTL_ERROR, "%s", r->text);
		if (r->pristine.known)
			pristine_keep(claim, &r->pristine);
		left(claim);
		break;
	case CLAIM_ERRAND:
		if (r->err)
			log_error(be->lg, "%s", r->text);
		claim_free(claim);
		claim = NULL;
		break;
	default:
		reset_over(claim, r->err != 0);
		break;
	}
	process_disown(job);
	job_over(be, claim);
}

/* It died before it was done. */
static void job_ended(void *context, int status, const char *how)
{
	struct claim *claim = context;
	struct backend *be = claim->be;
	char name[SBDF_TEXT], text[128];

	(void)status;
	claim->job = NULL;
	be->nr_jobs--;
	snprintf(text, sizeof(text), "%s: the process that saw to it %s", sbdf_format(claim->sbdf, name),
		 how);
	if (claim->lost)
		snprintf(text, sizeof(text), "%s: its host took it while it was prepared", name);
	else
		log_error(be->lg, "%s%s", text, claim->attempts < ATTEMPTS_MAX ? "; once more" : "");
	if (claim->lost || claim->attempts >= ATTEMPTS_MAX) {
		claim->attempts = 0;
		switch (claim->phase) {
		case CLAIM_TAKING:
			claim_refused(claim, EIO, text);
			break;
		case CLAIM_RETURNING:
			/* Nobody knows what it was left in; one that was lost is held back. */
			if (!claim->lost)
				quarantine(claim);
			left(claim);
			break;
		case CLAIM_ERRAND:
			claim_free(claim);
			claim = NULL;
			break;
		default:
			reset_over(claim, true);
			break;
		}
	}
	job_over(be, claim);
}
