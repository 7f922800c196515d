/* SPDX-License-Identifier: MIT */
/* interrupts: a virtual device's vectors, bound and told one line each as they come. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "frontend/tool/tool.h"

enum { KEY_COUNT = 256 };

struct listen {
	uint64_t count, ms; /* 0: for ever */
	unsigned nr;
	uint32_t vector[XENPCIFRONT_MAX_VECTORS];
	struct xenpcifront_vectors *set;
};

static const struct argp_option options[] = {
	{ "count", KEY_COUNT, "N", 0, "End after so many interrupts", 0 },
	{ "timeout", 't', "MS", 0, "End after so long; a failure where --count was not reached", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct listen *l = state->input;

	if (key != KEY_COUNT && key != 't')
		return ARGP_ERR_UNKNOWN;
	if (tool_number(arg, key == 't' ? "time" : "count", INT32_MAX, key == 't' ? &l->ms : &l->count))
		exit(EXIT_USAGE);
	return 0;
}

static int enable_line(struct tool *tool, struct xenpcifront_address a, struct listen *l)
{
	struct xenpcifront_answer answer;

	if (xenpcifront_disable_msi(tool->fe, a, &answer))
		return tool_refused("asking for its line", a, &answer);
	if (!answer.value)
		return tool_failed("%s: it has no interrupt line", tool_name(a));
	l->vector[0] = answer.value;
	return EXIT_OK;
}

static int enable_msi(struct tool *tool, struct xenpcifront_address a, struct listen *l)
{
	struct xenpcifront_answer answer;
	unsigned available;
	uint32_t first;
	int rc = l->nr == 1 ? xenpcifront_enable_msi(tool->fe, a, &first, &answer)
			    : xenpcifront_enable_multi_msi(tool->fe, a, l->nr, &first, &available, &answer);

	if (rc)
		return tool_refused("enabling MSI", a, &answer);
	for (unsigned i = 0; i < l->nr; i++)
		l->vector[i] = first + i;
	return EXIT_OK;
}

static int enable_msix(struct tool *tool, struct xenpcifront_address a, struct listen *l)
{
	uint16_t entry[XENPCIFRONT_MAX_VECTORS];
	struct xenpcifront_answer answer;

	for (unsigned i = 0; i < l->nr; i++)
		entry[i] = (uint16_t)i;
	if (xenpcifront_enable_msix(tool->fe, a, entry, l->nr, l->vector, &answer))
		return tool_refused("enabling MSI-X", a, &answer);
	return EXIT_OK;
}

static const struct kind {
	const char *name;
	int (*enable)(struct tool *tool, struct xenpcifront_address a, struct listen *l);
	unsigned most;
} kinds[] = {
	{ "intx", enable_line, 1 }, { "msi", enable_msi, 32 }, { "msix", enable_msix, XENPCIFRONT_MAX_VECTORS },
};

/* Binding may tell of an interrupt that never was: nobody was told to raise one yet. */
static int bind_all(struct xenpcifront_address a, struct listen *l)
{
	uint32_t vector;

	for (unsigned i = 0; i < l->nr; i++)
		if (xenpcifront_vectors_bind(l->set, l->vector[i]))
			return tool_failed("%s: vector %u cannot be bound: %s%s", tool_name(a), l->vector[i],
					   strerror(errno), errno == EINVAL
					   ? "; hardware's are bound by the guest's kernel alone" : "");
	while (xenpcifront_vectors_next(l->set, &vector) > 0)
		xenpcifront_vectors_done(l->set, vector);
	return EXIT_OK;
}

static int tell(struct xenpcifront_address a, const char *kind, const struct listen *l, uint32_t vector)
{
	unsigned i = 0;

	while (i < l->nr && l->vector[i] != vector)
		i++;
	printf("%s %s %u\n", tool_name(a), kind, i);
	fflush(stdout);
	return xenpcifront_vectors_done(l->set, vector);
}

static int listen_to(struct xenpcifront_address a, const char *kind, struct listen *l)
{
	const uint64_t until = l->ms ? now_ns() + l->ms * 1000000 : 0;
	uint64_t seen = 0;

	printf("%s %s ready\n", tool_name(a), kind);
	fflush(stdout);
	for (;;) {
		struct pollfd p = { .fd = xenpcifront_vectors_fd(l->set), .events = POLLIN };
		uint64_t now = now_ns();
		uint32_t vector;
		int rc;

		while ((rc = xenpcifront_vectors_next(l->set, &vector)) > 0) {
			if (tell(a, kind, l, vector))
				return tool_failed("%s: its end of interrupt: %s", tool_name(a), strerror(errno));
			if (l->count && ++seen >= l->count)
				return EXIT_OK;
		}
		if (rc < 0)
			return tool_failed("%s: its events: %s", tool_name(a), strerror(errno));
		if (until && now >= until)
			return l->count ? tool_failed("%llu of %llu interrupts came in time",
						      (unsigned long long)seen, (unsigned long long)l->count)
					: EXIT_OK;
		poll(&p, 1, until ? (int)((until - now) / 1000000) + 1 : -1);
	}
}

static int listen_kind(struct tool *tool, struct xenpcifront_address a, const struct kind *kind, struct listen *l)
{
	int status = kind->enable(tool, a, l);

	if (status)
		return status;
	l->set = xenpcifront_vectors_open(tool->fe);
	if (!l->set)
		return tool_failed("event channels: %s", strerror(errno));
	status = bind_all(a, l);
	tool->endless = !l->count;
	if (!status)
		status = listen_to(a, kind->name, l);
	if (kind->enable != enable_line && xenpcifront_disable_msi(tool->fe, a, NULL))
		status = tool_refused("turning its interrupts off", a, NULL);
	xenpcifront_vectors_close(l->set);
	return status;
}

int run_interrupts(struct tool *tool, int argc, char **argv)
{
	struct listen l = { .nr = 1 };
	struct xenpcifront_address a;
	uint64_t nr = 1;

	tool_options(tool, options, parse, &l, 2, 3, &argc, &argv);
	if (tool_address(argv[1], &a))
		return EXIT_USAGE;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, argv[2]))
			continue;
		if (argc > 3 && tool_number(argv[3], "number of vectors", kinds[i].most, &nr))
			return EXIT_USAGE;
		if (!nr)
			return tool_usage("no vectors are none to listen to");
		l.nr = (unsigned)nr;
		if (tool_connect(tool, 0))
			return EXIT_FAILED;
		return listen_kind(tool, a, &kinds[i], &l);
	}
	return tool_usage("interrupts are intx, msi or msix, not '%s'", argv[2]);
}
