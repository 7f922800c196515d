/* SPDX-License-Identifier: MIT */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "backend/job/job.h"
#include "common/util.h"
#include "host/gsi.h"
#include "host/privileges.h"

#define NO_LINE 0xff /* of the register: not connected */

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

/*
 * In a driver domain the kernel's number is one of its own; the device's register, as the backend of this
 * domain shows it, has what dom0 calls the line, and gives to the guest as its pirq.
 */
static int registers_line(struct job *job)
{
	uint32_t line;

	if (!gsi_in_register(job->env->sysfs_root))
		return withhold(job, "this domain is no PV guest: what its machine calls the line is not known here");
	if (pcidev_read(job->dev, PCI_INTERRUPT_LINE, 1, &line))
		return -1;
	job->dev->info.irq = line == NO_LINE ? 0 : line;
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
	if (job->order->denied & PRIVILEGE_BIT(LINES) && pcidev_is_line(info->irq))
		return registers_line(job);
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
