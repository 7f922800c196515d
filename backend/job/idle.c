/* SPDX-License-Identifier: MIT */
/* A device that nobody has: asleep, where the settings want that, and awake where somebody gets it. */
#include <string.h>

#include "backend/job/job.h"
#include "common/log.h"
#include "common/util.h"
#include "host/asleep.h"
#include "host/assignable.h"
#include "host/device/save.h"
#include "host/device/slow.h"
#include "host/pciback.h"

enum {
	POWER_LOOK_NS = 10000000,
	POWER_TRIES = 100, /* a second: PCI Express base specification 6.6.1 */
};

static const char *driver_of(const struct job *job, char driver[TOPOLOGY_DRIVER_MAX])
{
	if (provider_attribute(job->provider, job->order->sbdf, "driver", driver, TOPOLOGY_DRIVER_MAX) < 0)
		driver[0] = '\0';
	return driver;
}

static bool says(const struct job *job, const char *attribute, const char *word)
{
	char text[16];

	return provider_attribute(job->provider, job->order->sbdf, attribute, text, sizeof(text)) >= 0 &&
	       !strcmp(text, word);
}

int job_wake_up(struct job *job, bool others)
{
	char name[SBDF_TEXT];
	int rc = asleep_end(job->env->state_dir, job->provider, job->dev, others);

	job_name(job, name);
	if (rc < 0)
		return job_refuse(job, EIO, "%s: does not wake from D3hot as it was: %s; xenpci reset it", name,
				  strerror(errno));
	if (rc)
		talk_tell(&job->talk, XTL_INFO, "%s: awake: it slept in D3hot", name);
	return 0;
}

bool job_power_on(struct job *job)
{
	bool cold = !pcidev_alive(job->dev) && says(job, "power_state", "D3cold");
	char driver[TOPOLOGY_DRIVER_MAX], name[SBDF_TEXT];

	/* What a driver of the host has is not ours to touch; what pciback holds the kernel counts as used. */
	if (!assignable_is_holder(driver_of(job, driver)) ||
	    (!cold && (!strcmp(driver, PCIBACK_DRIVER) || !says(job, "power/control", "auto"))))
		return false;
	job_name(job, name);
	if (provider_power_on(job->provider, job->order->sbdf)) {
		talk_tell(&job->talk, XTL_WARN, "%s: the kernel may put it into D3cold under its guest: its "
			  "power/control cannot be written: %s", name, strerror(errno));
		return false;
	}
	for (int i = 0; cold && i < POWER_TRIES && !pcidev_alive(job->dev); i++)
		slow_sleep(POWER_LOOK_NS);
	talk_tell(&job->talk, XTL_INFO, "%s: its power/control is on from now on, so that it stays out of D3cold",
		  name);
	return cold;
}

int job_idle(struct job *job)
{
	char driver[TOPOLOGY_DRIVER_MAX], name[SBDF_TEXT];
	struct settings_life life;
	const char *why;
	bool want, noted;

	if (job_open(job))
		return -1;
	settings_life(&job->env->settings, &job->dev->info, &life);
	want = life.idle_d3 && !strcmp(driver_of(job, driver), PCIBACK_DRIVER);
	noted = asleep_noted(job->env->state_dir, job->order->sbdf);
	if (want && noted && pcidev_in_d3hot(job->dev))
		return 0;
	/* What others have woken, the host behind its sleep say, is put back before it sleeps again. */
	if (noted && job_wake_up(job, false))
		return -1;
	if (!want || !pcidev_alive(job->dev))
		return 0;
	job_name(job, name);
	if (!asleep_begin(job->env->state_dir, job->provider, job->dev, &why)) {
		talk_tell(&job->talk, XTL_INFO, "%s: sleeps in D3hot until somebody has it", name);
	} else if (errno == ENOTSUP || errno == EBUSY) {
		job->result->sleepless = errno == ENOTSUP;
		talk_tell(&job->talk, XTL_INFO, "%s: stays awake: %s", name, why);
	} else {
		talk_tell(&job->talk, XTL_WARN, "%s: cannot be put to sleep: %s: %s", name, why, strerror(errno));
	}
	return 0;
}

int job_awake(struct job *job)
{
	return job_open(job) ? -1 : job_wake_up(job, false);
}
