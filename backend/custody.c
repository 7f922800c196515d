/* SPDX-License-Identifier: MIT */
#include "backend/custody.h"

#include <stdio.h>
#include <string.h>

#include "host/gsi.h"
#include "host/pciback.h"
#include "host/irq_lines.h"
#include "host/quarantine.h"
#include "common/log.h"
#include "common/util.h"

int custody_init(struct host *host)
{
	TAILQ_INIT(&host->handovers);
	host->custody = calloc(host->nr_providers + 1, sizeof(*host->custody));
	return host->custody ? 0 : -1;
}

void custody_dispose(struct host *host)
{
	for (unsigned i = 0; host->custody && i < host->nr_providers; i++)
		topology_dispose(&host->custody[i].topology);
	free_keep(host->custody);
	host->custody = NULL;
}

static struct custody *custody_of(const struct claim *claim)
{
	struct host *host = claim->host;

	for (unsigned i = 0; i < host->nr_providers; i++) {
		if (host->providers[i] == claim->provider)
			return &host->custody[i];
	}
	return NULL;
}

bool custody_concerns(const struct host *host, struct sbdf a, struct sbdf b, bool judged)
{
	bool known = false;

	for (unsigned i = 0; i < host->nr_providers; i++) {
		const struct topology *t = &host->custody[i].topology;
		int one = topology_find(t, a), other = topology_find(t, b);

		if (one == TOPOLOGY_NONE || other == TOPOLOGY_NONE)
			continue;
		if (assignable_concerns(t, one, other, judged))
			return true;
		known = true;
	}
	return !known;
}

void custody_note(const struct claim *claim, uint32_t guest)
{
	struct custody *c = custody_of(claim);
	int i = c ? topology_find(&c->topology, claim->dev->info.sbdf) : TOPOLOGY_NONE;

	if (i != TOPOLOGY_NONE)
		c->topology.function[i].guest = guest;
}

/* Every guest's functions, in a topology that is new. */
static void note_guests(const struct host *host)
{
	const struct claim *claim;

	TAILQ_FOREACH(claim, &host->claims, of_host)
		custody_note(claim, claim->irq.talk->domid);
}

static int read_again(struct custody *c, const struct claim *claim)
{
	struct host *host = claim->host;
	const unsigned before = c->topology.reads;

	if (topology_refresh(&c->topology, claim->provider, host->lg))
		return -1;
	if (c->topology.reads != before)
		note_guests(host);
	return 0;
}

static int refresh(struct custody *c, struct claim *claim)
{
	struct host *host = claim->host;
	struct topology first;

	if (c->read)
		return read_again(c, claim);
	if (topology_read(&first, claim->provider, host->lg))
		return -1;
	if (c->read) {
		/* Another was quicker, and may have begun to reset what we saw. */
		topology_dispose(&first);
		return 0;
	}
	c->topology = first;
	c->read = true;
	note_guests(host);
	return 0;
}

/*
 * The machine as it is now, and claim's place in it; NULL with errno. It is true until somebody
 * waits (device/slow.h).
 */
static struct topology *look_around(struct claim *claim, int *i)
{
	struct custody *c = custody_of(claim);

	if (!c) {
		errno = ENODEV;
		return NULL;
	}
	if (refresh(c, claim))
		return NULL;
	*i = topology_find(&c->topology, claim->dev->info.sbdf);
	if (*i == TOPOLOGY_NONE) {
		errno = ENODEV;
		return NULL;
	}
	return &c->topology;
}

static const char *name_of(const struct claim *claim, char buf[SBDF_TEXT])
{
	return sbdf_format(claim->dev->info.sbdf, buf);
}

/* ---- May it be assigned? ---- */

static int refusal_errno(enum assignable_rule rule)
{
	if (rule == ASSIGNABLE_HOST_DRIVER || rule == ASSIGNABLE_OTHER_GUEST)
		return EBUSY;
	return rule == ASSIGNABLE_QUARANTINE ? EIO : EPERM;
}

