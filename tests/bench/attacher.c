/* SPDX-License-Identifier: MIT */
/*
 * attacher DOMID BDF: for each line on stdin, attaches BDF to the connected guest DOMID as its
 * second device, as libxl does, waits until the backend is Connected again, takes it back the same
 * way, and prints how many nanoseconds the attaching took, how many of them before the toolstack's
 * word was out (its transaction), and how many one read of a node takes.
 */
#include <inttypes.h>
#include <poll.h>

#include "common/store.h"
#include "tests/bench/channel.h"

enum { WAIT_MS = 10000, CONNECTED = 4, CLOSING = 5, RECONFIGURING = 7 };

static struct xs_handle *xs;
static char be[64];

static void await_connected(void)
{
	struct pollfd pfd = { .fd = xs_fileno(xs), .events = POLLIN };
	uint64_t state = 0, until = now_ns() + WAIT_MS * 1000000ull;
	char **event;

	while (store_read_number(xs, XBT_NULL, be, "state", 10, 8, &state) || state != CONNECTED) {
		if (now_ns() > until || poll(&pfd, 1, WAIT_MS) < 1)
			bench_die("not Connected");
		while ((event = xs_check_watch(xs)))
			free(event);
	}
}

/* Returns when the transaction was through. */
static uint64_t attach(const char *bdf)
{
	uint64_t said;
	xs_transaction_t t;

	do {
		t = xs_transaction_start(xs);
		if (store_write(xs, t, be, "key-1", "%s", bdf) ||
		    store_write(xs, t, be, "dev-1", "%s", bdf) ||
		    store_write(xs, t, be, "opts-1", "msitranslate=0,power_mgmt=0,permissive=0") ||
		    store_write(xs, t, be, "state-1", "1") ||
		    store_write(xs, t, be, "num_devs", "2") ||
		    store_write(xs, t, be, "state", "%d", RECONFIGURING))
			bench_die("attach");
	} while (store_commit(xs, t) == 1);
	said = now_ns();
	await_connected();
	return said;
}

static void detach(void)
{
	static const char *const nodes[] = { "key-1", "dev-1", "opts-1", "state-1", "vdev-1" };
	xs_transaction_t t;

	do {
		t = xs_transaction_start(xs);
		if (store_write(xs, t, be, "state-1", "%d", CLOSING) ||
		    store_write(xs, t, be, "state", "%d", RECONFIGURING))
			bench_die("detach");
	} while (store_commit(xs, t) == 1);
	await_connected();
	do {
		t = xs_transaction_start(xs);
		for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
			if (store_remove(xs, t, be, nodes[i]))
				bench_die(nodes[i]);
		if (store_write(xs, t, be, "num_devs", "1"))
			bench_die("num_devs");
	} while (store_commit(xs, t) == 1);
}

int main(int argc, char **argv)
{
	char line[16], path[80];

	xs = xs_open(0);
	if (argc != 3 || !xs)
		bench_die("attacher DOMID BDF");
	snprintf(be, sizeof(be), "/local/domain/0/backend/pci/%s/0", argv[1]);
	snprintf(path, sizeof(path), "%s/state", be);
	if (!xs_watch(xs, path, "state"))
		bench_die("watch");
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t start = now_ns(), said, attached, read;

		said = attach(argv[2]) - start;
		attached = now_ns() - start;
		detach();
		start = now_ns();
		store_exists(xs, XBT_NULL, be, "state");
		read = now_ns() - start;
		printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", attached, said, read);
		fflush(stdout);
	}
	xs_close(xs);
	return 0;
}
