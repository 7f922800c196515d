/* SPDX-License-Identifier: MIT */
/*
 * crowd RUNDIR FIRST N: N guests with domids from FIRST, created before, each with one
 * device: guest number i has slot i % 32 of bus 16 + i / 32. Runs in dom0; writes their nodes as the toolstack does, and forks a frontend for each, which
 * connects and then only follows its backend's state, as a guest does when a device is attached.
 * Prints "connected" when all are; ends, and ends them, when its stdin is closed.
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

enum { CONNECT_MS = 60000 };

static void frontend(const char *rundir, unsigned domid, int ready)
{
	char text[16], path[BOX_PATH_MAX + 16];
	struct xenpcifront_event event;
	struct xenpcifront *fe;
	struct pollfd pfd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(text, sizeof(text), "%u", domid);
	setenv(BOX_ENV_DOMID, text, 1);
	snprintf(path, sizeof(path), "%s/x%u", rundir, domid);
	setenv("XENSTORED_PATH", path, 1);
	fe = xenpcifront_open(NULL, 0);
	if (!fe || xenpcifront_connect_wait(fe, CONNECT_MS))
		bench_die("connect");
	if (write(ready, "", 1) != 1)
		bench_die("pipe");
	for (;;) {
		pfd = (struct pollfd){ .fd = xenpcifront_fd(fe), .events = POLLIN };
		poll(&pfd, 1, -1);
		xenpcifront_process(fe);
		while (xenpcifront_next_event(fe, &event) > 0)
			;
	}
}

/* Both directories, in one transaction, as libxl leaves them. */
static void write_nodes(struct xs_handle *xs, unsigned domid, unsigned nr)
{
	char be[64], fe[64], bdf[SBDF_TEXT];
	struct xs_permissions perms[2] = { { 0, XS_PERM_NONE }, { domid, XS_PERM_READ } };
	xs_transaction_t t;

	sbdf_format((struct sbdf){ 0, (uint8_t)(16 + nr / 32), (uint8_t)(nr % 32 << 3) }, bdf);
	snprintf(be, sizeof(be), "/local/domain/0/backend/pci/%u/0", domid);
	snprintf(fe, sizeof(fe), "/local/domain/%u/device/pci/0", domid);
	do {
		t = xs_transaction_start(xs);
		xs_mkdir(xs, t, be);
		xs_set_permissions(xs, t, be, perms, 2);
		xs_mkdir(xs, t, fe);
		xs_set_permissions(xs, t, fe,
				   (struct xs_permissions[]){ { domid, XS_PERM_NONE },
							      { 0, XS_PERM_READ } }, 2);
		if (store_write(xs, t, be, "frontend", "%s", fe) ||
		    store_write(xs, t, be, "frontend-id", "%u", domid) ||
		    store_write(xs, t, be, "online", "1") ||
		    store_write(xs, t, be, "key-0", "%s", bdf) ||
		    store_write(xs, t, be, "dev-0", "%s", bdf) ||
		    store_write(xs, t, be, "state-0", "1") ||
		    store_write(xs, t, be, "opts-0", "msitranslate=0,power_mgmt=0,permissive=0") ||
		    store_write(xs, t, be, "num_devs", "1") ||
		    store_write(xs, t, fe, "backend", "%s", be) ||
		    store_write(xs, t, fe, "backend-id", "0") ||
		    store_write(xs, t, fe, "state", "1") || store_write(xs, t, be, "state", "1"))
			bench_die("nodes");
	} while (store_commit(xs, t) == 1);
}

int main(int argc, char **argv)
{
	struct xs_handle *xs = xs_open(0);
	unsigned first, n;
	int ready[2];
	char byte;

	if (argc != 4 || !xs || pipe(ready))
		bench_die("crowd RUNDIR FIRST N");
	first = (unsigned)strtoul(argv[2], NULL, 10);
	n = (unsigned)strtoul(argv[3], NULL, 10);
	for (unsigned i = 0; i < n; i++)
		write_nodes(xs, first + i, i);
	for (unsigned i = 0; i < n; i++) {
		if (!fork())
			frontend(argv[1], first + i, ready[1]);
		/* A few at a time: each starts threads and sockets. */
		if (i >= 8 && read(ready[0], &byte, 1) != 1)
			bench_die("a frontend");
	}
	for (unsigned i = n < 8 ? n : 8; i; i--)
		if (read(ready[0], &byte, 1) != 1)
			bench_die("a frontend");
	printf("connected\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
