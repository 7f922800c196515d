/* SPDX-License-Identifier: MIT */
/*
 * A backend that means harm: hostile_backend GUEST HOW [MS], in dom0, for the instance whose nodes
 * the test has written. It connects the guest's frontend as a real one does, and then, by HOW:
 *	just-in-time	answers each request after MS, "no such device", on 256 roots
 *	never		answers no request
 *	anything	answers at once: err, value and vectors at random, kicks and AER requests besides
 *	flap		answers "no such device", and changes its state without end
 *	late		answers each request after MS, when nobody waits any more, with
 *			what nobody asked for
 *	early		answers before it is asked: at once, without end, and before it is connected
 *	twice		answers each request, and MS later again, with something else
 *	nodes		answers "no such device", and writes roots, places, counts and states
 *			that are none, or takes them away, and says each time that it has
 *			reconfigured
 * It serves each frontend that begins anew, until it is killed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "common/store.h"
#include "common/util.h"
#include "protocol/nodes.h"
#include "protocol/page.h"

#define ROOTS 256 /* just in time; one otherwise */
#define NS_PER_MS 1000000u

enum how { JUST_IN_TIME, NEVER, ANYTHING, FLAP, LATE, EARLY, TWICE, NODES };
static const char *const hows[] = { "just-in-time", "never", "anything", "flap",
					"late", "early", "twice", "nodes" };

static struct backend {
	enum how how;
	unsigned guest, ms, seed;
	struct xs_handle *xs;
	xengnttab_handle *gt;
	xenevtchn_handle *ec;
	char dir[64], front[64];
	page_t *page;
	int port;
} be = { .seed = 1, .port = -1 };

static void put(const char *node, unsigned value)
{
	store_write(be.xs, XBT_NULL, be.dir, node, "%u", value);
}

static unsigned front_number(const char *node)
{
	uint64_t v = 0;

	store_read_number(be.xs, XBT_NULL, be.front, node, 10, UINT32_MAX, &v);
	return (unsigned)v;
}

static void publish(void)
{
	char name[NODE_NAME_MAX], value[NODE_VALUE_MAX];
	unsigned n = be.how == JUST_IN_TIME ? ROOTS : 1;

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), NODE_ROOT_FMT, i);
		node_root_format((struct node_root){ 0, (uint8_t)i }, value);
		store_write(be.xs, XBT_NULL, be.dir, name, "%s", value);
	}
	put(NODE_NUM_DEVS, 0);
	put(NODE_ROOT_NUM, n);
}

static void let_go(void)
{
	if (be.page)
		xengnttab_unmap(be.gt, (void *)be.page, 1);
	if (be.port >= 0)
		xenevtchn_unbind(be.ec, (evtchn_port_t)be.port);
	be.page = NULL;
	be.port = -1;
}

/* The page and the port of a frontend that is in state 3. */
static void map(void)
{
	be.page = xengnttab_map_grant_ref(be.gt, be.guest, front_number(NODE_PCI_OP_REF),
					  PROT_READ | PROT_WRITE);
	be.port = xenevtchn_bind_interdomain(be.ec, be.guest, front_number(NODE_EVENT_CHANNEL));
	if (!be.page || be.port < 0)
		let_go();
}

static void answer_again(void);

/* Waits where the frontend is, as a backend does; what it is told it does at once. */
static void follow(void)
{
	switch (front_number(NODE_STATE)) {
	case XenbusStateInitialised:
		if (!be.page)
			map();
		if (be.page && be.how == EARLY)
			answer_again();
		put(NODE_STATE, be.page ? XenbusStateConnected : XenbusStateInitWait);
		break;
	case XenbusStateInitialising:
	case XenbusStateInitWait:
		let_go();
		put(NODE_STATE, XenbusStateInitWait);
		break;
	case XenbusStateClosing:
	case XenbusStateClosed:
		if (be.how == JUST_IN_TIME || be.how == NEVER)
			break;
		let_go();
		put(NODE_STATE, front_number(NODE_STATE));
		break;
	default:
		break;
	}
}

static uint32_t any(void)
{
	return (uint32_t)rand_r(&be.seed) << (rand_r(&be.seed) % 17);
}

/* Right in form, at least: a device with ids, so that who asks goes on asking. */
static void answer_again(void)
{
	struct xen_pci_op op = { .err = 0, .value = 0x10d38086 ^ any() };

	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		op.msix_entries[i].vector = (uint16_t)any();
	page_answer(be.page, &op, SH_INFO_MAX_VEC, true);
	xenevtchn_notify(be.ec, (evtchn_port_t)be.port);
}

