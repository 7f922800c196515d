/* SPDX-License-Identifier: MIT */
/*
 * Connects without end, nodes that are none, states out of turn, pages and ports that go in
 * mid-request.
 */
#include "tests/hostile/guest/guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/store.h"
#include "common/util.h"
#include "protocol/nodes.h"

static int read_ids(uint32_t *ids)
{
	int32_t err = 1;

	*ids = 0;
	if (access_config(XEN_PCI_OP_conf_read, 0, 4, ids, &err))
		return -1;
	return err ? fail(EPROTO) : 0;
}

/* What a guest that has not finished leaves behind it, by turns. */
static int leave(int64_t turn)
{
	if (turn % 3 == 0 &&
	    (put(NODE_STATE, "%d", XenbusStateClosing) || await_backend(1u << XenbusStateClosing)))
		return -1;
	if (turn % 3 == 1) { /* page and port go first */
		close_port();
		revoke_page();
	}
	if (shut_front())
		return -1;
	close_port();
	revoke_page();
	return 0;
}

/*
 * connects N: N times from state 3 to 4, one answer, and back, each time with another page and
 * port.
 */
int guest_connects(int argc, char **argv)
{
	int64_t n = number(argv[1]);
	uint32_t first = 0, ids;

	(void)argc;
	for (int64_t i = 0; i < n; i++) {
		if (open_front() || read_ids(&ids))
			return -1;
		if (!i)
			first = ids;
		if (ids != first)
			return wrong("connect %lld: %x, not %x", (long long)i, ids, first);
		if (leave(i))
			return -1;
	}
	return reply("%lld %x", (long long)n, first);
}

/* gone N: N times a request whose page is revoked, or whose port is closed, before its answer. */
int guest_gone(int argc, char **argv)
{
	int64_t n = number(argv[1]);

	(void)argc;
	for (int64_t i = 0; i < n; i++) {
		if (open_front())
			return -1;
		mine.page->op.cmd = XEN_PCI_OP_conf_read;
		mine.page->op.size = 4;
		post();
		if (i % 3 != 1)
			revoke_page();
		if (i % 3 != 0)
			close_port();
		if (shut_front())
			return -1;
		revoke_page();
		close_port();
	}
	return reply("%lld", (long long)n);
}

/* --- Nodes --- */

#define HUGE_BYTES 2000 /* bytes, near what xenstored takes */

static const char *const nodes[] = { NODE_PCI_OP_REF, NODE_EVENT_CHANNEL, NODE_MAGIC, NODE_BACKEND,
				     NODE_BACKEND_ID };
static const char *const values[] = {
	"", "x", "-1", "0", "1", "7", "8x", " 8", "0x8", "4294967295", "4294967296",
	"18446744073709551617", "%s%n%x", "\033[2J", "../../0", "/local/domain/0",
	"/local/domain/7/device/pci/0",
};
enum odd { HUGE_DIGITS, HUGE_ONES, ZERO_BYTES, DELETED, OTHERS_REF, OTHERS_PORT, ODDS };

struct others {
	unsigned ref, port; /* that another guest has given to domain 0 */
};

static int write_bytes(const char *node, int byte, unsigned n)
{
	char path[STORE_PATH_MAX], text[HUGE_BYTES];

	snprintf(path, sizeof(path), NODE_FRONTEND_DIR "/%s", node);
	memset(text, byte, sizeof(text));
	return xs_write(peer_xs, XBT_NULL, path, text, n) ? 0 : -1;
}

static int write_odd(const char *node, unsigned which, const struct others *others)
{
	if (which >= ODDS)
		return put(node, "%s", values[which - ODDS]);
	switch ((enum odd)which) {
	case HUGE_DIGITS:
		return write_bytes(node, '9', HUGE_BYTES);
	case HUGE_ONES:
		return write_bytes(node, 0xff, HUGE_BYTES);
	case ZERO_BYTES:
		return write_bytes(node, 0, 16);
	case OTHERS_REF:
		return put(node, "%u", others->ref);
	case OTHERS_PORT:
		return put(node, "%u", others->port);
	default:
		return store_remove(peer_xs, XBT_NULL, NODE_FRONTEND_DIR, node);
	}
}

