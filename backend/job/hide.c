/* SPDX-License-Identifier: MIT */
/* Devices that the settings hide: taken from the host's drivers to pciback. */
#include <string.h>

#include "backend/job/job.h"
#include "common/log.h"
#include "common/util.h"
#include "host/pciback.h"

int job_hide(struct job *job)
{
	const struct env *env = job->env;
	struct pciback pciback = { .sysfs = env->sysfs_root, .hypercall = job->hypercall };
	char driver[TOPOLOGY_DRIVER_MAX], name[SBDF_TEXT];
	struct sbdf a = job->order->sbdf;
	int rc = 0;

	job_name(job, name);
	pciback.xs = xs_open(0);
	if (!pciback.xs)
		return job_refuse(job, errno, "%s: cannot be hidden: no xenstore: %s", name,
				  strerror(errno));
	for (unsigned i = 0; i < env->nr_providers; i++) {
		struct provider *p = env->providers[i];

		if (strcmp(p->ops->name, "sysfs"))
			continue;
		if (provider_attribute(p, a, "driver", driver, sizeof(driver)) < 0) {
			if (errno == ENODEV)
				continue;
			driver[0] = '\0';
		}
		rc = pciback_take(&pciback, a, driver, &job->problem);
		if (!rc)
			log_info(env->lg, "%s: held for guests%s%s", name,
				 driver[0] ? ", taken from " : "", driver);
		goto out;
	}
	rc = job_refuse(job, ENODEV, "%s: to be hidden, but there is no such device", name);
out:
	xs_close(pciback.xs);
	return rc;
}