static void answer(void)
{
	struct xen_pci_op op;

	page_collect(be.page, &op);
	op.err = XEN_PCI_ERR_dev_not_found;
	if (be.how == LATE || be.how == EARLY) {
		op.err = 0;
		op.value = any();
	}
	if (be.how == ANYTHING) {
		op.err = rand_r(&be.seed) % 3 ? 0 : (int32_t)any() - 8;
		op.value = any();
		op.info = any();
		for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
			op.msix_entries[i].vector = (uint16_t)any();
	}
	page_answer(be.page, &op, SH_INFO_MAX_VEC, true);
	xenevtchn_notify(be.ec, (evtchn_port_t)be.port);
}

/* Of one node, what it never is, by turns. */
static void move_node(void)
{
	static const char *const nodes[] = {
		NODE_NUM_DEVS, NODE_ROOT_NUM, "root-0", "root-1", "root-255", "vdev-0",
		"vdev-1", "vdev-255", "state-0", "state-1", "state-255", "opts-0",
	};
	static const char *const values[] = {
		"", "0", "1", "2", "3", "5", "256", "257", "4294967295", "4294967296", "-1", "x",
		"0000:00", "ffff:ff", "0000:00:00.00", "0000:00:1f.07", "ffff:ff:1f.07",
		"10000:00:00.00", "%s%n", "\033[2J",
	};
	const char *node = nodes[any() % ARRAY_SIZE(nodes)];
	char path[128], huge[2000];

	switch (any() % 8) {
	case 0:
		store_remove(be.xs, XBT_NULL, be.dir, node);
		break;
	case 1:
		memset(huge, '0' + (int)(any() % 10), sizeof(huge));
		snprintf(path, sizeof(path), "%s/%s", be.dir, node);
		xs_write(be.xs, XBT_NULL, path, huge, sizeof(huge));
		break;
	default:
		store_write(be.xs, XBT_NULL, be.dir, node, "%s", values[any() % ARRAY_SIZE(values)]);
	}
}

/* What nobody has asked for. */
static void trouble(void)
{
	static const unsigned states[] = { 7, 8, 4, 7, 4, 8 };
	static unsigned n;
	struct xen_pcie_aer_op aer = { any() % 12, (int32_t)(any() % 6), 0, any() % 3, any() % 300 };

	if (be.how == NODES)
		move_node();
	if (be.how == FLAP || be.how == NODES)
		put(NODE_STATE, states[n++ % ARRAY_SIZE(states)]);
	if (be.how != ANYTHING)
		return;
	if (!page_aer_requested(be.page))
		page_aer_post(be.page, &aer);
	xenevtchn_notify(be.ec, (evtchn_port_t)be.port);
}

static void serve(void)
{
	static uint64_t looked;

	if (be.page && page_requested(be.page) && be.how != NEVER) {
		if (be.how == JUST_IN_TIME || be.how == LATE)
			usleep(be.ms * 1000);
		answer();
		if (be.how == TWICE) {
			usleep(be.ms * 1000);
			answer_again();
		}
	}
	if (be.page && be.how == EARLY)
		answer_again();
	if (be.page && front_number(NODE_STATE) == XenbusStateConnected)
		trouble();
	/* Now and then: a frontend that closed, or another one. */
	if (now_ns() - looked > 20 * NS_PER_MS) {
		follow();
		looked = now_ns();
	}
}

int main(int argc, char **argv)
{
	bool known = false;

	for (size_t i = 0; argc > 2 && i < ARRAY_SIZE(hows); i++) {
		if (strcmp(argv[2], hows[i]))
			continue;
		be.how = (enum how)i;
		known = true;
	}
	if (!known) {
		fputs("usage: hostile_backend GUEST HOW [MS]\n", stderr);
		return 2;
	}
	be.guest = (unsigned)strtoul(argv[1], NULL, 10);
	be.ms = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	be.xs = xs_open(0);
	be.gt = xengnttab_open(NULL, 0);
	be.ec = xenevtchn_open(NULL, 0);
	if (!be.xs || !be.gt || !be.ec) {
		perror("hostile_backend");
		return 1;
	}
	snprintf(be.dir, sizeof(be.dir), "/local/domain/0/" NODE_BACKEND_ROOT "/%u/0", be.guest);
	snprintf(be.front, sizeof(be.front), "/local/domain/%u/" NODE_FRONTEND_DIR, be.guest);
	publish();
	follow();
	for (;;) {
		serve();
		usleep(200);
	}
}
