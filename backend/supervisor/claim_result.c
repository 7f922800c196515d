/* SPDX-License-Identifier: MIT */
/* What comes of the jobs of claims, in each phase. */
#include "backend/supervisor/claim_inner.h"

#include <stdio.h>
#include <string.h>

#include "backend/job/job.h"
#include "backend/supervisor/guest.h"
#include "common/log.h"
#include "common/util.h"
#include "host/privileges.h"
#include "host/quarantine.h"

#define ATTEMPTS_MAX 3 /* of a job that dies */

static void pristine_keep(struct claim *claim, const struct pristine *p)
{
	struct backend_pristine *place = claim_pristine(claim->be, claim->sbdf, true);

	if (place)
		*place = (struct backend_pristine){ claim->sbdf, claim->provider, *p };
	else
		log_warn(claim->be->lg, "more than %d devices are left without decoding; what is "
			 "given back from now on may be, until it is given again", PRISTINE_MAX);
}

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
	backend_idle_soon(claim->be);
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
		if (r->sleepless)
			be->sleepless[be->nr_sleepless++ % SLEEPLESS_MAX] = claim->sbdf;
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

const struct process_owner claim_job_owner = { job_heard, job_ended, NULL };
