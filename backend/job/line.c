/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "backend/job/job.h"
#include "common/util.h"
#include "host/gsi.h"

static int withhold(struct job *job, const char *why)
{
	char name[SBDF_TEXT];

	job_name(job, name);
	if (!job->msi && !job->msix)
		return job_refuse(job, ENODATA, "%s: refused: %s, and it has no MSI", name, why);
	talk_tell(&job->talk, XTL_INFO, "%s: %s: the line is withheld, the guest has to use MSI", name,
		  why);
	job->dev->info.irq = 0;
	return 0;
}

/*
 * What a guest reads as its line is the pirq that it binds. Where dom0 has none itself, the
 * toolstack lets Xen choose the number; asking for any tells which it is.
 */
static int guests_pirq(struct job *job, uint32_t gsi)
{
	int pirq = -1;

	if (hypercall_map_gsi(job->hypercall, job->order->domid, gsi, &pirq)) {
		char why[128];

		snprintf(why, sizeof(why), "Xen gives the guest no pirq for GSI %u (%s)", gsi,
			 strerror(errno));
		return withhold(job, why);
	}
	job->dev->info.irq = (uint32_t)pirq;
	return 0;
}

int line_take(struct job *job)
{
	struct pcidev_info *info = &job->dev->info;
	char name[SBDF_TEXT];
	uint32_t gsi;
	bool pirqs;

	job->irq_line = info->irq;
	if (job->result->hide_intx)
		return withhold(job, "its interrupt line is shared with others");
	if (gsi_find(job->provider, info, job->hypercall, &gsi, &pirqs)) {
		if (errno == ENOENT)
			return 0;
		return withhold(job, "this dom0 has no pirqs and its kernel does not tell the "
				     "GSI (irq is not GSI here)");
	}
	info->irq = gsi;
	/* Where Xen does not let us, the kernel has done it. */
	if (hypercall_setup_gsi(job->hypercall, gsi))
		talk_tell(&job->talk, XTL_INFO, "%s: Xen does not set up GSI %u: %s; INTx may not work",
			  job_name(job, name), gsi, strerror(errno));
	return pirqs ? 0 : guests_pirq(job, gsi);
}
