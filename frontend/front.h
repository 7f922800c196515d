/* SPDX-License-Identifier: MIT */
/*
 * The handle's inside. Two locks: `lock` guards the life of the connection,
 * the devices and what events are told from; the channel's slot is taken for the
 * request slot and the event channel. lock comes before the slot, never the other way
 * round, and neither is held while a handler runs.
 */
#ifndef XENPCI_FRONTEND_FRONT_H
#define XENPCI_FRONTEND_FRONT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "common/log.h"
#include "common/sbdf.h"
#include "common/store.h"
#include "common/util.h"
#include "frontend/channel.h"
#include "frontend/xen.h"
#include "protocol/states.h"
#include "xenpci/xenpcifront.h"

#define NS_PER_MS 1000000u

enum phase {
	PHASE_IDLE,	/* closed: the backend is not followed */
	PHASE_CLEARING, /* an earlier life's traces are being cleared */
	PHASE_RUNNING,	/* the state table is followed */
	PHASE_LEAVING,	/* in xenpcifront_disconnect */
};

struct device {
	struct xenpcifront_device info;
	bool present;
	bool told;  /* ADDED was read, REMOVED was not */
	bool again; /* removed and added since it was told */
	bool seen;  /* by the scan that is running */
	bool bars_watched;
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
};

struct xenpcifront {
	xentoollog_logger *lg;
	pid_t owner;
	unsigned flags;
	struct xen xen;
	struct channel channel;
	int epfd;
	int wakefd;  /* readable: process has something to do */
	int timerfd; /* the event channel's unmask, delayed */

	pthread_mutex_t lock;
	enum phase phase;
	char backend[STORE_PATH_MAX]; /* directory, "" where unknown; watched */
	uint32_t backend_id;
	bool watching_self;
	bool backend_known; /* nothing was heard of our backend node since it was read */
	/* The states, as last read or written; known: nothing was heard of them since. */
	unsigned own, peer;
	bool own_known, peer_known;
	bool closed_above; /* we cannot bring our directory back once it is deleted */
	bool closed_above_known;
	bool complained; /* a refused node was logged in this life */

	/* What events are told from. */
	bool connected_told, enumerated_told, closed_told;
	bool enumerated;
	bool closed;
	unsigned closed_state;
	bool aer_waits, aer_told;
	struct xenpcifront_aer aer;
	struct device *devices; /* sorted by address */
	unsigned n_devices;

	struct xenpcifront_handlers handlers;
	void *opaque;
};

static inline struct sbdf to_sbdf(struct xenpcifront_address a)
{
	return (struct sbdf){ .segment = a.segment, .bus = a.bus, .devfn = a.devfn };
}

/* front.c: has process run again. Any thread, no lock needed. */
void front_wake(struct xenpcifront *fe);

/* devices.c; lock held. Finds an entry, present or not; NULL where there is none. */
struct device *device_find(struct xenpcifront *fe, struct sbdf a);
/* Marks all devices gone. */
void devices_remove_all(struct xenpcifront *fe);
/* Forgets entries that are gone and told to be. */
void devices_sweep(struct xenpcifront *fe);
/*
 * Looks where the backend's entries say, or on all roots: what is new is added, what no longer
 * answers removed. 0, or -1 with errno.
 */
int devices_scan(struct xenpcifront *fe);
/* Removes the devices whose state-N is 5. */
void devices_detach(struct xenpcifront *fe);

/* events.c; lock held. Takes a waiting AER request in. */
void aer_take(struct xenpcifront *fe);
/* lock not held: calls the handlers for what has one. */
void handlers_run(struct xenpcifront *fe);

/* bar.c: after a write of size bytes at offset: compares the watched BARs, calls the handler. */
void bars_after_write(struct xenpcifront *fe, struct xenpcifront_address a, unsigned offset,
		      unsigned size);

#endif
