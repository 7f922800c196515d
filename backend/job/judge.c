/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "backend/job/job.h"
#include "common/util.h"
#include "host/assignable.h"
#include "host/irq_lines.h"

static int refusal_errno(enum assignable_rule rule)
{
	if (rule == ASSIGNABLE_HOST_DRIVER || rule == ASSIGNABLE_OTHER_GUEST)
		return EBUSY;
	return rule == ASSIGNABLE_QUARANTINE ? EIO : EPERM;
}

/* What is known of the function and its neighbours, beyond what its registers show. */
static void look_closely(struct job *job)
{
	struct topology *t = &job->machine;
	struct topology_function *fn = &t->function[job->at];
	bool shared;

	assignable_look(t, job->provider, job->at);
	quarantine_mark(job_quarantine(job), fn);
	if (!fn->info.irq || strcmp(job->provider->ops->name, "sysfs") ||
	    lines_users(LINES_FILE, fn->info.irq, fn->line_users, sizeof(fn->line_users)) < 0)
		fn->line_users[0] = '\0';
	/* What is bound already, Xen knows; the toolstack may have given it without us. */
	if (!fn->line_users[0] && fn->info.irq &&
	    !hypercall_irq_shared(job->hypercall, fn->info.irq, &shared) && shared)
		snprintf(fn->line_users, sizeof(fn->line_users), "as Xen tells, between guests");
}

int judge(struct job *job)
{
	char text[ASSIGNABLE_TEXT_MAX], name[SBDF_TEXT];
	const struct assignable_refusal *first;
	struct topology *t = &job->machine;
	struct settings_life life;
	struct assignable result;
	bool good;

	job_name(job, name);
	if (machine_look(job))
		return job_refuse(job, errno, "%s: cannot look at the machine's devices: %s", name,
				  strerror(errno));
	look_closely(job);
	settings_life(&job->env->settings, &job->dev->info, &life);
	good = assignable_check(t, job->at, job->order->owner, life.allow, &result);
	job->result->hide_intx = result.hide_intx;
	first = assignable_first(&result);
	for (unsigned k = 0; k < result.nr; k++) {
		const struct assignable_refusal *r = &result.refusal[k];

		if (r->allowed)
			talk_tell(&job->talk, XTL_INFO, "%s: overridden (%s): %s", name,
				  life.allow_source, assignable_text(t, job->at, r, text));
		else if (r != first)
			talk_tell(&job->talk, XTL_WARN, "%s: also refused: %s", name,
				  assignable_text(t, job->at, r, text));
	}
	for (unsigned k = 0; k < ASSIGNABLE_NOTES_COUNT; k++) {
		if (result.notes & 1u << k)
			talk_tell(&job->talk, XTL_INFO, "%s: note: %s", name, assignable_note_text(k));
	}
	if (life.moved_source[0])
		talk_tell(&job->talk, XTL_WARN, "%s: %s does not count: it is for another device", name,
			  life.moved_source);
	if (good)
		return 0;
	return job_refuse(job, refusal_errno(first->rule), "%s: refused: %s", name,
			  assignable_text(t, job->at, first, text));
}

bool judge_line_shared(struct job *job)
{
	struct settings_life life;
	struct assignable result;

	if (machine_look(job))
		return false;
	look_closely(job);
	settings_life(&job->env->settings, &job->dev->info, &life);
	assignable_check(&job->machine, job->at, job->order->owner, life.allow, &result);
	return result.hide_intx;
}
