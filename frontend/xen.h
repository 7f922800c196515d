/* SPDX-License-Identifier: MIT */
/*
 * The frontend's plumbing: xenstore, one event channel port, one granted page. The
 * only file that calls Xen's libraries for the latter two, but for vectors.c. Nothing logs (Xen's libraries
 * do, when they open). One thread at a time, unless a function says otherwise.
 */
#ifndef XENPCI_FRONTEND_XEN_H
#define XENPCI_FRONTEND_XEN_H

#include <stdbool.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xentoollog.h>

#include "protocol/page.h"

struct xen {
	struct xs_handle *xs;
	/*
	 * For watches alone: libxenstore has a thread read a handle that watches, and whoever waits for an
	 * answer there waits for that thread as well.
	 */
	struct xs_handle *watches;
	xenevtchn_handle *ec;
	xengntshr_handle *gs;
};

/* What the backend is offered: a page and a port. */
struct offer {
	page_t *page; /* NULL: nothing is offered */
	uint32_t ref;
	evtchn_port_t port;
};

/* What stood against this thread's last xen_open, with what helps; "" where nothing did. */
#define XEN_PROBLEM_MAX 256
extern _Thread_local char xen_problem[XEN_PROBLEM_MAX];

/* Opens the handles. 0, or -1 with errno, and xen_problem says what is missing. */
int xen_open(struct xen *xen, xentoollog_logger *lg);
/*
 * Closes what is open, keeping errno. child: the caller is a forked child, whose parent
 * still uses its own.
 */
void xen_close(struct xen *xen, bool child);

/* Shares a zeroed page with backend and allocates a port for it. 0, or -1 with errno. */
int xen_offer(struct xen *xen, uint32_t backend, bool aer, struct offer *offer);
/* Withdraws both; a page that the backend still maps stays allocated until it lets go. */
void xen_withdraw(struct xen *xen, struct offer *offer);

/* Kicks the backend. Several threads. 0, or -1 with errno. */
int xen_notify(struct xen *xen, evtchn_port_t port);
/*
 * Takes a pending event of port; it stays masked until xen_unmask. Does not wait.
 * Returns 1 (there was one), 0, or -1 with errno.
 */
int xen_pending(struct xen *xen, evtchn_port_t port);
int xen_unmask(struct xen *xen, evtchn_port_t port);
/*
 * As xen_pending, but waits for an event, at most ns nanoseconds, and not longer than until haltfd
 * (-1: none) is readable.
 */
int xen_wait(struct xen *xen, evtchn_port_t port, uint64_t ns, int haltfd);

#endif
