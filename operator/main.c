/* SPDX-License-Identifier: MIT */
/* xenpci: what the operator of a host does with its devices; works beside xenpcid and xl. */
#include <argp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/cli/help.h"
#include "common/number.h"
#include "common/util.h"
#include "host/records.h"
#include "operator/operator.h"

enum {
	KEY_DEVICES = 'd',
	KEY_CONFIG = 'c',
	KEY_ALLOW = 'a',
	KEY_METHOD = 'm',
	KEY_FORCE = 'f',
	KEY_REBIND = 'r',
	KEY_VERBOSE = 'v',
	KEY_NO_WAIT = 0x100,
	KEY_JSON,
	KEY_STATE_DIR,
	KEY_QUIRKS,
	KEY_PROMETHEUS,
	KEY_TEXTFILE,
	KEY_WRITES,
	KEY_DENIED,
	KEY_FOR,
	KEY_SVG,
	KEY_WITH,
	KEY_BACKEND,
	KEY_DEVID,
	KEY_VIRTUAL,
};

enum { DEVID_MAX = 65535 };

struct command {
	struct help_line help;
	int min, max; /* arguments */
	int bdf; /* from this one on they are addresses, counted from 1; 0: none is */
	const char *options; /* of those that not every command takes */
	int (*run)(struct operator *op, int argc, char **argv);
};

/* Rows of one name differ in what --help says: the first counts. */
static const struct command commands[] = {
	{ { "check", "[BDF...|all]", "may it (each of the machine's) be assigned, and what stands against it" },
	  0, 256, 1, "aj", run_check },
	{ { "reset", "BDF...", "reset it and keep its configuration (-f: under a guest that uses it)" },
	  1, 256, 1, "mf", run_reset },
	{ { "assignable", "list", "what is held for guests and free" },
	  1, 256, 2, "rj", run_assignable },
	{ { "assignable", "add BDF...", "take it from its host driver, to pciback" },
	  1, 256, 0, "rj", run_assignable },
	{ { "assignable", "remove BDF...", "give it up (-r: to the driver it had)" },
	  1, 256, 0, "rj", run_assignable },
	{ { "attach", "DOMAIN BDF[,OPTION=VALUE...]...", "give it to a PV guest" },
	  2, 256, 2, "awbiv", run_attach },
	{ { "detach", "DOMAIN BDF", "take it away from the guest" }, 2, 2, 2, "fwbiv", run_detach },
	{ { "list", "[DOMAIN]", "what the guest (each of them) has" }, 0, 1, 0, "jb", run_list },
	{ { "status", "[DOMAIN|BDF]", "what is given and held, and how it stands with it" },
	  0, 1, 0, "sj", run_status },
	{ { "stats", "[DOMAIN]", "what guests have asked, and how long the answers took" },
	  0, 1, 0, "sjpt", run_stats },
	{ { "denied", "[DOMAIN|BDF]", "registers that refused writes, and what would allow them" },
	  0, 1, 0, "sjq", run_denied },
	{ { "trace", "[DOMAIN]", "what guests ask, as they ask it" }, 0, 1, 0, "sjoF", run_trace },
	{ { "learn", "BDF", "what is refused for a while, as lines for xenpci.conf" },
	  1, 1, 1, "sjF", run_learn },
	{ { "reload", "", "have xenpcid read its settings; guests keep running" }, 0, 0, 0, "sj", run_reload },
	{ { "restart", "", "have xenpcid start anew; guests keep running" }, 0, 0, 0, "sj", run_restart },
	{ { "upgrade", "", "have it start anew as it is installed now; guests keep running" },
	  0, 0, 0, "sj", run_upgrade },
	{ { "release", "", "have it give everything back to the kernel's backend, and end" },
	  0, 0, 0, "sj", run_release },
	{ { "loglevel", "LEVEL", "have it log " RECORDS_LEVEL_NAMES ", until it starts anew" },
	  1, 1, 0, "sj", run_loglevel },
	{ { "map", "[BDF...|FILE]", "draw config space: what a guest may do with each byte, by letter and colour" },
	  0, 256, 0, "jgW", run_map },
	{ { "explain", "BDF|FILE OFFSET [WIDTH [VALUE]]",
	    "what a read, or with VALUE a write, does there, and by which rule; nothing is done" },
	  2, 4, 0, "jW", run_explain },
};

static const char doc[] = "Prepare PCI devices for Xen guests, and give them without xl.\v";

