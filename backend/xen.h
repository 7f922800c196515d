/* SPDX-License-Identifier: MIT */
/*
 * The Xen plumbing seam: xenstore, event channels, grants. One of each for the
 * whole daemon. Hypercalls have a file of their own (hypercall.h). Nothing logs
 * unless it says so; everything belongs to one thread.
 */
#ifndef XENPCI_BACKEND_XEN_H
#define XENPCI_BACKEND_XEN_H

#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xentoollog.h>

#include "protocol/page.h"

struct xen {
	struct xs_handle *xs;
	/*
	 * For watches alone: libxenstore has a thread read a handle that watches, and whoever waits
	 * for an answer there waits for that thread as well.
	 */
	struct xs_handle *watches;
	xenevtchn_handle *evtchn;
	xengnttab_handle *gnttab;
	xentoollog_logger *mute; /* for libraries that log what a guest can cause */
	uint32_t domid;		 /* our own */
	int life_fd; /* hangs up when xenstored ends; -1: it cannot, or we cannot see it */
};

/*
 * Opens all three and reads our own domid (node "domid", relative; absent: 0, as a
 * dom0 whose toolstack has not written it). Logs which of them failed and why.
 * Returns 0, or -1 with the library's errno and *x disposed.
 */
int xen_open(struct xen *x, xentoollog_logger *lg);
/* Closes what is open; safe on a zeroed or half-opened *x. */
void xen_close(struct xen *x);

/*
 * Maps grant ref of domid writable. Returns the page, or NULL with errno
 * (EINVAL: no such grant, or none for us; xengnttab.h).
 */
page_t *xen_map_page(struct xen *x, uint32_t domid, uint32_t ref);
/* NULL is allowed. */
void xen_unmap_page(struct xen *x, page_t *page);

/*
 * Binds the unbound port of domid that is meant for us; *port is ours. Xen
 * raises our end once. Returns 0, or -1 with errno (EINVAL, ENOENT; xenevtchn.h).
 */
int xen_bind(struct xen *x, uint32_t domid, uint32_t remote, evtchn_port_t *port);
void xen_unbind(struct xen *x, evtchn_port_t port);

/* The fd that is readable when xen_pending would find something. */
int xen_event_fd(struct xen *x);
/*
 * Takes one pending port, which stays masked until xen_unmask. Call only when
 * the fd was seen readable. 1, 0 (none), or -1 with errno.
 */
int xen_pending(struct xen *x, evtchn_port_t *port);
int xen_unmask(struct xen *x, evtchn_port_t port);
int xen_notify(struct xen *x, evtchn_port_t port);

#endif
