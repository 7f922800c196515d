/* SPDX-License-Identifier: MIT */
/*
 * What the command lines of the three programs have in common: -h, --usage and -V, and the lists below
 * the options that --help ends with. Man pages and completion read these lists (docs/man/fill).
 * For programs of one thread.
 */
#ifndef XENPCI_COMMON_CLI_HELP_H
#define XENPCI_COMMON_CLI_HELP_H

#include <argp.h>
#include <stddef.h>

enum { HELP_EXIT_USAGE = 2 }; /* of every program */

/* The child of each program's argp: --help, --usage, --version. They end the program. */
extern const struct argp_child help_options[];

/*
 * argp_parse without its own --help; flags: ARGP_IN_ORDER or 0. Ends the program, with a message: HELP_EXIT_USAGE
 * where the command line is wrong, EXIT_FAILURE where there is no memory for it.
 */
void help_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input);

/* One command. */
struct help_line {
	const char *name;
	const char *arguments; /* "BDF [SIZE]", "" */
	const char *text;
};

/* Lists; NULL: there is none. Each text is of whole lines, indented by two. */
struct help {
	const struct help_line *(*command)(size_t i); /* NULL at the end */
	const char *notes;
	const char *examples;
	const char *exits; /* EXITS_TEXT */
};

/* What follows the options, for the argp's help_filter. The caller (argp) frees it; NULL: no memory. */
char *help_lists(const struct help *h);

#endif
