/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/recovery.h"

#include <inttypes.h>
#include <string.h>

#include "backend/supervisor/guest_devices.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_loss.h"
#include "common/number.h"
#include "common/util.h"

#define LOOK_EVERY_NS 1000000000u
/*
 * So long the kernel's reset of a bus takes at most, where the link does not say that it is back. Until it
 * is over, an access to the device's config space would wait for it, and all guests with it.
 */
#define SETTLED_NS 2500000000u

enum { COUNTERS_TEXT_MAX = 2048, PORTS_MAX = 32 };

static struct provider *provider_of(const struct claim *claim)
{
	return claim->be->env->providers[claim->provider];
}

/* Reads the number behind label in a file of counters, "TOTAL_ERR_FATAL 3". 0, or -1 with errno. */
static int read_counter(const struct claim *claim, struct sbdf a, const char *file, const char *label,
			uint64_t *value)
{
	char text[COUNTERS_TEXT_MAX], *at;

	if (provider_attribute(provider_of(claim), a, file, text, sizeof(text)) < 0)
		return -1;
	at = strstr(text, label);
	if (!at)
		return fail(EINVAL);
	at += strlen(label);
	at[strcspn(at, "\n")] = '\0';
	return number_parse(at, 10, UINT64_MAX, value);
}

/* Adds what function a has counted itself. */
static int add_errors(const struct claim *claim, struct sbdf a, struct claim_errors *e)
{
	uint64_t fatal, nonfatal;

	if (read_counter(claim, a, "aer_dev_fatal", "TOTAL_ERR_FATAL ", &fatal) ||
	    read_counter(claim, a, "aer_dev_nonfatal", "TOTAL_ERR_NONFATAL ", &nonfatal))
		return -1;
	e->fatal += fatal;
	e->nonfatal += nonfatal;
	return 0;
}

/* Of the device and of the ports above it, up to the root port. 0, or -1: its errors are not counted. */
static int read_errors(const struct claim *claim, struct claim_errors *e)
{
	struct sbdf a = claim->sbdf;
	unsigned ports = 0;

	memset(e, 0, sizeof(*e));
	if (add_errors(claim, a, e))
		return -1;
	while (ports < PORTS_MAX && provider_parent(provider_of(claim), a, &a) > 0) {
		ports++;
		e->root = a;
		add_errors(claim, a, e);
	}
	e->below_root = ports == 1;
	e->has_root = ports && !read_counter(claim, e->root, "aer_rootport_total_err_fatal", "",
					     &e->root_fatal);
	e->counted = true;
	return 0;
}

void recovery_watch(struct guest *g, struct claim *claim)
{
	if (g->hvm) /* QEMU's, or Xen's */
		return;
	if (!read_errors(claim, &claim->errors) && !g->be->errors_due_ns)
		g->be->errors_due_ns = now_ns() + LOOK_EVERY_NS;
}

static struct claim *taken_by(struct guest *g, struct sbdf host)
{
	struct claim *claim = claim_find(g->be, host);

	return claim && claim->guest == g && claim->phase == CLAIM_TAKEN ? claim : NULL;
}

/* The device is taken from the guest, or the guest from the device. */
static void lose(struct guest *g, struct claim *claim, const char *why)
{
	const struct settings *settings = &g->be->env->settings;
	struct hypercall *hc = g->be->hypercall;
	char name[SBDF_TEXT];
	int rc = 0;

	sbdf_format(claim->sbdf, name);
	g->aer.recovering = false;
	claim->recovery = RECOVERY_NONE;
	talk_event(&g->talk, XTL_ERROR, "%s: its error is not recovered from: %s; the guest is to %s",
		   name, why, settings_aer_failed_name(settings->aer_failed));
	aer_mark_failed(g);
	switch (settings->aer_failed) {
	case SETTINGS_AER_PAUSE:
		rc = hypercall_pause(hc, g->owner);
		break;
	case SETTINGS_AER_DESTROY:
		rc = hypercall_destroy(hc, g->owner);
		break;
	case SETTINGS_AER_DETACH:
		guest_loses(g, claim, why);
		break;
	}
	if (rc)
		talk_event(&g->talk, XTL_ERROR, "Xen refuses: %s", strerror(errno));
}

static void go_on(struct guest *g, struct claim *claim, uint32_t cmd, int32_t channel)
{
	const struct aer_step step = { .cmd = cmd, .channel = channel };
	char name[SBDF_TEXT];
	int32_t result;
	int rc;

	claim->recovery = RECOVERY_GUEST;
	g->aer.recovering = true;
	g->aer.recovered = claim->sbdf;
	rc = aer_post(g, claim, &step, &result);
	if (rc > 0)
		lose(g, claim, "it has no handler for errors");
	else if (rc < 0)
		talk_event(&g->talk, XTL_WARN, "%s: another error is being recovered from",
			   sbdf_format(claim->sbdf, name));
}

/* ---- The reset in the middle, step by step: each step's answer begins the next. ---- */

static void lend(struct claim *claim)
{
	claim->recovery = RECOVERY_LEND;
	service_ask_gate(claim, MESSAGE_LEND);
}

