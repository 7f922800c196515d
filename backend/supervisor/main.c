/* SPDX-License-Identifier: MIT */
/* xenpcid: the backend of Xen's PV PCI protocol, in user space. */
#include <argp.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "backend/keeper/instance.h"
#include "backend/keeper/keeper.h"
#include "backend/keeper/link.h"
#include "backend/supervisor/anew.h"
#include "backend/supervisor/daemon.h"
#include "backend/supervisor/successor.h"
#include "common/cli/exits.h"
#include "common/cli/help.h"
#include "common/log.h"
#include "common/number.h"
#include "common/util.h"
#include "host/lockdown.h"

#define EXIT_STATUS(name, number, text) EXIT_##name = (number),
enum { EXITS_XENPCID(EXIT_STATUS) };

enum {
	KEY_DEVICES = 'd',
	KEY_CONFIG = 'c',
	KEY_VERBOSE = 'v',
	KEY_QUIET = 'q',
	KEY_CHECK = 'n',
	KEY_SLOTS = 0x100,
	KEY_READY_FD,
	KEY_KEEP_GUESTS,
	KEY_POLL_US,
	KEY_STATE_DIR,
	KEY_SYSFS_ROOT,
	KEY_WORKER,
	KEY_ALLOW,
	KEY_HIDE,
	KEY_NO_KEEPER,
	KEY_CLEAN_UP,
	KEY_LOG_TIME,
};

#define WORKER_NAME "xenpci-worker"
#define WORKER_PLACE_MAX 64 /* its place, from ours */

enum { HIDE_MAX = 64 }; /* times that --hide may be given */

static const char doc[] =
	"Serve PCI devices to paravirtualised Xen guests: the backend of the PV PCI protocol.\v";

static const char notes[] =
	"Stays in the foreground and logs to stderr. SIGTERM asks the guests to close, gives "
	"their devices back and ends.\n";

static const char examples[] =
	"  xenpcid -n\n"
	"  xenpcid -n -c new.conf && mv new.conf " SETTINGS_PATH "\n"
	"  xenpcid --devices image:lspci.txt --no-keeper -v\n";

static const struct argp_option option_list[] = {
	{ "devices", KEY_DEVICES, "SPEC", 0,
	  "Where devices come from: sysfs[:ROOT] (this machine; the default), image:FILE (a captured "
	  "one: the text of lspci -vvxxxx) or vfio-user:SOCKET[,at=BDF][,events][,bus=PATH] (a program). May be given several times; the first that has a device wins", 0 },
	{ "config", KEY_CONFIG, "FILE", 0, "Settings; default " SETTINGS_PATH ", if it exists", 0 },
	{ "slots", KEY_SLOTS, "MODE", 0,
	  "How guests see their devices: vpci (one bus, the default) or passthrough (the host's "
	  "addresses); overrides the settings", 0 },
	{ "allow", KEY_ALLOW, "RULE", 0,
	  "A rule that devices may break on their way to a guest (xenpci check names them), or all; "
	  "may be given several times; adds to the settings", 0 },
	{ "hide", KEY_HIDE, "BDF,...", 0,
	  "Devices to take from the host's drivers at start, as xenpci assignable add does; adds to the "
	  "settings", 0 },
	{ "poll-us", KEY_POLL_US, "N", 0,
	  "Look for a guest's next request for up to N microseconds before sleeping; 0: never; "
	  "overrides the settings", 0 },
	{ "keep-guests", KEY_KEEP_GUESTS, NULL, 0,
	  "When stopped, leave the guests as they are, for another xenpcid to carry on", 0 },
	{ "no-keeper", KEY_NO_KEEPER, NULL, 0,
	  "Serve in this process, which nobody starts again or guards: for a debugger, and for tests", 0 },
	{ "sysfs-root", KEY_SYSFS_ROOT, "DIR", 0, "What stands for /sys; for tests", 0 },
	{ "worker", KEY_WORKER, "PROGRAM", 0, "The program of the processes that serve guests; for tests", 0 },
	{ "state-dir", KEY_STATE_DIR, "DIR", 0,
	  "Where files are kept that let another xenpcid carry on if this one is killed, and what shows "
	  "that one runs; default " SUCCESSOR_STATE_DIR, 0 },
	{ "ready-fd", KEY_READY_FD, "FD", 0, "Write a line to FD and close it when serving", 0 },
	{ "verbose", KEY_VERBOSE, NULL, 0, "Log more; twice: everything", 0 },
	{ "quiet", KEY_QUIET, NULL, 0, "Log warnings and errors only", 0 },
	{ "log-time", KEY_LOG_TIME, NULL, 0,
	  "Begin each line of the log with time and process (journald, where it reads, has both)", 0 },
	{ "clean-up", KEY_CLEAN_UP, NULL, 0,
	  "Put back what a xenpcid that was killed left on the kernel's bus of backends, unless one runs, and end: "
	  "for service managers", 0 },
	{ "check", KEY_CHECK, NULL, 0, "Read the settings, say whether they are right, and end", 0 },
	{ 0 }
};

