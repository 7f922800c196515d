/* SPDX-License-Identifier: MIT */
/*
 * xenpci-front: the guest's PCI devices, through libxenpcifront. Connects, does
 * one thing, and closes the connection in order, so that the next one can open it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xentoollog.h>

#include "common/cli/help.h"
#include "common/number.h"
#include "common/util.h"
#include "frontend/tool/tool.h"

static const struct command commands[] = {
	{ { "list", "[-n | -nn] [-v] [-D] [BDF]",
	    "the devices, as lspci shows them (-v: BARs and capabilities)" }, run_list },
	{ { "read", "BDF OFFSET [SIZE]",
	    "read 1, 2 or 4 (default) bytes of config space" }, run_read },
	{ { "write", "[--no-verify] BDF OFFSET VALUE [SIZE]",
	    "write them, and look whether they are there (status 3: nothing changed)" }, run_write },
	{ { "dump", "[-x | -xxx | -xxxx] [BDF]",
	    "hex dump for `lspci -F` (default: all there is)" }, run_dump },
	{ { "bars", "[BDF]",
	    "base address registers with their sizes" }, run_bars },
	{ { "peek", "BDF BAR OFFSET [SIZE]",
	    "read 1, 2 or 4 (default) bytes behind a BAR: memory through /dev/mem, or ports" }, run_peek },
	{ { "poke", "BDF BAR OFFSET VALUE [SIZE]",
	    "write them" }, run_poke },
	{ { "msi", "BDF [on | off | multi N]",
	    "switch MSI, or show whether it is on" }, run_msi },
	{ { "msix", "BDF [N | off]",
	    "give the first N MSI-X table entries a vector, or none" }, run_msix },
	{ { "interrupts", "[--count N] [--timeout MS] BDF KIND [N]",
	    "print a virtual device's interrupts as they come: intx, msi or msix, N vectors" }, run_interrupts },
	{ { "watch", "[--count N] [--timeout MS] [--aer RESULT]",
	    "print hot-plug and AER events as they happen" }, run_watch },
	{ { "conform", "[--list] [--only NAME] [BDF]",
	    "check that the backend keeps the protocol" }, run_conform },
	{ { "script", "[--raw] FILE",
	    "send the requests in FILE (-: stdin), print an answer line for each" }, run_script },
	{ { "bench", "[N [BDF]]",
	    "time N (default 2000) config reads" }, run_bench },
};

enum { KEY_REQUEST_TIMEOUT = 256, KEY_KEEP, KEY_SLEEP, KEY_POLL, KEY_DEVID };

static const struct argp_option options[] = {
	{ "timeout", 't', "MS", 0,
	  "For connecting (default 10000); for watch: in all. What reads or sizes a whole device has as "
	  "long, 10000 at least", 0 },
	{ "request-timeout", KEY_REQUEST_TIMEOUT, "MS", 0, "For the answer to one request (default 2000)", 0 },
	{ "sleep", KEY_SLEEP, NULL, 0, "Wait for answers asleep (default: polling, then asleep)", 0 },
	{ "poll", KEY_POLL, NULL, 0, "Wait for answers polling", 0 },
	{ "devid", KEY_DEVID, "N", 0, "The frontend device/pci/N in place of device/pci/0, where the guest has several", 0 },
	{ "keep", KEY_KEEP, NULL, 0, "Leave without closing the connection, as a killed process does", 0 },
	{ "verbose", 'v', NULL, 0, "Log state changes to stderr; twice: everything", 0 },
	{ 0 }
};

static const char doc[] =
	"The PCI devices that this Xen guest was given, without a kernel driver for them.\v";

static const char notes[] =
	"BDF is the address that the guest sees, [SSSS:]BB:DD.F. Numbers are decimal, or hexadecimal "
	"with 0x. A command's own --help has its options. The kernel's xen-pcifront must not be loaded.\n";

static const char examples[] =
	"  xenpci-front list -nn -v\n"
	"  xenpci-front read 00:00.0 0x0 4\n"
	"  xenpci-front dump -xxxx | lspci -F /dev/stdin -vv\n";

static const struct help_line *command_line(size_t i)
{
	return i < ARRAY_SIZE(commands) ? &commands[i].help : NULL;
}

static char *filter_help(int key, const char *text, void *input)
{
	static const struct help help = { command_line, notes, examples, EXITS_TEXT(EXITS_FRONT) };

	(void)input;
	return key == ARGP_KEY_HELP_POST_DOC ? help_lists(&help) : (char *)text;
}

struct settings {
	struct tool *tool;
	const struct command *command;
	int at; /* where the command's name is in argv */
	unsigned verbose;
	bool keep;
};

