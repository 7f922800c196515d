/* SPDX-License-Identifier: MIT */
/*
 * script: request lines in, answer lines out, so that two backends can be
 * compared with diff. A line is one of
 *	conf_read BDF OFFSET SIZE		conf_write BDF OFFSET SIZE VALUE
 *	enable_msi BDF				disable_msi BDF
 *	enable_msix BDF ENTRY,ENTRY,...		disable_msix BDF
 *	enable_multi_msi BDF COUNT
 *	op CMD DOMAIN BUS DEVFN OFFSET SIZE VALUE	(numbers as they go into the page)
 * Empty lines and lines that begin with # are left out. A request that gets no answer
 * is told and makes the command fail at its end; a line that is none ends it at once.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "common/util.h"
#include "frontend/tool/tool.h"
#include "protocol/pciif.h"
#include "xenpci/xenpcifront_raw.h"

#define MAX_WORDS 8
/* What err is preset to: an answer that leaves it has forgotten to answer. */
#define UNANSWERED 999

struct line {
	char *words[MAX_WORDS];
	unsigned n;
};

static int split(char *text, struct line *line)
{
	char *save = NULL;

	line->n = 0;
	for (char *w = strtok_r(text, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
		if (line->n == MAX_WORDS)
			return -1;
		line->words[line->n++] = w;
	}
	return 0;
}

/* Takes "-1" for the signed fields, too. */
static int number(const char *word, uint32_t *out)
{
	uint64_t v;
	bool minus = word[0] == '-';

	if (number_parse(word + minus, 0, UINT32_MAX, &v))
		return -1;
	*out = minus ? (uint32_t)-v : (uint32_t)v;
	return 0;
}

static int entries(char *list, struct xenpcifront_request *req)
{
	char *save = NULL;

	for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		uint32_t entry;

		if (req->value == XENPCIFRONT_MAX_VECTORS || number(w, &entry) || entry > UINT16_MAX)
			return -1;
		req->entries[req->value].vector = UINT16_MAX;
		req->entries[req->value++].entry = (uint16_t)entry;
	}
	return 0;
}

static int raw_op(const struct line *line, struct xenpcifront_request *req)
{
	uint32_t v[7];

	if (line->n != 8)
		return -1;
	for (unsigned i = 0; i < 7; i++)
		if (number(line->words[i + 1], &v[i]))
			return -1;
	*req = (struct xenpcifront_request){ v[0], UNANSWERED, v[1], v[2], v[3], (int32_t)v[4],
					     (int32_t)v[5], v[6], 0, { { 0, 0 } } };
	return 0;
}

/* A line's words as a request. 0, or -1 where it is none. */
static int parse(const struct line *line, struct xenpcifront_request *req)
{
	char *const *w = line->words;
	struct sbdf a;
	uint32_t offset, size;

	if (!strcmp(w[0], "op"))
		return raw_op(line, req);
	*req = (struct xenpcifront_request){ .err = UNANSWERED };
	if (line->n < 2 || pciif_command_number(w[0], &req->cmd) || sbdf_parse(w[1], &a))
		return -1;
	req->segment = a.segment;
	req->bus = a.bus;
	req->devfn = a.devfn;
	switch (req->cmd) {
	case XEN_PCI_OP_conf_read:
	case XEN_PCI_OP_conf_write:
		if (line->n != (req->cmd == XEN_PCI_OP_conf_read ? 4 : 5) ||
		    number(w[2], &offset) || number(w[3], &size) ||
		    (line->n == 5 && number(w[4], &req->value)))
			return -1;
		req->offset = (int32_t)offset;
		req->size = (int32_t)size;
		return 0;
	case XEN_PCI_OP_enable_msix:
		return line->n == 3 ? entries(w[2], req) : -1;
	case XEN_PCI_OP_enable_multi_msi:
		return line->n == 3 ? number(w[2], &req->info) : -1;
	default:
		return line->n == 2 ? 0 : -1;
	}
}

/* The Linux backend answers a read with bits beyond its size: cut, unless raw is asked for. */
static uint32_t cut(const struct xenpcifront_request *req, bool raw)
{
	if (raw || req->cmd != XEN_PCI_OP_conf_read || (req->size != 1 && req->size != 2))
		return req->value;
	return req->value & ((1u << req->size * 8) - 1);
}

static void print_answer(const char *text, const struct xenpcifront_request *req, uint32_t asked,
			 bool raw)
{
	printf("%s: err=%d value=0x%x", text, req->err, cut(req, raw));
	if (req->cmd == XEN_PCI_OP_enable_msix && !req->err) {
		printf(" vectors");
		for (uint32_t i = 0; i < asked && i < XENPCIFRONT_MAX_VECTORS; i++)
			printf(" %u", req->entries[i].vector);
	}
	if (req->cmd == XEN_PCI_OP_enable_multi_msi)
		printf(" info=%u", req->info);
	putchar('\n');
}

static int run_line(struct tool *tool, char *text, unsigned number_of, bool raw)
{
	struct xenpcifront_request req;
	struct line line;
	char *copy = strdup(text);
	uint32_t asked;
	int rc = EXIT_FAILED;

	text[strcspn(text, "\r\n")] = 0;
	if (!copy)
		return tool_failed("%s", strerror(errno));
	if (split(copy, &line)) {
		rc = tool_usage("line %u: too many words", number_of);
		goto out;
	}
	if (!line.n || line.words[0][0] == '#') {
		rc = EXIT_OK;
		goto out;
	}
	if (parse(&line, &req)) {
		rc = tool_usage("line %u is no request: %s", number_of, text);
		goto out;
	}
	asked = req.value;
	rc = xenpcifront_raw(tool->fe, &req) ? EXIT_FAILED : EXIT_OK;
	if (rc)
		printf("%s: no answer: %s\n", text, strerror(errno));
	else
		print_answer(text, &req, asked, raw);
	fflush(stdout);
out:
	free(copy);
	return rc;
}

enum { KEY_RAW = 256 };

static error_t parse_script(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != KEY_RAW)
		return ARGP_ERR_UNKNOWN;
	*(bool *)state->input = true;
	return 0;
}

int run_script(struct tool *tool, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "raw", KEY_RAW, NULL, 0, "Print the answers' fields as they came", 0 },
		{ 0 }
	};
	char *text = NULL;
	size_t size = 0;
	unsigned number_of = 0;
	bool raw = false;
	int rc = EXIT_OK, line;
	FILE *file;

	tool_options(tool, options, parse_script, &raw, 1, 1, &argc, &argv);
	file = strcmp(argv[1], "-") ? fopen(argv[1], "re") : stdin;
	if (!file)
		return tool_failed("%s: %s", argv[1], strerror(errno));
	if (tool_connect(tool, 0)) {
		rc = EXIT_FAILED;
		goto out;
	}
	while (rc != EXIT_USAGE && getline(&text, &size, file) > 0) {
		line = run_line(tool, text, ++number_of, raw);
		if (line > rc)
			rc = line;
	}
out:
	free(text);
	if (file != stdin)
		fclose(file);
	return rc;
}
