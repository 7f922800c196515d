/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/claim_inner.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/supervisor/guest.h"
#include "backend/supervisor/service.h"
#include "common/log.h"
#include "common/util.h"

/* A guest must not lose its device to a request that fails once. */
#define RECALL_TRIES 3

#define JOBS_MAX 16	/* at one time; others stand in line */

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

struct claim *claim_of_guest(const struct guest *g, struct sbdf a)
{
	struct claim *claim, *leaving = NULL;

	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (!sbdf_equal(claim->sbdf, a))
			continue;
		if (claim->phase <= CLAIM_TAKEN)
			return claim;
		leaving = claim;
	}
	return leaving;
}

static void hold(struct claim *claim)
{
	if (claim->holds)
		return;
	claim->holds = true;
	LIST_INSERT_HEAD(&claim->be->claims_at[bucket(claim->sbdf)], claim, of_address);
}

void claim_unhold(struct claim *claim)
{
	if (claim->holds)
		LIST_REMOVE(claim, of_address);
	claim->holds = false;
}

void claim_refused(struct claim *claim, int err, const char *text)
{
	problem_set(&claim->problem, err, "%s", text);
	claim->phase = CLAIM_REFUSED;
	claim_unhold(claim);
	successor_device_dispose(&claim->successor);
	handover_end(claim->be, &claim->handover);
	backend_idle_soon(claim->be);
}

void claim_changed(struct claim *claim)
{
	if (claim->guest)
		guest_look_again(claim->guest);
}

/* ---- Whose turn it is ---- */

bool claims_jobs_left(const struct backend *be)
{
	return be->nr_jobs < JOBS_MAX;
}

static struct claim *claim_of(struct handover *h)
{
	return (struct claim *)((char *)h - offsetof(struct claim, handover));
}

/* Another guest may have it, by another entry that came first. */
static bool is_free(struct claim *claim)
{
	struct claim *holder = claim_find(claim->be, claim->sbdf);
	char name[SBDF_TEXT], text[160], who[GUEST_ID_NAME_MAX];

	if (!holder || holder == claim)
		return true;
	snprintf(text, sizeof(text), "%s: in use by guest %s [rule other-guest; detach it there first]",
		 sbdf_format(claim->sbdf, name), guest_id_name(guest_id(holder->guest), who));
	claim_refused(claim, EBUSY, text);
	claim_changed(claim);
	return false;
}

/* As it is now; 0: it has none, or is not the kernel's to bind. */
static uint64_t binding_of(const struct claim *claim)
{
	const struct env *env = claim->be->env;
	uint64_t binding = 0;

	for (unsigned i = 0; i < env->nr_providers && !binding; i++)
		if (provider_binding(env->providers[i], claim->sbdf, &binding))
			binding = 0;
	return binding;
}

bool claim_is_rebound(const struct claim *claim)
{
	return claim->bound && binding_of(claim) != claim->binding;
}

/* Its turn has come: its job begins. */
static void begin(struct claim *claim)
{
	switch (claim->phase) {
	case CLAIM_QUEUED:
		if (!is_free(claim))
			return;
		if (!claim->carried_on)
			successor_device_init(&claim->successor, &claim->be->successor, guest_id(claim->guest),
					   claim->sbdf);
		hold(claim);
		if (!claim->bound)
			claim->binding = binding_of(claim);
		claim->bound = true;
		claim->phase = CLAIM_TAKING;
		break;
	case CLAIM_RETURN_QUEUED:
		claim->phase = CLAIM_RETURNING;
		break;
	case CLAIM_ERRAND:
		/* Somebody had it before its turn came. */
		if (claim->errand == JOB_IDLE && claim_find(claim->be, claim->sbdf)) {
			claim_free(claim);
			return;
		}
		break;
	default:
		break;
	}
	claim_start_job(claim);
}

static bool wants_job(const struct claim *claim)
{
	if (claim->job)
		return false;
	return claim->phase == CLAIM_QUEUED || claim->phase == CLAIM_TAKING ||
	       claim->phase == CLAIM_RETURN_QUEUED || claim->phase == CLAIM_RETURNING ||
	       claim->phase == CLAIM_ERRAND || claim->recovery == RECOVERY_RESET;
}

/* Nothing is done to one that a predecessor took, and nothing that its neighbours are done concerns it. */
static bool in_nobodys_way(const struct claim *claim)
{
	return claim->carried_on && (claim->phase == CLAIM_QUEUED || claim->phase == CLAIM_TAKING);
}

