/* SPDX-License-Identifier: MIT */
#include "host/reset_function.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "host/assignable.h"
#include "host/reset_method.h"
#include "host/reset_offer.h"
#include "common/text.h"
#include "common/util.h"

static const struct {
	const char *name;
	const char *text;
	enum hypercall_reset kind;
} methods[] = {
#define X(id, name, text, kind) { name, text, kind },
	RESET_METHODS(X)
#undef X
};

const char *reset_method_name(enum reset_method method)
{
	return methods[method].name;
}

unsigned reset_methods_parse(const char *name)
{
	if (!strcmp(name, "all"))
		return RESET_ALL;
	for (unsigned m = 0; m < RESET_METHODS_COUNT; m++) {
		if (!strcmp(name, methods[m].name))
			return RESET_BIT(m);
	}
	return 0;
}

/* Whether method resets others besides. */
static bool is_wide(enum reset_method method)
{
	return method == RESET_SLOT || method == RESET_BUS;
}

bool reset_reaches(const struct topology *t, enum reset_method method, int i, int k)
{
	if (i == k)
		return true;
	return is_wide(method) && topology_is_below(t, k, t->function[i].parent);
}

/* A function that is reset, its own or a neighbour's: open, with what to put back. */
struct victim {
	struct pcidev *dev;
	bool opened; /* by us */
	struct pcidev_saved *saved;
	const struct pcidev_saved *image; /* instead of saved */
};

struct reset {
	const struct reset_request *req;
	struct reset_result *res;
	struct victim *victim; /* the first is the function itself */
	unsigned nr;
	struct pcidev *bridge;
	bool was_dead; /* the function read ones before */
};

static int pass(struct reset *r, enum reset_method method, int err, const char *why, int blocker)
{
	r->res->passed[method] = (struct reset_passed){ .why = why, .err = err, .blocker = blocker };
	return fail(err);
}

/*
 * Saves one function, and silences it awake: what is asleep takes no FLR, and the kernel thinks it in D0. One
 * that reads ones already is reset all the same.
 */
