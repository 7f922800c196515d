/* SPDX-License-Identifier: MIT */
#include "frontend/xen.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"

_Thread_local char xen_problem[XEN_PROBLEM_MAX];

/* What is opened, the device that it needs in a Linux guest, and the module that makes it. */
struct need {
	const char *what, *device, *module;
};

static const struct need need_store = { "xenstore", "/dev/xen/xenbus", "xenfs" };
static const struct need need_events = { "event channels", "/dev/xen/evtchn", "xen-evtchn" };
static const struct need need_grants = { "grant sharing", "/dev/xen/gntalloc", "xen-gntalloc" };

static void cannot_open(const struct need *need)
{
	int saved = errno;
	const char *text = strerror(saved);

	if (saved == EACCES || saved == EPERM)
		snprintf(xen_problem, sizeof(xen_problem),
			 "cannot open %s: %s (it needs root, or the right to read and write %s)",
			 need->what, text, need->device);
	else
		snprintf(xen_problem, sizeof(xen_problem),
			 "cannot open %s: %s (%s: the module %s is missing, `modprobe %s', or this "
			 "is no Xen guest)", need->what, text, need->device, need->module,
			 need->module);
	errno = saved;
}

int xen_open(struct xen *xen, xentoollog_logger *lg)
{
	const struct need *missing = &need_store;

	*xen = (struct xen){ 0 };
	xen_problem[0] = 0;
	xen->xs = xs_open(0);
	xen->watches = xen->xs ? xs_open(0) : NULL;
	if (!xen->watches)
		goto out;
	missing = &need_events;
	xen->ec = xenevtchn_open(lg, 0);
	if (!xen->ec)
		goto out;
	missing = &need_grants;
	xen->gs = xengntshr_open(lg, 0);
	if (!xen->gs)
		goto out;
	return 0;
out:
	cannot_open(missing);
	xen_close(xen, false);
	return -1;
}

static void close_store(struct xs_handle *xs, bool child)
{
	if (xs && child)
		xs_daemon_destroy_postfork(xs);
	else if (xs)
		xs_close(xs);
}

void xen_close(struct xen *xen, bool child)
{
	int saved = errno;

	if (xen->gs)
		xengntshr_close(xen->gs);
	if (xen->ec)
		xenevtchn_close(xen->ec);
	close_store(xen->watches, child);
	close_store(xen->xs, child);
	*xen = (struct xen){ 0 };
	errno = saved;
}

int xen_offer(struct xen *xen, uint32_t backend, bool aer, struct offer *offer)
{
	void *page = xengntshr_share_pages(xen->gs, backend, 1, &offer->ref, 1);
	xenevtchn_port_or_error_t port;

	if (!page)
		return -1;
	offer->page = page;
	page_init(offer->page, aer);
	port = xenevtchn_bind_unbound_port(xen->ec, backend);
	if (port < 0) {
		int saved = errno;

		xengntshr_unshare(xen->gs, page, 1);
		offer->page = NULL;
		return fail(saved);
	}
	offer->port = (evtchn_port_t)port;
	return 0;
}

void xen_withdraw(struct xen *xen, struct offer *offer)
{
	int saved = errno;

	if (!offer->page)
		return;
	xenevtchn_unbind(xen->ec, offer->port);
	xengntshr_unshare(xen->gs, (void *)offer->page, 1);
	offer->page = NULL;
	errno = saved;
}

int xen_notify(struct xen *xen, evtchn_port_t port)
{
	return xenevtchn_notify(xen->ec, port);
}

int xen_wait(struct xen *xen, evtchn_port_t port, uint64_t ns, int haltfd)
{
	struct pollfd fds[] = {
		{ .fd = xenevtchn_fd(xen->ec), .events = POLLIN },
		{ .fd = haltfd, .events = POLLIN },
	};
	struct timespec ts = timespec_of(ns);
	xenevtchn_port_or_error_t got;

	/* xenevtchn_pending may block: xenevtchn.h says to poll before each call. */
	if (ppoll(fds, ARRAY_SIZE(fds), &ts, NULL) <= 0 || !fds[0].revents)
		return 0;
	got = xenevtchn_pending(xen->ec);
	if (got < 0)
		return -1;
	/* An event of a port that was unbound since: nobody waits for it. */
	return (evtchn_port_t)got == port;
}

int xen_pending(struct xen *xen, evtchn_port_t port)
{
	return xen_wait(xen, port, 0, -1);
}

int xen_unmask(struct xen *xen, evtchn_port_t port)
{
	return xenevtchn_unmask(xen->ec, port);
}
