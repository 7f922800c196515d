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
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xen/xen.h>

#include "tests/xenbox/calls.h"

#define PATIENCE_MS 10000
#define QUIET_MS 100 /* how long nothing must happen to be called nothing */
#define NODE "data/fidelity"

static bool store_wait(int64_t ms)
{
	struct pollfd p = { .fd = xs_fileno(calls_store), .events = POLLIN };

	if (poll(&p, 1, (int)ms) != 1)
		return false;
	free(xs_check_watch(calls_store));
	return true;
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

enum side { DOM0, GUEST };

static unsigned int domid;
static char said[CALLS_TEXT]; /* by the last call, beside its number */

static int64_t now_ms(void)
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

/* A call on one side. Its result: 0 or more, or a negative errno. */
__attribute__((format(printf, 2, 3))) static long ask(enum side side, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return side == GUEST ? ask_guest(line) : calls_perform(line, NULL, 0, said);
}

/* What a call has brought. Returns it. */
static long saw(const char *what, long rc)
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

/* The same, where the number says nothing to others. Returns it. */
static long done(const char *what, long rc)
{
	long number = *said ? strtol(said, NULL, 10) : rc;

	*said = '\0';
	saw(what, rc < 0 ? rc : 0);
	return number;
}

/* The value of a node, which may be a number of this host. */
static void same(const char *what, long rc, unsigned int want)
{
	if (rc >= 0)
		snprintf(said, sizeof(said), "%s",
			 strtoul(said, NULL, 10) == want ? "the right value" : "another value");
	saw(what, rc);
}

/* Which of the ports that we know, if any, has an event. */
static void event(const char *what, enum side side, int handle, int ms, long want)
{
	long rc = ask(side, "pending %d %d", handle, ms);

	if (rc > 0)
		snprintf(said, sizeof(said), "%s", rc == want ? "the port" : "another port");
	saw(what, rc);
}

static long P, Q; /* the guest's port and dom0's, bound to each other */

static void see_binding(void)
{
	done("guest: open", ask(GUEST, "open 0"));
	done("dom0: open", ask(DOM0, "open 0"));
	P = done("guest: allocate a port for dom0", ask(GUEST, "alloc 0 0"));
	saw("guest: notify before anybody has bound it", ask(GUEST, "notify 0 %ld", P));
	event("guest: is it pending", GUEST, 0, QUIET_MS, P);
	saw("dom0: bind to a port that is not there", ask(DOM0, "bind 0 %u 900", domid));
	saw("dom0: bind to a domain that is not there", ask(DOM0, "bind 0 30000 1"));
	saw("guest: bind to its own port that is kept for dom0",
	    ask(GUEST, "bind 0 %u %ld", domid, P));
	done("guest: allocate one for another domain", ask(GUEST, "alloc 0 30000"));
	Q = done("dom0: bind", ask(DOM0, "bind 0 %u %ld", domid, P));
	saw("dom0: bind a second time", ask(DOM0, "bind 0 %u %ld", domid, P));
	event("dom0: is the binder notified", DOM0, 0, PATIENCE_MS, Q);
	event("dom0: a second time", DOM0, 0, QUIET_MS, Q);
	event("guest: is the other end notified", GUEST, 0, QUIET_MS, P);
}

static void see_masking(void)
{
	saw("guest: notify while dom0 has it masked", ask(GUEST, "notify 0 %ld", P));
	event("dom0: does it come", DOM0, 0, QUIET_MS, Q);
	saw("dom0: unmask", ask(DOM0, "unmask 0 %ld", Q));
	event("dom0: does it come then", DOM0, 0, PATIENCE_MS, Q);
	for (int i = 0; i < 5; i++)
		ask(GUEST, "notify 0 %ld", P);
	saw("dom0: unmask after five more", ask(DOM0, "unmask 0 %ld", Q));
	event("dom0: the five", DOM0, 0, PATIENCE_MS, Q);
	saw("dom0: unmask", ask(DOM0, "unmask 0 %ld", Q));
	event("dom0: are one", DOM0, 0, QUIET_MS, Q);
	saw("dom0: read without blocking", ask(DOM0, "trypending 0"));
	saw("dom0: unmask what is not masked", ask(DOM0, "unmask 0 %ld", Q));
	event("dom0: brings", DOM0, 0, QUIET_MS, Q);
	saw("dom0: notify", ask(DOM0, "notify 0 %ld", Q));
	event("guest: does it come", GUEST, 0, PATIENCE_MS, P);
	saw("guest: unmask", ask(GUEST, "unmask 0 %ld", P));
	done("dom0: a second handle", ask(DOM0, "open 1"));
	saw("dom0: notify by a handle that has not the port", ask(DOM0, "notify 1 %ld", Q));
	saw("dom0: unbind by it", ask(DOM0, "unbind 1 %ld", Q));
	saw("dom0: unmask by it", ask(DOM0, "unmask 1 %ld", Q));
	saw("dom0: a virq that xenstored has", ask(DOM0, "virq 1 %d", VIRQ_DOM_EXC));
	saw("dom0: a virq that is none", ask(DOM0, "virq 1 200"));
}

static void see_closing(void)
{
	done("dom0: unbind", ask(DOM0, "unbind 0 %ld", Q));
	saw("dom0: notify what is unbound", ask(DOM0, "notify 0 %ld", Q));
	saw("guest: notify a half-closed channel", ask(GUEST, "notify 0 %ld", P));
	event("guest: did it hear of the close", GUEST, 0, QUIET_MS, P);
	Q = done("dom0: bind again, by the other handle", ask(DOM0, "bind 1 %u %ld", domid, P));
	event("dom0: is it notified", DOM0, 1, PATIENCE_MS, Q);
	ask(DOM0, "unmask 1 %ld", Q);
	saw("guest: notify", ask(GUEST, "notify 0 %ld", P));
	event("dom0: at the new handle", DOM0, 1, PATIENCE_MS, Q);
	event("dom0: at the old one", DOM0, 0, QUIET_MS, Q);
	done("dom0: close the handle", ask(DOM0, "close 1"));
	Q = done("dom0: bind once more", ask(DOM0, "bind 0 %u %ld", domid, P));
	event("dom0: is it notified", DOM0, 0, PATIENCE_MS, Q);
	ask(DOM0, "unmask 0 %ld", Q);
}

static long ref;

static void see_grants(void)
{
	long only_read, other;

	ref = done("guest: share a page", ask(GUEST, "share 0 0 1 1"));
	saw("guest: what is in it", ask(GUEST, "peek 0 99"));
	done("dom0: map it", ask(DOM0, "map 0 %u %ld 1", domid, ref));
	ask(DOM0, "poke 0 99 42");
	saw("guest: sees what dom0 writes", ask(GUEST, "peek 0 99"));
	ask(GUEST, "poke 0 98 43");
	saw("dom0: sees what the guest writes", ask(DOM0, "peek 0 98"));
	done("dom0: map it twice", ask(DOM0, "map 1 %u %ld 1", domid, ref));
	saw("dom0: unmap the second", ask(DOM0, "unmap 1"));
	saw("dom0: map a reference that is not granted", ask(DOM0, "map 1 %u 500 1", domid));
	saw("dom0: map one beyond the table", ask(DOM0, "map 1 %u 1000000 1", domid));
	saw("dom0: map of a domain that is not there", ask(DOM0, "map 1 30000 %ld 1", ref));
	other = done("guest: share with another domain", ask(GUEST, "share 1 30000 1 1"));
	saw("dom0: map what is not for it", ask(DOM0, "map 1 %u %ld 1", domid, other));
	only_read = done("guest: share for reading only", ask(GUEST, "share 2 0 1 0"));
	saw("dom0: map that for writing", ask(DOM0, "map 1 %u %ld 1", domid, only_read));
	saw("dom0: map it for reading", ask(DOM0, "map 1 %u %ld 0", domid, only_read));
	saw("dom0: unmap it", ask(DOM0, "unmap 1"));
}

/* Until a reference is refused: Linux takes back what was mapped only a while after the unmap. */
static long refused(long r)
{
	int64_t until = now_ms() + PATIENCE_MS;
	long rc;

	while ((rc = ask(DOM0, "map 1 %u %ld 1", domid, r)) >= 0 && now_ms() < until) {
		ask(DOM0, "unmap 1");
		store_wait(QUIET_MS);
	}
	return rc;
}

static void see_unsharing(void)
{
	done("guest: unshare while dom0 has it mapped", ask(GUEST, "unshare 0"));
	saw("dom0: the page is still there", ask(DOM0, "peek 0 98"));
	saw("dom0: unmap", ask(DOM0, "unmap 0"));
	saw("dom0: map what was taken back", refused(ref));
	ref = done("guest: share again", ask(GUEST, "share 0 0 1 1"));
	saw("guest: what is in it", ask(GUEST, "peek 0 99"));
	ask(GUEST, "poke 0 16 1");
	done("dom0: map with notification of byte and port",
	     ask(DOM0, "map 0 %u %ld 1 16 %ld", domid, ref, Q));
	saw("guest: the byte while it is mapped", ask(GUEST, "peek 0 16"));
	saw("dom0: unmap", ask(DOM0, "unmap 0"));
	saw("guest: the byte then", ask(GUEST, "peek 0 16"));
	event("guest: the event", GUEST, 0, PATIENCE_MS, P);
	ask(GUEST, "unmask 0 %ld", P);
	ask(GUEST, "poke 0 0 1");
	saw("dom0: notification of a byte beyond the page",
	    ask(DOM0, "map 0 %u %ld 1 4096 %ld", domid, ref, Q));
	saw("dom0: unmap", ask(DOM0, "unmap 0"));
	event("guest: the event", GUEST, 0, PATIENCE_MS, P);
	ask(GUEST, "unmask 0 %ld", P);
	saw("guest: the first byte", ask(GUEST, "peek 0 0"));
	saw("dom0: a port that is not there", ask(DOM0, "map 0 %u %ld 1 16 3000", domid, ref));
}

/* A process of dom0 that binds, maps with notification, and is killed. */
static void see_kill(void)
{
	pid_t pid;
	int ready[2];
	long rc = -EIO;

	ask(DOM0, "close 0");
	ask(GUEST, "poke 0 16 1");
	if (pipe(ready))
		exit(1);
	pid = fork();
	if (!pid) {
		calls_forget();
		ask(DOM0, "open 2");
		rc = ask(DOM0, "bind 2 %u %ld", domid, P);
		if (rc >= 0)
			rc = ask(DOM0, "map 3 %u %ld 1 16 %ld", domid, ref, rc);
		if (write(ready[1], &rc, sizeof(rc)) > 0)
			pause();
		_exit(1);
	}
	if (read(ready[0], &rc, sizeof(rc)) < 0)
		exit(1);
	done("dom0: another process binds and maps", rc);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	event("guest: the event that its death brings", GUEST, 0, PATIENCE_MS, P);
	saw("guest: the byte", ask(GUEST, "peek 0 16"));
	ask(GUEST, "unmask 0 %ld", P);
	saw("guest: notify the dead", ask(GUEST, "notify 0 %ld", P));
	done("dom0: open", ask(DOM0, "open 0"));
	Q = done("dom0: bind after it", ask(DOM0, "bind 0 %u %ld", domid, P));
	event("dom0: is it notified", DOM0, 0, PATIENCE_MS, Q);
	ask(DOM0, "unmask 0 %ld", Q);
	done("dom0: map after it", ask(DOM0, "map 0 %u %ld 1", domid, ref));
	ask(GUEST, "poke 0 98 44");
}

static void see_store(void)
{
	same("guest: its own number, by a relative path", ask(GUEST, "read domid"), domid);
	saw("guest: write below data", ask(GUEST, "write " NODE "/x 1"));
	saw("guest: read it by its full path",
	    ask(GUEST, "read /local/domain/%u/" NODE "/x", domid));
	saw("dom0: reads it", ask(DOM0, "read /local/domain/%u/" NODE "/x", domid));
	saw("guest: write its own name", ask(GUEST, "write name other"));
	saw("guest: write its own top", ask(GUEST, "write x 1"));
	saw("guest: read dom0's name", ask(GUEST, "read /local/domain/0/name"));
	saw("guest: write to dom0", ask(GUEST, "write /local/domain/0/x 1"));
	saw("guest: read what is not there", ask(GUEST, "read " NODE "/nothing"));
	saw("guest: remove its directory", ask(GUEST, "rm /local/domain/%u", domid));
	saw("guest: introduce a domain", ask(GUEST, "introduce"));
}

#define DEV(bdf) "2@0=%u 1@2=%u 1@3=%u", (bdf) >> 16, (bdf) >> 8 & 0xff, (bdf) & 0xff
#define ABSENT 0xfff8u /* 0000:ff:1f.0 */
#define MAP "physdev 13 2@0=%u 4@4=%d 4@8=%d 4@12=-1 4@16=%u 4@20=%u 4@24=%d 8@32=%lld"

static void see_physdev(void)
{
	const unsigned int d = domid;

	saw("map_pirq MSI, absent device", ask(DOM0, MAP, d, 3, -1, 0xffu, 0xf8u, 0, 0LL));
	saw("map_pirq MSI, absent domain", ask(DOM0, MAP, 30000u, 3, -1, 0xffu, 0xf8u, 0, 0LL));
	saw("map_pirq of type UNKNOWN", ask(DOM0, MAP, d, 2, -1, 0u, 0u, 0, 0LL));
	saw("map_pirq of type 9", ask(DOM0, MAP, d, 9, -1, 0u, 0u, 0, 0LL));
	saw("map_pirq MULTI_MSI with a table", ask(DOM0, MAP, d, 4, -1, 0u, 0u, 2, 4096LL));
	saw("map_pirq MULTI_MSI of 0", ask(DOM0, MAP, d, 4, -1, 0u, 0u, 0, 0LL));
	saw("map_pirq MULTI_MSI of 33", ask(DOM0, MAP, d, 4, -1, 0u, 0u, 33, 0LL));
	saw("map_pirq GSI 200", ask(DOM0, MAP, d, 1, 200, 0u, 0u, 0, 0LL));
	saw("map_pirq GSI -1", ask(DOM0, MAP, d, 1, -1, 0u, 0u, 0, 0LL));
	saw("unmap_pirq that is not mapped", ask(DOM0, "physdev 14 2@0=%u 4@4=50", d));
	saw("unmap_pirq 5000", ask(DOM0, "physdev 14 2@0=%u 4@4=5000", d));
	saw("unmap_pirq of an absent domain", ask(DOM0, "physdev 14 2@0=30000 4@4=50"));
	saw("setup_gsi 200", ask(DOM0, "physdev 21 4@0=200 1@4=1 1@5=1"));
	saw("prepare_msix, absent device", ask(DOM0, "physdev 30 " DEV(ABSENT)));
	saw("release_msix, absent device", ask(DOM0, "physdev 31 " DEV(ABSENT)));
	saw("pci_device_reset, absent device", ask(DOM0, "physdev 32 " DEV(ABSENT)));
	saw("irq_status_query 5000", ask(DOM0, "physdev 5 4@0=5000"));
	saw("physdev operation 99", ask(DOM0, "physdev 99"));
	saw("guest: map_pirq MSI", ask(GUEST, MAP, DOMID_SELF, 3, -1, 0u, 0u, 0, 0LL));
	saw("guest: setup_gsi", ask(GUEST, "physdev 21 4@0=16 1@4=1 1@5=1"));
	saw("guest: prepare_msix", ask(GUEST, "physdev 30 " DEV(ABSENT)));
	saw("guest: getdomaininfo", ask(GUEST, "domctl 5 %u", d));
}

static long vector(const char *what, long rc)
{
	saw(what, rc);
	return rc < 0 || strncmp(said, "pirq=", 5) ? rc : strtol(said + 5, NULL, 10);
}

static void see_vectors(unsigned int bdf, long long table)
{
	const unsigned int d = domid, bus = bdf >> 8, devfn = bdf & 0xff;
	long a, b;

	a = vector("map_pirq MSI", ask(DOM0, MAP, d, 3, -1, bus, devfn, 0, 0LL));
	saw("unmap_pirq", ask(DOM0, "physdev 14 2@0=%u 4@4=%ld", d, a));
	saw("unmap_pirq twice", ask(DOM0, "physdev 14 2@0=%u 4@4=%ld", d, a));
	ask(DOM0, "physdev 30 " DEV(bdf)); /* the kernel's pciback may have done it */
	saw("prepare_msix when prepared", ask(DOM0, "physdev 30 " DEV(bdf)));
	a = vector("map_pirq MSI-X entry 0", ask(DOM0, MAP, d, 3, -1, bus, devfn, 0, table));
	b = vector("map_pirq MSI-X entry 1", ask(DOM0, MAP, d, 3, -1, bus, devfn, 1, table));
	saw("map_pirq MSI-X beyond the table", ask(DOM0, MAP, d, 3, -1, bus, devfn, 2000, table));
	saw("release_msix in use", ask(DOM0, "physdev 31 " DEV(bdf)));
	saw("unmap_pirq", ask(DOM0, "physdev 14 2@0=%u 4@4=%ld", d, a));
	saw("unmap_pirq", ask(DOM0, "physdev 14 2@0=%u 4@4=%ld", d, b));
}

/* The registers of the machine: what may be read without asking its owner is dom0's alone. */
static void see_iomem(void)
{
	saw("a range register", ask(DOM0, "memtype 0"));
	saw("one that no processor has", ask(DOM0, "memtype 1000"));
	saw("a range register, by a guest", ask(GUEST, "memtype 0"));
	saw("map what is Xen's", ask(DOM0, "iomem 0xfee00"));
	saw("map it, by a guest", ask(GUEST, "iomem 0xfee00"));
}

static void see_death(void)
{
	int64_t until = now_ms() + PATIENCE_MS;
	char **ev = NULL;
	bool heard = false;
	long rc;

	xs_watch(calls_store, "@releaseDomain", "death");
	while (store_wait(QUIET_MS)) /* the first event of a watch says nothing */
		;
	saw("the guest lives", ask(DOM0, "domctl 5 %u", domid));
	saw("destroy it", ask(DOM0, "domctl 2 %u", domid));
	while (!heard && now_ms() < until) {
		struct pollfd p = { .fd = xs_fileno(calls_store), .events = POLLIN };

		free(ev);
		ev = poll(&p, 1, (int)(until - now_ms())) == 1 ? xs_check_watch(calls_store) : NULL;
		heard = ev && !strcmp(ev[XS_WATCH_PATH], "@releaseDomain");
	}
	free(ev);
	done("xenstored tells of it", heard ? 0 : -ETIMEDOUT);
	saw("it is dying while its page is mapped", ask(DOM0, "domctl 5 %u", domid));
	saw("the page is still there", ask(DOM0, "peek 0 98"));
	saw("map it once more", ask(DOM0, "map 1 %u %ld 1", domid, ref));
	saw("unmap that", ask(DOM0, "unmap 1"));
	saw("notify it", ask(DOM0, "notify 0 %ld", Q));
	event("is it heard", DOM0, 0, QUIET_MS, Q);
	saw("bind to it", ask(DOM0, "bind 0 %u %ld", domid, P));
	saw("map_pirq for it", ask(DOM0, MAP, domid, 3, -1, 0xffu, 0xf8u, 0, 0LL));
	saw("unmap", ask(DOM0, "unmap 0"));
	saw("unbind", ask(DOM0, "unbind 0 %ld", Q));
	until = now_ms() + PATIENCE_MS;
	while ((rc = ask(DOM0, "domctl 5 %u", domid)) >= 0 && now_ms() < until)
		store_wait(QUIET_MS);
	saw("then it is gone", rc);
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
	see_closing();
	see_grants();
	see_unsharing();
	see_kill();
	see_store();
	see_physdev();
	if (argc > 4)
		see_vectors(parse_bdf(argv[3]), strtoll(argv[4], NULL, 0));
	see_iomem();
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
