/* SPDX-License-Identifier: MIT */
/*
 * The handle's inside, and its locks. Two are held through requests to the backend: `life`, by
 * whoever carries the connection on, and `sizing`, by whoever sizes BARs or compares them. Whoever
 * waits for one of them gives up when his call has to end, or knows that its holder was told to
 * leave (halt.h). `lock` is held for moments: it guards the devices, what events are told from,
 * and the page against being withdrawn. The channel's slot comes last. The order is life or
 * sizing, then lock, then the slot; none is held while a handler runs.
 */
#ifndef XENPCI_FRONTEND_FRONT_H
#define XENPCI_FRONTEND_FRONT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "common/log.h"
#include "common/ratelimit.h"
#include "common/sbdf.h"
#include "common/store.h"
#include "common/util.h"
#include "frontend/access.h"
#include "frontend/channel.h"
#include "frontend/xen.h"
#include "protocol/states.h"
#include "xenpci/xenpcifront.h"

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
	bool seen;  /* by the scan that has just ended */
	bool bars_watched;
	struct xenpcifront_bar bars[XENPCIFRONT_BARS];
};

struct xenpcifront {
	xentoollog_logger *lg;
	pid_t owner;
	unsigned flags;
	char dir[24]; /* device/pci/<devid> */
	struct xen xen;
	struct channel channel;
	int epfd;
	int wakefd;  /* readable: process has something to do */
	int timerfd; /* the same, later: the event channel's unmask, what a storm has put off */

	pthread_mutex_t life, sizing, lock;

	/* life; phase changes under lock, too, so that either is enough to read it. */
	uint64_t limit; /* when the call that holds life has to end */
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
	bool moved; /* the toolstack named another backend while we had our page with this one */
	bool complained; /* a refused node was logged in this life */
	struct ratelimit steps; /* what a backend's states can make us do */
	struct ratelimit lines; /* what a backend can have us log */

	/* lock: what events are told from. */
	bool connected_told, enumerated_told, closed_told;
	bool enumerated;
	bool closed;
	unsigned closed_state;
	bool aer_waits, aer_told;
	struct xenpcifront_aer aer;
	struct ratelimit aer_requests; /* those that are taken in */
	struct device *devices; /* sorted by address */
	unsigned n_devices;

	struct xenpcifront_handlers handlers;
	void *opaque;
};

static inline struct sbdf to_sbdf(struct xenpcifront_address a)
{
	return (struct sbdf){ .segment = a.segment, .bus = a.bus, .devfn = a.devfn };
}

/* front.c: locks and limits, of a handle that is all zero otherwise. */
void front_init(struct xenpcifront *fe);
/* front.c: waits for a lock until a time of now_ns. 0, or -1 with errno EAGAIN. */
int lock_until(pthread_mutex_t *lock, uint64_t until);
/* front.c: has process run again. Any thread, no lock needed. */
void front_wake(struct xenpcifront *fe);
/* The same, in ns nanoseconds at most. Both keep errno. */
void front_wake_later(struct xenpcifront *fe, uint64_t ns);
/* front.c; life held. Whether a line that the backend can cause may be logged now. */
bool front_may_log(struct xenpcifront *fe);

/* devices.c; lock held. Finds an entry, present or not; NULL where there is none. */
struct device *device_find(struct xenpcifront *fe, struct sbdf a);
/* Marks all devices gone. */
void devices_remove_all(struct xenpcifront *fe);
/* Forgets entries that are gone and told to be. */
void devices_sweep(struct xenpcifront *fe);
/*
 * life held: looks where the backend's entries say, or on all roots, until fe->limit: what is new
 * is added, what no longer answers removed. 0, or -1 with errno, and nothing has changed.
 */
int devices_scan(struct xenpcifront *fe);
/* life held: removes the devices whose state-N is 5. */
void devices_detach(struct xenpcifront *fe);

/* events.c: takes a waiting AER request in. */
void aer_take(struct xenpcifront *fe);
/* Calls the handlers for what has one; no lock is held. */
void handlers_run(struct xenpcifront *fe);

/*
 * bar.c: access_write, after which the watched BARs are compared and the handler is called for
 * those that moved. A call of one request gets the time of one for all of it.
 */
int bars_write(struct xenpcifront *fe, const struct call *call, unsigned offset, unsigned size,
	       uint32_t value, struct xenpcifront_answer *answer);

#endif
