/* SPDX-License-Identifier: MIT */
/*
 * Is the box true? Exercises every primitive that xenbox offers and prints one line for each
 * observation. Runs unchanged in the box and on real Xen, as two processes:
 *
 *   in the guest:  fidelity guest
 *   in dom0:       fidelity dom0 GUEST-DOMID [BDF TABLE]
 *
 * dom0 does the asking: what the guest is to do travels through nodes below its data/fidelity.
 * Numbers that differ from host to host (ports, references) are not printed. With a device that is
 * assigned to the guest and TABLE, the address of the BAR with its MSI-X table, vectors are mapped,
 * too. At the end dom0 destroys the guest.
 */
#include "common/libc.h"
#include "tests/xen/fidelity.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool store_wait(int64_t ms)
{
	struct pollfd p = { .fd = xs_fileno(calls_store), .events = POLLIN };

	if (poll(&p, 1, (int)ms) != 1)
		return false;
	free(xs_check_watch(calls_store));
	return true;
}

long store_release(void)
{
	int64_t until = now_ms() + PATIENCE_MS;
	bool heard = false;

	while (!heard && now_ms() < until) {
		struct pollfd p = { .fd = xs_fileno(calls_store), .events = POLLIN };
		char **ev = poll(&p, 1, (int)(until - now_ms())) == 1 ? xs_check_watch(calls_store) : NULL;

		heard = ev && !strcmp(ev[XS_WATCH_PATH], "@releaseDomain");
		free(ev);
	}
	return heard ? 0 : -ETIMEDOUT;
}

/* ---- the guest: does what the node says ---- */

static void answer(const char *seq, char *line)
{
	char text[CALLS_TEXT], node[CALLS_TEXT + 64];
	long rc = calls_perform(line, NULL, 0, text);

	snprintf(node, sizeof(node), "%s %ld %s", seq, rc, text);
	xs_write(calls_store, XBT_NULL, NODE "/answer", node, (unsigned int)strlen(node));
}

static int guest(void)
{
	char *last;

	if (!xs_watch(calls_store, NODE "/ask", "ask"))
		return 1;
	last = strdup("");
	for (;;) {
		char *ask = xs_read(calls_store, XBT_NULL, NODE "/ask", NULL), *line;

		if (!ask || !strcmp(ask, last)) {
			free(ask);
			store_wait(-1);
			continue;
		}
		free(last);
		last = strdup(ask);
		line = strchr(ask, ' ');
		if (line) {
			*line = '\0';
			answer(ask, line + 1);
		}
		free(ask);
	}
}

/* ---- dom0: asks, and prints what it sees ---- */

unsigned int domid;
char said[CALLS_TEXT];

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long ask_guest(const char *line)
{
	static unsigned int seq;
	int64_t until = now_ms() + PATIENCE_MS;
	char path[64], text[CALLS_TEXT];

	snprintf(path, sizeof(path), "/local/domain/%u/" NODE "/ask", domid);
	snprintf(text, sizeof(text), "%u %s", ++seq, line);
	xs_write(calls_store, XBT_NULL, path, text, (unsigned int)strlen(text));
	snprintf(path, sizeof(path), "/local/domain/%u/" NODE "/answer", domid);
	do {
		char *v = xs_read(calls_store, XBT_NULL, path, NULL), *end = NULL;
		bool mine = v && strtoul(v, &end, 10) == seq;
		long rc = mine ? strtol(end, &end, 10) : 0;

		if (mine)
			snprintf(said, sizeof(said), "%s", *end ? end + 1 : "");
		free(v);
		if (mine)
			return rc;
	} while (store_wait(until - now_ms()));
	puts("the guest does not answer");
	exit(1);
}

long ask(enum side side, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return side == GUEST ? ask_guest(line) : calls_perform(line, NULL, 0, said);
}

long saw(const char *what, long rc)
{
	if (rc < 0)
		printf("%s: %s\n", what, strerrorname_np((int)-rc));
	else if (*said)
		printf("%s: %s\n", what, said);
	else
		printf("%s: %ld\n", what, rc);
	fflush(stdout);
	return rc;
}

long done(const char *what, long rc)
{
	long number = *said ? strtol(said, NULL, 10) : rc;

	*said = '\0';
	saw(what, rc < 0 ? rc : 0);
	return number;
}

void same(const char *what, long rc, unsigned int want)
{
	if (rc >= 0)
		snprintf(said, sizeof(said), "%s",
			 strtoul(said, NULL, 10) == want ? "the right value" : "another value");
	saw(what, rc);
}

void event(const char *what, enum side side, int handle, int ms, long want)
{
	long rc = ask(side, "pending %d %d", handle, ms);

	if (rc > 0)
		snprintf(said, sizeof(said), "%s", rc == want ? "the port" : "another port");
	saw(what, rc);
}

/* SSSS:BB:DD.F */
static unsigned int parse_bdf(const char *text)
{
	char *end;
	unsigned long seg = strtoul(text, &end, 16), bus = strtoul(end + 1, &end, 16);
	unsigned long slot = strtoul(end + 1, &end, 16), fn = strtoul(end + 1, &end, 16);

	return (unsigned int)(seg << 16 | bus << 8 | slot << 3 | fn);
}

static int dom0(int argc, char **argv)
{
	char path[64];

	domid = (unsigned int)strtoul(argv[2], NULL, 10);
	snprintf(path, sizeof(path), "/local/domain/%u/" NODE "/answer", domid);
	if (!xs_watch(calls_store, path, "answer"))
		return 1;
	see_binding();
	see_masking();
	see_confined();
	see_closing();
	see_grants();
	see_unsharing();
	see_kill();
	see_store();
	see_physdev();
	if (argc > 4)
		see_vectors(parse_bdf(argv[3]), strtoll(argv[4], NULL, 0));
	see_suspend();
	see_death();
	return 0;
}

int main(int argc, char **argv)
{
	if (calls_init()) {
		perror("xenstore");
		return 1;
	}
	if (argc == 2 && !strcmp(argv[1], "guest"))
		return guest();
	if (argc > 2 && !strcmp(argv[1], "dom0"))
		return dom0(argc, argv);
	fprintf(stderr, "Usage: fidelity guest | fidelity dom0 GUEST-DOMID [BDF TABLE]\n");
	return 2;
}