void claims_run(struct backend *be)
{
	struct handover *h, *next;

	/* What is remembered in xenstore of a device (quarantine.h) counts in each job. */
	if (be->xen.lost)
		return;
	for (h = TAILQ_FIRST(&be->handovers); h && claims_jobs_left(be); h = next) {
		struct claim *claim = claim_of(h);

		next = TAILQ_NEXT(h, link);
		if (wants_job(claim) && (in_nobodys_way(claim) || handover_due(be, h)))
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

/* The one that is remembered of it; another where that is taken (it is damaged, or another life's). */
static int slot_again(const struct guest *g, unsigned slot)
{
	const struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->slot == slot)
			return free_slot(g);
	return (int)slot;
}

static struct claim *claim_new(struct backend *be, struct sbdf a)
{
	struct claim *claim = calloc(1, sizeof(*claim));

	if (!claim)
		return NULL;
	claim->be = be;
	claim->sbdf = a;
	claim->reader_fd = -1;
	claim->since = time(NULL);
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
	claim->vectors.successor = &claim->successor;
	claim->vectors.owner = g->owner;
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
	struct successor_device successor;
	struct sbdf virt;
	struct claim *claim;
	char saved[PCIDEV_SAVED_TEXT], name[SBDF_TEXT];
	struct successor_facts facts;
	int rc = -1;

	for (int i = 0; i < RECALL_TRIES && rc; i++)
		rc = successor_device_recall(&successor, &g->be->successor, guest_id(g), a, &virt, &facts,
					  saved, sizeof(saved));
	if (rc) {
		problem_set(p, errno, "%s: what is remembered of it is damaged: %s",
			    sbdf_format(a, name), strerror(errno));
		return NULL;
	}
	claim = claim_for(g, a, opts, opts_node, slot_again(g, facts.slot));
	if (!claim) {
		problem_set(p, errno, "%s: no memory", sbdf_format(a, name));
		return NULL;
	}
	claim->carried_on = true;
	claim->successor = successor;
	claim->virt = virt;
	claim->has_virt = true;
	claim->prepared = facts.prepared;
	claim->line_judged = facts.line_judged;
	claim->hide_intx = facts.hide_intx;
	claim->provider = facts.provider;
	claim->command = facts.command;
	claim->bound = facts.bound;
	claim->binding = facts.binding;
	claim->recorded = true;
	memcpy(claim->saved, saved, sizeof(saved));
	return claim;
}

void claim_leave(struct claim *claim)
{
	char name[SBDF_TEXT];

	switch (claim->phase) {
	case CLAIM_QUEUED:
		if (!claim->carried_on) {
			claim_refused(claim, ECANCELED, "the guest has gone");
			claim_changed(claim);
			return;
		}
		/* A predecessor's guest had it already: it is to be reset. */
		claim->leaves = true;
		return;
	case CLAIM_TAKING:
		claim->leaves = true;
		return;
	case CLAIM_TAKEN:
		break;
	default:
		return;
	}
	/* Its guest ended before all of it was taken over. */
	if (claim->carried_on && !claim->settled) {
		claim->settled = true;
		if (vectors_recall(&claim->vectors) < 0)
			claim->vectors.stuck = true;
	}
	/* What an HVM guest had the toolstack has taken from it: QEMU lets go of it first. */
	claim->hands_off = claim->lost;
	talk_tell(&claim->guest->talk, XTL_INFO, "%s %s", sbdf_format(claim->sbdf, name),
		  claim->lost ? "is left as it is" :
		  claim->has_virt ? "taken back" : "goes back before its guest had it");
	claim->phase = CLAIM_LEAVING;
	claim->be->upward->leaves(claim);
	/* Who wants it from now on waits until it is back. */
	handover_queue(claim->be, &claim->handover, claim->sbdf);
	if (claim->lost) {
		vectors_unmap(&claim->vectors);
		service_lose(claim);
	} else {
		service_drop(claim);
	}
}

void claim_lose(struct claim *claim)
{
	claim->lost = true;
	claim->hands_off = true;
	if (claim->job)
		process_kill(claim->job);
	if (claim->phase == CLAIM_TAKEN) {
		claim_leave(claim);
	} else if (claim->phase == CLAIM_QUEUED) {
		claim_refused(claim, ENODEV, "its host has taken it");
		claim_changed(claim);
	}
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
	claim_unhold(claim);
	handover_end(claim->be, &claim->handover);
	TAILQ_REMOVE(&claim->be->claims, claim, of_host);
	successor_device_dispose(&claim->successor);
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
	const struct successor_facts facts = { .slot = claim->slot, .prepared = claim->prepared,
					    .provider = claim->provider,
					    .command = claim->command,
					    .line_judged = claim->line_judged,
					    .hide_intx = claim->hide_intx,
					    .bound = claim->bound,
					    .binding = claim->binding };

	if (claim->recorded)
		return 0;
	if (successor_device_record(&claim->successor, claim->virt, &facts, claim->saved))
		return -1;
	claim->recorded = true;
	return 0;
}

int claim_record_again(struct claim *claim)
{
	if (!claim->recorded)
		return 0;
	claim->recorded = false;
	if (claim_record(claim)) {
		claim->recorded = true;
		return -1;
	}
	/* What a predecessor mapped is not known before it was recalled. */
	if (!claim->carried_on || claim->settled)
		vectors_remember(&claim->vectors);
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

void claims_rest(struct backend *be, uint32_t provider, struct sbdf a, enum job_kind kind)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &be->claims, of_host)
		if (claim->phase == CLAIM_ERRAND && claim->errand == kind && sbdf_equal(claim->sbdf, a))
			return;
	claim = errand(be, a, kind);
	if (claim)
		claim->provider = provider;
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
