/* SPDX-License-Identifier: MIT */
/*
 * xenpci-front: the guest's PCI devices, through libxenpcifront. Connects, does
 * one thing, and closes the connection in order, so that the next one can open it.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xentoollog.h>

#include "common/number.h"
#include "common/util.h"
#include "frontend/tool/tool.h"

static const struct command commands[] = {
	{ "list", "[-n | -nn] [-v] [-D] [BDF]",
	  "the devices, as lspci shows them (-v: BARs and capabilities)", run_list },
	{ "read", "BDF OFFSET [SIZE]", "read 1, 2 or 4 (default) bytes of config space", run_read },
	{ "write", "[--no-verify] BDF OFFSET VALUE [SIZE]",
	  "write them, and look whether they are there (status 3: nothing changed)", run_write },
	{ "dump", "[-x | -xxx | -xxxx] [BDF]", "hex dump for `lspci -F` (default: all there is)",
	  run_dump },
	{ "bars", "[BDF]", "base address registers with their sizes", run_bars },
	{ "msi", "BDF [on | off | multi N]", "switch MSI, or show whether it is on", run_msi },
	{ "msix", "BDF [N | off]", "give the first N MSI-X table entries a vector, or none",
	  run_msix },
	{ "watch", "[--count N] [--timeout MS] [--aer RESULT]",
	  "print hot-plug and AER events as they happen", run_watch },
	{ "conform", "[--list] [--only NAME] [BDF]", "check that the backend keeps the protocol",
	  run_conform },
	{ "script", "[--raw] FILE",
	  "send the requests in FILE (-: stdin), print an answer line for each", run_script },
	{ "bench", "[N [BDF]]", "time N (default 2000) config reads", run_bench },
};

enum { OPT_REQUEST_TIMEOUT = 256, OPT_KEEP, OPT_SLEEP, OPT_POLL, OPT_VERSION };

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "verbose", no_argument, NULL, 'v' },
	{ "timeout", required_argument, NULL, 't' },
	{ "request-timeout", required_argument, NULL, OPT_REQUEST_TIMEOUT },
	{ "sleep", no_argument, NULL, OPT_SLEEP },
	{ "poll", no_argument, NULL, OPT_POLL },
	{ "keep", no_argument, NULL, OPT_KEEP },
	{ NULL, 0, NULL, 0 },
};

static void help(void)
{
	puts("Usage: xenpci-front [OPTION...] COMMAND [ARGUMENT...]\n"
	     "The PCI devices that this Xen guest was given, without a kernel driver for them.\n"
	     "\nCommands:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %s %s\n\t\t%s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
	puts("\nOptions:\n"
	     "  -t, --timeout MS          for connecting (default 10000); for watch: in all. What reads\n"
	     "                            or sizes a whole device has as long, 10000 at least\n"
	     "      --request-timeout MS  for the answer to one request (default 2000)\n"
	     "      --sleep, --poll       wait for answers asleep, or polling (default: some of both)\n"
	     "      --keep                leave without closing the connection, as a killed process does\n"
	     "  -v, --verbose             log state changes to stderr (twice: everything)\n"
	     "  -h, --help                this text\n"
	     "      --version             the version\n"
	     "\nBDF is the address that the guest sees, [SSSS:]BB:DD.F. Numbers are decimal, or\n"
	     "hexadecimal with 0x. The kernel's xen-pcifront must not be loaded.\n"
	     "Exit status: 0, 1 (failed), 2 (wrong usage), 3 (a write changed nothing).");
}

struct settings {
	unsigned verbose;
	bool keep;
	bool done; /* nothing is left to do */
};

static int parse_ms(uint32_t *ms)
{
	uint64_t v;

	if (tool_number(optarg, "time", INT32_MAX, &v))
		return -1;
	if (!v)
		return tool_usage("a time is 1 ms at least"), -1;
	*ms = (uint32_t)v;
	return 0;
}

/* Returns 0, or the exit status. */
static int parse(int argc, char **argv, struct settings *s, struct tool *tool)
{
	int c;

	while ((c = getopt_long(argc, argv, "+hvt:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			help();
			s->done = true;
			return EXIT_OK;
		case OPT_VERSION:
			puts("xenpci-front " XENPCI_VERSION);
			s->done = true;
			return EXIT_OK;
		case 'v':
			s->verbose++;
			break;
		case 't':
			if (parse_ms(&tool->timeout_ms))
				return EXIT_USAGE;
			break;
		case OPT_REQUEST_TIMEOUT:
			if (parse_ms(&tool->request_ms))
				return EXIT_USAGE;
			break;
		case OPT_SLEEP:
			tool->sleep = true;
			break;
		case OPT_POLL:
			tool->poll = true;
			break;
		case OPT_KEEP:
			s->keep = true;
			break;
		default:
			fputs("Try `xenpci-front --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	return tool->sleep && tool->poll ? tool_usage("--sleep or --poll, not both") : 0;
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

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct settings s = { 0 };
	struct tool tool = { 0 };
	const struct command *cmd;
	xentoollog_level level;
	int status, at;

	status = parse(argc, argv, &s, &tool);
	if (status || s.done)
		return status;
	if (optind == argc)
		return tool_usage("a command is missing");
	cmd = find_command(argv[optind]);
	if (!cmd)
		return tool_usage("there is no command '%s'", argv[optind]);
	level = s.verbose > 1 ? XTL_DEBUG : s.verbose ? XTL_INFO : XTL_WARN;
	tool.lg = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, level, 0);
	if (!tool.lg || catch_signals(&tool))
		return tool_failed("%s", strerror(errno));
	at = optind;
	optind = 0; /* the command's own options */
	status = finish(&tool, s.keep, cmd->run(&tool, argc - at, argv + at));
	xtl_logger_destroy(tool.lg);
	return status;
}
