/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's xenstore: two connections and our own domid. Hypercalls have a file of their own
 * (host/hypercall.h); event channels and grants are the workers'. Nothing logs unless it says so.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_XEN_H
#define XENPCI_BACKEND_SUPERVISOR_XEN_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>
#include <xentoollog.h>

struct xen {
	struct xs_handle *xs;
	/*
	 * For watches alone: libxenstore has a thread read a handle that watches, and whoever waits
	 * for an answer there waits for that thread as well.
	 */
	struct xs_handle *watches;
	uint32_t domid;		 /* our own */
	int watches_fd;		 /* of its connection; -1: not known */
	uint64_t watches_ino;	 /* which socket that is */
	int life_fd; /* hangs up when xenstored ends; -1: it cannot, or we cannot see it */
	bool lost;   /* xenstored has ended: nothing that is asked of it is answered (xen_reopen) */
};

/*
 * Opens both and reads our own domid (node "domid", relative; absent: 0, as a
 * dom0 whose toolstack has not written it). Logs which of them failed and why.
 * Returns 0, or -1 with the library's errno and *x disposed.
 */
int xen_open(struct xen *x, xentoollog_logger *lg);
/*
 * The same connections to the xenstored that has taken the place of the one that was lost; watches and
 * transactions were lost with it. The old handles are closed then: nobody may have kept them. 0, or -1
 * with errno, and *x as it was: ECONNREFUSED, ENOENT (there is none yet), EAGAIN (it accepts nobody yet).
 * Does not wait.
 */
int xen_reopen(struct xen *x);
/*
 * Whether xenstored still answers us. What a read failed to find while it ended must not be believed:
 * a node that cannot be read looks as if it had gone. Costs a request, waits for its answer.
 */
bool xen_answers(struct xen *x);
/*
 * Whether watches are still heard: libxenstore's thread that reads them ends without a word where it finds no
 * memory, and closes the connection. Costs no request.
 */
bool xen_hears(const struct xen *x);
/* Of one that is not: whether xenstored has ended, rather. Waits 20 ms at most. */
bool xen_ended(const struct xen *x);
/* Closes what is open; safe on a zeroed or half-opened *x. */
void xen_close(struct xen *x);

#endif
