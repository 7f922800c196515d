/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/ownership.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_loss.h"
#include "common/log.h"
#include "host/device_news.h"
#include "host/pciback.h"
#include "host/quarantine.h"

#define NEWS_MAX 256 /* in one turn of the loop */

int ownership_listen(struct backend *be)
{
	int fd = device_news_listen(be->env->sysfs_root);

	if (fd < 0 && errno != ENOENT)
		log_warn(be->lg, "cannot hear what the kernel announces of devices: %s; one that is unbound "
			 "or pulled out under its guest is not noticed", strerror(errno));
	return fd;
}

static void lose(struct claim *claim, const char *why)
{
	struct backend *be = claim->be;
	const struct quarantine notes = { be->xen.xs, be->env->state_dir };
	char name[SBDF_TEXT];

	guest_loses_to_host(claim->guest, claim, why);
	if (quarantine_hold(notes, claim->sbdf, "its host took it while a guest had it"))
		log_error(be->lg, "%s: that it is held back cannot be noted: %s",
			  sbdf_format(claim->sbdf, name), strerror(errno));
}

/* News of it may be older than the guest's having it: its binding is as it was then. */
static bool is_stale(const struct claim *claim)
{
	return claim->binding && !claim_is_rebound(claim);
}

static void hear_of(struct backend *be, const struct device_news *news)
{
	struct claim *claim = claim_find(be, news->sbdf);
	char why[64 + DEVICE_NEWS_DRIVER_MAX];

	/* Nobody's, but to be held for guests from now on. */
	if (!claim && news->kind == DEVICE_NEWS_BOUND && !strcmp(news->driver, PCIBACK_DRIVER))
		backend_idle_soon(be);
	if (!claim || !claim->guest || claim->lost || is_stale(claim))
		return;
	if (news->kind == DEVICE_NEWS_GONE)
		snprintf(why, sizeof(why), "it was pulled out, or removed from the host");
	else if (news->kind == DEVICE_NEWS_UNBOUND)
		snprintf(why, sizeof(why), "it was unbound from its driver");
	else
		snprintf(why, sizeof(why), "driver %s of the host has it", news->driver);
	lose(claim, why);
}

void ownership_check(struct claim *claim, const char *when)
{
	char why[128];

	if (claim->lost || !claim_is_rebound(claim))
		return;
	snprintf(why, sizeof(why), "%sit is bound to another driver, or to none, or anew", when);
	lose(claim, why);
}

/* Some news were lost: what can be seen of each. */
static void look_at_all(struct backend *be)
{
	struct claim *claim, *next;

	for (claim = TAILQ_FIRST(&be->claims); claim; claim = next) {
		next = TAILQ_NEXT(claim, of_host);
		if (claim->holds && claim->guest)
			ownership_check(claim, "");
	}
}

void ownership_hear(struct backend *be, int fd)
{
	struct device_news news;

	for (int i = 0; i < NEWS_MAX && !device_news_next(fd, &news); i++) {
		if (news.kind == DEVICE_NEWS_LOST)
			look_at_all(be);
		else if (news.kind != DEVICE_NEWS_NOTHING)
			hear_of(be, &news);
	}
}
