/* SPDX-License-Identifier: MIT */
/* The hostile guest's page, port and states: the plain way, which the verbs depart from. */
#include "tests/hostile/guest/guest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/store.h"
#include "common/util.h"
#include "protocol/nodes.h"

#define WAIT_NS 30000000000u /* it is the order that is judged, not the time */

struct offer_of_guest mine = { .port = -1 };
uint64_t longest_wait_ns;
static xenevtchn_handle *events;
static xengntshr_handle *sharing;

int wrong(const char *fmt, ...)
{
	va_list ap;

	fputs("! EPROTO ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return 0;
}

uint32_t random_word(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) << 1 | (uint32_t)(*seed >> 20 & 1);
}

int offer(void)
{
	if (!events)
		events = xenevtchn_open(NULL, 0);
	if (!sharing)
		sharing = xengntshr_open(NULL, 0);
	if (!events || !sharing)
		return -1;
	if (!mine.page)
		mine.page = xengntshr_share_pages(sharing, 0, 1, &mine.ref, 1);
	if (!mine.page)
		return -1;
	memset((void *)(uintptr_t)mine.page, 0, PCIIF_PAGE_SIZE);
	if (mine.port < 0)
		mine.port = xenevtchn_bind_unbound_port(events, 0);
	return mine.port < 0 ? -1 : 0;
}

void revoke_page(void)
{
	if (mine.page)
		xengntshr_unshare(sharing, (void *)(uintptr_t)mine.page, 1);
	mine.page = NULL;
}

void close_port(void)
{
	if (mine.port >= 0)
		xenevtchn_unbind(events, (evtchn_port_t)mine.port);
	mine.port = -1;
}

