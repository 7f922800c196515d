/* SPDX-License-Identifier: MIT */
#include "backend/daemon.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "backend/channel.h"
#include "backend/custody.h"
#include "backend/helper.h"
#include "backend/keeper/link.h"
#include "backend/recovery.h"
#include "backend/untouched.h"
#include "backend/watches.h"
#include "common/log.h"
#include "common/util.h"

#define CLOSE_TIMEOUT_NS 3000000000u /* guests that do not close are closed by us */

/* What wakes the daemon up. */
enum source {
	SOURCE_EVENTS,
	SOURCE_XENSTORE,
	SOURCE_XENSTORED_END,
	SOURCE_HELPERS,
	SOURCE_SIGNALS,
	SOURCE_TAKEOVER,
	SOURCE_KEEPER,
};

/* Who asks to stop: each may ask, and a second time to hurry. */
enum { BY_SIGNAL = 1, BY_KEEPER = 2 };

struct daemon {
	struct backend be;
	struct watches watches;
	int epoll_fd;
	int signal_fd;
	uint64_t close_by_ns; /* 0: not stopping */
	bool keep_guests;
	unsigned asked_by; /* to stop: BY_* */
	int keeper;	   /* the link; -1: no keeper */
	bool succeed;	   /* the keeper died: we become the next */
	bool done;
	int rc;
};

static void lost(struct daemon *d, const char *what)
{
	log_error(d->be.host.lg, "%s: %s; stopping", what, strerror(errno));
	d->done = true;
	d->rc = -1;
}

static void stop(struct daemon *d, unsigned by, const char *who)
{
	struct guest *g;

	if (d->keep_guests || d->asked_by & by) {
		d->done = true;
		return;
	}
	d->asked_by |= by;
	if (d->close_by_ns)
		return;
	log_info(d->be.host.lg, "%s: asking the guests to close", who);
	d->be.closing = true;
	d->close_by_ns = now_ns() + CLOSE_TIMEOUT_NS;
	for (uint32_t domid = 0; (g = backend_next_guest(&d->be, &domid)); domid++)
		if (!helper_busy(g))
			guest_ask_to_close(g);
}

/* Stops as if killed: whatever we closed, the guests would notice. */
static void leave(struct daemon *d)
{
	d->keep_guests = true;
	d->done = true;
}