/* What is known of the function and its neighbours, beyond what its registers show. */
static void look_closely(struct claim *claim, struct topology *t, int i)
{
	struct topology_function *fn = &t->function[i];
	struct xs_handle *xs = claim->host->memory.xs;
	bool shared;

	assignable_look(t, claim->provider, i);
	quarantine_mark(xs, fn);
	if (!fn->info.irq || strcmp(claim->provider->ops->name, "sysfs") ||
	    lines_users(LINES_FILE, fn->info.irq, fn->line_users, sizeof(fn->line_users)) < 0)
		fn->line_users[0] = '\0';
	/* What is bound already, Xen knows; the toolstack may have given it without us. */
	if (!fn->line_users[0] && fn->info.irq &&
	    !hypercall_irq_shared(claim->host->hypercall, fn->info.irq, &shared) && shared)
		snprintf(fn->line_users, sizeof(fn->line_users), "as Xen tells, between guests");
}

int custody_judge(struct claim *claim, struct problem *p)
{
	char text[ASSIGNABLE_TEXT_MAX], name[SBDF_TEXT];
	const struct assignable_refusal *first;
	struct talk *talk = claim->irq.talk;
	struct settings_life life;
	struct topology *t;
	struct assignable result;
	bool good;
	int i;

	name_of(claim, name);
	t = look_around(claim, &i);
	if (!t)
		return problem_set(p, errno, "%s: cannot look at the machine's devices: %s", name,
				   strerror(errno));
	look_closely(claim, t, i);
	settings_life(&claim->host->settings, &claim->dev->info, &life);
	good = assignable_check(t, i, talk->domid, life.allow, &result);
	claim->hide_intx = result.hide_intx;
	first = assignable_first(&result);
	for (unsigned k = 0; k < result.nr; k++) {
		const struct assignable_refusal *r = &result.refusal[k];

		if (r->allowed)
			talk_tell(talk, XTL_INFO, "%s: overridden (%s): %s", name, life.allow_source,
				  assignable_text(t, i, r, text));
		else if (r != first)
			talk_tell(talk, XTL_WARN, "%s: also refused: %s", name,
				  assignable_text(t, i, r, text));
	}
	for (unsigned k = 0; k < ASSIGNABLE_NOTES_COUNT; k++) {
		if (result.notes & 1u << k)
			talk_tell(talk, XTL_INFO, "%s: note: %s", name, assignable_note_text(k));
	}
	if (life.moved_source[0])
		talk_tell(talk, XTL_WARN, "%s: %s does not count: it is for another device", name,
			  life.moved_source);
	if (good)
		return 0;
	return problem_set(p, refusal_errno(first->rule), "%s: refused: %s", name,
			   assignable_text(t, i, first, text));
}

bool custody_shares_line(struct claim *claim)
{
	struct settings_life life;
	struct assignable result;
	struct topology *t;
	int i;

	t = look_around(claim, &i);
	if (!t)
		return false;
	look_closely(claim, t, i);
	settings_life(&claim->host->settings, &claim->dev->info, &life);
	assignable_check(t, i, claim->irq.talk->domid, life.allow, &result);
	return result.hide_intx;
}

/* ---- The INTx line ---- */

static int withhold_line(struct claim *claim, const char *why, struct problem *p)
{
	char name[SBDF_TEXT];

	name_of(claim, name);
	if (!claim->irq.msi && !claim->irq.msix)
		return problem_set(p, ENODATA, "%s: refused: %s, and it has no MSI", name, why);
	talk_tell(claim->irq.talk, XTL_INFO, "%s: %s: the line is withheld, the guest has to use MSI",
		  name, why);
	claim->dev->info.irq = 0;
	return 0;
}

/*
 * What a guest reads as its line is the pirq that it binds. Where dom0 has none itself, the
 * toolstack lets Xen choose the number; asking for any tells which it is.
 */
