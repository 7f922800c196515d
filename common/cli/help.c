/* SPDX-License-Identifier: MIT */
#include "common/cli/help.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_USAGE = 0x1000, COLUMNS = 78, TEXT_INDENT = 12, EXIT_INDENT = 5 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	switch (key) {
	case 'h':
	case '?':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	case KEY_USAGE:
		argp_state_help(state, stdout, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
		return 0;
	case 'V':
		printf("%s " XENPCI_VERSION "\n", program_invocation_short_name);
		exit(fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "help", 'h', NULL, 0, "Give this help list", -1 },
	{ NULL, '?', NULL, OPTION_HIDDEN, NULL, -1 },
	{ "usage", KEY_USAGE, NULL, 0, "Give a short usage message", -1 },
	{ "version", 'V', NULL, 0, "Print program version", -1 },
	{ 0 }
};

static const struct argp standard = { options, parse, NULL, NULL, NULL, NULL, NULL };

const struct argp_child help_options[] = { { &standard, 0, NULL, -1 }, { 0 } };

void help_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
	error_t rc;

	argp_err_exit_status = HELP_EXIT_USAGE;
	rc = argp_parse(argp, argc, argv, ARGP_NO_HELP | flags, NULL, input);
	if (!rc)
		return;
	fprintf(stderr, "%s: error: the command line cannot be read: %s\n", program_invocation_short_name,
		strerror(rc));
	exit(EXIT_FAILURE);
}

/* Words on lines of so many columns; all but the first line begin at `indent`. */
static void wrap(FILE *out, const char *text, int indent)
{
	int at = indent;

	while (*text) {
		int len = (int)strcspn(text, " \n");

		if (at > indent && at + 1 + len > COLUMNS) {
			fprintf(out, "\n%*s", indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", len, text);
		at += len;
		text += len;
		text += strspn(text, " \n");
	}
	fputc('\n', out);
}

static void print_command(FILE *out, const struct help_line *line)
{
	fprintf(out, "  %s%s%s\n%*s", line->name, line->arguments[0] ? " " : "", line->arguments,
		TEXT_INDENT, "");
	wrap(out, line->text, TEXT_INDENT);
}

/* Rows "  0  text". */
static void print_exits(FILE *out, const char *rows)
{
	while (*rows) {
		int len = (int)strcspn(rows, "\n");
		char *row = strndup(rows, (size_t)len);

		if (row && len > EXIT_INDENT) {
			fprintf(out, "%.*s", EXIT_INDENT, row);
			wrap(out, row + EXIT_INDENT, EXIT_INDENT);
		}
		free(row);
		rows += len + (rows[len] == '\n');
	}
}

char *help_lists(const struct help *h)
{
	const struct help_line *line;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (h->command)
		fputs("Commands:\n", out);
	for (size_t i = 0; h->command && (line = h->command(i)); i++)
		print_command(out, line);
	if (h->notes)
		fprintf(out, "%s%s", h->command ? "\n" : "", h->notes);
	if (h->examples)
		fprintf(out, "\nExamples:\n%s", h->examples);
	if (h->exits) {
		fputs("\nExit status:\n", out);
		print_exits(out, h->exits);
	}
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}