static int prepare(struct victim *v)
{
	if (!v->image) {
		v->saved = pcidev_save(v->dev);
		if (!v->saved && errno != EIO)
			return -1;
	}
	if (pcidev_wake(v->dev))
		return -1;
	return pcidev_write(v->dev, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
}

static void restore(struct reset *r, struct victim *v)
{
	const struct pcidev_saved *image = v->image ? v->image : v->saved;

	/* Of one that read ones before, at least what the OS knows. */
	if (image ? pcidev_restore(v->dev, image) : pcidev_readdress(v->dev))
		r->res->restored = false;
}

static struct pcidev *open_already(const struct reset_request *req, struct sbdf a)
{
	for (unsigned k = 0; k < req->nr_open; k++) {
		if (sbdf_equal(req->open[k]->info.sbdf, a))
			return req->open[k];
	}
	return NULL;
}

/* Opens function k to be reset along. */
static int add_victim(struct reset *r, int k)
{
	struct victim *v = &r->victim[r->nr];
	struct sbdf a = r->req->topology->function[k].info.sbdf;

	memset(v, 0, sizeof(*v));
	v->dev = open_already(r->req, a);
	if (!v->dev) {
		v->dev = provider_open_device(r->req->provider, a);
		v->opened = true;
	}
	if (!v->dev)
		return -1;
	r->nr++;
	return prepare(v);
}

static void release(struct reset *r)
{
	int saved = errno;

	for (unsigned k = 0; k < r->nr; k++) {
		pcidev_saved_free(r->victim[k].saved);
		if (r->victim[k].opened)
			pcidev_close(r->victim[k].dev);
	}
	free(r->victim);
	pcidev_close(r->bridge);
	errno = saved;
}

/* Whether k may be reset along: bridges are, and what nobody uses. */
static bool may_reset(const struct reset_request *req, int k)
{
	const struct topology_function *fn = &req->topology->function[k];

	if (topology_traits(req->topology, k) & TOPOLOGY_BRIDGE)
		return true;
	if (!assignable_is_holder(fn->driver))
		return false;
	return fn->guest == TOPOLOGY_NO_GUEST || req->despite_guests;
}

/* The bridge above and all functions below it, opened; or why not. */
static int gather(struct reset *r, enum reset_method method)
{
	const struct reset_request *req = r->req;
	const struct topology *t = req->topology;
	int bridge = t->function[req->function].parent;

	if (t->function[req->function].info.is_vf)
		return pass(r, method, ENOTTY, "it is a virtual function", TOPOLOGY_NONE);
	if (bridge == TOPOLOGY_NONE)
		return pass(r, method, ENOTTY, "it is on a root bus", TOPOLOGY_NONE);
	if (t->function[bridge].info.header_type != PCI_HEADER_TYPE_BRIDGE)
		return pass(r, method, ENOTTY, "the bridge above is no PCI bridge", bridge);
	for (int k = 0; k < t->nr; k++) {
		if (k != req->function && topology_is_below(t, k, bridge) && !may_reset(req, k))
			return pass(r, method, EBUSY, "it would be reset too", k);
	}
	if (!r->bridge)
		r->bridge = provider_open_device(req->provider, t->function[bridge].info.sbdf);
	if (!r->bridge)
		return pass(r, method, errno, "the bridge cannot be opened", bridge);
	if (reset_has_hotplug_slot(r->bridge) != (method == RESET_SLOT))
		return pass(r, method, ENOTTY, method == RESET_SLOT ? "it is in no hot-plug slot" :
			    "it is in a hot-plug slot", TOPOLOGY_NONE);
	for (int k = 0; k < t->nr; k++) {
		if (k != req->function && topology_is_below(t, k, bridge) && add_victim(r, k))
			return pass(r, method, errno, "it cannot be opened and saved", k);
	}
	return 0;
}

/* One try. 0: the reset was done. */
static int attempt(struct reset *r, enum reset_method method)
{
	const struct reset_wait *wait = r->req->wait;
	unsigned *waited = &r->res->waited_ms;
	bool *pending = &r->res->pending;
	struct pcidev *dev = r->req->dev;

	switch (method) {
	case RESET_KERNEL:
		return pcidev_reset(dev);
	case RESET_FLR:
		return reset_by_flr(dev, wait, waited, pending);
	case RESET_AF_FLR:
		return reset_by_af_flr(dev, wait, waited, pending);
	case RESET_PM:
		return reset_by_pm(dev, wait, waited);
	case RESET_SLOT:
		return reset_slot_of(r->bridge, wait, waited);
	default:
		return reset_bus_of(r->bridge, wait, waited);
	}
}

static const char *const not_offered[RESET_METHODS_COUNT] = {
	[RESET_KERNEL] = "the kernel has none for it",
	[RESET_FLR] = "it has no FLR",
	[RESET_AF_FLR] = "it has no AF FLR",
	[RESET_PM] = "it has no PM reset",
	[RESET_SLOT] = "not offered",
	[RESET_BUS] = "not offered",
};

/* Tries one method, all but the restoring. */
static int use(struct reset *r, enum reset_method method)
{
	const char *against = reset_withheld(r->req->topology, r->req->function, method);

	if (against && !r->req->named)
		return pass(r, method, ENOTTY, against, TOPOLOGY_NONE);
	if (is_wide(method) && gather(r, method))
		return -1;
	if (!attempt(r, method)) {
		r->res->against = against;
		return 0;
	}
	return errno == ENOTTY ? pass(r, method, ENOTTY, not_offered[method], TOPOLOGY_NONE) :
				 pass(r, method, errno, "it failed", TOPOLOGY_NONE);
}

static void note_kernel_methods(struct reset *r)
{
	char *text = r->res->kernel_methods;

	if (provider_attribute(r->req->provider, r->req->dev->info.sbdf, "reset_method", text,
			       RESET_KERNEL_METHODS_MAX) < 0)
		text[0] = '\0';
}

/* Of the kernel's ways, those that reset a bus are no FLR. */
static enum hypercall_reset kind_of(const struct reset_result *res)
{
	const char *text = res->kernel_methods;

	if (res->method == RESET_KERNEL && (!strncmp(text, "bus", 3) || !strncmp(text, "slot", 4) ||
					    !strncmp(text, "cxl_bus", 7)))
		return HYPERCALL_RESET_HOT;
	return methods[res->method].kind;
}

/* Everybody who was reset comes back and gets the configuration back. */
static int bring_back(struct reset *r)
{
	struct reset_result *res = r->res;

	res->kind = kind_of(res);
	res->restored = true;
	for (unsigned k = 0; k < r->nr; k++) {
		if (!reset_wait_alive(r->victim[k].dev, r->req->wait, &res->waited_ms))
			restore(r, &r->victim[k]);
		else if (k)
			res->restored = false;
		else
			res->lost = true;
	}
	return res->lost ? fail(EIO) : 0;
}

/* Whether the function, which was dead, answers soon: there may be other methods to try. */
static bool revived(struct reset *r)
{
	struct reset_wait brief = *r->req->wait;

	if (brief.patience_ms > RESET_BRIEF_MS)
		brief.patience_ms = RESET_BRIEF_MS;
	return !reset_wait_alive(r->victim[0].dev, &brief, &r->res->waited_ms);
}

/*
 * Tries the methods in order; the first that works ends it. What was dead is waited for as long as
 * may be when there is nothing left to try.
 */
static int try_methods(struct reset *r)
{
	int err = ENOTTY;

	r->was_dead = !pcidev_alive(r->req->dev);
	if (prepare(&r->victim[0]))
		return -1;
	for (unsigned m = 0; m < RESET_METHODS_COUNT; m++) {
		if (!(r->req->methods & RESET_BIT(m)))
			continue;
		if (!use(r, m)) {
			r->res->method = m;
			if (!r->was_dead || revived(r))
				return bring_back(r);
			pass(r, m, EIO, "it did not bring it back", TOPOLOGY_NONE);
		}
		if (errno == EBUSY || errno == ENOMEM)
			err = errno;
	}
	if (r->res->method != RESET_METHODS_COUNT)
		return bring_back(r);
	for (unsigned k = 0; k < r->nr; k++)
		restore(r, &r->victim[k]);
	return fail(err);
}

int reset_function(const struct reset_request *request, struct reset_result *result)
{
	struct reset r = { .req = request, .res = result };
	int rc;

	memset(result, 0, sizeof(*result));
	result->method = RESET_METHODS_COUNT;
	r.victim = calloc((size_t)request->topology->nr + 1, sizeof(*r.victim));
	if (!r.victim)
		return -1;
	r.victim[r.nr++] = (struct victim){ .dev = request->dev, .image = request->image };
	note_kernel_methods(&r);
	rc = try_methods(&r);
	release(&r);
	return rc;
}

/* Of a text of RESET_TEXT_MAX bytes. */
#define append(buf, ...) text_append(buf, RESET_TEXT_MAX, __VA_ARGS__)

static void append_passed(const struct topology *t, const struct reset_passed *passed,
			  char buf[RESET_TEXT_MAX])
{
	if (passed->blocker != TOPOLOGY_NONE) {
		assignable_append(buf, RESET_TEXT_MAX, &t->function[passed->blocker]);
		append(buf, ": ");
	}
	append(buf, "%s", passed->why);
	if (passed->err != ENOTTY && passed->err != EBUSY)
		append(buf, ": %s", strerror(passed->err));
}

const char *reset_text(const struct topology *t, const struct reset_result *result,
		       char buf[RESET_TEXT_MAX])
{
	const char *separator = "";

	buf[0] = '\0';
	for (unsigned m = 0; m < RESET_METHODS_COUNT && result->method == RESET_METHODS_COUNT; m++) {
		if (!result->passed[m].why)
			continue;
		append(buf, "%s%s: ", separator, methods[m].name);
		append_passed(t, &result->passed[m], buf);
		separator = "; ";
	}
	if (result->method == RESET_METHODS_COUNT)
		return buf;
	append(buf, "by %s", methods[result->method].text);
	if (result->method == RESET_KERNEL && result->kernel_methods[0])
		append(buf, " (%s)", result->kernel_methods);
	append(buf, "%s %u ms", result->lost ? ", but it does not come back within" : ", back after",
	       result->waited_ms);
	if (result->against)
		append(buf, "; by this method only since it was named: %s", result->against);
	if (result->pending)
		append(buf, "; its transactions were not done when it was reset");
	if (!result->lost && !result->restored)
		append(buf, "; not all of the configuration came back");
	return buf;
}

const char *reset_owed(const struct topology *t, uint32_t user, const struct reset_result *result,
		       char buf[RESET_TEXT_MAX])
{
	if (result->method != RESET_METHODS_COUNT) {
		if (!result->lost && result->restored)
			return NULL;
		return reset_text(t, result, buf);
	}
	for (unsigned m = 0; m < RESET_METHODS_COUNT; m++) {
		const struct reset_passed *passed = &result->passed[m];

		if (!passed->why || passed->err == ENOTTY)
			continue;
		if (passed->err == EBUSY && passed->blocker != TOPOLOGY_NONE &&
		    (user == TOPOLOGY_NO_GUEST || t->function[passed->blocker].guest == user))
			continue;
		return reset_text(t, result, buf);
	}
	return NULL;
}
