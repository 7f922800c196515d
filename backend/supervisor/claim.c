/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/claim.h"

#include <stdio.h>
#include <string.h>

#include "backend/job/job.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/recovery.h"
#include "backend/supervisor/service.h"
#include "common/log.h"
#include "common/util.h"
#include "host/quarantine.h"

#define JOBS_MAX 16	/* at one time; others stand in line */
#define ATTEMPTS_MAX 3	/* of a job that dies */

/* ---- By address ---- */

/* Where claims on a are; neighbours on a bus, and alike slots of buses, are apart. */
static unsigned bucket(struct sbdf a)
{
	return (a.devfn + 37u * a.bus + 11u * a.segment) % CLAIMS_BUCKETS;
}

struct claim *claim_find(const struct backend *be, struct sbdf a)
{
	struct claim *claim;

	LIST_FOREACH(claim, &be->claims_at[bucket(a)], of_address)
		if (sbdf_equal(claim->sbdf, a))
			return claim;
	return NULL;
}

static void hold(struct claim *claim)
{
	if (claim->holds)
		return;
	claim->holds = true;
	LIST_INSERT_HEAD(&claim->be->claims_at[bucket(claim->sbdf)], claim, of_address);
}

static void unhold(struct claim *claim)
{
	if (claim->holds)
		LIST_REMOVE(claim, of_address);
	claim->holds = false;
}

static void changed(struct claim *claim)
{
	if (claim->guest)
		schedule_dirty(&claim->be->schedule, claim->guest);
}

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

bool claims_jobs_left(const struct backend *be)
{
	return be->nr_jobs < JOBS_MAX;
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
			owners[nr++] = (struct message_owner){ claim->sbdf, claim->guest->domid };
	return nr;
}

