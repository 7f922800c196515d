/* SPDX-License-Identifier: MIT */
#include "backend/recovery.h"

#include <inttypes.h>
#include <string.h>

#include "backend/custody.h"
#include "backend/guest_devices.h"
#include "common/log.h"
#include "common/number.h"
#include "common/util.h"

enum { LOOK_EVERY_NS = 1000000000, COUNTERS_TEXT_MAX = 2048 };

/* Reads the total at the end of a file of counters, "TOTAL_ERR_FATAL 3". 0, or -1 with errno. */
static int read_counter(const struct claim *claim, const char *file, const char *total,
			uint64_t *value)
{
	char text[COUNTERS_TEXT_MAX], *at;

	if (provider_attribute(claim->provider, claim->dev->info.sbdf, file, text, sizeof(text)) < 0)
		return -1;
	at = strstr(text, total);
	if (!at)
		return fail(EINVAL);
	at += strlen(total);
	at[strcspn(at, "\n")] = '\0';
	return number_parse(at, 10, UINT64_MAX, value);
}

static int read_errors(const struct claim *claim, struct claim_errors *e)
{
	if (read_counter(claim, "aer_dev_fatal", "TOTAL_ERR_FATAL ", &e->fatal) ||
	    read_counter(claim, "aer_dev_nonfatal", "TOTAL_ERR_NONFATAL ", &e->nonfatal))
		return -1;
	e->counted = true;
	return 0;
}

static void look_again(struct guest *g, uint64_t now)
{
	g->aer.look_ns = now + LOOK_EVERY_NS;
	schedule_at(&g->be->schedule, g, g->aer.look_ns);
}

void recovery_watch(struct guest *g, struct claim *claim)
{
	if (read_errors(claim, &claim->errors))
		return;
	if (!g->aer.look_ns)
		look_again(g, now_ns());
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

/* Whether more was counted than before; *now is what is counted. */
static bool has_errors(const struct claim *claim, struct claim_errors *now)
{
	const struct claim_errors *before = &claim->errors;

	memset(now, 0, sizeof(*now));
	return before->counted && !read_errors(claim, now) &&
	       (now->fatal != before->fatal || now->nonfatal != before->nonfatal);
}

/* Begins to recover where there are errors. */
static void look_at(struct guest *g, struct claim *claim)
{
	struct claim_errors now;
	char name[SBDF_TEXT];
	bool fatal;

	/* The next look finds it again if one is in flight. */
	if (!has_errors(claim, &now) || g->aer.recovering || g->aer.waiting)
		return;
	fatal = now.fatal != claim->errors.fatal;
	claim->errors = now;
	talk_tell(&g->talk, XTL_WARN, "%s: %s error (%" PRIu64 " fatal, %" PRIu64 " not, so far)",
		  sbdf_format(claim->dev->info.sbdf, name), fatal ? "fatal" : "non-fatal", now.fatal,
		  now.nonfatal);
	g->aer.fatal = fatal;
	go_on(g, claim, XEN_PCI_OP_aer_detected, fatal ? PCIIF_AER_FROZEN : PCIIF_AER_NORMAL);
}

void recovery_begin(struct guest *g)
{
	struct claim *claim, *next;

	for (claim = TAILQ_FIRST(&g->claims); claim; claim = next) {
		next = TAILQ_NEXT(claim, of_guest);
		look_at(g, claim);
	}
}

bool recovery_look(struct guest *g, uint64_t now)
{
	bool counted = false, errors = false;
	struct claim_errors then;
	struct claim *claim;

	if (!g->aer.look_ns)
		return false;
	if (now < g->aer.look_ns) {
		schedule_at(&g->be->schedule, g, g->aer.look_ns);
		return false;
	}
	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		counted |= claim->errors.counted;
		errors |= has_errors(claim, &then);
	}
	g->aer.look_ns = 0;
	if (counted)
		look_again(g, now);
	return errors;
}
