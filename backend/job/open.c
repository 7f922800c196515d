/* SPDX-License-Identifier: MIT */
/* What a job works with: its device, locked, and xenstore. */
#include "backend/job/job.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "backend/lock.h"
#include "common/util.h"
#include "host/device/save.h"

#define CARRY_ON_PATIENCE_MS 1000 /* less than a guest waits for an answer */

/* Opens the device in the first provider that knows it, or in the one that had it. */
static void open_device(struct job *job)
{
	const struct env *env = job->env;

	errno = ENODEV;
	for (unsigned i = 0; i < env->nr_providers && !job->dev; i++) {
		if (job->order->kind != JOB_TAKE && i != job->order->provider)
			continue;
		job->provider = env->providers[i];
		job->result->provider = i;
		job->dev = provider_open_device(job->provider, job->order->sbdf);
		if (!job->dev && errno != ENODEV)
			break;
	}
}

int job_open(struct job *job)
{
	char name[SBDF_TEXT];

	job_name(job, name);
	/* Whoever had it last, a predecessor's job perhaps, is through with it first. */
	job->lock = device_lock(job->env->state_dir, job->order->sbdf);
	open_device(job);
	if (!job->dev && errno == ENODEV)
		return job_refuse(job, ENODEV, "%s: no such device on this host", name);
	if (!job->dev)
		return job_refuse(job, errno, "%s: cannot open the device: %s", name, strerror(errno));
	/* It is a guest's: behind a sleep of the host it may be late, or gone. */
	if (job->order->kind == JOB_CARRY_ON && !job->order->hands_off && !job->dev->info.is_virtual &&
	    pcidev_wait_itself(job->dev, CARRY_ON_PATIENCE_MS))
		return job_refuse(job, ENODEV, "%s: does not answer as itself: nothing is written to it; detach it, and "
				  "attach it again when it is back", name);
	job->msi = pcidev_find_cap(job->dev, PCI_CAP_ID_MSI);
	job->msix = pcidev_find_cap(job->dev, PCI_CAP_ID_MSIX);
	return 0;
}

struct xs_handle *job_xs(struct job *job)
{
	if (!job->xs)
		job->xs = xs_open(0);
	return job->xs;
}

struct quarantine job_quarantine(struct job *job)
{
	return (struct quarantine){ job_xs(job), job->env->state_dir };
}