/* First nobody asks the device for anything; then the gate lets it go; then a job resets it. */
static void begin_reset(struct claim *claim)
{
	claim->recovery = RECOVERY_PAUSE;
	if (!service_ask_worker(claim, MESSAGE_PAUSE))
		lend(claim);
}

/* It was reset, and is as the guest had it, or does not come back. */
static void end_reset(struct guest *g, struct claim *claim)
{
	char name[SBDF_TEXT];

	claim->recovery = RECOVERY_NONE;
	service_resume(claim->guest);
	if (claim->fatal) {
		lose(g, claim, "the device does not come back");
	} else if (service_is_up(&g->service)) {
		go_on(g, claim, XEN_PCI_OP_aer_slotreset, PCIIF_AER_NORMAL);
	} else {
		/* Nobody to ask: the guest is not there yet, or no more. */
		g->aer.recovering = false;
		talk_event(&g->talk, XTL_INFO, "%s: recovered from its error; no frontend is connected",
			   sbdf_format(claim->sbdf, name));
	}
}

void recovery_was_reset(struct claim *claim, bool lost)
{
	if (claim->recovery != RECOVERY_RESET)
		return;
	claim->fatal = lost;
	claim->recovery = RECOVERY_TURN_ON;
	if (claim->in_gate)
		service_ask_gate(claim, MESSAGE_TURN_ON);
	else
		end_reset(claim->guest, claim);
}

/* What the guest made of step cmd decides on the next one. */
static void decide(struct guest *g, struct claim *claim, uint32_t cmd, int32_t result)
{
	bool well = result == PCIIF_AER_recovered || result == PCIIF_AER_can_recover;
	/* The guest wants it, or the error was of a kind that only a reset ends. */
	bool reset = (result == PCIIF_AER_need_reset && cmd != XEN_PCI_OP_aer_slotreset) ||
		     (well && cmd == XEN_PCI_OP_aer_detected && g->aer.fatal);
	char name[SBDF_TEXT];

	if (cmd == XEN_PCI_OP_aer_resume) {
		g->aer.recovering = false;
		claim->recovery = RECOVERY_NONE;
		talk_event(&g->talk, XTL_INFO, "%s: recovered from its error",
			   sbdf_format(claim->sbdf, name));
	} else if (reset) {
		begin_reset(claim);
	} else if (!well) {
		lose(g, claim, pciif_aer_result_name(result));
	} else if (cmd == XEN_PCI_OP_aer_detected) {
		go_on(g, claim, XEN_PCI_OP_aer_mmio, PCIIF_AER_NORMAL);
	} else {
		go_on(g, claim, XEN_PCI_OP_aer_resume, PCIIF_AER_NORMAL);
	}
}

bool recovery_verdict(struct guest *g, struct sbdf host, int32_t result)
{
	struct claim *claim;

	if (!g->aer.recovering || !sbdf_equal(g->aer.recovered, host))
		return false;
	claim = taken_by(g, host);
	if (!claim)
		g->aer.recovering = false;
	else if (g->aer.unheard)
		lose(g, claim, "it has no handler for errors");
	else if (!g->aer.answered)
		lose(g, claim, "it did not answer in time");
	else
		decide(g, claim, g->aer.cmd, result);
	return true;
}

/* What the counters say of a device. */
enum finding {
	FINDING_NOTHING,
	FINDING_SOON, /* a fatal error: since_ns tells when to look again */
	FINDING_ERROR,
};

/* Compares with what was counted before; *found is what is counted. */
static enum finding compare(struct claim *claim, uint64_t now, struct claim_errors *found)
{
	struct claim_errors *e = &claim->errors;

	if (!e->counted || read_errors(claim, found))
		return FINDING_NOTHING;
	if (found->fatal == e->fatal && found->root_fatal == e->root_fatal)
		return found->nonfatal == e->nonfatal ? FINDING_NOTHING : FINDING_ERROR;
	if (!e->since_ns)
		e->since_ns = now;
	return now < e->since_ns + SETTLED_NS ? FINDING_SOON : FINDING_ERROR;
}

static void begin(struct guest *g, struct claim *claim, bool fatal)
{
	const struct claim_errors *e = &claim->errors;
	char name[SBDF_TEXT], root[SBDF_TEXT];

	sbdf_format(claim->sbdf, name);
	if (e->has_root)
		talk_event(&g->talk, XTL_WARN, "%s: %s error (it and the ports above: %" PRIu64 " fatal, %"
			  PRIu64 " not, so far; told to %s: %" PRIu64 " fatal)", name,
			  fatal ? "fatal" : "non-fatal", e->fatal, e->nonfatal,
			  sbdf_format(e->root, root), e->root_fatal);
	else
		talk_event(&g->talk, XTL_WARN, "%s: %s error (%" PRIu64 " fatal, %" PRIu64
			  " not, so far)", name, fatal ? "fatal" : "non-fatal", e->fatal, e->nonfatal);
	g->aer.fatal = fatal;
	g->aer.recovering = true;
	g->aer.recovered = claim->sbdf;
	/* Before the guest hears of it: its driver will want to be rid of its vectors. */
	claim->recovery = RECOVERY_MEND;
	service_ask_gate(claim, MESSAGE_MEND);
}