static void on_signal(struct daemon *d)
{
	struct signalfd_siginfo si;

	if (read(d->signal_fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
		stop(d, BY_SIGNAL, strsignal((int)si.ssi_signo));
	else if (si.ssi_signo == SIGQUIT)
		leave(d);
	else
		log_info(d->be.host.lg, "%s has no meaning here: the settings are read at start",
			 strsignal((int)si.ssi_signo));
}

static void on_keeper(struct daemon *d)
{
	switch (keeper_hear(d->keeper)) {
	case KEEPER_WISHES_NOTHING:
		break;
	case KEEPER_WISHES_STOP:
		stop(d, BY_KEEPER, "stopped");
		break;
	case KEEPER_WISHES_LEAVE:
		leave(d);
		break;
	case KEEPER_WISHES_GONE:
		close_keep(d->keeper);
		d->keeper = -1;
		takeover_inherit(&d->be.takeover);
		if (d->close_by_ns)
			break; /* we end in any case */
		d->succeed = true;
		leave(d);
	}
}

static void on_xenstore(struct daemon *d)
{
	if (watches_drain(&d->watches))
		lost(d, "xenstore");
}

static void on_helpers(struct daemon *d)
{
	helpers_answer(&d->be);
	watches_helped(&d->watches, false);
}

static void on_xenstored_end(struct daemon *d)
{
	errno = ECONNRESET;
	lost(d, "xenstore");
}

/* One port per turn: the fd says whether there is another. */
static void on_event(struct daemon *d)
{
	evtchn_port_t port;
	struct guest *g;
	int rc = xen_pending(&d->be.xen, &port);

	if (rc < 0)
		lost(d, "event channels");
	if (rc <= 0)
		return;
	g = schedule_port(&d->be.schedule, port);
	if (g)
		schedule_ready(&d->be.schedule, g);
}

/* Every guest that is ready now gets one turn; who wants more stands behind the others. */
static void serve_ready(struct daemon *d)
{
	struct guest *last = TAILQ_LAST(&d->be.schedule.ready, guest_queue), *g = NULL;

	while (g != last && (g = schedule_next_ready(&d->be.schedule)))
		channel_turn(g);
}

static void serve_timers(struct daemon *d)
{
	uint64_t now = d->be.now_ns;
	struct guest *g;

	if (d->be.look_ns && d->be.look_ns <= now)
		recovery_look(&d->be, now);
	while ((g = schedule_next_expired(&d->be.schedule, now))) {
		channel_unmask_due(g, now);
		watches_guest_timer(&d->watches, g, now);
	}
}

/* Whether all guests have closed, or had their time. */
static bool closed(struct daemon *d)
{
	struct guest *g;

	if (now_ns() >= d->close_by_ns)
		return true;
	for (uint32_t domid = 0; (g = backend_next_guest(&d->be, &domid)); domid++)
		if (helper_busy(g) || !guest_closed(g))
			return false;
	return true;
}

/* Whether somebody waits for a turn. */
static bool busy(const struct daemon *d)
{
	return !TAILQ_EMPTY(&d->be.schedule.ready) ||
	       (!TAILQ_EMPTY(&d->be.schedule.dirty) && helpers_left(&d->be.helpers));
}

/* How long to sleep, in epoll_wait's milliseconds. */
static int timeout_ms(struct daemon *d)
{
	uint64_t first, now;

	if (busy(d) || !poller_idle(&d->be.poller))
		return 0;
	first = schedule_first(&d->be.schedule);
	if (d->close_by_ns && d->close_by_ns < first)
		first = d->close_by_ns;
	if (d->be.look_ns && d->be.look_ns < first)
		first = d->be.look_ns;
	if (first == UINT64_MAX)
		return -1;
	now = now_ns();
	return first <= now ? 0 : (int)((first - now) / 1000000 + 1);
}

static void hear(struct daemon *d, uint32_t source)
{
	switch ((enum source)source) {
	case SOURCE_EVENTS:
		on_event(d);
		break;
	case SOURCE_XENSTORE:
		on_xenstore(d);
		break;
	case SOURCE_XENSTORED_END:
		on_xenstored_end(d);
		break;
	case SOURCE_HELPERS:
		on_helpers(d);
		break;
	case SOURCE_SIGNALS:
		on_signal(d);
		break;
	case SOURCE_TAKEOVER:
		takeover_news(&d->be.takeover);
		break;
	case SOURCE_KEEPER:
		on_keeper(d);
		break;
	}
}

static void turn(struct daemon *d)
{
	struct epoll_event events[8];
	int n, timeout = timeout_ms(d);

	helpers_pause(&d->be.helpers);
	n = epoll_wait(d->epoll_fd, events, ARRAY_SIZE(events), timeout);
	helpers_resume(&d->be.helpers);
	if (n < 0 && errno != EINTR) {
		lost(d, "epoll");
		return;
	}
	d->be.now_ns = now_ns();
	for (int i = 0; i < n; i++)
		hear(d, events[i].data.u32);
	serve_ready(d);
	/* One guest's nodes, then requests again. */
	if (!TAILQ_EMPTY(&d->be.schedule.dirty)) {
		watches_update_one(&d->watches);
		if (!poller_idle(&d->be.poller))
			poller_was_away(&d->be.poller);
	}
	serve_timers(d);
	if (!poller_idle(&d->be.poller))
		poller_look(&d->be.poller, &d->be.now_ns, busy(d));
	if (d->close_by_ns && closed(d))
		d->done = true;
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

static int poll_fd(struct daemon *d, int fd, enum source source)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = source };

	return epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static int open_providers(struct daemon *d, const struct daemon_options *o)
{
	struct host *host = &d->be.host;

	host->providers = calloc(o->nr_devices ? o->nr_devices : 1, sizeof(struct provider *));
	if (!host->providers)
		return -1;
	for (unsigned i = 0; i < o->nr_devices; i++) {
		struct provider *p = provider_open(o->devices[i], host->lg);

		if (!p) {
			log_error(host->lg, "--devices %s: %s", o->devices[i], strerror(errno));
			return -1;
		}
		host->providers[host->nr_providers++] = p;
	}
	return 0;
}

/* The keeper minds the bus's switch; without one we do. */
static int begin_takeover(struct daemon *d, const struct daemon_options *o)
{
	xentoollog_logger *lg = d->be.host.lg;
	struct takeover *t = &d->be.takeover;

	if (o->keeper < 0)
		return takeover_begin(t, o->sysfs_root, o->state_dir, lg);
	if (takeover_watch_only(t, o->sysfs_root, o->state_dir, lg))
		return -1;
	if (!keeper_turn(o->keeper))
		return 0;
	if (errno == EPIPE)
		keeper_succeed();
	log_error(lg, "the keeper cannot turn %s/" BACKEND_BUS_SWITCH " off: %s; run as root, or unload "
		  "xen-pciback", t->bus.path, strerror(errno));
	return -1;
}

static int daemon_open(struct daemon *d, struct daemon_options *o, xentoollog_logger *lg)
{
	struct backend *be = &d->be;

	be->host.lg = lg;
	be->host.settings = o->settings;
	be->helpers.fd = -1;
	settings_init(&o->settings);
	TAILQ_INIT(&be->host.claims);
	schedule_init(&be->schedule);
	poller_init(&be->poller, be->host.settings.poll_us);
	d->epoll_fd = -1;
	d->signal_fd = -1;
	d->keep_guests = o->keep_guests;
	d->keeper = o->keeper;
	if (open_providers(d, o) || custody_init(&be->host) || xen_open(&be->xen, lg))
		return -1;
	snprintf(be->root, sizeof(be->root), "/local/domain/%u/%s", be->xen.domid, NODE_BACKEND_ROOT);
	be->host.hypercall = hypercall_open(lg, be->xen.mute);
	if (!be->host.hypercall)
		return -1;
	if (memory_open(&be->host.memory, be->xen.xs, be->xen.domid, o->state_dir, lg))
		return -1;
	if (begin_takeover(d, o))
		return -1;
	be->host.takeover = &be->takeover;
	custody_hide(&be->host, o->sysfs_root, be->xen.xs);
	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (helpers_open(be) || d->epoll_fd < 0 || open_signals(d) ||
	    poll_fd(d, be->helpers.fd, SOURCE_HELPERS) || poll_fd(d, d->signal_fd, SOURCE_SIGNALS) ||
	    poll_fd(d, xs_fileno(be->xen.watches), SOURCE_XENSTORE) ||
	    poll_fd(d, xen_event_fd(&be->xen), SOURCE_EVENTS) ||
	    (be->xen.life_fd >= 0 && poll_fd(d, be->xen.life_fd, SOURCE_XENSTORED_END)) ||
	    (d->keeper >= 0 && poll_fd(d, d->keeper, SOURCE_KEEPER)) ||
	    (takeover_fd(&be->takeover) >= 0 &&
	     poll_fd(d, takeover_fd(&be->takeover), SOURCE_TAKEOVER))) {
		log_error(lg, "cannot set up the event loop: %s", strerror(errno));
		return -1;
	}
	return watches_open(&d->watches, be);
}

static void close_guests(struct daemon *d)
{
	struct guest *g;

	for (uint32_t domid = 0; (g = backend_next_guest(&d->be, &domid)); domid++)
		guest_close_now(g);
}

static void daemon_close(struct daemon *d)
{
	struct backend *be = &d->be;

	helpers_close(be);
	watches_close(&d->watches);
	takeover_end(&be->takeover);
	memory_close(&be->host.memory, d->done);
	schedule_dispose(&be->schedule);
	close_keep(d->signal_fd);
	close_keep(d->epoll_fd);
	hypercall_close(be->host.hypercall);
	custody_dispose(&be->host);
	for (unsigned i = 0; i < be->host.nr_providers; i++)
		provider_close(be->host.providers[i]);
	free(be->host.providers);
	settings_dispose(&be->host.settings);
	xen_close(&be->xen);
}

static void tell_ready(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "ready\n", 6) != 6)
		errno = 0; /* who asked has gone: no matter */
	close(fd);
}

int daemon_run(struct daemon_options *o, xentoollog_logger *lg)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int rc = -1;

	if (!d)
		return -1;
	if (daemon_open(d, o, lg))
		goto out;
	log_info(lg, "serving %s, virtual slots: %s", d->be.root,
		 slots_mode_name(d->be.host.settings.slots));
	tell_ready(o->ready_fd);
	keeper_serving(d->keeper);
	while (!d->done)
		turn(d);
	rc = d->rc;
	/* No device is left in the middle of its reset. */
	watches_helped(&d->watches, true);
	if (d->keep_guests || rc) {
		/* As if killed: whatever we closed, the guests would notice. */
		log_info(lg, "stopped; guests and devices are left to a successor");
		if (d->succeed) {
			keeper_succeed();
			log_error(lg, "cannot become the keeper: %s", strerror(errno));
			rc = -1;
		}
		takeover_end(&d->be.takeover);
		_exit(rc ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	close_guests(d);
	untouched_end(&d->be.host);
	log_info(lg, "stopped");
out:
	daemon_close(d);
	free(d);
	return rc;
}