static int guests_pirq(struct claim *claim, uint32_t gsi, struct problem *p)
{
	int pirq = -1;

	if (hypercall_map_gsi(claim->host->hypercall, claim->irq.talk->domid, gsi, &pirq)) {
		char why[128];

		snprintf(why, sizeof(why), "Xen gives the guest no pirq for GSI %u (%s)", gsi,
			 strerror(errno));
		return withhold_line(claim, why, p);
	}
	claim->dev->info.irq = (uint32_t)pirq;
	return 0;
}

int custody_take_line(struct claim *claim, struct problem *p)
{
	struct pcidev_info *info = &claim->dev->info;
	char name[SBDF_TEXT];
	uint32_t gsi;
	bool pirqs;

	claim->irq_line = info->irq;
	if (claim->hide_intx)
		return withhold_line(claim, "its interrupt line is shared with others", p);
	if (gsi_find(claim->provider, info, claim->host->hypercall, &gsi, &pirqs)) {
		if (errno == ENOENT)
			return 0;
		return withhold_line(claim, "this dom0 has no pirqs and its kernel does not tell the "
				     "GSI (irq is not GSI here)", p);
	}
	info->irq = gsi;
	/* Where Xen does not let us, the kernel has done it. */
	if (hypercall_setup_gsi(claim->host->hypercall, gsi))
		talk_tell(claim->irq.talk, XTL_INFO, "%s: Xen does not set up GSI %u: %s; INTx may not work",
			  name_of(claim, name), gsi, strerror(errno));
	return pirqs ? 0 : guests_pirq(claim, gsi, p);
}

void custody_release_line(struct claim *claim)
{
	if (claim->irq_line)
		claim->dev->info.irq = claim->irq_line;
}

/* ---- Reset ---- */

static void tell_xen(struct claim *claim, struct sbdf a, enum hypercall_reset kind)
{
	struct host *host = claim->host;
	char name[SBDF_TEXT];

	if (!hypercall_device_reset(host->hypercall, a, kind))
		return;
	if (errno != ENOSYS && errno != EOPNOTSUPP) {
		talk_tell(claim->irq.talk, XTL_WARN, "%s: Xen was not told of the reset: %s",
			  sbdf_format(a, name), strerror(errno));
	} else if (!host->reset_untold) {
		host->reset_untold = true;
		log_info(host->lg, "this Xen takes no notice of device resets (%s): nothing to tell it",
			 strerror(errno));
	}
}

static void quarantine(struct claim *claim)
{
	struct xs_handle *xs = claim->host->memory.xs;
	char name[SBDF_TEXT];

	log_error(claim->host->lg, "%s: in quarantine: no guest gets it until xenpci reset brings it "
		  "back", name_of(claim, name));
	if (xs && quarantine_add(xs, claim->dev->info.sbdf, "lost in a reset"))
		log_error(claim->host->lg, "%s: quarantine cannot be noted in xenstore: %s", name,
			  strerror(errno));
}

/* Nothing could reset it. A neighbour of the same guest's is the usual, passing reason. */
static void say_why_not(struct claim *claim, const struct topology *t, int err,
			const struct reset_result *result)
{
	char text[RESET_TEXT_MAX], name[SBDF_TEXT];

	reset_text(t, result, text);
	talk_tell(claim->irq.talk, err == ENOTTY || err == EBUSY ? XTL_INFO : XTL_WARN,
		  "%s: not reset: %s", name_of(claim, name), text[0] ? text : strerror(err));
}

/* To the log and to Xen. */
static void say_how(struct claim *claim, const struct reset_request *request,
		    const struct reset_result *result)
{
	const struct topology *t = request->topology;
	char text[RESET_TEXT_MAX], name[SBDF_TEXT];

	talk_tell(claim->irq.talk, result->lost || !result->restored || result->against ? XTL_WARN : XTL_INFO,
		  "%s: reset %s", name_of(claim, name), reset_text(t, result, text));
	for (int k = 0; k < t->nr; k++) {
		if (reset_reaches(t, result->method, request->function, k))
			tell_xen(claim, t->function[k].info.sbdf, result->kind);
	}
}

