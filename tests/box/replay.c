/* SPDX-License-Identifier: MIT */
/*
 * Replays a recording of xl, a guest and the kernel's backend against the backend
 * that runs in the box:
 *   replay RECORDING PLAYED REF PORT      as dom0; REF and PORT are a page and a
 *                                         port of domain 1 that a peer holds
 * PLAYED is the recording with its authors. The toolstack's and the guest's lines
 * are written, one transaction after the other; each of the backend's lines is
 * then waited for. What the watches tell must be the played lines, in their order:
 * a write that is missing, early, surplus or different fails.
 * Prints a line per write of the backend.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "common/store.h"
#include "common/util.h"

#define LINES_MAX 512
#define STEP_MS 5000
#define GONE "(gone)"
#define END_MARK "/libxl/pci/replayed"
#define PROBE "/libxl/replay-probe"

struct line {
	char who; /* T toolstack, F guest, f guest (may be overtaken), B backend */
	bool done;    /* its event has come */
	bool again;   /* a second event will come: of its permissions */
	bool covered; /* an earlier event of its node came so late that it showed this value */
	char path[STORE_PATH_MAX];
	char value[STORE_PATH_MAX];
};

static struct line recorded[LINES_MAX], played[LINES_MAX];
static unsigned nr_recorded, nr_played;
static struct xs_handle *xs;
/* Of a transaction, oxenstored tells of each request; xenstored of each node once. */
static bool tells_each_request;
static const char *const watched[] = { "/local/domain/0/backend/pci", "/local/domain/1/device/pci",
				       "/libxl/pci", "/local/domain/2/device/pci" };

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *fmt, ...)
{
	va_list ap;

	printf("not ok replay: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

/* "PATH = VALUE" into l, quotes taken off. */
static void parse_assignment(struct line *l, char *text)
{
	char *value = strstr(text, " = ");
	size_t len;

	if (!value)
		die("no assignment: %s", text);
	*value = 0;
	value += 3;
	len = strlen(value);
	if (len > 1 && *value == '"') {
		value[len - 1] = 0;
		value++;
	}
	snprintf(l->path, sizeof(l->path), "%s", text);
	snprintf(l->value, sizeof(l->value), "%s", value);
}

/* The recording begins with the watches' own first events, which are no writes. */
static void load_recording(const char *file)
{
	FILE *f = fopen(file, "r");
	char text[2 * STORE_PATH_MAX];
	unsigned skip = ARRAY_SIZE(watched);

	if (!f)
		die("%s: %s", file, strerror(errno));
	while (fgets(text, sizeof(text), f) && nr_recorded < LINES_MAX) {
		double when;
		int at = 0;

		text[strcspn(text, "\n")] = 0;
		if (sscanf(text, "XS %lf %n", &when, &at) != 1 || !at)
			continue;
		if (skip)
			skip--;
		else
			parse_assignment(&recorded[nr_recorded++], text + at);
	}
	fclose(f);
}

static void put_variable(struct line *l, const char *name, const char *value)
{
	if (!strcmp(l->value, name))
		snprintf(l->value, sizeof(l->value), "%s", value);
}

static void load_played(const char *file, const char *ref, const char *port)
{
	FILE *f = fopen(file, "r");
	char text[2 * STORE_PATH_MAX];

	if (!f)
		die("%s: %s", file, strerror(errno));
	while (fgets(text, sizeof(text), f) && nr_played < LINES_MAX) {
		struct line *l = &played[nr_played];

		text[strcspn(text, "\n")] = 0;
		if (text[0] == '#' || strlen(text) < 3)
			continue;
		l->who = text[0];
		if (!strcmp(text + 2, "begin") || !strcmp(text + 2, "commit")) {
			snprintf(l->value, sizeof(l->value), "%.6s", text + 2);
			l->done = true;
		} else {
			parse_assignment(l, text + 2);
		}
		put_variable(l, "REF", ref);
		put_variable(l, "PORT", port);
		nr_played++;
	}
	fclose(f);
}

/*
 * An event's value was read when the event came: what was written then, or what
 * the same node held later.
 */
static bool value_fits(unsigned at, const char *value)
{
	for (unsigned i = at; i < nr_played; i++)
		if (!strcmp(played[i].path, played[at].path) && !strcmp(played[i].value, value))
			return true;
	return false;
}

/* The played script must itself be the recording: same nodes in the same order. */
static void compare_with_recording(void)
{
	unsigned r = 0;

	for (unsigned i = 0; i < nr_played; i++) {
		const char *node = strrchr(played[i].path, '/');

		if (!*played[i].path)
			continue;
		if (r == nr_recorded || strcmp(recorded[r].path, played[i].path))
			die("line %u, %s, is not the recording's", i, played[i].path);
		/* This run's reference and port are its own. */
		if (!value_fits(i, recorded[r].value) && strcmp(node, "/pci-op-ref") &&
		    strcmp(node, "/event-channel"))
			die("line %u, %s = %s: the recording has %s", i, played[i].path,
			    played[i].value, recorded[r].value);
		r++;
	}
	if (r != nr_recorded)
		die("%u lines of %u in the recording", r, nr_recorded);
	printf("ok the played script is the recording, %u writes\n", nr_recorded);
}

static void own(xs_transaction_t t, const char *path, unsigned owner, unsigned reader)
{
	struct xs_permissions perms[] = { { .id = owner, .perms = XS_PERM_NONE },
					  { .id = reader, .perms = XS_PERM_READ } };

	if (!xs_set_permissions(xs, t, path, perms, 2))
		die("permissions of %s: %s", path, strerror(errno));
}

/* One line of the toolstack's or the guest's. */
static void perform(xs_transaction_t t, struct line *l)
{
	bool good = strcmp(l->value, GONE) ? xs_write(xs, t, l->path, l->value, (unsigned)strlen(l->value))
					   : xs_rm(xs, t, l->path);

	if (!good)
		die("%s = %s: %s", l->path, l->value, strerror(errno));
	/* The two directories are made with an empty value, and given to their owners. */
	if (*l->value)
		return;
	l->again = tells_each_request;
	own(t, l->path, strstr(l->path, "/device/") ? 1 : 0, strstr(l->path, "/device/") ? 0 : 1);
}

/* Performs played[at...]: one line, or a transaction. Returns the line behind. */
static unsigned perform_step(unsigned at)
{
	unsigned end = at;
	int rc;

	if (strcmp(played[at].value, "begin") || *played[at].path) {
		perform(XBT_NULL, &played[at]);
		return at + 1;
	}
	do {
		xs_transaction_t t = xs_transaction_start(xs);

		if (t == XBT_NULL)
			die("transaction: %s", strerror(errno));
		for (end = at + 1; strcmp(played[end].value, "commit"); end++)
			perform(t, &played[end]);
		rc = store_commit(xs, t);
	} while (rc > 0);
	if (rc)
		die("commit: %s", strerror(errno));
	return end + 1;
}

/*
 * The line that an event on path tells of: the first that has not been seen.
 * Passed over are the guest's that may be overtaken, and covered ones: xenstored
 * drops an event while the same one still waits to be sent.
 */
static struct line *next_line(const char *path)
{
	for (unsigned i = 0; i < nr_played; i++) {
		if (played[i].done)
			continue;
		if (!strcmp(played[i].path, path))
			return &played[i];
		if (played[i].who != 'f' && !played[i].covered)
			return NULL;
	}
	return NULL;
}

/* The event of line at showed value: what the node held on the way to it is seen too. */
static void cover(unsigned at, const char *value)
{
	unsigned last = at;

	while (strcmp(played[last].path, played[at].path) || strcmp(played[last].value, value))
		last++;
	for (unsigned i = at + 1; i <= last; i++)
		if (!strcmp(played[i].path, played[at].path))
			played[i].covered = true;
}

/* What should have come, for the message. */
static const char *first_undone(void)
{
	for (unsigned i = 0; i < nr_played; i++)
		if (!played[i].done && !played[i].covered)
			return played[i].path;
	return "the end";
}

/* The second event of a directory that we made and gave to its owner in one transaction. */
static bool is_told_again(const char *path)
{
	for (unsigned i = 0; i < nr_played; i++) {
		if (!played[i].again || !played[i].done || strcmp(played[i].path, path))
			continue;
		played[i].again = false;
		return true;
	}
	return false;
}

static void take_event(const char *path, unsigned performed)
{
	char value[STORE_PATH_MAX];
	struct line *l = next_line(path);

	if (store_read(xs, XBT_NULL, path, NULL, value, sizeof(value)) < 0)
		snprintf(value, sizeof(value), GONE);
	if (!l && is_told_again(path))
		return;
	if (!l)
		die("unexpected write: %s = %s, before %s", path, value, first_undone());
	if (!value_fits((unsigned)(l - played), value))
		die("%s is %s, expected %s", path, value, l->value);
	if (l->who != 'B' && l >= played + performed)
		die("%s was written before its author did", path);
	l->done = true;
	cover((unsigned)(l - played), value);
}

/* Takes events until line at has been seen. `performed`: lines that we have done. */
static void await_line(unsigned at, unsigned performed)
{
	uint64_t until = now_ns() + (uint64_t)STEP_MS * 1000000;

	while (!played[at].done && !played[at].covered) {
		struct pollfd p = { .fd = xs_fileno(xs), .events = POLLIN };
		char **event;

		if (now_ns() > until)
			die("line %u was not written: %c %s = %s", at, played[at].who, played[at].path,
			    played[at].value);
		poll(&p, 1, 100);
		while ((event = xs_check_watch(xs))) {
			if (strcmp(event[XS_WATCH_PATH], END_MARK))
				take_event(event[XS_WATCH_PATH], performed);
			free(event);
		}
	}
}

/* Has a transaction that writes a node and sets its permissions one event, or two? */
static void probe_transactions(void)
{
	unsigned events = 0;
	bool ended = false;
	xs_transaction_t t;

	if (!xs_watch(xs, PROBE, "probe"))
		die("watch %s: %s", PROBE, strerror(errno));
	t = xs_transaction_start(xs);
	if (!xs_write(xs, t, PROBE "/node", "", 0))
		die("%s: %s", PROBE, strerror(errno));
	own(t, PROBE "/node", 1, 0);
	if (!xs_transaction_end(xs, t, false) || !xs_write(xs, XBT_NULL, PROBE "/end", "", 0))
		die("%s: %s", PROBE, strerror(errno));
	while (!ended) {
		unsigned n;
		char **event = xs_read_watch(xs, &n);

		if (!event)
			die("xenstored is gone");
		ended = !strcmp(event[XS_WATCH_PATH], PROBE "/end");
		events += !strcmp(event[XS_WATCH_PATH], PROBE "/node");
		free(event);
	}
	tells_each_request = events > 1;
	if (!xs_unwatch(xs, PROBE, "probe") || !xs_rm(xs, XBT_NULL, PROBE))
		die("%s: %s", PROBE, strerror(errno));
}

static void start_watches(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(watched); i++) {
		unsigned n;

		if (!xs_watch(xs, watched[i], "replay"))
			die("watch %s: %s", watched[i], strerror(errno));
		free(xs_read_watch(xs, &n));
	}
}

/* The events of all earlier writes have come when that of our own mark has. */
static void expect_nothing_more(void)
{
	bool ended = false;

	if (!xs_write(xs, XBT_NULL, END_MARK, "", 0))
		die("%s: %s", END_MARK, strerror(errno));
	while (!ended) {
		unsigned n;
		char **event = xs_read_watch(xs, &n);

		if (!event)
			die("xenstored is gone");
		ended = !strcmp(event[XS_WATCH_PATH], END_MARK);
		if (!ended)
			take_event(event[XS_WATCH_PATH], nr_played);
		free(event);
	}
	printf("ok the backend writes nothing else\n");
}

int main(int argc, char **argv)
{
	unsigned at = 0;

	if (argc != 5) {
		fprintf(stderr, "usage: replay RECORDING PLAYED REF PORT\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	xs = xs_open(0);
	if (!xs)
		die("xs_open: %s", strerror(errno));
	load_recording(argv[1]);
	load_played(argv[2], argv[3], argv[4]);
	compare_with_recording();
	probe_transactions();
	start_watches();
	while (at < nr_played) {
		unsigned end = at + 1;

		if (played[at].who != 'B')
			end = perform_step(at);
		/* The guest's overtakable lines are performed in one go. */
		while (played[at].who == 'f' && end < nr_played && played[end].who == 'f')
			end = perform_step(end);
		for (; at < end; at++) {
			await_line(at, end);
			if (played[at].who == 'B')
				printf("ok backend writes %s = %s\n", played[at].path, played[at].value);
		}
	}
	expect_nothing_more();
	xs_close(xs);
	return 0;
}