static void mended(struct guest *g, struct claim *claim)
{
	if (service_is_up(&g->service))
		go_on(g, claim, XEN_PCI_OP_aer_detected,
		      g->aer.fatal ? PCIIF_AER_FROZEN : PCIIF_AER_NORMAL);
	else
		begin_reset(claim);
}

/* Begins to recover where there are errors that concern the device: the gate is asked how it is. */
static void look_at(struct guest *g, struct claim *claim, uint64_t now)
{
	struct claim_errors *e = &claim->errors, found;

	/* What is found now is found again after what is in flight. */
	if (g->aer.recovering || g->aer.waiting || claim->recovery != RECOVERY_NONE ||
	    claim->phase != CLAIM_TAKEN || !claim->in_gate ||
	    compare(claim, now, &found) != FINDING_ERROR)
		return;
	claim->own_error = found.fatal != e->fatal || found.nonfatal != e->nonfatal;
	claim->fatal = found.fatal != e->fatal || found.root_fatal != e->root_fatal;
	*e = found;
	claim->recovery = RECOVERY_LOOK;
	service_ask_gate(claim, MESSAGE_LOOK);
}

static void looked(struct guest *g, struct claim *claim, const struct message_looked *l)
{
	claim->recovery = RECOVERY_NONE;
	if (g->aer.recovering || g->aer.waiting)
		return;
	/* Behind a switch it may have been another's, whose bus is not this device's. */
	if (claim->own_error || l->lost || claim->errors.below_root || !l->alive)
		begin(g, claim, claim->fatal || l->lost);
}

void recovery_gate_answered(struct claim *claim, const struct message *m)
{
	struct guest *g = claim->guest;

	if (m->kind == MESSAGE_LOOKED) {
		if (claim->recovery == RECOVERY_LOOK)
			looked(g, claim, &m->u.looked);
		return;
	}
	if (m->u.answer.to == MESSAGE_MEND && claim->recovery == RECOVERY_MEND) {
		if (m->u.answer.changed)
			service_ask_worker(claim, MESSAGE_RELOAD);
		mended(g, claim);
	} else if (m->u.answer.to == MESSAGE_LEND && claim->recovery == RECOVERY_LEND) {
		claim->recovery = RECOVERY_RESET;
		claim_reset(claim);
	} else if (m->u.answer.to == MESSAGE_TURN_ON && claim->recovery == RECOVERY_TURN_ON) {
		claim->recovery = RECOVERY_RELOAD;
		if (!service_ask_worker(claim, MESSAGE_RELOAD))
			end_reset(g, claim);
	}
}

void recovery_worker_answered(struct claim *claim, enum message_kind to)
{
	if (to == MESSAGE_PAUSE && claim->recovery == RECOVERY_PAUSE)
		lend(claim);
	else if (to == MESSAGE_RELOAD && claim->recovery == RECOVERY_RELOAD)
		end_reset(claim->guest, claim);
}

/* The next one begins with the device as it is then. */
void recovery_worker_died(struct guest *g)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (claim->recovery == RECOVERY_PAUSE)
			lend(claim);
		else if (claim->recovery == RECOVERY_RELOAD || claim->recovery == RECOVERY_GUEST)
			claim->recovery = RECOVERY_NONE;
	}
}

void recovery_gate_died(struct guest *g)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (claim->recovery != RECOVERY_RESET)
			claim->recovery = RECOVERY_NONE;
	}
	g->aer.recovering = false;
}

void recovery_forget(struct claim *claim)
{
	struct guest *g = claim->guest;

	if (claim->recovery == RECOVERY_NONE)
		return;
	claim->recovery = RECOVERY_NONE;
	g->aer.recovering = false;
	service_resume(claim->guest);
}

void recovery_begin(struct guest *g)
{
	struct claim *claim, *next;
	uint64_t now = now_ns();

	g->aer.found = false;
	for (claim = TAILQ_FIRST(&g->claims); claim; claim = next) {
		next = TAILQ_NEXT(claim, of_guest);
		look_at(g, claim, now);
	}
}

/* Notes it where there is something to do. Returns when to look again. */
static uint64_t look_for(struct guest *g, struct claim *claim, uint64_t now)
{
	struct claim_errors found;

	switch (claim->phase == CLAIM_TAKEN ? compare(claim, now, &found) : FINDING_NOTHING) {
	case FINDING_SOON:
		return claim->errors.since_ns + SETTLED_NS;
	case FINDING_ERROR:
		g->aer.found = true;
		schedule_at(&g->be->schedule, g, now);
		break;
	case FINDING_NOTHING:
		break;
	}
	return now + LOOK_EVERY_NS;
}

void recovery_look(struct backend *be, uint64_t now)
{
	struct claim *claim;
	uint64_t at;

	be->errors_due_ns = 0;
	TAILQ_FOREACH(claim, &be->claims, of_host) {
		if (!claim->errors.counted)
			continue;
		at = look_for(claim->guest, claim, now);
		if (!be->errors_due_ns || at < be->errors_due_ns)
			be->errors_due_ns = at;
	}
}