/* Who may be reset along: drivers may have come, or gone. */
static void look_at_neighbours(struct claim *claim, struct topology *tree, int i)
{
	int bridge = tree->function[i].parent;

	for (int k = 0; k < tree->nr; k++) {
		if (k != i && topology_is_below(tree, k, bridge))
			topology_look(tree, claim->provider, k);
	}
}

static void tell_held(struct claim *claim, const char *why)
{
	char name[SBDF_TEXT];

	talk_tell(claim->irq.talk, XTL_WARN, "%s: held back until it has been reset (xenpci reset it): %s",
		  name_of(claim, name), why);
}

void custody_hold_back(struct claim *claim, const char *why)
{
	struct xs_handle *xs = claim->host->memory.xs;

	claim->unreset = true;
	if (xs)
		quarantine_hold(xs, claim->dev->info.sbdf, why);
	tell_held(claim, why);
}

/* What should have been reset and was not goes to nobody. */
static void note_reset(struct claim *claim, const struct topology *t, int i,
		       const struct reset_result *result)
{
	char why[RESET_TEXT_MAX];
	/* While it is being claimed, its guest has not used it. */
	uint32_t user = claim->cfg ? claim->irq.talk->domid : TOPOLOGY_NO_GUEST;
	int rc = quarantine_after_reset(claim->host->memory.xs, t, i, user, result,
					claim->unreset || t->function[i].unreset, why);

	claim->unreset = rc != 0;
	if (rc)
		tell_held(claim, rc < 0 ? strerror(errno) : why);
}

int custody_judge_reset(struct claim *claim, struct problem *p)
{
	const struct assignable_refusal refusal = { .rule = ASSIGNABLE_UNRESET, .bar = -1 };
	char text[ASSIGNABLE_TEXT_MAX], name[SBDF_TEXT];
	struct settings_life life;
	const struct topology *t;
	int i;

	settings_life(&claim->host->settings, &claim->dev->info, &life);
	if (!claim->unreset || life.allow & ASSIGNABLE_BIT(ASSIGNABLE_UNRESET))
		return 0;
	t = look_around(claim, &i);
	return problem_set(p, EIO, "%s: refused: %s", name_of(claim, name),
			   t ? assignable_text(t, i, &refusal, text) : strerror(errno));
}

/* By one of methods, as far as the settings allow them. Returns as custody_reset. */
static int reset(struct claim *claim, unsigned methods)
{
	struct settings_life life;
	struct reset_request request = {
		.provider = claim->provider,
		.dev = claim->dev,
		.image = claim->saved,
		.wait = claim->host->reset_wait ? claim->host->reset_wait : &reset_wait_default,
	};
	struct topology tree;
	struct reset_result result;
	char name[SBDF_TEXT];
	int i;
	const struct topology *now = look_around(claim, &i);

	/* A copy: while we wait, others look around. */
	if (!now || topology_tree(now, i, &tree, &request.function)) {
		talk_tell(claim->irq.talk, XTL_WARN, "%s: not reset: %s", name_of(claim, name),
			  strerror(errno));
		return 0;
	}
	look_at_neighbours(claim, &tree, request.function);
	request.topology = &tree;
	settings_life(&claim->host->settings, &claim->dev->info, &life);
	request.methods = life.methods & methods;
	request.named = life.methods_named;
	if (reset_function(&request, &result) && !result.lost)
		say_why_not(claim, &tree, errno, &result);
	else
		say_how(claim, &request, &result);
	note_reset(claim, &tree, request.function, &result);
	topology_dispose(&tree);
	if (!result.lost)
		return result.method != RESET_METHODS_COUNT && !result.pending && result.restored;
	quarantine(claim);
	return fail(EIO);
}

