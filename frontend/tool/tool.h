/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands of xenpci-front share. A subcommand's run function gets
 * its own arguments (argv[0] is its name; options by tool_options) and returns the
 * exit status, EXIT_... below. Results go to stdout, complaints to stderr.
 */
#ifndef XENPCI_FRONTEND_TOOL_H
#define XENPCI_FRONTEND_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cli/exits.h"
#include "common/cli/help.h"
#include "common/sbdf.h"
#include "xenpci/xenpcifront.h"

#define TOOL_EXIT(name, number, text) EXIT_##name = (number),
enum { EXITS_FRONT(TOOL_EXIT) };

struct command;

struct tool {
	const struct command *command;
	struct xenpcifront *fe; /* NULL before tool_open */
	struct xentoollog_logger *lg;
	uint32_t timeout_ms;	/* the global options; 0: not given */
	uint32_t request_ms;
	unsigned devid; /* of the frontend */
	bool sleep, poll;
	bool endless; /* a signal is the way to end it: status 0 */
};

struct command {
	struct help_line help;
	int (*run)(struct tool *tool, int argc, char **argv);
};

/*
 * A command's own options: parse is as argp's, with input; what it does not know is an argument or an
 * error. *argc and *argv are then the command's name and its arguments, min to max of them. Wrong usage
 * and --help end the program. Call it before anything is opened.
 */
void tool_options(const struct tool *tool, const struct argp_option *options, argp_parser_t parse,
		  void *input, int min, int max, int *argc, char ***argv);

/*
 * Opens tool->fe with the options' settings (flags: of xenpcifront_open); tool_connect also
 * has it connected and enumerated. Commands call it when their arguments are known to be right.
 * 0, or -1 (complained). main closes what was opened.
 */
int tool_open(struct tool *tool, unsigned flags);
int tool_connect(struct tool *tool, unsigned flags);

/* Complains to stderr, "xenpci-front: ..."; returns EXIT_FAILED. */
int tool_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same and a hint at --help; returns EXIT_USAGE. */
int tool_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Complains that `what` of device a failed: errno and the answer. Returns EXIT_FAILED. */
int tool_refused(const char *what, struct xenpcifront_address a,
		 const struct xenpcifront_answer *answer);
/*
 * Whether what tool_refused complained of last concerns all devices: the backend does not answer.
 */
bool tool_lost(void);

/* These complain themselves: 0, or -1. Numbers are decimal, or hexadecimal with 0x. */
int tool_address(const char *text, struct xenpcifront_address *a);
int tool_number(const char *text, const char *what, uint64_t max, uint64_t *out);

/* "0000:00:00.0" in one of a few static buffers. */
const char *tool_name(struct xenpcifront_address a);

/*
 * Connects, and gives the devices that a command is for: all where argument is NULL, else that
 * one. Returns how many, or -1 (complained) with the exit status in *status.
 */
int tool_devices(struct tool *tool, const char *argument,
		 struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES], int *status);

/*
 * The program ends, from now on in the caller's hands: whoever calls it second waits for ever. by_signal:
 * what fails from now on fails because of it, and is not told. tool->fe stays as it is.
 */
void tool_end(bool by_signal);

int run_list(struct tool *tool, int argc, char **argv);
int run_peek(struct tool *tool, int argc, char **argv);
int run_poke(struct tool *tool, int argc, char **argv);
int run_interrupts(struct tool *tool, int argc, char **argv);
int run_bars(struct tool *tool, int argc, char **argv);
int run_dump(struct tool *tool, int argc, char **argv);
int run_read(struct tool *tool, int argc, char **argv);
int run_write(struct tool *tool, int argc, char **argv);
int run_msi(struct tool *tool, int argc, char **argv);
int run_msix(struct tool *tool, int argc, char **argv);
int run_watch(struct tool *tool, int argc, char **argv);
int run_script(struct tool *tool, int argc, char **argv);
int run_bench(struct tool *tool, int argc, char **argv);
int run_conform(struct tool *tool, int argc, char **argv);

#endif