static const char notes[] =
	"Options of attach are xl's (permissive, msitranslate, power_mgmt, rdm_policy, name), and "
	"interrupt_control.\n"
	"BDF is SSSS:BB:DD.F or BB:DD.F; DOMAIN a number or a name.\n";

static const char examples[] =
	"  xenpci check all\n"
	"  xenpci check 03:00.0\n"
	"  xenpci assignable add 03:00.0\n"
	"  xenpci attach guest1 03:00.0,permissive=1\n"
	"  xenpci attach --backend sys-pci guest1 03:00.0\n"
	"  xenpci attach --virtual guest1 ff00:00:00.0\n"
	"  xenpci -d image:lspci.txt check 03:00.0\n"
	"  xenpci map 03:00.0\n"
	"  xenpci -d image:lspci.txt map 03:00.0 --svg >map.svg\n"
	"  xenpci explain 03:00.0 0x04 2 0x0507 --with permissive=1\n"
	"  xenpci status guest1\n"
	"  xenpci denied --quirks\n"
	"  xenpci trace guest1 --denied\n";

static const struct argp_option options[] = {
	{ "devices", KEY_DEVICES, "SPEC", 0,
	  "Where devices are looked for, as xenpcid's: sysfs[:ROOT] (the default), image:FILE or "
	  "vfio-user:SOCKET[,at=BDF][,events][,bus=PATH]; may be given several times", 0 },
	{ "config", KEY_CONFIG, "FILE", 0, "Settings; default " SETTINGS_PATH ", if it exists", 0 },
	{ "allow", KEY_ALLOW, "RULE", 0,
	  "check, attach: a rule that may be broken, or all; may be given several times", 0 },
	{ "method", KEY_METHOD, "METHOD", 0,
	  "reset: by this and nothing else (kernel, flr, af_flr, pm, slot, bus), even where the kernel "
	  "withholds it; may be given several times", 0 },
	{ "force", KEY_FORCE, NULL, 0,
	  "detach: without the guest's consent; reset: also what a guest is using", 0 },
	{ "rebind", KEY_REBIND, NULL, 0, "assignable remove: back to the remembered driver", 0 },
	{ "backend", KEY_BACKEND, "DOMAIN", 0,
	  "attach, detach, list: the driver domain whose xenpcid serves the guest; default: this domain", 0 },
	{ "devid", KEY_DEVID, "N", 0,
	  "attach, detach: number N of the guest's PCI frontends; default 0, as xl has it", 0 },
	{ "virtual", KEY_VIRTUAL, NULL, 0,
	  "attach, detach: a device that a program is (xenpcid --devices vfio-user:SOCKET), of which Xen knows nothing",
	  0 },
	{ "no-wait", KEY_NO_WAIT, NULL, 0,
	  "attach, detach: write the nodes and leave, as for a guest that is being built", 0 },
	{ "json", KEY_JSON, NULL, 0, "For programs: a line of JSON for each thing that is told", 0 },
	{ "svg", KEY_SVG, NULL, 0, "map: as a picture, SVG", 0 },
	{ "with", KEY_WITH, "OPTION=VALUE,...", 0,
	  "map, explain: as if it was attached with these options", 0 },
	{ "state-dir", KEY_STATE_DIR, "DIR", 0,
	  "What asks xenpcid: where its socket is, as xenpcid's; default /run/xenpci", 0 },
	{ "quirks", KEY_QUIRKS, NULL, 0, "denied: as lines for xenpci.conf that would allow just that", 0 },
	{ "prometheus", KEY_PROMETHEUS, NULL, 0, "stats: as Prometheus reads it", 0 },
	{ "textfile", KEY_TEXTFILE, "FILE", 0,
	  "stats: the same into FILE, as a whole, for node_exporter", 0 },
	{ "writes", KEY_WRITES, NULL, 0, "trace: writes only", 0 },
	{ "denied", KEY_DENIED, NULL, 0, "trace: refused writes only", 0 },
	{ "for", KEY_FOR, "TIME", 0, "learn, trace: for so long (60s, 10m); learn's default is 60s", 0 },
	{ "verbose", KEY_VERBOSE, NULL, 0, "Log more; twice: everything", 0 },
	{ 0 }
};

struct arguments {
	struct operator *op;
	const struct command *command;
	char **args;
	int nr;
	/* The commands' own options, each letter once. */
	struct {
		char letter;
		int key;
	} given[32];
	unsigned nr_given;
	int level;
};