int put(const char *node, const char *fmt, ...)
{
	char text[STORE_VALUE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return store_write(peer_xs, XBT_NULL, NODE_FRONTEND_DIR, node, "%s", text);
}

static const char *backend_state(void)
{
	static char path[STORE_PATH_MAX];

	if (!path[0]) {
		uint64_t domid = 0;

		store_read_number(peer_xs, XBT_NULL, "domid", NULL, 10, UINT16_MAX, &domid);
		snprintf(path, sizeof(path),
			 "/local/domain/0/" NODE_BACKEND_ROOT "/%u/0/" NODE_STATE, (unsigned)domid);
	}
	return path;
}

int await_backend_now(unsigned set)
{
	uint64_t state = 0;

	if (store_read_number(peer_xs, XBT_NULL, backend_state(), NULL, 10, 31, &state))
		return -1;
	return set & 1u << state ? 0 : fail(ETIMEDOUT);
}

int await_backend(unsigned set)
{
	const char *path = backend_state();
	uint64_t begun = now_ns(), until = begun + WAIT_NS;
	bool in_time = true, found = false;

	if (!xs_watch(peer_xs, path, "guest"))
		return -1;
	while (!found && in_time) {
		char **event;

		in_time = wait_readable(xs_fileno(peer_xs), until);
		while ((event = xs_check_watch(peer_xs)))
			free(event);
		found = !await_backend_now(set);
	}
	xs_unwatch(peer_xs, path, "guest");
	if (found && now_ns() - begun > longest_wait_ns)
		longest_wait_ns = now_ns() - begun;
	return found ? 0 : fail(ETIMEDOUT);
}

int open_front(void)
{
	if (offer() || put(NODE_PCI_OP_REF, "%u", mine.ref) ||
	    put(NODE_EVENT_CHANNEL, "%d", mine.port) || put(NODE_MAGIC, PCIIF_MAGIC) ||
	    put(NODE_STATE, "%d", XenbusStateInitialised))
		return -1;
	if (await_backend(1u << XenbusStateConnected))
		return -1;
	return put(NODE_STATE, "%d", XenbusStateConnected);
}

int shut_front(void)
{
	if (put(NODE_STATE, "%d", XenbusStateClosed) || await_backend(1u << XenbusStateClosed) ||
	    put(NODE_STATE, "%d", XenbusStateInitialising))
		return -1;
	return await_backend(1u << XenbusStateInitialised);
}

void post(void)
{
	__atomic_or_fetch(&mine.page->flags, XEN_PCIF_active, __ATOMIC_SEQ_CST);
	xenevtchn_notify(events, (evtchn_port_t)mine.port);
}

int await_answer(void)
{
	uint64_t until = now_ns() + WAIT_NS;

	while (__atomic_load_n(&mine.page->flags, __ATOMIC_SEQ_CST) & XEN_PCIF_active) {
		int port;

		if (now_ns() > until)
			return fail(ETIMEDOUT);
		if (!wait_readable(xenevtchn_fd(events), until))
			continue;
		port = xenevtchn_pending(events);
		if (port >= 0)
			xenevtchn_unmask(events, (evtchn_port_t)port);
	}
	return 0;
}

int ask(struct xen_pci_op *op)
{
	if (!mine.page || mine.port < 0)
		return fail(ENOTCONN);
	memcpy((void *)(uintptr_t)&mine.page->op, op, sizeof(*op));
	post();
	if (await_answer())
		return -1;
	memcpy(op, (void *)(uintptr_t)&mine.page->op, sizeof(*op));
	return 0;
}

int access_config(uint32_t cmd, unsigned offset, unsigned size, uint32_t *value, int32_t *err)
{
	struct xen_pci_op op = { .cmd = cmd,
				 .err = 1,
				 .offset = (int32_t)offset,
				 .size = (int32_t)size,
				 .value = *value };

	if (ask(&op))
		return -1;
	*value = op.value;
	*err = op.err;
	return 0;
}

static int do_open(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return open_front() ? -1 : reply("%u %d", mine.ref, mine.port);
}

static int do_shut(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (shut_front())
		return -1;
	revoke_page();
	close_port();
	return reply("shut");
}

/* offer: page and port, with nothing published; their numbers. */
static int do_offer(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return offer() ? -1 : reply("%u %d", mine.ref, mine.port);
}

/*
 * ask CMD OFFSET SIZE VALUE [post]: of the first device; err and value, or nothing is
 * waited for.
 */
static int do_ask(int argc, char **argv)
{
	struct xen_pci_op op = { .cmd = (uint32_t)number(argv[1]),
				 .offset = (int32_t)number(argv[2]),
				 .size = (int32_t)number(argv[3]),
				 .value = (uint32_t)number(argv[4]) };

	if (!mine.page || mine.port < 0)
		return fail(ENOTCONN);
	if (argc > 5) {
		memcpy((void *)(uintptr_t)&mine.page->op, &op, sizeof(op));
		post();
		return reply("posted");
	}
	return ask(&op) ? -1 : reply("%d %x", op.err, op.value);
}

/* flags SET: into the page's flags, besides what is there. */
static int do_flags(int argc, char **argv)
{
	(void)argc;
	if (!mine.page)
		return fail(ENOTCONN);
	return reply("%x", __atomic_or_fetch(&mine.page->flags, (uint32_t)number(argv[1]),
					     __ATOMIC_SEQ_CST));
}

/* storm N: N events and nothing asked for. */
static int do_storm(int argc, char **argv)
{
	int64_t n = number(argv[1]);

	(void)argc;
	if (mine.port < 0)
		return fail(ENOTCONN);
	for (int64_t i = 0; i < n; i++)
		if (xenevtchn_notify(events, (evtchn_port_t)mine.port))
			return -1;
	return reply("%lld", (long long)n);
}

/* The peer looks in these two. */
const struct verb front_verbs[] = {
	{ "open", "", 0, do_open },
	{ "shut", "", 0, do_shut },
	{ "offer", "", 0, do_offer },
	{ "ask", "CMD OFFSET SIZE VALUE [post]", 4, do_ask },
	{ "flags", "SET", 1, do_flags },
	{ "storm", "N", 1, do_storm },
	{ NULL, NULL, 0, NULL },
};
