/* SPDX-License-Identifier: MIT */
/* conform: runs the cases, one line each, and what the cases are written with. */
#include "frontend/tool/conform_parts.h"

#include <errno.h>
#include <stdarg.h>
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

static void settle(struct conform *c, enum verdict to, const char *detail)
{
	if (c->verdict >= to)
		return;
	c->verdict = to;
	snprintf(c->detail, sizeof(c->detail), "%s", detail);
}

#define DEFINE_VERDICT(name, to)                                      \
	void conform_##name(struct conform *c, const char *fmt, ...)  \
	{                                                             \
		char text[sizeof(c->detail)];                         \
		va_list ap;                                           \
                                                                      \
		va_start(ap, fmt);                                    \
		vsnprintf(text, sizeof(text), fmt, ap);               \
		va_end(ap);                                           \
		settle(c, (to), text);                                \
	}
DEFINE_VERDICT(skip, VERDICT_SKIP)
DEFINE_VERDICT(differs, VERDICT_DIFFERS)
DEFINE_VERDICT(fail, VERDICT_FAIL)

struct xenpcifront_request conform_request(const struct conform *c, uint32_t cmd)
{
	struct xenpcifront_request req = {
		.cmd = cmd,
		.err = UNANSWERED,
		.segment = c->dev.address.segment,
		.bus = c->dev.address.bus,
		.devfn = c->dev.address.devfn,
	};

	for (unsigned i = 0; i < XENPCIFRONT_MAX_VECTORS; i++) {
		req.entries[i].vector = VECTOR_BEFORE(i);
		req.entries[i].entry = (uint16_t)i;
	}
	return req;
}

struct xenpcifront_request conform_access(const struct conform *c, uint32_t cmd, int32_t offset,
					  int32_t size, uint32_t value)
{
	struct xenpcifront_request req = conform_request(c, cmd);

	req.offset = offset;
	req.size = size;
	req.value = value;
	return req;
}

static const char *command_name(uint32_t cmd)
{
	const char *name = pciif_command_name(cmd);

	return name ? name : "unknown command";
}

/* Whether only the fields of the answer changed between `asked` and `got`. */
static void check_untouched(struct conform *c, const struct xenpcifront_request *asked,
			    const struct xenpcifront_request *got)
{
	bool vectors = asked->cmd == XEN_PCI_OP_enable_msix && !got->err;

	if (asked->cmd != got->cmd || asked->segment != got->segment || asked->bus != got->bus ||
	    asked->devfn != got->devfn || asked->offset != got->offset || asked->size != got->size)
		conform_fail(c, "%s: the request's own fields were written to",
			     command_name(asked->cmd));
	if (asked->info != got->info && asked->cmd != XEN_PCI_OP_enable_multi_msi)
		conform_fail(c, "%s: info was written to", command_name(asked->cmd));
	for (unsigned i = 0; i < XENPCIFRONT_MAX_VECTORS; i++) {
		bool answered = vectors && i < asked->value;

		if (asked->entries[i].entry != got->entries[i].entry ||
		    (!answered && asked->entries[i].vector != got->entries[i].vector))
			conform_fail(c, "%s: MSI-X entry %u was written to",
				     command_name(asked->cmd), i);
	}
}

bool conform_ask(struct conform *c, struct xenpcifront_request *req)
{
	struct xenpcifront_request asked = *req;

	if (xenpcifront_raw(c->fe, req)) {
		conform_fail(c, "%s: %s", command_name(asked.cmd), strerror(errno));
		req->err = UNANSWERED;
		return false;
	}
	if (req->err == UNANSWERED)
		conform_fail(c, "%s: err was left as it stood in the page",
			     command_name(asked.cmd));
	check_untouched(c, &asked, req);
	return !req->err;
}

bool conform_expect(struct conform *c, const char *what, struct xenpcifront_request req,
		    int32_t err, uint32_t value)
{
	conform_ask(c, &req);
	if (req.err == err && req.value == value)
		return true;
	conform_fail(c, "%s: err %d value 0x%x instead of err %d value 0x%x", what, req.err,
		     req.value, err, value);
	return false;
}

static uint32_t cut(uint32_t value, unsigned size)
{
	return size >= 4 ? value : value & ((1u << size * 8) - 1);
}

uint32_t conform_read(struct conform *c, unsigned offset, unsigned size)
{
	struct xenpcifront_request req =
		conform_access(c, XEN_PCI_OP_conf_read, (int32_t)offset, (int32_t)size, 0);

	if (conform_ask(c, &req))
		return cut(req.value, size);
	conform_fail(c, "reading %u bytes at 0x%x: err %d", size, offset, req.err);
	return 0;
}

void conform_write(struct conform *c, unsigned offset, unsigned size, uint32_t value)
{
	struct xenpcifront_request req =
		conform_access(c, XEN_PCI_OP_conf_write, (int32_t)offset, (int32_t)size, value);

	if (!conform_ask(c, &req))
		conform_fail(c, "writing 0x%x (%u bytes) at 0x%x: err %d", value, size, offset,
			     req.err);
}

void conform_write_gives(struct conform *c, unsigned offset, unsigned size, uint32_t value,
			 uint32_t mask, uint32_t want)
{
	uint32_t got;

	conform_write(c, offset, size, value);
	got = conform_read(c, offset, size);
	if ((got & mask) != (want & mask))
		conform_fail(c, "0x%x at 0x%x: reads 0x%x instead of 0x%x (of 0x%x)", value, offset,
			     got & mask, want & mask, mask);
}

unsigned conform_capability(struct conform *c, unsigned id, const char *name)
{
	struct xenpcifront_capability caps[128];
	int n = xenpcifront_capabilities(c->fe, c->dev.address, caps, 128);

	for (int i = 0; i < n; i++)
		if (!caps[i].extended && caps[i].id == id)
			return caps[i].offset;
	if (n < 0)
		conform_fail(c, "walking the capabilities: %s", strerror(errno));
	conform_skip(c, "%s has no %s capability", tool_name(c->dev.address), name);
	return 0;
}

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
