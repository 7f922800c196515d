/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "backend/job/job.h"
#include "common/log.h"
#include "common/util.h"
#include "host/assignable.h"
#include "host/device/save.h"
#include "host/privileges.h"
#include "host/reset_function.h"

static void tell_xen(struct job *job, struct sbdf a, enum hypercall_reset kind)
{
	char name[SBDF_TEXT];

	if (job->order->denied & PRIVILEGE_BIT(RESETS) || !hypercall_device_reset(job->hypercall, a, kind))
		return;
	if (errno != ENOSYS && errno != EOPNOTSUPP) {
		talk_tell(&job->talk, XTL_WARN, "%s: Xen was not told of the reset: %s",
			  sbdf_format(a, name), strerror(errno));
	} else if (!job->result->reset_untold) {
		job->result->reset_untold = true;
		log_info(job->env->lg, "this Xen takes no notice of device resets (%s): nothing to tell it",
			 strerror(errno));
	}
}

/* Nothing could reset it. A neighbour of the same guest's is the usual, passing reason. */
static void say_why_not(struct job *job, const struct topology *t, int err,
			const struct reset_result *result)
{
	char text[RESET_TEXT_MAX], name[SBDF_TEXT];

	reset_text(t, result, text);
	talk_tell(&job->talk, err == ENOTTY || err == EBUSY ? XTL_INFO : XTL_WARN, "%s: not reset: %s",
		  job_name(job, name), text[0] ? text : strerror(err));
}

/* To the log and to Xen. */
static void say_how(struct job *job, const struct reset_request *request,
		    const struct reset_result *result)
{
	const struct topology *t = request->topology;
	char text[RESET_TEXT_MAX], name[SBDF_TEXT];

	talk_tell(&job->talk, result->lost || !result->restored || result->against ? XTL_WARN : XTL_INFO, "%s: reset %s",
		  job_name(job, name), reset_text(t, result, text));
	for (int k = 0; k < t->nr; k++) {
		if (reset_reaches(t, result->method, request->function, k))
			tell_xen(job, t->function[k].info.sbdf, result->kind);
	}
}

/* Who may be reset along: drivers may have come, or gone. */
static void look_at_neighbours(struct job *job, struct topology *tree, int i)
{
	int bridge = tree->function[i].parent;

	for (int k = 0; k < tree->nr; k++) {
		if (k != i && topology_is_below(tree, k, bridge))
			topology_look(tree, job->provider, k);
	}
}

static void tell_held(struct job *job, const char *why)
{
	char name[SBDF_TEXT];

	talk_tell(&job->talk, XTL_WARN, "%s: held back until it has been reset (xenpci reset it): %s",
		  job_name(job, name), why);
}

void reset_hold_back(struct job *job, const char *why)
{
	job->unreset = true;
	quarantine_hold(job_quarantine(job), job->order->sbdf, why);
	tell_held(job, why);
}

/* What should have been reset and was not goes to nobody. */
static void note_reset(struct job *job, const struct topology *t, int i,
		       const struct reset_result *result)
{
	char why[RESET_TEXT_MAX];
	/* While it is being taken, its guest has not used it. */
	uint32_t user = job->order->kind == JOB_TAKE ? TOPOLOGY_NO_GUEST : job->order->owner;
	int rc = quarantine_after_reset(job_quarantine(job), t, i, user, result,
					job->unreset || t->function[i].unreset, why);

	job->unreset = rc != 0;
	if (rc)
		tell_held(job, rc < 0 ? strerror(errno) : why);
}

int reset_judge(struct job *job)
{
	const struct assignable_refusal refusal = { .rule = ASSIGNABLE_UNRESET, .bar = -1 };
	char text[ASSIGNABLE_TEXT_MAX], name[SBDF_TEXT];
	struct settings_life life;

	settings_life(&job->env->settings, &job->dev->info, &life);
	if (!job->unreset || life.allow & ASSIGNABLE_BIT(ASSIGNABLE_UNRESET))
		return 0;
	return job_refuse(job, EIO, "%s: refused: %s", job_name(job, name),
			  assignable_text(&job->machine, job->at, &refusal, text));
}

static void tell_progress(void *context, unsigned waited_ms, unsigned patience_ms)
{
	struct job *job = context;
	char name[SBDF_TEXT];

	talk_tell(&job->talk, XTL_WARN, "%s: not back from its reset after %u s; it has %u s",
		  job_name(job, name), waited_ms / 1000, patience_ms / 1000);
}

/* By one of methods, as far as the settings allow them. Returns as reset_device. */
static int reset_by(struct job *job, unsigned methods)
{
	struct settings_life life;
	const struct reset_wait patient = {
		.sleep = reset_wait_default.sleep,
		.context = job,
		.patience_ms = job->env->settings.reset_wait_ms,
		.progress = tell_progress,
	};
	struct reset_request request = {
		.provider = job->provider,
		.dev = job->dev,
		.image = job->saved,
		.wait = job->env->reset_wait ? job->env->reset_wait : &patient,
	};
	struct topology tree;
	struct reset_result result;
	char name[SBDF_TEXT];

	if (machine_look(job) || topology_tree(&job->machine, job->at, &tree, &request.function)) {
		talk_tell(&job->talk, XTL_WARN, "%s: not reset: %s", job_name(job, name),
			  strerror(errno));
		return 0;
	}
	look_at_neighbours(job, &tree, request.function);
	machine_tell(job);
	request.topology = &tree;
	settings_life(&job->env->settings, &job->dev->info, &life);
	request.methods = life.methods & methods;
	request.named = life.methods_named;
	if (reset_function(&request, &result) && !result.lost)
		say_why_not(job, &tree, errno, &result);
	else
		say_how(job, &request, &result);
	note_reset(job, &tree, request.function, &result);
	topology_dispose(&tree);
	if (!result.lost)
		return result.method != RESET_METHODS_COUNT && !result.pending && result.restored;
	job->result->lost = true;
	return fail(EIO);
}

/*
 * MSI-X is masked as a whole by nobody here. Xen does it, for good, when it is to mask a vector (a
 * guest's end is enough) and finds memory decoding off, and then gives the device to no guest. It would
 * undo a write; where the mask is still there, what seemed to be a reset was none, as D3hot can be.
 */
int reset_device(struct job *job)
{
	int rc = reset_by(job, RESET_ALL);

	if (rc < 0 || !pcidev_masked_since(job->dev, job->saved))
		return rc;
	return reset_by(job, RESET_ALL & ~(RESET_BIT(RESET_KERNEL) | RESET_BIT(RESET_PM)));
}