static void note(struct arguments *a, char letter, int key)
{
	for (unsigned i = 0; i < a->nr_given; i++)
		if (a->given[i].letter == letter)
			return;
	a->given[a->nr_given].letter = letter;
	a->given[a->nr_given++].key = key;
}

static const char *option_name(int key)
{
	size_t i = 0;

	while (options[i].key != key)
		i++;
	return options[i].name;
}

static error_t take_argument(struct arguments *a, char *arg, struct argp_state *state)
{
	if (a->command) {
		a->args[a->nr++] = arg;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands) && !a->command; i++) {
		if (!strcmp(commands[i].help.name, arg))
			a->command = &commands[i];
	}
	if (!a->command)
		argp_error(state, "there is no command \"%s\"", arg);
	return 0;
}

/* An address, which options of attach may follow. */
static bool is_address(const char *arg)
{
	char text[SBDF_TEXT + 1];
	struct sbdf a;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(arg, ","), arg);
	return !sbdf_parse(text, &a);
}

static void check_level(const struct arguments *a, struct argp_state *state)
{
	static const char *const names[] = {
#define X(name, level) #name,
		RECORDS_LEVELS(X)
#undef X
	};

	if (a->command->run != run_loglevel)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], a->args[0]))
			return;
	argp_error(state, "loglevel: \"%s\" is none of " RECORDS_LEVEL_NAMES, a->args[0]);
}

static void check_addresses(const struct arguments *a, struct argp_state *state)
{
	if (a->command->run == run_check && a->nr == 1 && !strcmp(a->args[0], "all"))
		return;
	for (int i = a->command->bdf - 1; i >= 0 && i < a->nr; i++)
		if (!is_address(a->args[i]))
			argp_error(state, "%s: \"%s\" is no PCI address ([SSSS:]BB:DD.F)", a->command->help.name,
				   a->args[i]);
}

/* All options were seen: do they fit the command? */
static error_t check_usage(struct arguments *a, struct argp_state *state)
{
	if (!a->command) {
		argp_error(state, "a command is missing");
		return EINVAL;
	}
	if (a->nr < a->command->min)
		argp_error(state, "%s: an argument is missing", a->command->help.name);
	if (a->nr > a->command->max)
		argp_error(state, "%s: too many arguments", a->command->help.name);
	for (unsigned i = 0; i < a->nr_given; i++)
		if (!strchr(a->command->options, a->given[i].letter))
			argp_error(state, "%s: --%s does not belong to this command", a->command->help.name,
				   option_name(a->given[i].key));
	check_addresses(a, state);
	check_level(a, state);
	return 0;
}

/* "60", "60s", "10m" */
static unsigned parse_seconds(struct argp_state *state, const char *arg)
{
	uint64_t n = 0;
	char text[16], *unit;
	unsigned factor = 1;

	snprintf(text, sizeof(text), "%s", arg);
	unit = text + strspn(text, "0123456789");
	if (!strcmp(unit, "m"))
		factor = 60;
	else if (*unit && strcmp(unit, "s") != 0)
		factor = 0;
	*unit = '\0';
	if (!factor || strlen(arg) >= sizeof(text) || number_parse(text, 10, 86400 / factor, &n) || !n)
		argp_error(state, "--for: \"%s\" is no time like 60s or 10m, of a day at most", arg);
	return (unsigned)n * factor;
}

/* Options that are taken as they are: as a yes, or as the text that they come with (the table above). */
static const struct plain {
	int key;
	char letter; /* of those that not every command takes; 0: all do */
	size_t at;   /* in struct operator: a bool, or a const char * */
} plains[] = {
	{ KEY_FORCE, 'f', offsetof(struct operator, force) },
	{ KEY_REBIND, 'r', offsetof(struct operator, rebind) },
	{ KEY_NO_WAIT, 'w', offsetof(struct operator, no_wait) },
	{ KEY_VIRTUAL, 'v', offsetof(struct operator, is_virtual) },
	{ KEY_JSON, 'j', offsetof(struct operator, json) },
	{ KEY_SVG, 'g', offsetof(struct operator, svg) },
	{ KEY_QUIRKS, 'q', offsetof(struct operator, quirks) },
	{ KEY_PROMETHEUS, 'p', offsetof(struct operator, prometheus) },
	{ KEY_CONFIG, 0, offsetof(struct operator, config) },
	{ KEY_WITH, 'W', offsetof(struct operator, with) },
	{ KEY_BACKEND, 'b', offsetof(struct operator, backend_name) },
	{ KEY_STATE_DIR, 's', offsetof(struct operator, state_dir) },
	{ KEY_TEXTFILE, 't', offsetof(struct operator, textfile) },
};

