/* SPDX-License-Identifier: MIT */
#include "backend/job/job.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/log.h"
#include "common/util.h"
#include "host/device/save.h"

static int (*const tasks[])(struct job *) = {
	[JOB_TAKE] = job_take,
	[JOB_CARRY_ON] = job_carry_on,
	[JOB_GIVE_BACK] = job_give_back,
	[JOB_RECOVER] = job_recover,
	[JOB_HIDE] = job_hide,
	[JOB_DECODE] = job_decode,
	[JOB_IDLE] = job_idle,
	[JOB_AWAKE] = job_awake,
};

void job_run(const struct env *env, struct hypercall *hc, const struct message_order *order,
	     const struct message_owner *owners, struct topology *machine,
	     struct message_result *result, int told)
{
	struct job job = { .env = env, .order = order, .owners = owners, .result = result,
			   .hypercall = hc, .machine = *machine, .lock = -1, .told = told,
			   .unreset = order->unreset };

	memset(result, 0, sizeof(*result));
	result->reset_untold = order->reset_untold;
	talk_init(&job.talk, env->lg, order->domid);
	job.talk.devid = order->devid;
	if (order->kind == JOB_IDLE || order->kind == JOB_AWAKE || order->kind == JOB_DECODE)
		job.talk.domid = TALK_ANY;
	if (order->kind >= ARRAY_SIZE(tasks))
		job_refuse(&job, EINVAL, "no such job");
	else if (tasks[order->kind](&job) && !job.problem.err)
		job_refuse(&job, errno ? errno : EIO, "%s", strerror(errno));
	result->err = job.problem.err;
	snprintf(result->text, sizeof(result->text), "%s", job.problem.text);
	if (job.dev) {
		result->info = job.dev->info;
		result->irq_line = job.irq_line;
	}
	result->msi = (uint16_t)job.msi;
	result->msix = (uint16_t)job.msix;
	if (job.saved && !result->err)
		pcidev_saved_format(job.saved, result->saved);
	result->unreset = job.unreset;
	if (job.xs)
		xs_close(job.xs);
	pcidev_saved_free(job.saved);
	pcidev_close(job.dev);
	close_keep(job.lock);
	*machine = job.machine;
}

int job_main(const struct env *env, int sock)
{
	struct message m, answer;
	int fds[MESSAGE_FDS_MAX], fd;
	struct topology machine = { 0 };
	struct message_owner *owners;
	struct hypercall *hc;
	size_t len = MESSAGE_OWNERS_MAX * sizeof(*owners);

	prctl(PR_SET_NAME, "xenpci-job");
	owners = malloc(len);
	if (!owners || message_receive(sock, END_SUPERVISOR, END_JOB, &m, fds, owners, &len) != 1 ||
	    m.kind != MESSAGE_ORDER)
		return 1;
	m.u.order.nr_owners = (uint32_t)(len / sizeof(*owners));
	if (fds[0] >= 0)
		machine_import(&machine, fds[0]);
	message_init(&answer, MESSAGE_RESULT, m.slot);
	hc = hypercall_open(env->lg, env->mute);
	if (hc) {
		job_run(env, hc, &m.u.order, owners, &machine, &answer.u.result,
			fds[0] < 0 ? sock : -1);
	} else {
		answer.u.result.err = errno;
		snprintf(answer.u.result.text, sizeof(answer.u.result.text), "no hypercalls: %s",
			 strerror(errno));
	}
	fd = machine.nr ? machine_export(&machine) : -1;
	return message_send(sock, &answer, &fd, fd >= 0, NULL, 0) ? 1 : 0;
}
