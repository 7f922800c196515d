/* SPDX-License-Identifier: MIT */
/* The scripted peer's verbs of a frontend: page, port and requests of any shape. */
#include "tests/box/peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/store.h"
#include "common/util.h"
#include "protocol/nodes.h"

static xenevtchn_handle *events;
static xengntshr_handle *sharing;
static page_t *page;
static uint32_t page_ref;
static int port = -1;
static struct xen_pci_op sent;	/* the last request, as posted */
static unsigned sent_entries;	/* how many of its entries the line gave */

/* share [ro] [DOMID]: a page granted to DOMID (0); replies its reference. */
static int do_share(int argc, char **argv)
{
	bool read_only = argc > 1 && !strcmp(argv[1], "ro");
	uint32_t domid = (uint32_t)number_or(argc, argv, 1 + read_only, 0);

	if (!sharing)
		sharing = xengntshr_open(NULL, 0);
	if (!sharing)
		return -1;
	page = xengntshr_share_pages(sharing, domid, 1, &page_ref, !read_only);
	if (!page)
		return -1;
	page_init(page, true);
	return reply("%u", page_ref);
}

static int do_unshare(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (!page)
		return fail(EINVAL);
	if (xengntshr_unshare(sharing, (void *)(uintptr_t)page, 1))
		return -1;
	page = NULL;
	return reply("unshared");
}

/* port [DOMID]: an unbound port for DOMID (0); replies its number. */
static int do_port(int argc, char **argv)
{
	if (!events)
		events = xenevtchn_open(NULL, 0);
	if (!events)
		return -1;
	port = xenevtchn_bind_unbound_port(events, (uint32_t)number_or(argc, argv, 1, 0));
	return port < 0 ? -1 : reply("%d", port);
}

static int do_closeport(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (port < 0)
		return fail(EINVAL);
	if (xenevtchn_unbind(events, (evtchn_port_t)port))
		return -1;
	port = -1;
	return reply("closed");
}

static bool put(xs_transaction_t t, const char *node, const char *text)
{
	return !store_write(peer_xs, t, NODE_FRONTEND_DIR, node, "%s", text);
}

/*
 * publish [REF [PORT [MAGIC [STATE]]]]: the three nodes and the state, in one
 * transaction. "-" is what share and port gave, "7" and 3; "none" leaves a node out.
 */
static int do_publish(int argc, char **argv)
{
	char ref[16], number_of_port[16];
	const char *value[] = { ref, number_of_port, PCIIF_MAGIC, "3" };
	static const char *const node[] = { NODE_PCI_OP_REF, NODE_EVENT_CHANNEL, NODE_MAGIC, NODE_STATE };
	int rc;

	snprintf(ref, sizeof(ref), "%u", page_ref);
	snprintf(number_of_port, sizeof(number_of_port), "%d", port);
	for (int i = 1; i < argc && i <= 4; i++)
		if (strcmp(argv[i], "-"))
			value[i - 1] = argv[i];
	do {
		xs_transaction_t t = xs_transaction_start(peer_xs);
		bool good = t != XBT_NULL;

		for (int i = 0; good && i < 4; i++)
			good = !strcmp(value[i], "none") || put(t, node[i], value[i]);
		if (!good) {
			store_abort(peer_xs, t);
			return -1;
		}
		rc = store_commit(peer_xs, t);
	} while (rc > 0);
	return rc ? -1 : reply("%s %s", ref, number_of_port);
}

/* Kicks, and takes what has come back. */
static int kick(void)
{
	return xenevtchn_notify(events, (evtchn_port_t)port);
}

static void take_events(void)
{
	int got = xenevtchn_pending(events);

	if (got >= 0)
		xenevtchn_unmask(events, (evtchn_port_t)got);
}

static bool wait_until(bool (*there)(page_t *p), uint64_t ms)
{
	uint64_t until = now_ns() + ms * 1000000;

	while (!there(page)) {
		if (now_ns() >= until)
			return false;
		if (wait_readable(xenevtchn_fd(events), until))
			take_events();
	}
	return true;
}

static int post(int argc, char **argv)
{
	if (!page || port < 0)
		return fail(ENOTCONN);
	memset(&sent, 0, sizeof(sent));
	sent.cmd = (uint32_t)number(argv[1]);
	sent.err = 0x5a5a;
	sent.domain = (uint32_t)number_or(argc, argv, 2, 0);
	sent.bus = (uint32_t)number_or(argc, argv, 3, 0);
	sent.devfn = (uint32_t)number_or(argc, argv, 4, 0);
	sent.offset = (int32_t)number_or(argc, argv, 5, 0);
	sent.size = (int32_t)number_or(argc, argv, 6, 0);
	sent.value = (uint32_t)number_or(argc, argv, 7, 0);
	sent.info = (uint32_t)number_or(argc, argv, 8, 0);
	sent_entries = 0;
	for (int i = 9; i < argc && sent_entries < SH_INFO_MAX_VEC; i++, sent_entries++) {
		sent.msix_entries[sent_entries].entry = (uint16_t)number(argv[i]);
		sent.msix_entries[sent_entries].vector = 0xffff;
	}
	page_post(page, &sent);
	return kick();
}