struct arguments {
	struct daemon_options daemon;
	const char *config;
	const char *slots;
	char sysfs[256]; /* the default of --devices */
	char beside[512]; /* the worker's program, beside ours */
	int64_t poll_us; /* -1: not given */
	unsigned allow;	 /* rules */
	struct settings_range hide[HIDE_MAX];
	unsigned nr_hide;
	char *ready; /* --ready-fd's argument */
	int level;
	bool no_keeper;
	bool check; /* the settings, and nothing else */
	bool clean_up; /* and nothing else */
	bool log_time;
	xentoollog_logger *lg;
};

static error_t parse_number(struct argp_state *state, const char *name, const char *arg,
			    uint64_t max, uint64_t *out)
{
	if (number_parse(arg, 10, max, out))
		argp_error(state, "--%s: \"%s\" is not a number up to %llu", name, arg,
			   (unsigned long long)max);
	return 0;
}

/* The arguments are a successor's, too: they stay whole. */
static error_t parse_hide(struct argp_state *state, const char *list, struct arguments *a)
{
	char item[SBDF_TEXT];
	size_t n;

	for (; *list; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		if (!n)
			continue;
		snprintf(item, sizeof(item), "%.*s", (int)n, list);
		if (a->nr_hide == HIDE_MAX)
			argp_error(state, "--hide takes %d devices; more go into the settings", HIDE_MAX);
		if (n >= sizeof(item) || settings_range_parse(item, &a->hide[a->nr_hide]))
			argp_error(state, "--hide: \"%.*s\" is no address like 0000:03:00.0 or 0000:03:00.*",
				   (int)n, list);
		a->nr_hide++;
	}
	return 0;
}

static error_t parse_devices(struct argp_state *state, const char *arg, struct daemon_options *o)
{
	if (!provider_is_spec(arg))
		argp_error(state, "--devices: \"%s\" is neither " PROVIDER_SPECS, arg);
	if (o->nr_devices == DAEMON_PROVIDERS_MAX)
		argp_error(state, "--devices may be given %d times", DAEMON_PROVIDERS_MAX);
	o->devices[o->nr_devices++] = arg;
	return 0;
}

