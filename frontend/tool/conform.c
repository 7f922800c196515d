/* SPDX-License-Identifier: MIT */
/* conform: runs the cases, one line each. */
#include "frontend/tool/conform.h"

#include <stdio.h>
#include <string.h>

#include "common/util.h"

struct conform_case {
	const char *name;
	const char *text;
	const char *linux_note;
	void (*run)(struct conform *c);
};

#define CASE_ROW(name, text, linux_note) { #name, text, linux_note, conform_##name },
static const struct conform_case cases[] = { CONFORM_CASES(CASE_ROW) };

static const char *const verdicts[] = {
	[VERDICT_OK] = "ok",
	[VERDICT_SKIP] = "skip",
	[VERDICT_DIFFERS] = "differs",
	[VERDICT_FAIL] = "FAIL",
};

static void list_cases(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		printf("%-22s %s\n", cases[i].name, cases[i].text);
		if (cases[i].linux_note)
			printf("%-22s linux: %s\n", "", cases[i].linux_note);
	}
}

static enum verdict run_case(struct conform *c, const struct conform_case *k)
{
	c->verdict = VERDICT_OK;
	c->detail[0] = 0;
	k->run(c);
	/* A difference is only known where the table says so. */
	if (c->verdict == VERDICT_DIFFERS && !k->linux_note)
		c->verdict = VERDICT_FAIL;
	printf("%s %s", verdicts[c->verdict], k->name);
	if (c->verdict != VERDICT_OK)
		printf(": %s", c->detail);
	if (c->verdict == VERDICT_DIFFERS)
		printf(" (linux: %s)", k->linux_note);
	putchar('\n');
	fflush(stdout);
	return c->verdict;
}

static int run_cases(struct conform *c, const char *only)
{
	unsigned counts[ARRAY_SIZE(verdicts)] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!only || !strcmp(only, cases[i].name))
			counts[run_case(c, &cases[i])]++;
	printf("%s: %u ok, %u differ as the Linux backend does, %u failed, %u skipped\n",
	       tool_name(c->dev.address), counts[VERDICT_OK], counts[VERDICT_DIFFERS],
	       counts[VERDICT_FAIL], counts[VERDICT_SKIP]);
	return counts[VERDICT_FAIL] ? EXIT_FAILED : EXIT_OK;
}

static bool is_case(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!strcmp(cases[i].name, name))
			return true;
	return false;
}

struct conform_options {
	bool list;
	const char *only;
};

enum { KEY_LIST = 256, KEY_ONLY };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct conform_options *o = state->input;

	if (key == KEY_LIST)
		o->list = true;
	else if (key == KEY_ONLY)
		o->only = arg;
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

int run_conform(struct tool *tool, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "list", KEY_LIST, NULL, 0, "Print the names of the cases", 0 },
		{ "only", KEY_ONLY, "NAME", 0, "This case, and no other", 0 },
		{ 0 }
	};
	struct xenpcifront_device devices[XENPCIFRONT_MAX_DEVICES];
	struct conform c = { .tool = tool };
	struct conform_options o = { 0 };
	int n, status;

	tool_options(tool, options, parse, &o, 0, 1, &argc, &argv);
	if (o.list)
		return list_cases(), EXIT_OK;
	if (o.only && !is_case(o.only))
		return tool_usage("there is no case '%s' (see conform --list)", o.only);
	n = tool_devices(tool, argv[1], devices, &status);
	if (n <= 0)
		return n ? status : tool_failed("there is no device to try");
	c.fe = tool->fe;
	c.dev = devices[0];
	return run_cases(&c, o.only);
}
