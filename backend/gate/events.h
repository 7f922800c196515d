/* SPDX-License-Identifier: MIT */
/*
 * The interrupts of one virtual device: no hardware sends them, so that Xen has no pirq for them. Each is an event
 * channel of this domain, which the guest binds to by its number (EVTCHNOP_bind_interdomain) where for hardware it
 * binds a pirq. The device's program writes into an eventfd, and the gate sends the event.
 *
 * The ports of the line, and those of the vectors that are on, have a handle of Xen's each. Linux gives a handle that is
 * restricted no new ports: each gets all of its own, and is restricted to the guest then. Closed, it takes them along.
 * One thread. Maps wait for the device's program, as pcidev_vector does.
 */
#ifndef XENPCI_BACKEND_GATE_EVENTS_H
#define XENPCI_BACKEND_GATE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <xenevtchn.h>

#include "backend/messages/messages.h"
#include "host/device/pcidev.h"

struct event {
	int fd; /* the program writes into it; -1: none */
	evtchn_port_t port;
};

struct events {
	struct pcidev *dev; /* NULL: its interrupts are nobody's */
	uint32_t domid;
	xentoollog_logger *lg;
	int epoll;
	xenevtchn_handle *line_xen; /* NULL: the device has no line */
	struct event line;	    /* INTx */
	enum vectors_mode mode;
	xenevtchn_handle *xen; /* of the vectors */
	unsigned nr;
	uint16_t entry[SH_INFO_MAX_VEC]; /* MSI-X: which of the table's */
	struct event vector[SH_INFO_MAX_VEC];
};

/* Nothing is held, and events_dispose is allowed. */
void events_none(struct events *e);
/*
 * Whether dev's interrupts can be had: then its line, if it has one, is forwarded at once. domid: the guest; lg
 * is for Xen's library, and outlives e. 0, or -1 with errno: ENOTTY (hardware, or nobody asked for them), or Xen's or the program's.
 */
int events_init(struct events *e, struct pcidev *dev, uint32_t domid, xentoollog_logger *lg);
/* All go nowhere, and their ports are closed. Safe to repeat. Keeps errno. */
void events_dispose(struct events *e);

/* As the supervisor maps vectors: one event channel for each; those of multi-MSI stand in a row. */
void events_map(struct events *e, const struct message_map *want, struct message_mapped *got);
void events_unmap(struct events *e);

/* Readable: events_turn has something to do. -1: none are forwarded. */
int events_fd(const struct events *e);
/* Sends what was raised; a guest's own event on the line's port is its end of interrupt. Bounded. */
void events_turn(struct events *e);

#endif
