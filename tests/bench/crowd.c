/* SPDX-License-Identifier: MIT */
/*
 * crowd RUNDIR N CREATE: N guests, domains 1 to N, each made by `CREATE DOMID`, with one device: number i has
 * slot i % 32 of bus 16 + i / 32, counted from 0. Runs in dom0, writes their nodes as the toolstack
 * does. The first guest's frontend is the library's, in a process of its own, and follows its
 * backend; the others' pages, ports and nodes are all this process's. Prints "connected"
 * when all are; ends, and ends them, when its stdin is closed.
 *
 * The others are taken from xenstored (released) before they begin, unless INTRODUCED is set: it
 * looks at every domain it knows, for every domain it knows, at every write (4.17), which
 * would be all there is to measure.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/store.h"
#include "frontend/front.h"
#include "tests/bench/channel.h"
#include "tests/xenbox/box.h"

enum { CONNECT_MS = 60000, CONNECT_NS = 60000000000 };

struct dirs {
	char be[64], fe[64];
};

static struct dirs dirs_of(unsigned domid)
{
	struct dirs d;

	snprintf(d.be, sizeof(d.be), "/local/domain/0/backend/pci/%u/0", domid);
	snprintf(d.fe, sizeof(d.fe), "/local/domain/%u/device/pci/0", domid);
	return d;
}

/* From here on, handles are opened as that domain. */
static void become(const char *rundir, unsigned domid)
{
	char text[16], path[BOX_PATH_MAX + 16];

	snprintf(text, sizeof(text), "%u", domid);
	setenv(BOX_ENV_DOMID, text, 1);
	snprintf(path, sizeof(path), "%s/x%u", rundir, domid);
	setenv("XENSTORED_PATH", path, 1);
}

static void follow(const char *rundir, unsigned domid, int ready)
{
	struct xenpcifront_event event;
	struct xenpcifront *fe;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	become(rundir, domid);
	fe = xenpcifront_open(NULL, 0);
	if (!fe || xenpcifront_connect_wait(fe, CONNECT_MS))
		bench_die("connect");
	if (write(ready, "", 1) != 1)
		bench_die("pipe");
	for (;;) {
		struct pollfd pfd = { .fd = xenpcifront_fd(fe), .events = POLLIN };

		poll(&pfd, 1, -1);
		xenpcifront_process(fe);
		while (xenpcifront_next_event(fe, &event) > 0)
			;
	}
}

/* Both directories, in one transaction, as libxl leaves them. */
static void write_nodes(struct xs_handle *xs, unsigned domid)
{
	struct xs_permissions perms[2] = { { 0, XS_PERM_NONE }, { domid, XS_PERM_READ } };
	struct xs_permissions own[2] = { { domid, XS_PERM_NONE }, { 0, XS_PERM_READ } };
	struct dirs d = dirs_of(domid);
	unsigned nr = domid - 1;
	char bdf[SBDF_TEXT];
	xs_transaction_t t;

	sbdf_format((struct sbdf){ 0, (uint8_t)(16 + nr / 32), (uint8_t)(nr % 32 << 3) }, bdf);
	do {
		t = xs_transaction_start(xs);
		xs_mkdir(xs, t, d.be);
		xs_set_permissions(xs, t, d.be, perms, 2);
		xs_mkdir(xs, t, d.fe);
		xs_set_permissions(xs, t, d.fe, own, 2);
		if (store_write(xs, t, d.be, "frontend", "%s", d.fe) ||
		    store_write(xs, t, d.be, "frontend-id", "%u", domid) ||
		    store_write(xs, t, d.be, "online", "1") ||
		    store_write(xs, t, d.be, "key-0", "%s", bdf) ||
		    store_write(xs, t, d.be, "dev-0", "%s", bdf) ||
		    store_write(xs, t, d.be, "state-0", "1") ||
		    store_write(xs, t, d.be, "opts-0", "msitranslate=0,power_mgmt=0,permissive=0") ||
		    store_write(xs, t, d.be, "num_devs", "1") ||
		    store_write(xs, t, d.fe, "backend", "%s", d.be) ||
		    store_write(xs, t, d.fe, "backend-id", "0") ||
		    store_write(xs, t, d.fe, "state", "1") || store_write(xs, t, d.be, "state", "1"))
			bench_die("nodes");
	} while (store_commit(xs, t) == 1);
}

/* Page, port and state 3: all that the backend wants to see. */
static void publish(struct xs_handle *xs, const char *rundir, unsigned domid)
{
	struct dirs d = dirs_of(domid);
	struct offer offer;
	struct xen xen = { 0 };

	become(rundir, domid);
	xen.ec = xenevtchn_open(NULL, 0);
	xen.gs = xengntshr_open(NULL, 0);
	if (!xen.ec || !xen.gs || xen_offer(&xen, 0, false, &offer))
		bench_die("a frontend's page");
	if (store_write(xs, XBT_NULL, d.fe, "pci-op-ref", "%u", offer.ref) ||
	    store_write(xs, XBT_NULL, d.fe, "event-channel", "%u", offer.port) ||
	    store_write(xs, XBT_NULL, d.fe, "magic", PCIIF_MAGIC) ||
	    store_write(xs, XBT_NULL, d.fe, "state", "3"))
		bench_die("a frontend's nodes");
}

static void await_connected(struct xs_handle *xs, unsigned domid)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct dirs d = dirs_of(domid);
	uint64_t state = 0, until = now_ns() + CONNECT_NS;

	while (store_read_number(xs, XBT_NULL, d.be, "state", 10, 8, &state) || state != 4) {
		if (now_ns() > until)
			bench_die("a guest is not Connected");
		nanosleep(&pause, NULL);
	}
	if (store_write(xs, XBT_NULL, d.fe, "state", "4"))
		bench_die("a frontend's state");
}

static void create(struct xs_handle *xs, const char *command, unsigned domid)
{
	char line[2 * BOX_PATH_MAX];

	snprintf(line, sizeof(line), "unset LD_PRELOAD; %s %u", command, domid);
	if (system(line))
		bench_die(line);
	if (domid > 1 && !getenv("INTRODUCED") && !xs_release_domain(xs, domid))
		bench_die("release");
}

int main(int argc, char **argv)
{
	struct xs_handle *xs = xs_open(0);
	int ready[2];
	unsigned n;
	char byte;

	if (argc != 4 || !xs || pipe(ready))
		bench_die("crowd RUNDIR N CREATE");
	n = (unsigned)strtoul(argv[2], NULL, 10);
	for (unsigned domid = 1; domid <= n; domid++)
		create(xs, argv[3], domid);
	for (unsigned domid = 1; domid <= n; domid++) {
		write_nodes(xs, domid);
		if (domid == 1 && !fork())
			follow(argv[1], domid, ready[1]);
		if (domid > 1)
			publish(xs, argv[1], domid);
	}
	if (read(ready[0], &byte, 1) != 1)
		bench_die("the first frontend");
	for (unsigned domid = 2; domid <= n; domid++)
		await_connected(xs, domid);
	printf("connected\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
