/* SPDX-License-Identifier: MIT */
/* A device on its way to a guest. */
#include <linux/pci_regs.h>
#include <string.h>

#include "backend/assignment.h"
#include "backend/job/job.h"
#include "common/util.h"
#include "host/device/save.h"
#include "host/privileges.h"

#define CLASS_BRIDGE 0x06

/* Xen must know of the MSI-X table while the device decodes memory. */
static void tell_of_msix(struct job *job)
{
	char name[SBDF_TEXT];

	/* Xen has nothing of a device that a program is. */
	if (!job->msix || job->dev->info.is_virtual)
		return;
	/* That this domain may not is told once, at the start. */
	if (job->order->denied & PRIVILEGE_BIT(TABLES)) {
		job->result->no_msix = true;
		return;
	}
	if (!hypercall_prepare_msix(job->hypercall, job->order->sbdf)) {
		job->result->prepared = true;
		return;
	}
	/* EBUSY: pciback, which holds the device for the toolstack, has prepared it. */
	if (errno == EBUSY)
		return;
	job->result->no_msix = errno == ENOSYS;
	talk_tell(&job->talk, XTL_WARN, "%s: cannot prepare MSI-X: %s%s", job_name(job, name),
		  strerror(errno), errno == ENOSYS ? "; the guest will be offered MSI only" : "");
}

/* Where the MSI-X table is: how many entries, and the start of the BAR that holds it. */
static void find_table(struct job *job)
{
	const struct pcidev_info *info = &job->dev->info;
	uint32_t flags, table;
	unsigned bir;

	if (!job->msix || pcidev_read(job->dev, job->msix + PCI_MSIX_FLAGS, 2, &flags) ||
	    pcidev_read(job->dev, job->msix + PCI_MSIX_TABLE, 4, &table))
		return;
	bir = table & PCI_MSIX_TABLE_BIR;
	if (bir >= PCIDEV_BARS || !info->resource[bir].start)
		return;
	job->result->msix_entries = (uint16_t)((flags & PCI_MSIX_FLAGS_QSIZE) + 1);
	job->result->msix_base = info->resource[bir].start;
}

/* Whether a filter can be built for it: better found out now than under the guest. */
static int try_filter(struct job *job)
{
	struct assignment a;
	struct config *cfg;
	char name[SBDF_TEXT];

	job_name(job, name);
	assignment_init(&a, &job->env->settings, &job->dev->info, job->order->opts,
			job->order->opts_node);
	if (a.bad[0]) {
		struct problem wrong;

		problem_set(&wrong, EINVAL, "%s: %s: \"%s\" is not understood and has no effect", name,
			    job->order->opts_node, a.bad);
		job->result->opts_err = wrong.err;
		memcpy(job->result->opts_text, wrong.text, sizeof(wrong.text));
	}
	cfg = config_open(job->dev, &a.policy.policy);
	if (!cfg)
		return job_refuse(job, errno, "%s: cannot build its filter: %s", name, strerror(errno));
	config_close(cfg);
	job->result->raw = a.policy.policy.permissive || a.policy.policy.nr_quirks;
	assignment_tell(&a, &job->talk, job->order->sbdf);
	return 0;
}

/*
 * Enabled for a moment, so that decoding is on (Xen looks for the MSI-X table) and the interrupt is
 * routed; then saved, reset, silenced. *command is what the guest begins with.
 */
static int prepare(struct job *job, uint16_t *command)
{
	bool pristine = pristine_take(job, command);
	char name[SBDF_TEXT];

	job_name(job, name);
	if (pcidev_enable(job->dev, true))
		talk_tell(&job->talk, XTL_WARN, "%s: the system does not enable it: %s", name,
			  strerror(errno));
	tell_of_msix(job);
	if (line_take(job))
		return -1;
	job->saved = pcidev_save(job->dev);
	if (!job->saved)
		return job_refuse(job, errno, "%s: cannot save its configuration: %s", name,
				  strerror(errno));
	if (!pristine && reset_device(job) < 0)
		return job_refuse(job, errno, "%s: did not come back from a reset: in quarantine", name);
	if (reset_judge(job))
		return -1;
	pcidev_enable(job->dev, false);
	if (pcidev_quiesce(job->dev))
		return job_refuse(job, errno, "%s: cannot silence it: %s", name, strerror(errno));
	find_table(job);
	return 0;
}

/*
 * A running guest has it already, by QEMU: it is read, to be put back when it comes back, and that is
 * all. A guest that was found with its device at work is not to have that at work afterwards.
 */
static int look_only(struct job *job)
{
	char name[SBDF_TEXT];

	job->saved = pcidev_save(job->dev);
	if (!job->saved)
		return job_refuse(job, errno, "%s: its configuration cannot be read: %s",
				  job_name(job, name), strerror(errno));
	job->result->command = pristine_command(job, pcidev_saved_command(job->saved)) & (uint16_t)~PCI_COMMAND_MASTER;
	pcidev_saved_set_command(job->saved, job->result->command);
	return 0;
}

/* Opened, and awake: what is judged, saved and reset is read in D0. */
static int open_awake(struct job *job)
{
	if (job_open(job) || job_wake_up(job, job->order->hands_off))
		return -1;
	if (job->order->hands_off || !job_power_on(job))
		return 0;
	/* It read ones when it was opened. */
	pcidev_close(job->dev);
	job->dev = NULL;
	close_keep(job->lock);
	job->lock = -1;
	if (job_open(job))
		return -1;
	/* The kernel puts back what it saved, if it did; of the addresses it knows. */
	pcidev_readdress(job->dev);
	return 0;
}

int job_take(struct job *job)
{
	char name[SBDF_TEXT];
	uint16_t command;
	uint32_t now;

	if (open_awake(job))
		return -1;
	job_name(job, name);
	if (job->dev->info.class_code >> 16 == CLASS_BRIDGE &&
	    job->env->settings.slots == SLOTS_VPCI)
		return job_refuse(job, EPERM, "%s: is a bridge; guests get bridges only with slots = "
				  "\"passthrough\" and allow = [\"bridge\"] [rule bridge]", name);
	if (pcidev_read(job->dev, PCI_COMMAND, 2, &now))
		return job_refuse(job, errno, "%s: cannot be read: %s", name, strerror(errno));
	command = (uint16_t)now;
	if (judge(job))
		goto out;
	if (job->order->hands_off)
		return look_only(job);
	if (prepare(job, &command) || try_filter(job))
		goto out;
	job->result->command = command;
	return 0;
out:
	/* Nothing stays that was done on the way. */
	if (job->result->prepared)
		hypercall_release_msix(job->hypercall, job->order->sbdf);
	job->result->prepared = false;
	return -1;
}

int job_carry_on(struct job *job)
{
	if (job_open(job))
		return -1;
	job->saved = pcidev_saved_parse(job->dev, job->order->saved);
	if (!job->saved) {
		char name[SBDF_TEXT];

		return job_refuse(job, errno, "%s: its saved configuration is damaged: %s",
				  job_name(job, name), strerror(errno));
	}
	if (job->order->hands_off)
		return 0;
	job->result->hide_intx = job->order->line_judged ? job->order->hide_intx : judge_line_shared(job);
	if (line_take(job))
		return -1;
	find_table(job);
	job->result->prepared = job->order->prepared;
	return try_filter(job);
}
