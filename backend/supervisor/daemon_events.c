/* SPDX-License-Identifier: MIT */
/* What the daemon hears, and what it does about it. */
#include "backend/supervisor/daemon_inner.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "backend/keeper/link.h"
#include "backend/supervisor/idle.h"
#include "backend/supervisor/ownership.h"
#include "backend/supervisor/wake.h"
#include "common/log.h"
#include "common/util.h"

static void reload(struct daemon *d)
{
	char text[512];

	if (daemon_begin_anew(d, true, false, text, sizeof(text)))
		log_error(d->be.lg, "the settings are not read anew: %s", text);
}

static void on_signal(struct source *s)
{
	struct daemon *d = the_daemon;
	struct signalfd_siginfo si;

	if (read(s->fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
		daemon_stop(d, BY_SIGNAL, strsignal((int)si.ssi_signo));
	else if (si.ssi_signo == SIGQUIT)
		daemon_leave(d);
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
		daemon_stop(d, BY_KEEPER, "stopped");
		break;
	case KEEPER_WISHES_LEAVE:
		daemon_leave(d);
		break;
	case KEEPER_WISHES_RELOAD:
		reload(d);
		break;
	case KEEPER_WISHES_GONE:
		loop_drop(&d->be.loop, s);
		close_keep(d->keeper);
		d->keeper = -1;
		kernel_backend_inherit(&d->be.kernel_backend);
		if (d->phase >= DAEMON_ASKING)
			break; /* we end in any case */
		d->orphaned = d->be.xen.lost;
		if (d->orphaned)
			break; /* a new server could not start now */
		d->succeed = true;
		daemon_leave(d);
	}
}

static void on_news(struct source *s)
{
	(void)s;
	kernel_backend_news(&the_daemon->be.kernel_backend);
}

static void on_devices(struct source *s)
{
	ownership_hear(&the_daemon->be, s->fd);
}

static void on_sleep(struct source *s)
{
	struct daemon *d = the_daemon;
	uint64_t ns;

	(void)s;
	if (!host_sleep_over(&d->sleep, &ns))
		return;
	d->be.slept_ns = d->sleep.before;
	if (ns)
		log_info(d->be.lg, "the host slept for %.1f s: interrupts of the guests' devices are put back",
			 (double)ns / 1e9);
	else
		log_info(d->be.lg, "the host was suspended, and its clocks went on: interrupts of the guests' "
			 "devices are put back");
	wake_all(&d->be);
	idle_begin(&d->be);
}

static int hear_sleep(struct daemon *d)
{
	struct backend *be = &d->be;

	be->slept_ns = UINT64_MAX;
	if (host_sleep_init(&d->sleep, be->env->sysfs_root))
		log_warn(be->lg, "not each sleep of the host would be noticed: %s", strerror(errno));
	if (d->sleep.clock_fd >= 0)
		be->slept_ns = d->sleep.before;
	if (d->sleep.clock_fd >= 0 && loop_add(&be->loop, &d->sleeps, d->sleep.clock_fd, on_sleep))
		return -1;
	return d->sleep.count_fd < 0 ? 0 : loop_add(&be->loop, &d->suspends, d->sleep.count_fd, on_sleep);
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

int daemon_listen(struct daemon *d)
{
	struct backend *be = &d->be;

	d->devices_fd = ownership_listen(be);
	if (hear_sleep(d))
		return -1;
	if (open_signals(d) || loop_add(&be->loop, &d->signals, d->signal_fd, on_signal) ||
	    daemon_hear_xenstore(d))
		return -1;
	if (d->keeper >= 0 && loop_add(&be->loop, &d->keeper_link, d->keeper, on_keeper))
		return -1;
	if (d->devices_fd >= 0 && loop_add(&be->loop, &d->devices, d->devices_fd, on_devices))
		return -1;
	return kernel_backend_fd(&be->kernel_backend) >= 0
		       ? loop_add(&be->loop, &d->news, kernel_backend_fd(&be->kernel_backend), on_news)
		       : 0;
}
