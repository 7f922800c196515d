/* SPDX-License-Identifier: MIT */
/*
 * Devices that nobody can have used since we reset them. That is shown, not assumed. A device that
 * we take back and reset is left without decoding and bus mastering, so that nothing reaches it, or
 * memory through it, but config accesses of domain 0. It is still so when it is to be given if
 *   - the supervisor remembers it: after a reset that worked, and until it is given;
 *   - its binding to its driver is the same, so that no other driver had it;
 *   - the first 256 bytes of config space are as they were: whoever used it had to make it decode,
 *     and xen-pciback, QEMU and drivers leave it so.
 * Not remembered, and so reset as ever: what nothing could reset; virtual functions, which decode
 * as their physical one does; what a guest could write raw; what has a vector that Xen may still
 * touch; all devices while the kernel's backend serves a guest, which might get one and think that
 * it decodes; and all that `reset_always` says.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "backend/job/job.h"
#include "common/log.h"
#include "common/util.h"

static uint16_t command_in(const uint8_t config[PCIDEV_BASIC])
{
	return (uint16_t)(config[PCI_COMMAND] | config[PCI_COMMAND + 1] << 8);
}

bool pristine_wanted(const struct job *job)
{
	const struct pcidev_info *info = &job->dev->info;
	struct settings_life life;

	settings_life(&job->env->settings, info, &life);
	return !life.reset_always && !job->order->raw && !job->order->stuck && !info->is_vf &&
	       !info->header_type && !job->order->kernel_serves;
}

int pristine_note(struct job *job, uint16_t command)
{
	struct pristine *p = &job->result->pristine;

	p->command = command;
	if (provider_binding(job->provider, job->order->sbdf, &p->binding) ||
	    pcidev_read_basic(job->dev, p->config))
		return -1;
	if (command_in(p->config) & PCIDEV_REACHED)
		return fail(EIO);
	p->known = true;
	return 0;
}

/* What shows that somebody may have used the device; NULL: nothing does. */
static const char *trace_of_use(struct job *job)
{
	const struct pristine *p = &job->order->pristine;
	uint8_t now[PCIDEV_BASIC];
	uint64_t binding;

	if (pcidev_read_basic(job->dev, now))
		return "its config space cannot be read";
	if (provider_binding(job->provider, job->order->sbdf, &binding) || binding != p->binding)
		return "its driver was bound anew";
	if (memcmp(now, p->config, PCIDEV_BASIC))
		return "its config space is not as we left it";
	return NULL;
}

uint16_t pristine_command(const struct job *job, uint16_t now)
{
	const struct pristine *p = &job->order->pristine;

	return p->known && now == command_in(p->config) ? p->command : now;
}

bool pristine_take(struct job *job, uint16_t *command)
{
	const struct pristine *p = &job->order->pristine;
	struct settings_life life;
	char name[SBDF_TEXT];
	const char *why;

	if (!p->known)
		return false;
	job_name(job, name);
	settings_life(&job->env->settings, &job->dev->info, &life);
	why = trace_of_use(job);
	if (life.reset_always)
		why = "the settings want it";
	if (*command == command_in(p->config) && !pcidev_write(job->dev, PCI_COMMAND, 2, p->command))
		*command = p->command;
	if (why)
		talk_tell(&job->talk, XTL_INFO, "%s: to be reset once more: since it was taken back, %s",
			  name, why);
	else
		talk_tell(&job->talk, XTL_INFO, "%s: not reset again: nobody can have used it since "
			  "its last reset", name);
	return !why;
}

/* At the supervisor's end: the command register that was withheld, if it is as we left it. */
int job_decode(struct job *job)
{
	char name[SBDF_TEXT];

	if (job_open(job) || job_wake_up(job, false))
		return -1;
	if (!trace_of_use(job) && pcidev_write(job->dev, PCI_COMMAND, 2, job->order->pristine.command))
		log_warn(job->env->lg, "%s: is left without decoding: %s", job_name(job, name),
			 strerror(errno));
	return 0;
}