static void parse_ms(struct argp_state *state, const char *arg, uint32_t *ms)
{
	uint64_t v;

	if (tool_number(arg, "time", INT32_MAX, &v))
		exit(EXIT_USAGE);
	if (!v)
		argp_error(state, "a time is 1 ms at least");
	*ms = (uint32_t)v;
}

/* The command's name ends our own options: what follows is the command's. */
static void take_command(struct settings *s, const char *name, struct argp_state *state)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands) && !s->command; i++)
		if (!strcmp(commands[i].help.name, name))
			s->command = &commands[i];
	if (!s->command)
		argp_error(state, "there is no command '%s'", name);
	s->at = state->next - 1;
	state->next = state->argc;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct settings *s = state->input;
	uint64_t n;

	switch (key) {
	case 'v':
		s->verbose++;
		return 0;
	case 't':
		parse_ms(state, arg, &s->tool->timeout_ms);
		return 0;
	case KEY_REQUEST_TIMEOUT:
		parse_ms(state, arg, &s->tool->request_ms);
		return 0;
	case KEY_SLEEP:
		s->tool->sleep = true;
		return 0;
	case KEY_POLL:
		s->tool->poll = true;
		return 0;
	case KEY_DEVID:
		if (number_parse(arg, 10, UINT16_MAX, &n))
			argp_error(state, "--devid: \"%s\" is not a number up to %d", arg, UINT16_MAX);
		s->tool->devid = (unsigned)n;
		return 0;
	case KEY_KEEP:
		s->keep = true;
		return 0;
	case ARGP_KEY_ARG:
		take_command(s, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!s->command)
			argp_error(state, "a command is missing");
		if (s->tool->sleep && s->tool->poll)
			argp_error(state, "--sleep or --poll, not both");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/*
 * SIGINT and SIGTERM close the connection in order, from a thread that waits for
 * them: whatever the command waits for at that moment, the backend is told.
 */
static void end_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

static void *on_signal(void *arg)
{
	struct tool *tool = arg;
	sigset_t set;
	int sig;

	end_signals(&set);
	sigwait(&set, &sig);
	tool_end(true);
	/* However patient the command was told to be: whoever ends it does not wait as long. */
	if (tool->fe && !xenpcifront_set_timeout(tool->fe, XENPCIFRONT_TIMEOUT_MS))
		xenpcifront_disconnect(tool->fe);
	fflush(stdout);
	_exit(tool->endless ? EXIT_OK : 128 + sig);
}

static int catch_signals(struct tool *tool)
{
	pthread_t thread;
	sigset_t set;
	int err;

	end_signals(&set);
	/* Threads inherit the mask: the one that waits is the only one to hear of them. */
	err = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (!err)
		err = pthread_create(&thread, NULL, on_signal, tool);
	if (err)
		return fail(err);
	pthread_detach(thread);
	return 0;
}

static int finish(struct tool *tool, bool keep, int status)
{
	/* From here on a signal comes too late. */
	tool_end(false);
	if (tool->fe && !keep && xenpcifront_disconnect(tool->fe))
		tool_failed("closing the connection: %s", strerror(errno));
	xenpcifront_close(tool->fe);
	if (fflush(stdout) || ferror(stdout))
		return tool_failed("writing the output: %s", strerror(errno));
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "COMMAND [ARGUMENT...]", doc, help_options, filter_help, NULL,
	};
	struct tool tool = { 0 };
	struct settings s = { .tool = &tool };
	xentoollog_level level;
	int status;

	help_parse(&argp, argc, argv, ARGP_IN_ORDER, &s);
	tool.command = s.command;
	level = s.verbose > 1 ? XTL_DEBUG : s.verbose ? XTL_INFO : XTL_WARN;
	tool.lg = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, level, 0);
	if (!tool.lg || catch_signals(&tool))
		return tool_failed("%s", strerror(errno));
	status = finish(&tool, s.keep, s.command->run(&tool, argc - s.at, argv + s.at));
	xtl_logger_destroy(tool.lg);
	return status;
}
