/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/report.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/assignment.h"
#include "backend/messages/ledger.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/report_ledger.h"
#include "common/file.h"
#include "common/number.h"
#include "common/store.h"
#include "common/util.h"
#include "host/privileges.h"

#define NAME_AGE_NS 1000000000u

/*
 * The toolstack's name, which `xl rename` changes: it is asked for again when somebody asks us, once in a second. Where
 * only dom0 may read that, it is what libxl wrote for us when the guest was made.
 */
static const char *name_of(struct guest *g)
{
	char name[sizeof(g->told.name)], dir[GUEST_DIR_MAX];
	uint64_t now = boot_ns();

	if (g->told.named && now - g->told.named < NAME_AGE_NS)
		return g->told.name;
	g->told.named = now;
	snprintf(dir, sizeof(dir), "/local/domain/%u", g->domid);
	if (store_read(g->be->xen.xs, XBT_NULL, dir, "name", name, sizeof(name)) >= 0 ||
	    store_read(g->be->xen.xs, XBT_NULL, g->dir, "domain", name, sizeof(name)) >= 0)
		message_text(g->told.name, sizeof(g->told.name), name, sizeof(name));
	return g->told.name;
}

bool report_is(struct backend *be, uint64_t guest, const char *who)
{
	struct guest *g = backend_guest_at(be, guest);
	struct guest_id id;

	if (!g)
		return false;
	if (!guest_id_parse(who, &id) && id.domid == g->domid && (id.devid == g->devid || !strchr(who, '-')))
		return true;
	return !strcmp(name_of(g), who);
}

void report_daemon(struct backend *be, struct record_daemon *out)
{
	struct guest *g;

	out->domain = be->xen.domid;
	privileges_words(be->denied, out->denied, sizeof(out->denied));
	for (uint64_t at = 0; (g = backend_next_guest(be, &at)); at++) {
		out->guests++;
		out->devices += g->nr_claims;
	}
}

/* ---- Guests ---- */

static const char *state_name(unsigned state)
{
	const char *name = pciif_state_name(state);

	return name ? name : "unknown";
}

static const char *service_name(const struct service *s)
{
	static const char *const names[] = {
		[SERVICE_NONE] = "none", [SERVICE_STARTING] = "starting", [SERVICE_UP] = "up",
		[SERVICE_FAILED] = "failed", [SERVICE_ENDING] = "ending",
	};

	return names[s->phase];
}

/* The number behind the name at a line's beginning; base 16 for sets. */
static bool line_number(const char *text, const char *name, int base, uint64_t *out)
{
	const char *at = strstr(text, name);

	if (!at)
		return false;
	*out = strtoull(at + strlen(name), NULL, base);
	return true;
}

