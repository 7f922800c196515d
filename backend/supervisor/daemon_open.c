/* SPDX-License-Identifier: MIT */
/* How the daemon begins and ends. */
#include "backend/supervisor/daemon_inner.h"

#include <cap-ng.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "backend/keeper/keeper.h"
#include "backend/keeper/link.h"
#include "backend/lock.h"
#include "backend/spawner/spawner.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/known.h"
#include "backend/supervisor/ledgers.h"
#include "common/log.h"
#include "common/util.h"
#include "host/privileges.h"

int daemon_cannot_begin(xentoollog_logger *lg)
{
	log_error(lg, "cannot begin: %s", strerror(errno));
	return -1;
}

static int open_providers(struct env *env, const struct daemon_options *o)
{
	env->providers = calloc(o->nr_devices ? o->nr_devices : 1, sizeof(struct provider *));
	if (!env->providers)
		return daemon_cannot_begin(env->lg);
	for (unsigned i = 0; i < o->nr_devices; i++) {
		struct provider *p = provider_open(o->devices[i], env->lg);

		if (!p) {
			log_error(env->lg, "--devices %s: %s", o->devices[i], strerror(errno));
			return -1;
		}
		env->providers[env->nr_providers++] = p;
	}
	return 0;
}

/* A guest takes some descriptors: as many as we may have. */
static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* "03:00.*" in the settings' hide is what there is of it now. */
static void expand_hide(struct env *env)
{
	for (unsigned i = 0; i < env->nr_providers; i++) {
		struct provider *p = env->providers[i];

		if (p && !strcmp(p->ops->name, "sysfs") && settings_expand_hide(&env->settings, p) < 0)
			log_error(env->lg, "hide: %s", strerror(errno));
	}
}

/* What all processes begin with, and the one that starts them: before anything of Xen's is opened. */
static int open_env(struct daemon *d, struct daemon_options *o, xentoollog_logger *lg)
{
	struct env *env = &d->env;
	struct backend *be = &d->be;
	int sock;
	pid_t pid;

	env->lg = lg;
	env->settings = o->settings;
	settings_init(&o->settings);
	env->sysfs_root = o->sysfs_root;
	env->state_dir = o->state_dir;
	env->worker = o->worker;
	env->strange_worker = o->strange_worker;
	env->instance = o->instance;
	env->keeper = o->keeper;
	raise_limit();
	env->mute = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
	if (!env->mute)
		return daemon_cannot_begin(lg);
	if (open_providers(env, o))
		return -1;
	expand_hide(env);
	be->machine = calloc(env->nr_providers + 1, sizeof(*be->machine));
	if (!be->machine)
		return daemon_cannot_begin(lg);
	for (unsigned i = 0; i < env->nr_providers; i++)
		be->machine[i].fd = -1;
	if (loop_open(&be->loop))
		return daemon_cannot_begin(lg);
	if (spawner_start(env, &sock, &pid))
		return -1;
	return processes_open(&be->processes, &be->loop, sock, pid, lg) ? daemon_cannot_begin(lg) : 0;
}

/* The keeper minds the bus's switch; without one we do. */
static int mind_bus(struct daemon *d, const struct daemon_options *o)
{
	struct kernel_backend *t = &d->be.kernel_backend;

	if (o->keeper < 0)
		return kernel_backend_begin(t, o->sysfs_root, o->state_dir, d->be.lg);
	if (kernel_backend_watch_only(t, o->sysfs_root, o->state_dir, d->be.lg))
		return -1;
	if (!keeper_turn(o->keeper))
		return 0;
	if (errno == EPIPE)
		keeper_succeed(false);
	log_error(d->be.lg, "the keeper cannot turn %s/" BACKEND_BUS_SWITCH " off: %s; run as root, or "
		  "unload xen-pciback", t->bus.path, strerror(errno));
	return -1;
}

