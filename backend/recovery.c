/* SPDX-License-Identifier: MIT */
#include "backend/recovery.h"

#include <inttypes.h>
#include <string.h>

#include "backend/custody.h"
#include "backend/guest_devices.h"
#include "backend/helper.h"
#include "common/log.h"
#include "common/number.h"
#include "common/util.h"

#define LOOK_EVERY_NS 1000000000u
/*
 * So long the kernel's reset of a bus takes at most, where the link does not say that it is back. Until it
 * is over, an access to the device's config space would wait for it, and all guests with it.
 */
#define SETTLED_NS 2500000000u

enum { COUNTERS_TEXT_MAX = 2048, PORTS_MAX = 32 };

/* Reads the number behind label in a file of counters, "TOTAL_ERR_FATAL 3". 0, or -1 with errno. */
static int read_counter(const struct claim *claim, struct sbdf a, const char *file, const char *label,
			uint64_t *value)
{
	char text[COUNTERS_TEXT_MAX], *at;

	if (provider_attribute(claim->provider, a, file, text, sizeof(text)) < 0)
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
	struct sbdf a = claim->dev->info.sbdf;
	unsigned ports = 0;

	memset(e, 0, sizeof(*e));
	if (add_errors(claim, a, e))
		return -1;
	while (ports < PORTS_MAX && provider_parent(claim->provider, a, &a) > 0) {
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
	if (!read_errors(claim, &claim->errors) && !g->be->look_ns)
		g->be->look_ns = now_ns() + LOOK_EVERY_NS;
}

static struct claim *find(struct guest *g, struct sbdf host)
{
	struct claim *claim = claim_find(&g->be->host, host);

	return claim && claim->irq.talk == &g->talk ? claim : NULL;
}

/* The device is taken from the guest, or the guest from the device. */
static void lose(struct guest *g, struct claim *claim, const char *why)
{
	struct host *host = &g->be->host;
	char name[SBDF_TEXT];
	int rc = 0;

	sbdf_format(claim->dev->info.sbdf, name);
	g->aer.recovering = false;
	log_error(host->lg, "guest %u: %s: its error is not recovered from: %s; the guest is to %s",
		  g->domid, name, why, settings_aer_failed_name(host->settings.aer_failed));
	aer_mark_failed(g);
	switch (host->settings.aer_failed) {
	case SETTINGS_AER_PAUSE:
		rc = hypercall_pause(host->hypercall, g->domid);
		break;
	case SETTINGS_AER_DESTROY:
		rc = hypercall_destroy(host->hypercall, g->domid);
		break;
	case SETTINGS_AER_DETACH:
		guest_devices_lose(g, claim, why);
		break;
	}
	if (rc)
		log_error(host->lg, "guest %u: Xen refuses: %s", g->domid, strerror(errno));
}

static void go_on(struct guest *g, struct claim *claim, uint32_t cmd, int32_t channel)
{
	const struct aer_step step = { .cmd = cmd, .channel = channel };
	char name[SBDF_TEXT];
	int32_t result;
	int rc;

	g->aer.recovering = true;
	g->aer.recovered = claim->dev->info.sbdf;
	rc = aer_post(g, claim, &step, &result);
	if (rc > 0)
		lose(g, claim, "it has no handler for errors");
	else if (rc < 0)
		log_warn(g->be->host.lg, "guest %u: %s: another error is being recovered from",
			 g->domid, sbdf_format(claim->dev->info.sbdf, name));
}

static void reset_and_tell(struct guest *g, struct claim *claim)
{
	if (custody_recover(claim))
		lose(g, claim, "the device does not come back");
	else
		go_on(g, claim, XEN_PCI_OP_aer_slotreset, PCIIF_AER_NORMAL);
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
		talk_tell(&g->talk, XTL_INFO, "%s: recovered from its error",
			  sbdf_format(claim->dev->info.sbdf, name));
	} else if (reset) {
		reset_and_tell(g, claim);
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
	claim = find(g, host);
	if (!claim)
		g->aer.recovering = false;
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

/* Nobody to ask: the guest is not there yet, or no more. */
static void recover_alone(struct guest *g, struct claim *claim)
{
	char name[SBDF_TEXT];

	if (custody_recover(claim))
		lose(g, claim, "the device does not come back");
	else
		talk_tell(&g->talk, XTL_INFO, "%s: recovered from its error; no frontend is connected",
			  sbdf_format(claim->dev->info.sbdf, name));
}

static void begin(struct guest *g, struct claim *claim, bool fatal)
{
	const struct claim_errors *e = &claim->errors;
	char name[SBDF_TEXT], root[SBDF_TEXT];

	sbdf_format(claim->dev->info.sbdf, name);
	if (e->has_root)
		talk_tell(&g->talk, XTL_WARN, "%s: %s error (it and the ports above: %" PRIu64 " fatal, %"
			  PRIu64 " not, so far; told to %s: %" PRIu64 " fatal)", name,
			  fatal ? "fatal" : "non-fatal", e->fatal, e->nonfatal,
			  sbdf_format(e->root, root), e->root_fatal);
	else
		talk_tell(&g->talk, XTL_WARN, "%s: %s error (%" PRIu64 " fatal, %" PRIu64
			  " not, so far)", name, fatal ? "fatal" : "non-fatal", e->fatal, e->nonfatal);
	/* Before the guest hears of it: its driver will want to be rid of its vectors. */
	custody_mend(claim);
	g->aer.fatal = fatal;
	if (g->page)
		go_on(g, claim, XEN_PCI_OP_aer_detected,
		      fatal ? PCIIF_AER_FROZEN : PCIIF_AER_NORMAL);
	else
		recover_alone(g, claim);
}

/* Begins to recover where there are errors that concern the device. */
static void look_at(struct guest *g, struct claim *claim, uint64_t now)
{
	struct claim_errors *e = &claim->errors, found;
	bool own, fatal, reset;

	/* What is found now is found again after what is in flight. */
	if (g->aer.recovering || g->aer.waiting || compare(claim, now, &found) != FINDING_ERROR)
		return;
	own = found.fatal != e->fatal || found.nonfatal != e->nonfatal;
	fatal = found.fatal != e->fatal || found.root_fatal != e->root_fatal;
	*e = found;
	reset = pcidev_lost_config(claim->dev, claim->saved);
	/* Behind a switch it may have been another's, whose bus is not this device's. */
	if (own || reset || e->below_root || !pcidev_alive(claim->dev))
		begin(g, claim, fatal || reset);
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

	/* No guest, or a busy one: the counters keep it. */
	switch (g && !helper_busy(g) ? compare(claim, now, &found) : FINDING_NOTHING) {
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

	be->look_ns = 0;
	TAILQ_FOREACH(claim, &be->host.claims, of_host) {
		if (!claim->errors.counted)
			continue;
		at = look_for(be->guests[claim->irq.talk->domid], claim, now);
		if (!be->look_ns || at < be->look_ns)
			be->look_ns = at;
	}
}