static void fill_order(struct claim *claim, struct message_order *o)
{
	struct backend *be = claim->be;

	o->kind = kind_of(claim);
	o->sbdf = claim->sbdf;
	o->domid = claim->guest ? claim->guest->domid : 0;
	o->provider = claim->provider;
	o->prepared = claim->prepared;
	o->hands_off = claim->hands_off;
	o->raw = claim->raw;
	o->stuck = claim->vectors.stuck;
	o->unreset = claim->unreset;
	o->reset_untold = be->reset_untold;
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
		o->kernel_serves = takeover_kernel_serves_any(&be->takeover);
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

static void start_job(struct claim *claim)
{
	struct backend *be = claim->be;
	static struct message_owner owners[MESSAGE_OWNERS_MAX];
	unsigned nr = list_owners(be, owners);
	int fd = machine_of(claim);
	struct message m;

	claim->job = process_start(&be->processes, ROLE_JOB, &job_owner, claim);
	if (!claim->job) {
		log_error(be->lg, "no job can be started: %s", strerror(errno));
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
	char name[SBDF_TEXT];

	log_error(be->lg, "%s: in quarantine: no guest gets it until xenpci reset brings it back",
		  sbdf_format(claim->sbdf, name));
	if (quarantine_add(be->xen.xs, claim->sbdf, "lost in a reset"))
		log_error(be->lg, "%s: quarantine cannot be noted in xenstore: %s", name,
			  strerror(errno));
}

/* ---- What comes of them ---- */

static void refused(struct claim *claim, int err, const char *text)
{
	problem_set(&claim->problem, err, "%s", text);
	claim->phase = CLAIM_REFUSED;
	unhold(claim);
	memory_device_dispose(&claim->memory);
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
	claim->raw = r->raw;
	claim->unreset = r->unreset;
	memcpy(claim->saved, r->saved, sizeof(claim->saved));
	v->has_msi = r->msi != 0;
	v->has_msix = r->msix != 0;
	v->no_msix = r->no_msix;
	v->entries = r->msix_entries;
	v->base = r->msix_base;
	if (!claim->carried_on)
		claim->command = r->command;
	handover_end(claim->be, &claim->handover);
	if (r->opts_err) {
		struct problem wrong;

		problem_set(&wrong, r->opts_err, "%s", r->opts_text);
		guest_report(claim->guest, &wrong, false);
	}
	if (claim->leaves)
		claim_leave(claim);
}

static void left(struct claim *claim)
{
	claim->phase = CLAIM_LEFT;
	unhold(claim);
	memory_device_dispose(&claim->memory);
	handover_end(claim->be, &claim->handover);
}

/* A reset under its guest is over. One that is to leave meanwhile keeps its place in the line. */
static void reset_over(struct claim *claim, bool failed)
{
	if (claim->phase == CLAIM_TAKEN)
		handover_end(claim->be, &claim->handover);
	recovery_was_reset(claim, failed);
}

/* A job's end, one way or the other; claim is NULL where it was an errand that is done. */
static void job_over(struct backend *be, struct claim *claim)
{
	if (claim)
		changed(claim);
	guests_job_done(be);
	claims_run(be);
}

static void job_heard(void *context, const struct message *m, int *fds)
{
	struct claim *claim = context;
	struct backend *be = claim->be;
	const struct message_result *r = &m->u.result;
	struct process *job = claim->job;

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
			refused(claim, r->err, r->text);
		else
			taken(claim, r);
		break;
	case CLAIM_RETURNING:
		if (r->err)
			log_error(be->lg, "guest %u: %s", claim->guest->domid, r->text);
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
	log_error(be->lg, "%s%s", text, claim->attempts < ATTEMPTS_MAX ? "; once more" : "");
	if (claim->attempts >= ATTEMPTS_MAX) {
		claim->attempts = 0;
		switch (claim->phase) {
		case CLAIM_TAKING:
			refused(claim, EIO, text);
			break;
		case CLAIM_RETURNING:
			/* Nobody knows what it was left in. */
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

/* ---- Whose turn it is ---- */

static struct claim *claim_of(struct handover *h)
{
	return (struct claim *)((char *)h - offsetof(struct claim, handover));
}

/* Another guest may have it, by another entry that came first. */
static bool is_free(struct claim *claim)
{
	struct claim *holder = claim_find(claim->be, claim->sbdf);
	char name[SBDF_TEXT], text[160];

	if (!holder || holder == claim)
		return true;
	snprintf(text, sizeof(text), "%s: in use by guest %u [rule other-guest; detach it there first]",
		 sbdf_format(claim->sbdf, name), holder->guest->domid);
	refused(claim, EBUSY, text);
	changed(claim);
	return false;
}

/* Its turn has come: its job begins. */
static void begin(struct claim *claim)
{
	switch (claim->phase) {
	case CLAIM_QUEUED:
		if (!is_free(claim))
			return;
		if (!claim->carried_on)
			memory_device_init(&claim->memory, &claim->be->memory, claim->guest->domid,
					   claim->sbdf);
		hold(claim);
		claim->phase = CLAIM_TAKING;
		break;
	case CLAIM_RETURN_QUEUED:
		claim->phase = CLAIM_RETURNING;
		break;
	default:
		break;
	}
	start_job(claim);
}

static bool wants_job(const struct claim *claim)
{
	if (claim->job)
		return false;
	return claim->phase == CLAIM_QUEUED || claim->phase == CLAIM_TAKING ||
	       claim->phase == CLAIM_RETURN_QUEUED || claim->phase == CLAIM_RETURNING ||
	       claim->phase == CLAIM_ERRAND || claim->recovery == RECOVERY_RESET;
}

void claims_run(struct backend *be)
{
	struct handover *h, *next;

	for (h = TAILQ_FIRST(&be->handovers); h && claims_jobs_left(be); h = next) {
		struct claim *claim = claim_of(h);

		next = TAILQ_NEXT(h, link);
		if (wants_job(claim) && handover_due(be, h))
			begin(claim);
	}
}

/* ---- What guests want ---- */

static int free_slot(const struct guest *g)
{
	bool used[SLOT_COUNT] = { false };
	const struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		used[claim->slot] = true;
	for (int i = 0; i < SLOT_COUNT; i++)
		if (!used[i])
			return i;
	return fail(ENOSPC);
}

static struct claim *claim_new(struct backend *be, struct sbdf a)
{
	struct claim *claim = calloc(1, sizeof(*claim));

	if (!claim)
		return NULL;
	claim->be = be;
	claim->sbdf = a;
	claim->reader_fd = -1;
	TAILQ_INSERT_TAIL(&be->claims, claim, of_host);
	return claim;
}

static struct claim *claim_for(struct guest *g, struct sbdf a, const char *opts,
			       const char *opts_node, int slot)
{
	struct claim *claim = slot < 0 ? NULL : claim_new(g->be, a);

	if (!claim)
		return NULL;
	claim->guest = g;
	claim->slot = (unsigned)slot;
	claim->hands_off = g->hvm;
	snprintf(claim->opts, sizeof(claim->opts), "%s", opts);
	snprintf(claim->opts_node, sizeof(claim->opts_node), "%s", opts_node);
	claim->vectors.sbdf = a;
	claim->vectors.hypercall = g->be->hypercall;
	claim->vectors.talk = &g->talk;
	claim->vectors.memory = &claim->memory;
	TAILQ_INSERT_TAIL(&g->claims, claim, of_guest);
	g->nr_claims++;
	claim->handover.judged = true;
	handover_queue(g->be, &claim->handover, a);
	return claim;
}

struct claim *claim_begin(struct guest *g, struct sbdf a, const char *opts, const char *opts_node)
{
	struct claim *claim = claim_for(g, a, opts, opts_node, free_slot(g));

	if (claim)
		claims_run(g->be);
	return claim;
}

struct claim *claim_carry_on(struct guest *g, struct sbdf a, const char *opts,
			     const char *opts_node, struct problem *p)
{
	struct memory_device memory;
	struct sbdf virt;
	struct claim *claim;
	char saved[PCIDEV_SAVED_TEXT], name[SBDF_TEXT];
	struct memory_facts facts;

	if (memory_device_recall(&memory, &g->be->memory, g->domid, a, &virt, &facts, saved,
				 sizeof(saved))) {
		problem_set(p, errno, "%s: what is remembered of it is damaged: %s",
			    sbdf_format(a, name), strerror(errno));
		return NULL;
	}
	claim = claim_for(g, a, opts, opts_node, (int)facts.slot);
	if (!claim) {
		problem_set(p, errno, "%s: no memory", sbdf_format(a, name));
		return NULL;
	}
	claim->carried_on = true;
	claim->memory = memory;
	claim->virt = virt;
	claim->has_virt = true;
	claim->prepared = facts.prepared;
	claim->provider = facts.provider;
	claim->command = facts.command;
	claim->recorded = true;
	memcpy(claim->saved, saved, sizeof(saved));
	return claim;
}

void claim_leave(struct claim *claim)
{
	char name[SBDF_TEXT];

	switch (claim->phase) {
	case CLAIM_QUEUED:
		refused(claim, ECANCELED, "the guest has gone");
		changed(claim);
		return;
	case CLAIM_TAKING:
		claim->leaves = true;
		return;
	case CLAIM_TAKEN:
		break;
	default:
		return;
	}
	/* When it is we that end, an HVM guest keeps it; in any other case the toolstack gave it back. */
	claim->hands_off = claim->guest->hvm && claim->be->closing;
	talk_tell(&claim->guest->talk, XTL_INFO, "%s %s", sbdf_format(claim->sbdf, name),
		  claim->hands_off ? "stays with its guest, as it is" :
		  claim->has_virt ? "taken back" : "goes back before its guest had it");
	claim->phase = CLAIM_LEAVING;
	recovery_forget(claim);
	/* Who wants it from now on waits until it is back. */
	handover_queue(claim->be, &claim->handover, claim->sbdf);
	service_drop(claim);
}

void claim_let_go(struct claim *claim)
{
	if (claim->phase != CLAIM_LEAVING)
		return;
	/* The gate has seen to it, or is dead. */
	vectors_unmap(&claim->vectors);
	close_keep(claim->reader_fd);
	claim->reader_fd = -1;
	claim->phase = CLAIM_RETURN_QUEUED;
	claims_run(claim->be);
}

void claim_free(struct claim *claim)
{
	if (claim->guest) {
		TAILQ_REMOVE(&claim->guest->claims, claim, of_guest);
		claim->guest->nr_claims--;
	}
	unhold(claim);
	handover_end(claim->be, &claim->handover);
	TAILQ_REMOVE(&claim->be->claims, claim, of_host);
	memory_device_dispose(&claim->memory);
	if (claim->job) {
		process_disown(claim->job);
		claim->be->nr_jobs--;
	}
	close_keep(claim->reader_fd);
	free_keep(claim);
}

void claim_reset(struct claim *claim)
{
	handover_queue(claim->be, &claim->handover, claim->sbdf);
	claims_run(claim->be);
}

int claim_record(struct claim *claim)
{
	const struct memory_facts facts = { .slot = claim->slot, .prepared = claim->prepared,
					    .provider = claim->provider,
					    .command = claim->command };

	if (claim->recorded)
		return 0;
	if (memory_device_record(&claim->memory, claim->virt, &facts, claim->saved))
		return -1;
	claim->recorded = true;
	return 0;
}

/* ---- No guest's ---- */

static struct claim *errand(struct backend *be, struct sbdf a, enum job_kind kind)
{
	struct claim *claim = claim_new(be, a);

	if (!claim) {
		log_error(be->lg, "no memory for a job");
		return NULL;
	}
	claim->phase = CLAIM_ERRAND;
	claim->errand = kind;
	handover_queue(be, &claim->handover, a);
	return claim;
}

void claims_hide(struct backend *be)
{
	const struct settings *s = &be->env->settings;

	for (unsigned i = 0; i < s->nr_hide; i++)
		errand(be, s->hide[i], JOB_HIDE);
	claims_run(be);
}

void claims_decode(struct backend *be)
{
	for (unsigned i = 0; i < PRISTINE_MAX; i++) {
		struct backend_pristine *p = &be->pristine[i];
		struct claim *claim = p->p.known ? errand(be, p->sbdf, JOB_DECODE) : NULL;

		if (claim) {
			claim->provider = p->provider;
			claim->pristine = p->p;
		}
		p->p.known = false;
	}
	claims_run(be);
}