/* What the process is to do, whatever it serves. */
static error_t parse_process_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	uint64_t n = 0;

	switch (key) {
	case KEY_KEEP_GUESTS:
		a->daemon.keep_guests = true;
		return 0;
	case KEY_NO_KEEPER:
		a->no_keeper = true;
		return 0;
	case KEY_STATE_DIR:
		a->daemon.state_dir = arg;
		return 0;
	case KEY_SYSFS_ROOT:
		a->daemon.sysfs_root = arg;
		return 0;
	case KEY_WORKER:
		a->daemon.worker = arg;
		a->daemon.strange_worker = true;
		return 0;
	case KEY_READY_FD:
		if (!strcmp(arg, KEEPER_NO_READY_FD))
			return 0;
		parse_number(state, "ready-fd", arg, 1 << 20, &n);
		a->ready = arg;
		a->daemon.ready_fd = (int)n;
		if (fcntl(a->daemon.ready_fd, F_GETFD) < 0)
			argp_error(state, "--ready-fd: %d is no open file", a->daemon.ready_fd);
		return 0;
	case KEY_VERBOSE:
		a->level = a->level == XTL_INFO ? XTL_DETAIL : XTL_DEBUG;
		return 0;
	case KEY_QUIET:
		a->level = XTL_WARN;
		return 0;
	case KEY_CHECK:
		a->check = true;
		return 0;
	case KEY_LOG_TIME:
		a->log_time = true;
		return 0;
	case KEY_CLEAN_UP:
		a->clean_up = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\"", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Which devices guests get, and how: the settings, and what overrides them. */
static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	enum slots_mode mode;
	uint64_t n = 0;
	unsigned rules;

	switch (key) {
	case KEY_DEVICES:
		return parse_devices(state, arg, &a->daemon);
	case KEY_CONFIG:
		a->config = arg;
		return 0;
	case KEY_SLOTS:
		if (slots_mode_parse(arg, &mode))
			argp_error(state, "--slots: \"%s\" is neither vpci nor passthrough", arg);
		a->slots = arg;
		return 0;
	case KEY_ALLOW:
		rules = assignable_rules_parse(arg);
		if (!rules)
			argp_error(state, "--allow: there is no rule \"%s\" that can be overridden", arg);
		a->allow |= rules;
		return 0;
	case KEY_HIDE:
		return parse_hide(state, arg, a);
	case KEY_POLL_US:
		parse_number(state, "poll-us", arg, 10000, &n);
		a->poll_us = (int64_t)n;
		return 0;
	default:
		return parse_process_option(key, arg, state);
	}
}

/*
 * The worker's program: beside ours, as it was built; from there where it is installed with the same
 * prefix; or where the builder said.
 */
static void find_worker(struct arguments *a)
{
	static const char *const places[] = { WORKER_NAME, "../libexec/xenpci/" WORKER_NAME };
	ssize_t n;
	char *slash;

	if (a->daemon.worker)
		return;
	a->daemon.worker = XENPCI_LIBEXECDIR "/" WORKER_NAME;
	n = readlink("/proc/self/exe", a->beside, sizeof(a->beside) - WORKER_PLACE_MAX);
	if (n <= 0)
		return;
	a->beside[n] = '\0';
	slash = strrchr(a->beside, '/');
	if (!slash)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		memcpy(slash + 1, places[i], strlen(places[i]) + 1);
		if (!access(a->beside, X_OK)) {
			a->daemon.worker = a->beside;
			return;
		}
	}
}

/*
 * Half a backend is none: what a guest writes, a reset's restore and MSI would fail one by one, and the
 * device would go on to the next guest as it is.
 */
static bool locked_down(const struct arguments *a)
{
	char level[32];
	bool sysfs = false;

	for (unsigned i = 0; i < a->daemon.nr_devices; i++)
		sysfs |= !strncmp(a->daemon.devices[i], "sysfs", 5);
	if (!sysfs || !lockdown_refuses_writes(a->daemon.sysfs_root, level, sizeof(level)))
		return false;
	log_error(a->lg, "this kernel is locked down (%s): it lets nobody write to config space from user "
		  "space. Guests are left to the kernel's xen-pciback, which may; xenpci check and list go "
		  "on. Boot without lockdown (Secure Boot) to use xenpcid", level);
	return true;
}

