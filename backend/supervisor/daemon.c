/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/daemon.h"

#include <cap-ng.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>

#include "backend/control/control.h"
#include "backend/keeper/link.h"
#include "backend/lock.h"
#include "backend/spawner/spawner.h"
#include "backend/supervisor/aer.h"
#include "backend/supervisor/anew.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/known.h"
#include "backend/supervisor/ownership.h"
#include "backend/supervisor/recovery.h"
#include "backend/supervisor/report.h"
#include "backend/supervisor/watches.h"
#include "common/log.h"
#include "common/util.h"

#define CLOSE_TIMEOUT_NS 3000000000u /* guests that do not close are closed by us */

enum daemon_phase {
	DAEMON_STARTING, /* devices are hidden */
	DAEMON_SERVING,
	DAEMON_ASKING,	 /* guests are asked to close */
	DAEMON_ENDING,	 /* what is left of them is taken back */
	DAEMON_LAST,	 /* devices that were left without decoding decode again */
	DAEMON_DONE,
};

/* Who asks to stop: each may ask, and a second time to hurry. */
enum { BY_SIGNAL = 1, BY_KEEPER = 2 };

struct daemon {
	struct backend be;
	struct env env;
	struct watches watches;
	struct source xenstore, life, signals, news, devices, keeper_link, controls;
	struct control *control;
	const struct daemon_options *options;
	time_t since;
	uint64_t started;
	int signal_fd;
	int devices_fd; /* what is announced of devices; -1: nothing */
	int ready_fd;
	enum daemon_phase phase;
	uint64_t close_by_ns;
	bool keep_guests;
	unsigned asked_by; /* to stop: BY_* */
	int keeper;	   /* the link; -1: no keeper */
	bool succeed;	   /* the keeper died: we become the next; or there is none, and we begin anew */
	bool installed;	   /* ... with the program as it is installed now */
	bool released;	   /* nobody is to be started again */
	bool left; /* guests and devices are left as they are, to a successor */
	int rc;
};

static struct daemon *the_daemon;

static const char *phase_name(enum daemon_phase phase)
{
	static const char *const names[] = {
		[DAEMON_STARTING] = "starting", [DAEMON_SERVING] = "serving", [DAEMON_ASKING] = "asking",
		[DAEMON_ENDING] = "ending", [DAEMON_LAST] = "ending", [DAEMON_DONE] = "ending",
	};

	return names[phase];
}

static void lost(struct daemon *d, const char *what)
{
	log_error(d->be.lg, "%s: %s; stopping", what, strerror(errno));
	d->phase = DAEMON_DONE;
	d->left = true;
	d->rc = -1;
}

/* Stops as if killed: whatever we closed, the guests would notice. */
static void leave(struct daemon *d)
{
	d->left = true;
	d->phase = DAEMON_DONE;
}

static void stop(struct daemon *d, unsigned by, const char *who)
{
	struct guest *g;

	if (d->keep_guests) {
		leave(d);
		return;
	}
	/* Asked a second time, it does not wait for guests any more. */
	if (d->asked_by & by)
		d->close_by_ns = 0;
	d->asked_by |= by;
	if (d->phase >= DAEMON_ASKING)
		return;
	log_info(d->be.lg, "%s: asking the guests to close", who);
	d->be.closing = true;
	d->phase = DAEMON_ASKING;
	d->close_by_ns = now_ns() + CLOSE_TIMEOUT_NS;
	for (uint32_t domid = 0; (g = backend_next_guest(&d->be, &domid)); domid++)
		guest_ask_to_close(g);
}

/* Leaves everything to a successor that is started at once. 0, or -1 with why not. */
static int begin_anew(struct daemon *d, bool check, bool installed, char *text, size_t room)
{
	if (d->phase != DAEMON_SERVING) {
		snprintf(text, room, "it is %s: try again", phase_name(d->phase));
		return -1;
	}
	if (check && anew_check_settings(d->options->config, d->options->config_said, text, room))
		return -1;
	log_info(d->be.lg, "starting anew%s", installed ? " with the program as it is installed" : "");
	snprintf(text, room, "guests wait a moment");
	d->installed = installed;
	d->succeed = d->keeper < 0;
	keeper_again(d->keeper, installed);
	leave(d);
	return 0;
}

static void reload(struct daemon *d)
{
	char text[512];

	if (begin_anew(d, true, false, text, sizeof(text)))
		log_error(d->be.lg, "the settings are not read anew: %s", text);
}

