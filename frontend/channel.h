/* SPDX-License-Identifier: MIT */
/*
 * The request slot: one request at a time, each with a deadline, and what is
 * to be done when one passes. Nothing here logs.
 *
 * A request whose answer did not come in time is left in the page (clearing its flag would let
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

#include "frontend/xen.h"
#include "protocol/pciif.h"
#include "xenpci/xenpcifront.h"

#define CHANNEL_MAX_WAITERS 64

struct channel {
	atomic_uint slot;     /* free, taken */
	pthread_mutex_t lock; /* for those who wait, held for a moment only */
	pthread_cond_t turn;
	atomic_uint waiters;

	atomic_uint timeout_ms;
	atomic_uint spin_us;

	struct xen *xen;
	int wakefd; /* an eventfd: written where an AER request was seen beside an answer */

	/* Whoever has taken the slot. */
	struct offer offer;
	bool live; /* requests may be sent */
	bool poisoned;
	bool event_due;	   /* an answer was seen by polling: its event has no news */
	bool masked;	   /* an event was taken and not unmasked yet */
	unsigned spin_misses, spin_skip; /* polls in a row that were in vain; requests to go without */
	unsigned spurious; /* events in a row that had no reason */
};

/* 0, or -1 with errno. xen must outlive the channel; wakefd is the caller's to set. */
int channel_init(struct channel *ch, struct xen *xen);
void channel_dispose(struct channel *ch);

/* Offers a fresh page and port to domain backend. 0, or -1 with errno. Takes the slot. */
int channel_offer(struct channel *ch, uint32_t backend, bool aer);
/* Lets requests through. Takes the slot. */
void channel_open(struct channel *ch);
/* Stops requests, waiting for the one in flight. Takes the slot. */
void channel_stop(struct channel *ch);
/* channel_stop, and withdraws the offer. Takes the slot. */
void channel_close(struct channel *ch);
bool channel_is_open(struct channel *ch);

/*
 * Waits for the slot. Returns 0 (channel_give gives it back), or -1 with
 * errno ENOTCONN or EAGAIN (too many wait, or nobody gave it back in time).
 */
int channel_take(struct channel *ch);
void channel_give(struct channel *ch);

/*
 * Slot taken: sends *op as it is and puts the whole slot back into it. Returns
 * 0, or -1 with errno ETIMEDOUT (poisoned from here on), EBUSY (still poisoned),
 * or what the notification failed with.
 */
int channel_exchange(struct channel *ch, struct xen_pci_op *op);

/* channel_take, channel_exchange, channel_give. */
int channel_request(struct channel *ch, struct xen_pci_op *op);

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

/* Fills *answer (may be NULL) from op, and returns 0 or -1 with errno by op->err. */
int channel_judge(const struct xen_pci_op *op, struct xenpcifront_answer *answer);
/* *answer for a request that was never answered; returns -1, keeping errno. */
int channel_no_answer(struct xenpcifront_answer *answer);
/* *answer says success, but its value cannot be true: returns -1 with errno EPROTO. */
int channel_nonsense(struct xenpcifront_answer *answer);

#endif
