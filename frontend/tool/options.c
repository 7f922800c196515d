/* SPDX-License-Identifier: MIT */
/* The options and arguments of the commands, as argp reads them. */
#include <stdio.h>
#include <stdlib.h>

#include "frontend/tool/tool.h"

enum { ARGUMENTS_MAX = 8 };

struct taken {
	argp_parser_t parse;
	void *input;
	int min, max, nr;
	char *arg[ARGUMENTS_MAX];
};

static error_t take(int key, char *arg, struct argp_state *state)
{
	struct taken *t = state->input;
	error_t rc = ARGP_ERR_UNKNOWN;

	if (key == ARGP_KEY_ARG) {
		if (t->nr == t->max)
			argp_error(state, "too many arguments");
		t->arg[t->nr++] = arg;
		return 0;
	}
	if (key == ARGP_KEY_END) {
		if (t->nr < t->min)
			argp_error(state, "an argument is missing");
		return 0;
	}
	if (t->parse) {
		state->input = t->input;
		rc = t->parse(key, arg, state);
		state->input = t;
	}
	return rc;
}

/* "[-n | -nn] [-v] [BDF]" without the options, which argp lists itself. */
static void arguments_only(const char *from, char *to, size_t room)
{
	size_t n = 0;

	while (*from && n + 1 < room) {
		if (from[0] == '[' && from[1] == '-') {
			while (*from && *from != ']')
				from++;
			from += *from == ']';
			while (*from == ' ')
				from++;
			continue;
		}
		to[n++] = *from++;
	}
	to[n] = '\0';
}

void tool_options(const struct tool *tool, const struct argp_option *options, argp_parser_t parse,
		  void *input, int min, int max, int *argc, char ***argv)
{
	const struct help_line *help = &tool->command->help;
	static char name[64], arguments[64];
	static char *result[ARGUMENTS_MAX + 2];
	struct taken t = {
		.parse = parse, .input = input, .min = min, .max = max < ARGUMENTS_MAX ? max : ARGUMENTS_MAX,
	};
	const struct argp argp = { options, take, arguments, help->text, help_options, NULL, NULL };

	snprintf(name, sizeof(name), "xenpci-front %s", help->name);
	arguments_only(help->arguments, arguments, sizeof(arguments));
	result[0] = (*argv)[0];
	(*argv)[0] = name;
	help_parse(&argp, *argc, *argv, 0, &t);
	for (int i = 0; i < t.nr; i++)
		result[i + 1] = t.arg[i];
	result[t.nr + 1] = NULL;
	*argc = t.nr + 1;
	*argv = result;
}