static void on_signal(struct source *s)
{
	struct daemon *d = the_daemon;
	struct signalfd_siginfo si;

	if (read(s->fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
		stop(d, BY_SIGNAL, strsignal((int)si.ssi_signo));
	else if (si.ssi_signo == SIGQUIT)
		leave(d);
	else if (si.ssi_signo == SIGHUP)
		reload(d);
	else
		log_info(d->be.lg, "%s has no meaning here",
			 strsignal((int)si.ssi_signo));
}

static void on_keeper(struct source *s)
{
	struct daemon *d = the_daemon;

	switch (keeper_hear(d->keeper)) {
	case KEEPER_WISHES_NOTHING:
		break;
	case KEEPER_WISHES_STOP:
		stop(d, BY_KEEPER, "stopped");
		break;
	case KEEPER_WISHES_LEAVE:
		leave(d);
		break;
	case KEEPER_WISHES_RELOAD:
		reload(d);
		break;
	case KEEPER_WISHES_GONE:
		loop_drop(&d->be.loop, s);
		close_keep(d->keeper);
		d->keeper = -1;
		takeover_inherit(&d->be.takeover);
		if (d->phase >= DAEMON_ASKING)
			break; /* we end in any case */
		d->succeed = true;
		leave(d);
	}
}

static void on_xenstore(struct source *s)
{
	(void)s;
	if (watches_drain(&the_daemon->watches))
		lost(the_daemon, "xenstore");
}

static void on_xenstored_end(struct source *s)
{
	(void)s;
	errno = ECONNRESET;
	lost(the_daemon, "xenstore");
}

/* ---- Who asks and gives orders at the control socket ---- */

static void release(struct daemon *d, struct record_result *out)
{
	if (d->phase >= DAEMON_ASKING) {
		snprintf(out->text, sizeof(out->text), "it is ending already");
		return;
	}
	d->keep_guests = false;
	d->released = true;
	keeper_released(d->keeper);
	stop(d, BY_SIGNAL, "released");
	out->ok = true;
	snprintf(out->text, sizeof(out->text), "guests are asked to close, and lose their devices");
}

static void on_order(void *context, enum records_command command, const char *level,
		     struct record_result *out)
{
	struct daemon *d = context;

	switch (command) {
	case COMMAND_reload:
	case COMMAND_restart:
	case COMMAND_upgrade:
		out->ok = !begin_anew(d, command != COMMAND_restart, command == COMMAND_upgrade, out->text,
				      sizeof(out->text));
		break;
	case COMMAND_release:
		release(d, out);
		break;
	case COMMAND_loglevel:
		out->ok = !anew_set_level(d->be.lg, level, out->text, sizeof(out->text));
		break;
	default:
		break;
	}
}

static bool on_next(void *context, uint32_t *domid)
{
	struct daemon *d = context;

	return backend_next_guest(&d->be, domid) != NULL;
}

static bool on_is(void *context, uint32_t domid, const char *who)
{
	struct daemon *d = context;

	return report_is(&d->be, domid, who);
}

static int on_record(void *context, enum record_kind kind, uint32_t domid, uint32_t *at,
		     union record *out)
{
	struct daemon *d = context;

	if (kind != RECORD_OF_daemon)
		return report_record(&d->be, kind, domid, at, out);
	*out = (union record){ .daemon = {
		.version = RECORDS_VERSION, .program = XENPCI_VERSION, .pid = getpid(),
		.keeper = d->keeper >= 0 ? getppid() : 0, .started = (int64_t)d->started,
		.since = d->since,
	} };
	snprintf(out->daemon.phase, sizeof(out->daemon.phase), "%s", phase_name(d->phase));
	snprintf(out->daemon.log_level, sizeof(out->daemon.log_level), "%s", anew_level());
	snprintf(out->daemon.slots, sizeof(out->daemon.slots), "%s",
		 slots_mode_name(d->env.settings.slots));
	snprintf(out->daemon.settings, sizeof(out->daemon.settings), "%.255s", d->options->config);
	report_counts(&d->be, &out->daemon);
	return (int)kind;
}

static void on_trace(void *context, uint32_t domid, unsigned what)
{
	struct daemon *d = context;

	report_trace(&d->be, domid, what);
}

static void on_control(struct source *s)
{
	(void)s;
	control_serve(the_daemon->control);
}

/* Without it all goes on: nobody can ask. */
static void open_control(struct daemon *d, const char *dir)
{
	static const struct control_source source = { on_next, on_is, on_record, on_trace, on_order };

	d->control = control_open(dir, &source, d, d->be.lg);
	if (d->control && loop_add(&d->be.loop, &d->controls, control_fd(d->control), on_control))
		log_warn(d->be.lg, "nobody is heard at the control socket: %s", strerror(errno));
}

static void on_news(struct source *s)
{
	(void)s;
	takeover_news(&the_daemon->be.takeover);
}

static void on_devices(struct source *s)
{
	ownership_hear(&the_daemon->be, s->fd);
}

static void serve_timers(struct daemon *d)
{
	uint64_t now = d->be.now_ns;
	struct guest *g;

	if (d->be.look_ns && d->be.look_ns <= now)
		recovery_look(&d->be, now);
	while ((g = schedule_next_expired(&d->be.schedule, now)))
		watches_guest_timer(&d->watches, g, now);
}

/* Whether all guests have closed, or had their time. */
static bool closed(struct daemon *d)
{
	struct guest *g;

	if (now_ns() >= d->close_by_ns)
		return true;
	for (uint32_t domid = 0; (g = backend_next_guest(&d->be, &domid)); domid++)
		if (!guest_closed(g))
			return false;
	return true;
}

static void end_guests(struct daemon *d)
{
	struct guest *g;

	for (uint32_t domid = 0; (g = backend_next_guest(&d->be, &domid)); domid++) {
		if (g->hvm)
			guest_leave(g);
		else
			guest_end(g, "xenpcid is stopping");
	}
}

/* Whether there are guests of the kind: HVM ones stay as they are, with their records, for a successor. */
static bool guests_left(struct daemon *d, bool hvm)
{
	struct guest *g;

	for (uint32_t domid = 0; (g = backend_next_guest(&d->be, &domid)); domid++)
		if (g->hvm == hvm)
			return true;
	return false;
}

static void tell_ready(struct daemon *d)
{
	if (d->ready_fd < 0)
		return;
	if (write(d->ready_fd, "ready\n", 6) != 6)
		errno = 0; /* who asked has gone: no matter */
	close(d->ready_fd);
	d->ready_fd = -1;
}

/* To the next phase, when what this one waits for is done. */
static void move_once(struct daemon *d)
{
	bool idle = TAILQ_EMPTY(&d->be.handovers) && !d->be.nr_jobs;

	switch (d->phase) {
	case DAEMON_STARTING:
		if (!idle)
			return;
		d->phase = DAEMON_SERVING;
		if (watches_open(&d->watches, &d->be)) {
			lost(d, "xenstore");
			return;
		}
		tell_ready(d);
		keeper_serving(d->keeper);
		break;
	case DAEMON_ASKING:
		if (!closed(d))
			return;
		d->phase = DAEMON_ENDING;
		end_guests(d);
		break;
	case DAEMON_ENDING:
		if (guests_left(d, false) || !idle)
			return;
		d->phase = DAEMON_LAST;
		claims_decode(&d->be);
		break;
	case DAEMON_LAST:
		if (idle)
			d->phase = DAEMON_DONE;
		break;
	case DAEMON_SERVING:
	case DAEMON_DONE:
		break;
	}
}

static void move_on(struct daemon *d)
{
	enum daemon_phase before;

	do {
		before = d->phase;
		move_once(d);
	} while (d->phase != before);
}

/* How long to sleep, in epoll_wait's milliseconds. */
static int timeout_ms(struct daemon *d)
{
	uint64_t first, now;

	if (!TAILQ_EMPTY(&d->be.schedule.dirty))
		return 0;
	first = schedule_first(&d->be.schedule);
	if (d->phase == DAEMON_ASKING && d->close_by_ns < first)
		first = d->close_by_ns;
	if (d->be.look_ns && d->be.look_ns < first)
		first = d->be.look_ns;
	if (first == UINT64_MAX)
		return -1;
	now = now_ns();
	return first <= now ? 0 : (int)((first - now) / 1000000 + 1);
}

static void turn(struct daemon *d)
{
	if (loop_turn(&d->be.loop, timeout_ms(d))) {
		lost(d, "epoll");
		return;
	}
	/* Without xenstore, or on our way out, nothing is looked at any more. */
	if (d->phase == DAEMON_DONE)
		return;
	d->be.now_ns = now_ns();
	if (d->be.processes.lost) {
		errno = EPIPE;
		lost(d, "the process that starts others is gone");
		return;
	}
	/* One guest's nodes, then what else came. */
	if (d->phase != DAEMON_STARTING)
		watches_update_one(&d->watches);
	serve_timers(d);
	move_on(d);
}

static int open_signals(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return d->signal_fd < 0 ? -1 : 0;
}

static int open_providers(struct env *env, const struct daemon_options *o)
{
	env->providers = calloc(o->nr_devices ? o->nr_devices : 1, sizeof(struct provider *));
	if (!env->providers)
		return -1;
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
	if (!env->mute || open_providers(env, o))
		return -1;
	expand_hide(env);
	be->machine = calloc(env->nr_providers + 1, sizeof(*be->machine));
	if (!be->machine)
		return -1;
	for (unsigned i = 0; i < env->nr_providers; i++)
		be->machine[i].fd = -1;
	if (loop_open(&be->loop) || spawner_start(env, &sock, &pid))
		return -1;
	return processes_open(&be->processes, &be->loop, sock, pid, lg);
}

/* The keeper minds the bus's switch; without one we do. */
static int begin_takeover(struct daemon *d, const struct daemon_options *o)
{
	struct takeover *t = &d->be.takeover;

	if (o->keeper < 0)
		return takeover_begin(t, o->sysfs_root, o->state_dir, d->be.lg);
	if (takeover_watch_only(t, o->sysfs_root, o->state_dir, d->be.lg))
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

static int daemon_open(struct daemon *d, struct daemon_options *o, xentoollog_logger *lg)
{
	struct backend *be = &d->be;

	be->lg = lg;
	be->env = &d->env;
	be->upward = &upward_all;
	be->loop.fd = -1;
	TAILQ_INIT(&be->claims);
	TAILQ_INIT(&be->handovers);
	schedule_init(&be->schedule);
	d->signal_fd = d->devices_fd = -1;
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
	if (memory_open(&be->memory, be->xen.xs, be->xen.domid, o->state_dir, lg) ||
	    known_check(&be->memory))
		return -1;
	if (begin_takeover(d, o))
		return -1;
	d->devices_fd = ownership_listen(be);
	if (open_signals(d) || loop_add(&be->loop, &d->signals, d->signal_fd, on_signal) ||
	    loop_add(&be->loop, &d->xenstore, xs_fileno(be->xen.watches), on_xenstore) ||
	    (be->xen.life_fd >= 0 &&
	     loop_add(&be->loop, &d->life, be->xen.life_fd, on_xenstored_end)) ||
	    (d->keeper >= 0 && loop_add(&be->loop, &d->keeper_link, d->keeper, on_keeper)) ||
	    (d->devices_fd >= 0 &&
	     loop_add(&be->loop, &d->devices, d->devices_fd, on_devices)) ||
	    (takeover_fd(&be->takeover) >= 0 &&
	     loop_add(&be->loop, &d->news, takeover_fd(&be->takeover), on_news))) {
		log_error(lg, "cannot set up the event loop: %s", strerror(errno));
		return -1;
	}
	open_control(d, o->state_dir);
	if (drop_capabilities(lg))
		return -1;
	processes_prepare(&be->processes);
	claims_hide(be);
	return 0;
}

static void daemon_close(struct daemon *d)
{
	struct backend *be = &d->be;
	bool over = d->phase == DAEMON_DONE && !guests_left(d, true);

	control_close(d->control, true);
	watches_close(&d->watches);
	takeover_end(&be->takeover);
	memory_close(&be->memory, over);
	processes_close(&be->processes);
	/* Who makes them is gone by now. */
	if (d->phase == DAEMON_DONE && !d->left)
		device_locks_remove(d->env.state_dir);
	close_keep(d->signal_fd);
	close_keep(d->devices_fd);
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

int daemon_run(struct daemon_options *o, xentoollog_logger *lg)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int rc = -1;

	if (!d)
		return -1;
	the_daemon = d;
	if (daemon_open(d, o, lg))
		goto out;
	log_info(lg, "serving %s, virtual slots: %s", d->be.root,
		 slots_mode_name(d->env.settings.slots));
	move_on(d);
	while (d->phase != DAEMON_DONE)
		turn(d);
	rc = d->rc;
	if (d->left) {
		/* As if killed: whatever we closed, the guests would notice. */
		log_info(lg, "stopped; guests and devices are left to a successor");
		if (d->succeed) {
			/* Workers and gates end with the spawner; the next server has its own. */
			processes_close(&d->be.processes);
			keeper_succeed(d->installed);
			log_error(lg, "cannot become the keeper: %s", strerror(errno));
			rc = -1;
		}
		takeover_end(&d->be.takeover);
		_exit(rc ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	log_info(lg, "stopped");
	if (d->released && !rc)
		rc = DAEMON_RELEASED;
out:
	daemon_close(d);
	free(d);
	return rc;
}
