/* SPDX-License-Identifier: MIT */
/* answerer DOMID REF PORT: dom0's end of the bare ping-pong (channel.h). */
#include <sys/mman.h>

#include "tests/bench/channel.h"

static void answer_page(page_t *page)
{
	struct xen_pci_op op;

	page_snapshot(page, &op);
	op.err = 0;
	page_answer(page, &op, 0, false);
}

static void answer(struct bare_page *page, xenevtchn_handle *ec, evtchn_port_t port)
{
	if (page->mode == BARE_PAGE_POLL)
		answer_page(&page->page);
	else
		__atomic_store_n(&page->asked, 0, __ATOMIC_RELEASE);
	if (xenevtchn_notify(ec, port))
		bench_die("notify");
}

/* The request's flag is bit 0 of the same word. */
static bool asked(const struct bare_page *page)
{
	_Static_assert(offsetof(struct bare_page, page.flags) == offsetof(struct bare_page, asked) &&
		       XEN_PCIF_active == 1, "one word");
	return __atomic_load_n(&page->asked, __ATOMIC_ACQUIRE);
}

static void serve(struct bare_page *page, xenevtchn_handle *ec, evtchn_port_t port)
{
	while (page->mode != BARE_END) {
		if (asked(page))
			answer(page, ec, port);
		else if (page->mode != BARE_SLEEP)
			bench_relax();
		else
			bare_hear(ec);
	}
}

int main(int argc, char **argv)
{
	xengnttab_handle *gt = xengnttab_open(NULL, 0);
	xenevtchn_handle *ec = xenevtchn_open(NULL, 0);
	xenevtchn_port_or_error_t port;
	uint32_t domid, ref;
	void *page;

	if (argc != 4 || !gt || !ec)
		bench_die("answerer DOMID REF PORT");
	domid = (uint32_t)strtoul(argv[1], NULL, 10);
	ref = (uint32_t)strtoul(argv[2], NULL, 10);
	page = xengnttab_map_grant_ref(gt, domid, ref, PROT_READ | PROT_WRITE);
	if (!page)
		bench_die("grant");
	port = xenevtchn_bind_interdomain(ec, domid, (evtchn_port_t)strtoul(argv[3], NULL, 10));
	if (port < 0)
		bench_die("port");
	serve(page, ec, (evtchn_port_t)port);
	return 0;
}