/* "user 4007, no capabilities, seccomp, no new privileges", as the kernel has it. */
static void confinement(pid_t pid, char *out, size_t room)
{
	char path[sizeof("/proc//status") + 12], text[4096];
	uint64_t uid = 0, caps = 1, seccomp = 0, no_new = 0;

	out[0] = '\0';
	if (pid <= 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_text(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return;
	line_number(text, "\nUid:\t", 10, &uid);
	line_number(text, "\nCapEff:\t", 16, &caps);
	line_number(text, "\nSeccomp:\t", 10, &seccomp);
	line_number(text, "\nNoNewPrivs:\t", 10, &no_new);
	snprintf(out, room, "user %" PRIu64 ", %s, %s, %s", uid,
		 caps ? "with capabilities" : "no capabilities", seccomp == 2 ? "seccomp" : "no seccomp",
		 no_new ? "no new privileges" : "may gain privileges");
}

static void fill_guest(struct guest *g, struct record_guest *out)
{
	const struct service *s = &g->service;

	out->domid = g->domid;
	out->devid = g->devid;
	memcpy(out->name, name_of(g), sizeof(out->name));
	snprintf(out->state, sizeof(out->state), "%s", state_name(g->state));
	snprintf(out->frontend, sizeof(out->frontend), "%s", state_name(g->peer));
	snprintf(out->service, sizeof(out->service), "%s", service_name(s));
	out->hvm = g->hvm;
	out->since = g->told.since;
	out->devices = g->nr_claims;
	out->worker = s->worker ? s->worker->pid : 0;
	out->gate = s->gate ? s->gate->pid : 0;
	confinement((pid_t)out->worker, out->confined, sizeof(out->confined));
	out->requests = ledger_requests(s->ledger);
	out->refused = ledger_refused(s->ledger);
	memcpy(out->error, g->told.error, sizeof(out->error));
	out->error_time = g->told.error_time;
}

/* ---- Devices ---- */

static const char *phase_name(enum claim_phase phase)
{
	static const char *const names[] = {
		[CLAIM_QUEUED] = "queued", [CLAIM_TAKING] = "taking", [CLAIM_REFUSED] = "refused",
		[CLAIM_TAKEN] = "taken", [CLAIM_LEAVING] = "leaving",
		[CLAIM_RETURN_QUEUED] = "leaving", [CLAIM_RETURNING] = "returning",
		[CLAIM_LEFT] = "left", [CLAIM_ERRAND] = "errand",
	};

	return names[phase];
}

static const char *irq_name(const struct claim *claim)
{
	switch (claim->vectors.mode) {
	case VECTORS_MSI:
		return "MSI";
	case VECTORS_MSIX:
		return "MSI-X";
	case VECTORS_NONE:
		break;
	}
	return claim->phase == CLAIM_TAKEN && pcidev_is_line(claim->info.irq) ? "INTx" : "none";
}

/* As its gate has it, and where that was said, by the settings as they were read. */
static void fill_policy(const struct claim *claim, struct record_device *out)
{
	struct assignment a;

	assignment_init(&a, &claim->be->env->settings, &claim->info, claim->opts, claim->opts_node);
	out->permissive = claim->in_gate ? claim->policy.permissive : a.policy.policy.permissive;
	out->interrupt_control = claim->in_gate ? claim->policy.interrupt_control
						: a.policy.policy.interrupt_control;
	out->quirks = claim->in_gate ? claim->policy.nr_quirks : a.policy.policy.nr_quirks;
	snprintf(out->permissive_source, sizeof(out->permissive_source), "%.127s",
		 a.policy.permissive_source);
	snprintf(out->interrupt_control_source, sizeof(out->interrupt_control_source), "%.127s",
		 a.policy.interrupt_control_source);
}

static void fill_device(struct guest *g, const struct claim *claim, struct record_device *out)
{
	char name[SBDF_TEXT];

	snprintf(out->host, sizeof(out->host), "%s", sbdf_format(claim->sbdf, name));
	if (claim->has_virt)
		snprintf(out->guest_address, sizeof(out->guest_address), "%s",
			 sbdf_format(claim->virt, name));
	out->domid = g->domid;
	out->devid = g->devid;
	memcpy(out->guest, name_of(g), sizeof(out->guest));
	snprintf(out->state, sizeof(out->state), "%s", phase_name(claim->phase));
	if (claim->phase == CLAIM_TAKEN) {
		out->vendor = claim->info.vendor;
		out->device = claim->info.device;
		out->class = claim->info.class_code;
		fill_policy(claim, out);
		out->line = pcidev_is_line(claim->info.irq) ? claim->info.irq : 0;
	}
	snprintf(out->irq, sizeof(out->irq), "%s", irq_name(claim));
	out->vectors = claim->vectors.mode == VECTORS_NONE ? 0 : claim->vectors.nr;
	ledger_device(g->service.ledger, claim->slot, &out->requests, &out->refused);
	message_text(out->error, sizeof(out->error), claim->problem.text, sizeof(claim->problem.text));
	out->since = claim->since;
}

static int next_device(struct guest *g, uint32_t *at, struct record_device *out)
{
	const struct claim *claim;
	uint32_t i = 0;

	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (i++ < *at)
			continue;
		*at = i;
		fill_device(g, claim, out);
		return RECORD_OF_device;
	}
	return -1;
}

/* ---- From the ledger ---- */

static int next_denied(struct guest *g, uint32_t *at, struct record_denied *out)
{
	const struct claim *claim;
	struct pcidev_info none = { 0 };
	const struct pcidev_info *info = &none;
	struct sbdf host;

	if (!ledger_next_denied(g->service.ledger, at, boot_ns(), time(NULL), &host, out))
		return -1;
	out->domid = g->domid;
	out->devid = g->devid;
	memcpy(out->name, name_of(g), sizeof(out->name));
	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->phase == CLAIM_TAKEN && sbdf_equal(claim->sbdf, host))
			info = &claim->info;
	ledger_quirk(info->vendor, info->device, out);
	return RECORD_OF_denied;
}

static int next_trace(struct guest *g, union record *out)
{
	struct timespec ts;
	int64_t behind;
	int kind;

	clock_gettime(CLOCK_REALTIME, &ts);
	behind = ts.tv_sec * 1000000 + ts.tv_nsec / 1000 - (int64_t)(boot_ns() / 1000);
	kind = ledger_next_trace(g->service.ledger, &g->service.traced, behind, out);
	if (kind == RECORD_OF_trace) {
		out->trace.domid = g->domid;
		out->trace.devid = g->devid;
	} else if (kind == RECORD_OF_lost) {
		out->lost.domid = g->domid;
		out->lost.devid = g->devid;
	}
	return kind;
}

int report_record(struct backend *be, enum record_kind kind, uint64_t guest, uint32_t *at,
		  union record *out)
{
	struct guest *g = backend_guest_at(be, guest);
	uint32_t i = *at;

	memset(out, 0, sizeof(*out));
	if (!g)
		return -1;
	switch (kind) {
	case RECORD_OF_guest:
		if (i)
			return -1;
		*at = 1;
		fill_guest(g, &out->guest);
		return (int)kind;
	case RECORD_OF_device:
		return next_device(g, at, &out->device);
	case RECORD_OF_stats:
		if (i)
			return -1;
		*at = 1;
		ledger_stats(g->service.ledger, &out->stats);
		out->stats.domid = g->domid;
		out->stats.devid = g->devid;
		memcpy(out->stats.name, name_of(g), sizeof(out->stats.name));
		out->stats.worker_restarts = (int64_t)g->service.worker_deaths;
		out->stats.gate_restarts = (int64_t)g->service.gate_deaths;
		return (int)kind;
	case RECORD_OF_denied:
		return next_denied(g, at, &out->denied);
	case RECORD_OF_trace:
		return next_trace(g, out);
	default:
		return -1;
	}
}

void report_trace(struct backend *be, uint64_t guest, unsigned what)
{
	struct guest *g = backend_guest_at(be, guest);

	if (g && g->service.ledger)
		ledger_trace_set(g->service.ledger, &g->service.traced, what);
}
