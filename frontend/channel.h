/* SPDX-License-Identifier: MIT */
/*
 * The request slot: one request at a time, each with a deadline, and what is
 * done when one passes. Nothing here logs.
 *
 * A request whose answer did not come in time stays in the page (clearing its flag would let
 * the late answer fall into the next request). The channel is poisoned until the
 * backend has cleared the flag itself and then answered a probe: a read of a
 * function that cannot exist, whose value, a random number, every known backend
 * hands back.
 */
#ifndef XENPCI_FRONTEND_CHANNEL_H
#define XENPCI_FRONTEND_CHANNEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "frontend/halt.h"
#include "frontend/xen.h"
#include "protocol/pciif.h"
#include "xenpci/xenpcifront.h"

#define NS_PER_MS 1000000u
#define CHANNEL_MAX_WAITERS 64
#define NO_LIMIT UINT64_MAX /* a call that ends with its one request */

struct channel {
	atomic_uint slot;     /* free, locked */
	pthread_mutex_t lock; /* for those who wait, held for a moment only */
	pthread_cond_t turn;
	atomic_uint waiters;

	atomic_uint timeout_ms; /* of one request */
	atomic_uint call_ms;    /* of a call of several */
	atomic_uint spin_us;

	struct xen *xen;
	int wakefd; /* an eventfd: written where an AER request was seen beside an answer */

	struct halt halt; /* heard by everybody who waits for the slot or for an answer */

	atomic_bool live;      /* requests may be sent */
	atomic_bool aer_heard; /* of the AER request that waits an event has told */

	/* Whoever has locked the slot. */
	uint64_t limit;	   /* when the whole call ends, as now_ns counts; NO_LIMIT */
	uint64_t deadline; /* when the request in hand does; 0: its time has not begun */
	struct offer offer;
	bool poisoned;
	bool owes; /* debt is sent before anything else */
	struct xen_pci_op debt;
	bool event_due;	   /* an answer was seen by polling, or none: its event has no news */
	bool masked;	   /* an event was taken and not unmasked yet */
	unsigned spin_misses, spin_skip; /* polls in a row that were in vain; requests to go without */
	unsigned spurious; /* events in a row that had no reason */
};

/* 0, or -1 with errno. xen must outlive the channel; wakefd is the caller's to set. */
int channel_init(struct channel *ch, struct xen *xen);
void channel_dispose(struct channel *ch);

/* Offers a fresh page and port to domain backend. 0, or -1 with errno. Locks the slot. */
int channel_offer(struct channel *ch, uint32_t backend, bool aer);
/* Lets requests through. Locks the slot. */
void channel_open(struct channel *ch);
/* Stops requests; those that wait end with errno ENOTCONN. Locks the slot. */
void channel_stop(struct channel *ch);
/* channel_stop, and withdraws the offer. Locks the slot. */
void channel_close(struct channel *ch);
static inline bool channel_is_open(const struct channel *ch)
{
	return ch->live;
}

/*
 * Waits for the slot, for a call that has to end at the time `limit` (or NO_LIMIT). Returns 0
 * (channel_unlock gives it back), or -1 with errno ENOTCONN, ECANCELED or EAGAIN (too many wait, or
 * nobody gave it back in time).
 */
int channel_lock(struct channel *ch, uint64_t limit);
void channel_unlock(struct channel *ch);

/*
 * Slot locked: sends *op as it is and puts the whole slot back into it, within timeout_ms (from
 * when the slot was waited for, the first time) and the call's limit. Returns 0, or -1 with errno:
 * ETIMEDOUT, ENOTCONN, ECANCELED (poisoned from here on, where it was sent), EBUSY (still
 * poisoned), or what the notification failed with.
 */
int channel_exchange(struct channel *ch, struct xen_pci_op *op);

/*
 * Slot locked: op could not be sent any more, and is sent before the next request is. One at most.
 */
void channel_owe(struct channel *ch, const struct xen_pci_op *op);

/* channel_lock, channel_exchange, channel_unlock. */
int channel_request(struct channel *ch, struct xen_pci_op *op, uint64_t limit);

/*
 * Takes events in, where no request is in flight (the request takes them
 * then). Returns how long to wait before channel_unmask may be called, in
 * nanoseconds: 0 where the port is open again. A backend that kicks without a reason is heard
 * less and less often, once in a second at least.
 */
uint64_t channel_events(struct channel *ch);
void channel_unmask(struct channel *ch);

/* Whether an AER request stands in the page; the caller keeps channel_close away. */
static inline bool channel_aer_waits(const struct channel *ch)
{
	return ch->live && page_aer_requested(ch->offer.page);
}

#endif
