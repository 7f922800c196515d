/* SPDX-License-Identifier: MIT */
/* What is asked and ordered at the control socket. */
#include "backend/supervisor/daemon_inner.h"

#include <stdio.h>
#include <string.h>

#include "backend/keeper/link.h"
#include "backend/supervisor/anew.h"
#include "backend/supervisor/report.h"
#include "common/log.h"
#include "common/util.h"

static const char *phase_name(const struct daemon *d)
{
	static const char *const names[] = {
		[DAEMON_STARTING] = "starting", [DAEMON_SERVING] = "serving", [DAEMON_ASKING] = "asking",
		[DAEMON_ENDING] = "ending", [DAEMON_LAST] = "ending", [DAEMON_DONE] = "ending",
	};

	return d->be.xen.lost ? "no xenstore" : names[d->phase];
}

/* Leaves everything to a successor that is started at once. 0, or -1 with why not. */
int daemon_begin_anew(struct daemon *d, bool check, bool installed, char *text, size_t room)
{
	if (d->be.xen.lost) {
		snprintf(text, room, "xenstore is lost: start it, and try again");
		return -1;
	}
	if (d->phase != DAEMON_SERVING) {
		snprintf(text, room, "it is %s: try again", phase_name(d));
		return -1;
	}
	if (check && anew_check_settings(d->options->config, d->options->config_said, text, room))
		return -1;
	log_info(d->be.lg, "starting anew%s", installed ? " with the program as it is installed" : "");
	snprintf(text, room, "guests wait a moment");
	d->installed = installed;
	d->succeed = d->keeper < 0;
	keeper_again(d->keeper, installed);
	daemon_leave(d);
	return 0;
}

static void release(struct daemon *d, struct record_result *out)
{
	if (d->phase >= DAEMON_ASKING) {
		snprintf(out->text, sizeof(out->text), "it is ending already");
		return;
	}
	if (d->be.xen.lost) {
		snprintf(out->text, sizeof(out->text), "xenstore is lost: start it, and try again");
		return;
	}
	d->keep_guests = false;
	d->released = true;
	keeper_released(d->keeper);
	daemon_stop(d, BY_SIGNAL, "released");
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
		out->ok = !daemon_begin_anew(d, command != COMMAND_restart, command == COMMAND_upgrade, out->text,
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

static bool on_next(void *context, uint64_t *guest)
{
	struct daemon *d = context;

	return backend_next_guest(&d->be, guest) != NULL;
}

static bool on_is(void *context, uint64_t guest, const char *who)
{
	struct daemon *d = context;

	return report_is(&d->be, guest, who);
}

static int on_record(void *context, enum record_kind kind, uint64_t guest, uint32_t *at,
		     union record *out)
{
	struct daemon *d = context;

	if (kind != RECORD_OF_daemon)
		return report_record(&d->be, kind, guest, at, out);
	*out = (union record){ .daemon = {
		.version = RECORDS_VERSION, .program = XENPCI_VERSION, .pid = getpid(),
		.keeper = d->keeper >= 0 ? getppid() : 0, .started = (int64_t)d->started,
		.since = d->since,
	} };
	snprintf(out->daemon.phase, sizeof(out->daemon.phase), "%s", phase_name(d));
	snprintf(out->daemon.log_level, sizeof(out->daemon.log_level), "%s", anew_level());
	snprintf(out->daemon.slots, sizeof(out->daemon.slots), "%s",
		 slots_mode_name(d->env.settings.slots));
	snprintf(out->daemon.settings, sizeof(out->daemon.settings), "%.255s", d->options->config);
	report_daemon(&d->be, &out->daemon);
	return (int)kind;
}

static void on_trace(void *context, uint64_t guest, unsigned what)
{
	struct daemon *d = context;

	report_trace(&d->be, guest, what);
}

static void on_control(struct source *s)
{
	(void)s;
	control_serve(the_daemon->control);
}

void daemon_open_control(struct daemon *d, const char *dir)
{
	static const struct control_source source = { on_next, on_is, on_record, on_trace, on_order };

	d->control = control_open(dir, &source, d, d->be.lg);
	if (d->control && loop_add(&d->be.loop, &d->controls, control_fd(d->control), on_control))
		log_warn(d->be.lg, "nobody is heard at the control socket: %s", strerror(errno));
}
