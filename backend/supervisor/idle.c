/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/idle.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/backend.h"
#include "backend/supervisor/claim.h"
#include "common/log.h"
#include "common/number.h"
#include "common/store.h"
#include "common/util.h"
#include "host/asleep.h"
#include "host/pciback.h"

#define AGAIN_MAX_NS 600000000000ull

/* Of the device that each is called with, p's: */
typedef void visit(struct backend *be, uint32_t provider, struct sbdf a);

/* All functions of this machine; a captured or a virtual one has no power to save. */
static void visit_all(struct backend *be, visit *f)
{
	for (uint32_t i = 0; i < be->env->nr_providers; i++) {
		struct provider *p = be->env->providers[i];
		int nr = 0;
		struct sbdf *list = strcmp(p->ops->name, "sysfs") ? NULL : provider_list_all(p, &nr);

		for (int k = 0; list && k < nr; k++)
			f(be, i, list[k]);
		free_keep(list);
	}
}

static bool is_held(struct backend *be, uint32_t provider, struct sbdf a)
{
	char driver[TOPOLOGY_DRIVER_MAX];

	return provider_attribute(be->env->providers[provider], a, "driver", driver, sizeof(driver)) >= 0 &&
	       !strcmp(driver, PCIBACK_DRIVER);
}

/* libxl notes a guest before it does anything to its device, and before a backend hears of it. */
static bool is_toolstacks(struct backend *be, struct sbdf a)
{
	char text[NODE_VALUE_MAX], dir[STORE_PATH_MAX];
	uint32_t domid;

	if (pciback_note_read(be->xen.xs, a, "domid", text, sizeof(text)) < 0 || number_u32(text, &domid))
		return false;
	snprintf(dir, sizeof(dir), "/local/domain/%u", domid);
	return store_exists(be->xen.xs, XBT_NULL, dir, NULL) != 0;
}

/* A predecessor's guest has it, whom we have not come to yet. */
static bool is_remembered(struct backend *be, struct sbdf a)
{
	struct guest_id *guests;
	unsigned n = successor_guests(&be->successor, &guests);
	bool found = false;

	for (unsigned i = 0; i < n && !found; i++) {
		struct sbdf *devices;
		unsigned nr = successor_guest_devices(&be->successor, guests[i], &devices);

		for (unsigned k = 0; k < nr; k++)
			found |= sbdf_equal(devices[k], a);
		free_keep(devices);
	}
	free_keep(guests);
	return found;
}

static bool is_sleepless(const struct backend *be, struct sbdf a)
{
	for (unsigned i = 0; i < be->nr_sleepless && i < SLEEPLESS_MAX; i++)
		if (sbdf_equal(be->sleepless[i], a))
			return true;
	return false;
}

static void look_at(struct backend *be, uint32_t provider, struct sbdf a)
{
	bool noted = asleep_noted(be->env->state_dir, a);

	if (claim_find(be, a) || (noted && !be->idle_all))
		return;
	if (!noted && (!be->idles || is_sleepless(be, a) || !is_held(be, provider, a)))
		return;
	if (is_toolstacks(be, a) || is_remembered(be, a)) {
		be->idle_ns = be->now_ns + be->idle_again_ns;
		return;
	}
	claims_rest(be, provider, a, JOB_IDLE);
}

void idle_begin(struct backend *be)
{
	be->idles = settings_any_idle_d3(&be->env->settings);
	/* Who has no use for this is not woken by it. */
	if (!be->idles && !asleep_any_noted(be->env->state_dir))
		return;
	be->idle_all = true;
	be->idle_again_ns = be->env->settings.idle_d3_after_ms * 1000000ull;
	be->idle_ns = now_ns() + be->idle_again_ns;
}

void idle_look(struct backend *be)
{
	be->idle_ns = 0;
	if (be->closing)
		return;
	/* Which devices they have whom the kernel serves, nobody tells us. */
	if (be->xen.lost || kernel_backend_serves_any(&be->kernel_backend))
		be->idle_ns = be->now_ns + be->idle_again_ns;
	else
		visit_all(be, look_at);
	if (!be->idle_ns)
		be->idle_all = false;
	be->idle_again_ns = 2 * be->idle_again_ns < AGAIN_MAX_NS ? 2 * be->idle_again_ns : AGAIN_MAX_NS;
	claims_run(be);
}

static void wake(struct backend *be, uint32_t provider, struct sbdf a)
{
	if (asleep_noted(be->env->state_dir, a))
		claims_rest(be, provider, a, JOB_AWAKE);
}

void idle_end(struct backend *be)
{
	visit_all(be, wake);
	claims_run(be);
}