/* The process that serves. Its exit status. */
static int serve(int link, int ready_fd, void *arg)
{
	struct arguments *a = arg;
	xentoollog_logger *lg = a->lg;
	struct settings *settings = &a->daemon.settings;
	int rc;

	if (settings_read(settings, a->config ? a->config : SETTINGS_PATH, a->config != NULL, lg))
		return EXIT_FAILURE;
	settings_adopt_pciback(settings, a->daemon.sysfs_root, lg);
	if (a->slots)
		slots_mode_parse(a->slots, &settings->slots);
	if (a->poll_us >= 0)
		settings->poll_us = (uint32_t)a->poll_us;
	if (a->allow)
		strcpy(settings->allow_source, "--allow");
	settings->allow |= a->allow;
	for (unsigned i = 0; i < a->nr_hide; i++) {
		if (settings_hide(settings, &a->hide[i]))
			return EXIT_FAILURE;
	}
	snprintf(a->sysfs, sizeof(a->sysfs), "sysfs:%s", a->daemon.sysfs_root);
	if (!a->daemon.nr_devices)
		a->daemon.devices[a->daemon.nr_devices++] = a->sysfs;
	if (locked_down(a))
		return EXIT_LOCKED_DOWN;
	find_worker(a);
	a->daemon.keeper = link;
	a->daemon.config = a->config ? a->config : SETTINGS_PATH;
	a->daemon.config_said = a->config != NULL;
	a->daemon.ready_fd = ready_fd;
	rc = daemon_run(&a->daemon, lg);
	settings_dispose(settings);
	xtl_logger_destroy(lg);
	a->lg = NULL;
	return rc == DAEMON_RELEASED ? EXIT_RELEASED : rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One of us with this state directory, and with a keeper unless told otherwise. The exit status. */
static int run(struct arguments *a)
{
	struct keeper_options o = { .sysfs_root = a->daemon.sysfs_root,
				    .state_dir = a->daemon.state_dir,
				    .ready_fd = a->daemon.ready_fd,
				    .level = a->level };

	if (a->clean_up)
		return keeper_clean_up(&o, (struct xentoollog_logger *)a->lg) ? EXIT_FAILED : EXIT_OK;
	/* Held until the process ends. */
	a->daemon.instance = instance_lock(a->daemon.state_dir);
	if (a->daemon.instance < 0) {
		if (errno == EBUSY)
			log_error(a->lg, "another xenpcid runs already, with the state directory %s",
				  a->daemon.state_dir);
		else
			log_error(a->lg, "cannot lock %s, to be the only one: %s; --state-dir names another "
				  "place", a->daemon.state_dir, strerror(errno));
		return EXIT_FAILURE;
	}
	return a->no_keeper ? serve(-1, o.ready_fd, a) : keeper_run(&o, serve, a);
}

/* The exit status. Nothing is opened or locked but the file: one that serves is not disturbed. */
static int check_settings(const struct arguments *a)
{
	const char *path = a->config ? a->config : SETTINGS_PATH;
	struct settings settings;

	if (settings_read(&settings, path, a->config != NULL, a->lg))
		return EXIT_FAILED;
	if (access(path, F_OK))
		printf("%s is not there: the defaults count\n", path);
	else
		printf("%s is right: %u entries of devices and quirks\n", path, settings.nr_entries);
	settings_dispose(&settings);
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}

static char *filter_help(int key, const char *text, void *input)
{
	static const struct help help = { NULL, notes, examples, EXITS_TEXT(EXITS_XENPCID) };

	(void)input;
	return key == ARGP_KEY_HELP_POST_DOC ? help_lists(&help) : (char *)text;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { option_list, parse_option, NULL, doc, help_options, filter_help, NULL };
	struct arguments a = { .poll_us = -1, .level = XTL_INFO, .daemon.ready_fd = -1,
			       .daemon.sysfs_root = "/sys", .daemon.state_dir = SUCCESSOR_STATE_DIR };
	int rc;

	help_parse(&argp, argc, argv, 0, &a);
	setvbuf(stderr, NULL, _IOLBF, 0);
	log_shown_from((xentoollog_level)a.level);
	a.lg = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, (xentoollog_level)a.level,
								 log_begin(a.log_time));
	if (!a.lg) {
		fprintf(stderr, "xenpcid: error: no memory\n");
		return EXIT_FAILURE;
	}
	if (a.check) {
		rc = check_settings(&a);
		xtl_logger_destroy(a.lg);
		return rc;
	}
	keeper_remember(argv, a.daemon.ready_fd, a.ready);
	anew_remember_level(a.level);
	rc = run(&a);
	if (a.lg)
		xtl_logger_destroy(a.lg);
	return rc;
}