/* Whether it is one of those. */
static bool take_plain(struct arguments *a, int key, const char *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(plains); i++) {
		const struct plain *p = &plains[i];
		void *at = (char *)a->op + p->at;

		if (p->key != key)
			continue;
		if (arg)
			*(const char **)at = arg;
		else
			*(bool *)at = true;
		if (p->letter)
			note(a, p->letter, p->key);
		return true;
	}
	return false;
}

static void parse_allow(struct arguments *a, const char *arg, struct argp_state *state)
{
	unsigned set = assignable_rules_parse(arg);

	if (!set)
		argp_error(state, "--allow: there is no rule \"%s\" that can be overridden", arg);
	a->op->allow |= set;
	note(a, 'a', KEY_ALLOW);
}

static void parse_method(struct arguments *a, const char *arg, struct argp_state *state)
{
	unsigned set = reset_methods_parse(arg);

	if (!set)
		argp_error(state, "--method: there is no method \"%s\"", arg);
	a->op->methods |= set;
	note(a, 'm', KEY_METHOD);
}

static void parse_devid(struct arguments *a, const char *arg, struct argp_state *state)
{
	uint64_t n = 0;

	if (number_parse(arg, 10, DEVID_MAX, &n))
		argp_error(state, "--devid: \"%s\" is no number from 0 to %d", arg, DEVID_MAX);
	a->op->devid = (uint32_t)n;
	note(a, 'i', KEY_DEVID);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct operator *op = a->op;

	if (take_plain(a, key, arg))
		return 0;
	switch (key) {
	case KEY_DEVICES:
		if (!provider_is_spec(arg))
			argp_error(state, "--devices: \"%s\" is neither " PROVIDER_SPECS, arg);
		if (op->nr_specs == OPERATOR_PROVIDERS_MAX)
			argp_error(state, "--devices may be given %d times", OPERATOR_PROVIDERS_MAX);
		op->spec[op->nr_specs++] = arg;
		return 0;
	case KEY_ALLOW:
		parse_allow(a, arg, state);
		return 0;
	case KEY_METHOD:
		parse_method(a, arg, state);
		return 0;
	case KEY_DEVID:
		parse_devid(a, arg, state);
		return 0;
	case KEY_WRITES:
	case KEY_DENIED:
		/* Refused ones are writes. */
		if (key == KEY_DENIED || !op->only)
			op->only = key == KEY_WRITES ? "writes" : "denied";
		note(a, 'o', key);
		return 0;
	case KEY_FOR:
		op->seconds = parse_seconds(state, arg);
		note(a, 'F', key);
		return 0;
	case KEY_VERBOSE:
		a->level = a->level == XTL_WARN ? XTL_INFO : XTL_DEBUG;
		return 0;
	case ARGP_KEY_ARG:
		return take_argument(a, arg, state);
	case ARGP_KEY_END:
		return check_usage(a, state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct help_line *command_line(size_t i)
{
	return i < ARRAY_SIZE(commands) ? &commands[i].help : NULL;
}

static char *filter_help(int key, const char *text, void *input)
{
	static const struct help help = { command_line, notes, examples, EXITS_TEXT(EXITS_XENPCI) };

	(void)input;
	return key == ARGP_KEY_HELP_POST_DOC ? help_lists(&help) : (char *)text;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse_option, "COMMAND [ARGUMENT...]", doc, help_options, filter_help, NULL,
	};
	struct operator op = { 0 };
	struct arguments a = { .op = &op, .level = XTL_WARN };
	int status = OPERATOR_FAILED;

	a.args = calloc((size_t)argc + 1, sizeof(*a.args));
	if (!a.args)
		return operator_fail("%s", strerror(errno));
	help_parse(&argp, argc, argv, 0, &a);
	if (!op.nr_specs)
		op.spec[op.nr_specs++] = "sysfs";
	op.lg = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, (xentoollog_level)a.level, 0);
	op.mute = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
	if (op.lg && op.mute)
		status = a.command->run(&op, a.nr, a.args);
	else
		operator_fail("%s", strerror(errno));
	operator_close(&op);
	free(a.args);
	if (fflush(stdout) || ferror(stdout))
		status = operator_fail("writing the output: %s", strerror(errno));
	return status;
}