/* Only err, value, info and vectors are the backend's to write. */
static bool fields_kept(const struct xen_pci_op *got)
{
	struct xen_pci_op want = sent;

	want.err = got->err;
	want.value = got->value;
	want.info = got->info;
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		if (i < sent_entries)
			want.msix_entries[i].vector = got->msix_entries[i].vector;
	return !memcmp(&want, got, sizeof(want));
}

static int collect(uint64_t ms)
{
	struct xen_pci_op got;
	char vectors[8 * SH_INFO_MAX_VEC] = "";
	size_t at = 0;

	if (!wait_until(page_answered, ms)) {
		printf("! ETIMEDOUT no answer\n");
		return 0;
	}
	page_collect(page, &got);
	if (!fields_kept(&got)) {
		printf("! EPROTO the backend wrote to a field of the request\n");
		return 0;
	}
	for (unsigned i = 0; i < sent_entries; i++)
		at += (size_t)snprintf(vectors + at, sizeof(vectors) - at, " %u", got.msix_entries[i].vector);
	return reply("%d %x %x%s", got.err, got.value, got.info, vectors);
}

/* op CMD [SEGMENT BUS DEVFN OFFSET SIZE VALUE INFO ENTRY...]: replies err, value, info, vectors. */
static int do_op(int argc, char **argv)
{
	return post(argc, argv) ? -1 : collect((uint64_t)peer_patience_ms());
}

static int do_post(int argc, char **argv)
{
	return post(argc, argv) ? -1 : reply("posted");
}

static int do_collect(int argc, char **argv)
{
	return page ? collect((uint64_t)number_or(argc, argv, 1, peer_patience_ms())) : fail(ENOTCONN);
}

/* kick [N]: notifies N times, asking nothing. */
static int do_kick(int argc, char **argv)
{
	int64_t n = number_or(argc, argv, 1, 1);

	if (port < 0)
		return fail(ENOTCONN);
	for (int64_t i = 0; i < n; i++) {
		if (kick())
			return -1;
		if (wait_readable(xenevtchn_fd(events), 0))
			take_events();
	}
	return reply("%lld", (long long)n);
}

static bool word_exists(int64_t offset)
{
	return page && offset >= 0 && offset <= PCIIF_PAGE_SIZE - 4 && offset % 4 == 0;
}

static int do_peek(int argc, char **argv)
{
	int64_t at = number(argv[1]);

	(void)argc;
	return word_exists(at) ? reply("%x", ((volatile uint32_t *)page)[at / 4]) : fail(EFAULT);
}

static int do_poke(int argc, char **argv)
{
	int64_t at = number(argv[1]);

	(void)argc;
	if (!word_exists(at))
		return fail(EFAULT);
	((volatile uint32_t *)page)[at / 4] = (uint32_t)number(argv[2]);
	return reply("poked");
}

static bool aer_requested(page_t *p)
{
	return page_aer_requested(p);
}

/* aer [MS]: waits for an AER request; replies its five words. */
static int do_aer(int argc, char **argv)
{
	struct xen_pcie_aer_op aer;

	if (!page || port < 0)
		return fail(ENOTCONN);
	if (!wait_until(aer_requested, (uint64_t)number_or(argc, argv, 1, peer_patience_ms())))
		return fail(ETIMEDOUT);
	page_aer_collect(page, &aer);
	return reply("%u %d %x %x %x", aer.cmd, aer.err, aer.domain, aer.bus, aer.devfn);
}

static int do_aer_answer(int argc, char **argv)
{
	(void)argc;
	if (!page || port < 0)
		return fail(ENOTCONN);
	page_aer_answer(page, (int32_t)number(argv[1]));
	return kick() ? -1 : reply("answered");
}

int front_request(struct xen_pci_op *op)
{
	if (!page || port < 0)
		return fail(ENOTCONN);
	page_post(page, op);
	if (kick())
		return -1;
	if (!wait_until(page_answered, (uint64_t)peer_patience_ms()))
		return fail(ETIMEDOUT);
	page_collect(page, op);
	return 0;
}

page_t *front_page(void)
{
	return page;
}

const struct verb front_verbs[] = {
	{ "share", "[ro] [DOMID]", 0, do_share },
	{ "unshare", "", 0, do_unshare },
	{ "port", "[DOMID]", 0, do_port },
	{ "closeport", "", 0, do_closeport },
	{ "publish", "[REF [PORT [MAGIC [STATE]]]]", 0, do_publish },
	{ "op", "CMD [SEGMENT BUS DEVFN OFFSET SIZE VALUE INFO ENTRY...]", 1, do_op },
	{ "post", "as op, waits for nothing", 1, do_post },
	{ "collect", "[MS]", 0, do_collect },
	{ "kick", "[N]", 0, do_kick },
	{ "peek", "OFFSET", 1, do_peek },
	{ "poke", "OFFSET WORD", 2, do_poke },
	{ "aer", "[MS]", 0, do_aer },
	{ "aer_answer", "RESULT", 1, do_aer_answer },
	{ NULL, NULL, 0, NULL },
};