/*
 * What is opened from now on, root's user may open, and what needs more than that, jobs and gates do.
 * The bounding set stays: if the keeper dies we exec the next one, which is to have all of it again.
 */
static int drop_capabilities(xentoollog_logger *lg)
{
	if (geteuid())
		return 0;
	capng_clear(CAPNG_SELECT_CAPS);
	if (!capng_apply(CAPNG_SELECT_CAPS))
		return 0;
	log_error(lg, "cannot give up our capabilities: %s", strerror(errno));
	return -1;
}

/* One list, at the start: what follows from it is not told again. */
static void find_privileges(struct backend *be)
{
	char text[PRIVILEGES_TEXT_MAX];

	be->denied = privileges_denied(be->hypercall, be->xen.domid);
	if (be->denied)
		log_warn(be->lg, "in domain %u Xen refuses us: %s. Config space and interrupt lines work",
			 be->xen.domid, privileges_text(be->denied, text));
}

int daemon_open(struct daemon *d, struct daemon_options *o, xentoollog_logger *lg)
{
	struct backend *be = &d->be;

	be->lg = lg;
	be->env = &d->env;
	be->upward = &upward_all;
	be->loop.fd = -1;
	TAILQ_INIT(&be->claims);
	TAILQ_INIT(&be->handovers);
	schedule_init(&be->schedule);
	d->signal_fd = d->devices_fd = d->sleep.clock_fd = d->sleep.count_fd = -1;
	d->ready_fd = o->ready_fd;
	d->keep_guests = o->keep_guests;
	d->keeper = o->keeper;
	d->options = o;
	d->since = time(NULL);
	d->started = now_ns();
	if (open_env(d, o, lg) || xen_open(&be->xen, lg))
		return -1;
	snprintf(be->root, sizeof(be->root), "/local/domain/%u/%s", be->xen.domid, NODE_BACKEND_ROOT);
	be->hypercall = hypercall_open(lg, d->env.mute);
	if (!be->hypercall)
		return -1;
	find_privileges(be);
	if (successor_open(&be->successor, be->xen.xs, be->xen.domid, o->state_dir, lg) ||
	    known_check(&be->successor))
		return -1;
	ledgers_sweep(&be->successor);
	if (mind_bus(d, o))
		return -1;
	if (daemon_listen(d) ||
	    (d->keeper >= 0 && loop_watch_turns(&be->loop, KEEPER_TURN_NS))) {
		log_error(lg, "cannot set up the event loop: %s", strerror(errno));
		return -1;
	}
	daemon_open_control(d, o->state_dir);
	if (drop_capabilities(lg))
		return -1;
	processes_prepare(&be->processes);
	claims_hide(be);
	return 0;
}

void daemon_close(struct daemon *d)
{
	struct backend *be = &d->be;
	bool over = d->phase == DAEMON_DONE && !daemon_has_guests(d, true);

	control_close(d->control, true);
	watches_close(&d->watches);
	kernel_backend_end(&be->kernel_backend);
	successor_close(&be->successor, over);
	processes_close(&be->processes);
	/* Who makes them is gone by now. */
	if (d->phase == DAEMON_DONE && !d->left)
		device_locks_remove(d->env.state_dir);
	close_keep(d->signal_fd);
	close_keep(d->devices_fd);
	host_sleep_dispose(&d->sleep);
	hypercall_close(be->hypercall);
	for (unsigned i = 0; be->machine && i < d->env.nr_providers; i++) {
		topology_dispose(&be->machine[i].topology);
		close_keep(be->machine[i].fd);
	}
	free(be->machine);
	for (unsigned i = 0; i < d->env.nr_providers; i++)
		provider_close(d->env.providers[i]);
	free(d->env.providers);
	settings_dispose(&d->env.settings);
	if (d->env.mute)
		xtl_logger_destroy(d->env.mute);
	if (be->loop.fd >= 0)
		loop_close(&be->loop);
	xen_close(&be->xen);
}