/*
 * Whether who connected by what stands in node may have: by its own page and port, and by no magic
 * but one. (The guest's first grant is its xenstore ring: a page of its own, too.)
 */
static bool may_connect(const char *node)
{
	uint64_t n = 0;

	if (!strcmp(node, NODE_BACKEND) || !strcmp(node, NODE_BACKEND_ID))
		return true;
	if (store_read_number(peer_xs, XBT_NULL, NODE_FRONTEND_DIR, node, 10, UINT32_MAX, &n))
		return false;
	if (!strcmp(node, NODE_PCI_OP_REF))
		return n == mine.ref || n == 1;
	return !strcmp(node, NODE_MAGIC) ? n == 7 : n == (uint64_t)mine.port;
}

/* All nodes good and one not, state 3; what becomes of it is closed again. */
static int connect_oddly(const char *node, unsigned which, const struct others *others,
			 unsigned *refused)
{
	bool is_refused;

	if (offer() || put(NODE_PCI_OP_REF, "%u", mine.ref) ||
	    put(NODE_EVENT_CHANNEL, "%d", mine.port) || put(NODE_MAGIC, PCIIF_MAGIC) ||
	    write_odd(node, which, others) || put(NODE_STATE, "%d", XenbusStateInitialised) ||
	    await_backend(1u << XenbusStateConnected | 1u << XenbusStateClosing))
		return -1;
	is_refused = !await_backend_now(1u << XenbusStateClosing);
	if (is_refused == may_connect(node))
		return fail(EPROTO);
	*refused += is_refused;
	return shut_front();
}

/* nodes REF PORT: each node of each kind of wrong, before connecting and while connected. */
int guest_nodes(int argc, char **argv)
{
	const struct others others = { (unsigned)number(argv[1]), (unsigned)number(argv[2]) };
	unsigned tried = 0, refused = 0;
	uint32_t ids;

	(void)argc;
	for (unsigned n = 0; n < ARRAY_SIZE(nodes); n++) {
		for (unsigned which = 0; which < ODDS + ARRAY_SIZE(values); which++, tried++)
			if (connect_oddly(nodes[n], which, &others, &refused))
				return -1;
		if (open_front())
			return -1;
		for (unsigned which = 0; which < ODDS + ARRAY_SIZE(values); which++, tried++)
			if (write_odd(nodes[n], which, &others) || read_ids(&ids))
				return -1;
		if (shut_front())
			return -1;
	}
	return reply("%u %u", tried, refused);
}

/* --- States --- */

/* 0 is not among them: it is giving up, which only the toolstack mends (guest.sh does both). */
static const char *const states[] = { "1", "2", "3", "4", "5", "6",
				      "7", "8", "9", "",  "x", "4294967300" };

/* Shown one after the other, as fast as xenstored takes them; then it closes and is in 3. */
static int show_pair(unsigned a, unsigned b)
{
	if (put(NODE_STATE, "%s", states[a]) || put(NODE_STATE, "%s", states[b]))
		return -1;
	return shut_front();
}

/* states: all pairs, from the backend's 3, and from its 4 after an answer. */
int guest_states(int argc, char **argv)
{
	unsigned pairs = ARRAY_SIZE(states) * ARRAY_SIZE(states), n;
	uint32_t ids;

	(void)argc;
	(void)argv;
	for (n = 0; n < 2 * pairs; n++) {
		unsigned a = n % pairs / ARRAY_SIZE(states), b = n % ARRAY_SIZE(states);

		if (n >= pairs && (open_front() || read_ids(&ids)))
			return -1;
		if (show_pair(a, b))
			return wrong("'%s', '%s' from %u: %s", states[a], states[b],
				     n < pairs ? 3 : 4, strerror(errno));
	}
	if (open_front() || read_ids(&ids) || shut_front())
		return -1;
	return reply("%u, the longest wait %llu ms", n,
		     (unsigned long long)(longest_wait_ns / 1000000));
}

/* dangle: a transaction that is begun and never ended. */
int guest_dangle(int argc, char **argv)
{
	xs_transaction_t t = xs_transaction_start(peer_xs);

	(void)argc;
	(void)argv;
	if (t == XBT_NULL ||
	    store_write(peer_xs, t, NODE_FRONTEND_DIR, NODE_STATE, "%d", XenbusStateInitialised))
		return -1;
	return reply("dangling");
}