/*
 * MSI-X is masked as a whole by nobody here. Xen does it, for good, when it is to mask a vector (a
 * guest's end is enough) and finds memory decoding off, and then gives the device to no guest. It would
 * undo a write; where the mask is still there, what seemed to be a reset was none, as D3hot can be.
 */
int custody_reset(struct claim *claim)
{
	int rc = reset(claim, RESET_ALL);

	if (rc < 0 || !pcidev_masked_since(claim->dev, claim->saved))
		return rc;
	return reset(claim, RESET_ALL & ~(RESET_BIT(RESET_KERNEL) | RESET_BIT(RESET_PM)));
}

/* What Xen and the guest have put into the device since it was claimed, and a reset has taken. */
static void restore_use(struct claim *claim)
{
	struct config_state state;
	char name[SBDF_TEXT];

	config_save_state(claim->cfg, &state);
	if (config_load_state(claim->cfg, &state))
		talk_say(claim->irq.talk, XTL_WARN, "%s: not all of its BARs are where the guest has "
			  "them: %s", name_of(claim, name), strerror(errno));
	if (claim->irq.mode == INTERRUPT_NONE)
		return;
	if (hypercall_restore_msi(claim->host->hypercall, claim->dev->info.sbdf) ||
	    interrupt_turn_on(&claim->irq))
		talk_say(claim->irq.talk, XTL_WARN, "%s: its %s did not survive the reset: %s",
			  name_of(claim, name),
			  claim->irq.mode == INTERRUPT_MSIX ? "MSI-X" : "MSI", strerror(errno));
}

int custody_recover(struct claim *claim)
{
	int rc;

	handover_begin(claim->host, &claim->handover, claim->dev->info.sbdf);
	rc = reset(claim, RESET_ALL);
	if (rc >= 0)
		restore_use(claim);
	handover_end(claim->host, &claim->handover);
	return rc < 0 ? -1 : 0;
}

bool custody_mend(struct claim *claim)
{
	char name[SBDF_TEXT];
	int rc;

	if (!pcidev_lost_config(claim->dev, claim->saved))
		return false;
	rc = pcidev_restore(claim->dev, claim->saved);
	talk_say(claim->irq.talk, rc ? XTL_WARN : XTL_INFO, "%s: was reset by others: its configuration "
		  "is %s%s", name_of(claim, name), rc ? "not restored: " : "restored",
		  rc ? strerror(errno) : "");
	restore_use(claim);
	return true;
}

/* ---- At start ---- */

static void hide(struct host *host, const struct holder *holder, struct sbdf a)
{
	char driver[TOPOLOGY_DRIVER_MAX], name[SBDF_TEXT];
	struct problem p = { 0 };

	sbdf_format(a, name);
	for (unsigned i = 0; i < host->nr_providers; i++) {
		if (strcmp(host->providers[i]->ops->name, "sysfs"))
			continue;
		if (provider_attribute(host->providers[i], a, "driver", driver, sizeof(driver)) < 0) {
			if (errno == ENODEV)
				continue;
			driver[0] = '\0';
		}
		if (holder_take(holder, a, driver, &p))
			log_error(host->lg, "%s", p.text);
		else
			log_info(host->lg, "%s: held for guests%s%s", name,
				 driver[0] ? ", taken from " : "", driver);
		return;
	}
	log_error(host->lg, "%s: to be hidden, but there is no such device", name);
}

void custody_hide(struct host *host, const char *sysfs, struct xs_handle *xs)
{
	const struct holder holder = { .sysfs = sysfs, .xs = xs, .hypercall = host->hypercall };

	for (unsigned i = 0; i < host->nr_providers; i++) {
		if (!strcmp(host->providers[i]->ops->name, "sysfs") &&
		    settings_expand_hide(&host->settings, host->providers[i]) < 0)
			log_error(host->lg, "hide: %s", strerror(errno));
	}
	for (unsigned i = 0; i < host->settings.nr_hide; i++)
		hide(host, &holder, host->settings.hide[i]);
}
