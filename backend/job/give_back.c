/* SPDX-License-Identifier: MIT */
/* A device on its way back from a guest, and one that is reset under it. */
#include <linux/pci_regs.h>
#include <string.h>

#include "backend/job/job.h"
#include "common/log.h"
#include "common/util.h"
#include "host/device/save.h"

/* Back to what was saved; what fails is logged. */
static int restore(struct job *job)
{
	char name[SBDF_TEXT];
	int rc = pcidev_restore(job->dev, job->saved);

	if (rc) {
		talk_tell(&job->talk, XTL_WARN, "%s: configuration not restored: %s",
			  job_name(job, name), strerror(errno));
		reset_hold_back(job, "its configuration was not put back");
	}
	pcidev_quiesce(job->dev);
	return rc;
}

/*
 * Reset, and everything as it was before the guest; but where the device is to stay as the reset
 * left it (pristine), decoding is off from before the reset on, so that nobody finds it on.
 */
static void clean(struct job *job)
{
	const uint16_t command = pcidev_saved_command(job->saved);
	bool wanted = pristine_wanted(job);
	int rc;

	if (wanted)
		pcidev_saved_set_command(job->saved, command & (uint16_t)~PCIDEV_REACHED);
	pcidev_quiesce(job->dev); /* no DMA while we reset */
	rc = reset_device(job);
	if (rc < 0)
		return; /* it answers to nothing */
	if (!restore(job) && rc && wanted &&
	    !pristine_note(job, command & (uint16_t)~PCI_COMMAND_MASTER))
		return;
	pcidev_saved_set_command(job->saved, command);
	if (wanted)
		restore(job);
}

/* Opened, with what was saved of it. */
static int open_saved(struct job *job)
{
	char name[SBDF_TEXT];

	if (job_open(job))
		return -1;
	job->saved = pcidev_saved_parse(job->dev, job->order->saved);
	if (!job->saved)
		return job_refuse(job, errno, "%s: its saved configuration is damaged: %s",
				  job_name(job, name), strerror(errno));
	return 0;
}

int job_give_back(struct job *job)
{
	if (job->order->hands_off)
		return 0;
	if (open_saved(job))
		return -1;
	clean(job);
	if (job->order->prepared)
		hypercall_release_msix(job->hypercall, job->order->sbdf);
	return 0;
}

int job_recover(struct job *job)
{
	char name[SBDF_TEXT];

	if (open_saved(job))
		return -1;
	if (reset_device(job) < 0)
		return job_refuse(job, EIO, "%s: did not come back from a reset",
				  job_name(job, name));
	return 0;
}
