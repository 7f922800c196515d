/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/aer.h"

#include <string.h>

#include "backend/supervisor/guest.h"
#include "common/store.h"
#include "common/util.h"

/* A step: its command, and what counts as the verdict where the guest gives none. */
static const struct step_row {
	const char *name;
	uint32_t cmd;
	int32_t fallback;
} steps[] = {
	{ "detected", XEN_PCI_OP_aer_detected, PCIIF_AER_can_recover },
	{ "mmio", XEN_PCI_OP_aer_mmio, PCIIF_AER_recovered },
	{ "slotreset", XEN_PCI_OP_aer_slotreset, PCIIF_AER_recovered },
	{ "resume", XEN_PCI_OP_aer_resume, PCIIF_AER_none },
};

static const struct {
	const char *name;
	int32_t channel;
} channels[] = {
	{ "normal", PCIIF_AER_NORMAL },
	{ "frozen", PCIIF_AER_FROZEN },
	{ "perm_failure", PCIIF_AER_PERM_FAILURE },
};

static const struct step_row *row_of(uint32_t cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i].cmd == cmd)
			return &steps[i];
	return NULL;
}

int aer_step_parse(const char *text, struct aer_step *out)
{
	size_t len = strcspn(text, " ");

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (strlen(steps[i].name) != len || strncmp(steps[i].name, text, len))
			continue;
		out->cmd = steps[i].cmd;
		out->channel = PCIIF_AER_NORMAL;
		if (!text[len])
			return 0;
		if (out->cmd != XEN_PCI_OP_aer_detected)
			return fail(EINVAL);
		for (size_t k = 0; k < ARRAY_SIZE(channels); k++) {
			if (!strcmp(channels[k].name, text + len + 1)) {
				out->channel = channels[k].channel;
				return 0;
			}
		}
	}
	return fail(EINVAL);
}

static int write_failed(struct xs_handle *xs, xs_transaction_t t, void *context)
{
	const struct guest *g = context;

	if (store_exists(xs, t, g->dir, NODE_STATE) != 1)
		return fail(ENOENT);
	return store_write(xs, t, g->dir, NODE_AER_STATE, "%s", NODE_AER_FAILED);
}

/* What xend took as "power the guest off"; nothing in a current toolstack reads it. */
void aer_mark_failed(struct guest *g)
{
	store_transaction(g->be->xen.xs, write_failed, g);
}

/* The guest cannot be asked: what counts, and what it is told to the toolstack. */
static int32_t without_guest(struct guest *g, const struct aer_step *step, bool connected)
{
	if (!connected || step->cmd == XEN_PCI_OP_aer_detected || step->cmd == XEN_PCI_OP_aer_resume)
		aer_mark_failed(g);
	return row_of(step->cmd)->fallback;
}

int aer_post(struct guest *g, const struct claim *claim, const struct aer_step *step, int32_t *result)
{
	struct message m;

	if (g->aer.waiting)
		return fail(EBUSY);
	if (!claim->published) {
		*result = PCIIF_AER_none;
		return 1;
	}
	message_init(&m, MESSAGE_AER_POST, claim->slot);
	m.u.aer = (struct message_aer){ .cmd = step->cmd, .err = step->channel, .virt = claim->virt };
	if (!service_is_up(&g->service) || !service_tell_worker(g, &m)) {
		*result = without_guest(g, step, false);
		return 1;
	}
	g->aer.waiting = true;
	g->aer.ended = false;
	g->aer.cmd = step->cmd;
	g->aer.host = claim->sbdf;
	g->aer.until_ns = now_ns() + (uint64_t)g->be->env->settings.aer_timeout_ms * 1000000;
	schedule_at(&g->be->schedule, g, g->aer.until_ns);
	return 0;
}

void aer_answered(struct guest *g, bool heard, int32_t err)
{
	const struct aer_step step = { .cmd = g->aer.cmd };

	if (!g->aer.waiting || g->aer.ended)
		return;
	g->aer.ended = true;
	g->aer.unheard = !heard;
	g->aer.answered = heard;
	if (!heard) {
		g->aer.result = without_guest(g, &step, true);
	} else {
		/* A verdict that the protocol does not know is no verdict of a driver that can be trusted. */
		g->aer.result = pciif_aer_result_name(err) ? err : PCIIF_AER_disconnect;
		if (g->aer.cmd != XEN_PCI_OP_aer_resume &&
		    (g->aer.result == PCIIF_AER_none || g->aer.result == PCIIF_AER_disconnect))
			aer_mark_failed(g);
	}
	schedule_at(&g->be->schedule, g, g->be->now_ns);
}

bool aer_poll(struct guest *g, uint64_t now, int32_t *result)
{
	struct message m;

	if (!g->aer.waiting)
		return false;
	if (!g->aer.ended && now < g->aer.until_ns) {
		schedule_at(&g->be->schedule, g, g->aer.until_ns);
		return false;
	}
	if (!g->aer.ended) {
		message_init(&m, MESSAGE_AER_WITHDRAW, 0);
		service_tell_worker(g, &m);
		g->aer.answered = false;
		g->aer.unheard = false;
		g->aer.result = row_of(g->aer.cmd)->fallback;
	}
	g->aer.waiting = false;
	g->aer.ended = false;
	*result = g->aer.result;
	return true;
}

void aer_cancel(struct guest *g)
{
	g->aer.waiting = false;
	g->aer.recovering = false;
}
