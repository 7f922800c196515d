/* SPDX-License-Identifier: MIT */
#include "frontend/channel.h"

#include <sys/eventfd.h>
#include <sys/random.h>

#include "common/util.h"

#define NS_PER_US 1000u
/* Who waits for the slot looks at it again after this, told or not. */
#define SLOT_AGAIN_NS (10u * NS_PER_MS)
/* A backend that answers without kicking (it was restarted in between) is seen after this. */
#define LOOK_AGAIN_NS (100u * NS_PER_MS)
/* A clock is read once in so many looks at the flag. */
#define LOOKS_PER_CLOCK 64
#define MAX_SPIN_MISSES 6
#define FREE_SPURIOUS	16
/* How long a storm is not listened to while an answer is waited for. */
#define REST_NS		(10u * NS_PER_MS)
#define MAX_DELAY_NS	1000000000u

int channel_init(struct channel *ch, struct xen *xen)
{
	pthread_condattr_t attr;
	int err;

	ch->xen = xen;
	ch->wakefd = -1;
	if (halt_init(&ch->halt))
		return -1;
	ch->timeout_ms = XENPCIFRONT_TIMEOUT_MS;
	ch->call_ms = XENPCIFRONT_CALL_TIMEOUT_MS;
	ch->spin_us = XENPCIFRONT_SPIN_US;
	pthread_mutex_init(&ch->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	err = pthread_cond_init(&ch->turn, &attr);
	pthread_condattr_destroy(&attr);
	return err ? fail(err) : 0;
}

void channel_dispose(struct channel *ch)
{
	halt_dispose(&ch->halt);
	pthread_cond_destroy(&ch->turn);
	pthread_mutex_destroy(&ch->lock);
}

/*
 * The slot is a lock that is taken for a whole round trip; who has to wait sleeps on the
 * condition.
 */
enum { SLOT_FREE, SLOT_LOCKED };

static bool slot_grab(struct channel *ch)
{
	unsigned expected = SLOT_FREE;

	return atomic_compare_exchange_strong(&ch->slot, &expected, SLOT_LOCKED);
}

/* The lock held: until the slot was given back, perhaps, or a while has passed. */
static void slot_sleep(struct channel *ch, uint64_t now)
{
	struct timespec ts = timespec_of(now + SLOT_AGAIN_NS);

	pthread_cond_timedwait(&ch->turn, &ch->lock, &ts);
}

/*
 * Takes the slot, waiting for it until the time `until`. 0 or an errno. Whoever waits without a
 * limit closes the channel: nothing halts him, and those before him have been told to leave.
 */
static int slot_lock(struct channel *ch, uint64_t until)
{
	int err = 0;

	pthread_mutex_lock(&ch->lock);
	ch->waiters++;
	while (!err && !slot_grab(ch)) {
		uint64_t now = now_ns();

		if (until != NO_LIMIT)
			err = halt_reason(&ch->halt);
		if (!err && now >= until)
			err = EAGAIN;
		if (!err)
			slot_sleep(ch, now);
	}
	ch->waiters--;
	pthread_mutex_unlock(&ch->lock);
	return err;
}

/* 0, or an errno: EBUSY (taken), EAGAIN (taken, and too many wait for it). */
static int slot_trylock(struct channel *ch)
{
	if (slot_grab(ch))
		return 0;
	return ch->waiters < CHANNEL_MAX_WAITERS ? EBUSY : EAGAIN;
}

/*
 * No barrier stands between the two, so that who begins to wait at this moment may not be seen; he
 * looks again (SLOT_AGAIN_NS). Every request would pay for the barrier, some 5 ns.
 */
static void slot_unlock(struct channel *ch)
{
	atomic_store_explicit(&ch->slot, SLOT_FREE, memory_order_release);
	if (!atomic_load_explicit(&ch->waiters, memory_order_relaxed))
		return;
	pthread_mutex_lock(&ch->lock);
	pthread_cond_signal(&ch->turn);
	pthread_mutex_unlock(&ch->lock);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

/*
 * When the request in hand gives up: after timeout_ms, and never later than the whole call. An
 * answer that is there at the first looks costs no look at the clock: the time begins with the
 * first look that is needed.
 */
static uint64_t deadline_from(struct channel *ch, uint64_t now)
{
	if (!ch->deadline)
		ch->deadline = now + (uint64_t)ch->timeout_ms * NS_PER_MS;
	if (ch->deadline > ch->limit)
		ch->deadline = ch->limit;
	return ch->deadline;
}

int channel_offer(struct channel *ch, uint32_t backend, bool aer)
{
	int rc;

	slot_lock(ch, NO_LIMIT);
	xen_withdraw(ch->xen, &ch->offer);
	ch->live = false;
	ch->poisoned = false;
	ch->owes = false;
	ch->event_due = false;
	ch->aer_heard = false;
	ch->masked = false;
	ch->spurious = 0;
	rc = xen_offer(ch->xen, backend, aer, &ch->offer);
	slot_unlock(ch);
	return rc;
}

void channel_open(struct channel *ch)
{
	slot_lock(ch, NO_LIMIT);
	ch->live = ch->offer.page;
	slot_unlock(ch);
}

void channel_stop(struct channel *ch)
{
	halt_begin(&ch->halt);
	slot_lock(ch, NO_LIMIT);
	ch->live = false;
	slot_unlock(ch);
	halt_end(&ch->halt);
}

void channel_close(struct channel *ch)
{
	halt_begin(&ch->halt);
	slot_lock(ch, NO_LIMIT);
	ch->live = false;
	xen_withdraw(ch->xen, &ch->offer);
	slot_unlock(ch);
	halt_end(&ch->halt);
}

int channel_lock(struct channel *ch, uint64_t limit)
{
	uint64_t deadline = 0;
	int err = halt_reason(&ch->halt);

	if (err)
		return fail(err);
	err = slot_trylock(ch);
	if (err == EBUSY) {
		deadline = now_ns() + (uint64_t)ch->timeout_ms * NS_PER_MS;
		err = slot_lock(ch, deadline < limit ? deadline : limit);
	}
	if (err)
		return fail(err);
	if (!ch->live) {
		slot_unlock(ch);
		return fail(ENOTCONN);
	}
	ch->limit = limit;
	ch->deadline = deadline;
	return 0;
}

void channel_unlock(struct channel *ch)
{
	/* The request may have taken the event that was meant for the AER slot. */
	if (channel_aer_waits(ch))
		eventfd_write(ch->wakefd, 1);
	slot_unlock(ch);
}

/*
 * Looks for the answer for us microseconds, XENPCIFRONT_SPIN_ALWAYS: until the deadline. Returns
 * whether it came.
 */
static bool poll_flag(struct channel *ch, uint32_t us)
{
	uint64_t until = 0, now, deadline;

	do {
		for (int i = 0; i < LOOKS_PER_CLOCK; i++) {
			if (page_answered(ch->offer.page))
				return true;
			relax();
		}
		now = now_ns();
		deadline = deadline_from(ch, now);
		if (!until && us != XENPCIFRONT_SPIN_ALWAYS)
			until = now + us * (uint64_t)NS_PER_US;
		if (!until || until > deadline)
			until = deadline;
	} while (now < until && !halt_reason(&ch->halt));
	return page_answered(ch->offer.page);
}

/*
 * Polling pays only where the backend runs at the same time. Where it did not pay, it is
 * left out for the next 2, 4 ... 64 requests.
 */
static bool spin(struct channel *ch)
{
	uint32_t us = ch->spin_us;

	if (us == XENPCIFRONT_SPIN_ALWAYS)
		return poll_flag(ch, us);
	if (!us || ch->spin_skip) {
		ch->spin_skip -= ch->spin_skip > 0;
		return page_answered(ch->offer.page);
	}
	if (poll_flag(ch, us)) {
		ch->spin_misses = 0;
		return true;
	}
	if (ch->spin_misses < MAX_SPIN_MISSES)
		ch->spin_misses++;
	ch->spin_skip = 1u << ch->spin_misses;
	return false;
}

static void unmask(struct channel *ch)
{
	if (ch->masked && !xen_unmask(ch->xen, ch->offer.port))
		ch->masked = false;
}

/* A backend that kicks on and on without an answer is not listened to for a while. */
static void rest(struct channel *ch)
{
	halt_wait(&ch->halt, -1, now_ns() + REST_NS);
}

static int wait_answer(struct channel *ch)
{
	unsigned kicks = 0;

	if (spin(ch)) {
		ch->event_due = true;
		return 0;
	}
	for (;;) {
		uint64_t now, deadline, ns;
		int err;

		if (kicks > FREE_SPURIOUS)
			rest(ch);
		/* Open before the look: who answers after it can be heard. */
		unmask(ch);
		if (page_answered(ch->offer.page))
			return 0;
		now = now_ns();
		deadline = deadline_from(ch, now);
		err = halt_reason(&ch->halt);
		if (!err && now >= deadline)
			err = ETIMEDOUT;
		if (err)
			return fail(err);
		ns = deadline - now;
		if (ns > LOOK_AGAIN_NS)
			ns = LOOK_AGAIN_NS;
		if (xen_wait(ch->xen, ch->offer.port, ns, ch->halt.fd) > 0) {
			ch->masked = true;
			kicks++;
		}
	}
}

static int send_op(struct channel *ch, struct xen_pci_op *op)
{
	bool head = op->cmd == XEN_PCI_OP_conf_read || op->cmd == XEN_PCI_OP_conf_write;

	(head ? page_post_head : page_post)(ch->offer.page, op);
	if (xen_notify(ch->xen, ch->offer.port) || wait_answer(ch)) {
		ch->poisoned = true;
		ch->event_due = true; /* of the late answer */
		return -1;
	}
	(head ? page_collect_head : page_collect)(ch->offer.page, op);
	return 0;
}

/* The errno of somebody who could not send because of an earlier request's fate. */
static int still_busy(void)
{
	return errno == ETIMEDOUT ? fail(EBUSY) : -1;
}

/* Waits for the late answer, then has the backend show that it is with us again. */
static int heal(struct channel *ch)
{
	struct xen_pci_op probe = {
		.cmd = XEN_PCI_OP_conf_read,
		.err = XEN_PCI_ERR_dev_not_found,
		.domain = UINT32_MAX,
		.bus = UINT32_MAX,
		.devfn = UINT32_MAX,
		.size = 4,
	};
	uint32_t nonce = 0;

	if (wait_answer(ch))
		return still_busy();
	if (getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce))
		nonce = (uint32_t)now_ns();
	probe.value = nonce;
	if (send_op(ch, &probe))
		return still_busy();
	if (!probe.err || probe.value != nonce)
		return fail(EBUSY);
	ch->poisoned = false;
	return 0;
}

void channel_owe(struct channel *ch, const struct xen_pci_op *op)
{
	ch->debt = *op;
	ch->owes = true;
}

/* Whatever the answer: it was said. */
static int pay(struct channel *ch)
{
	struct xen_pci_op op = ch->debt;

	if (send_op(ch, &op))
		return still_busy();
	ch->owes = false;
	return 0;
}

int channel_exchange(struct channel *ch, struct xen_pci_op *op)
{
	int rc = -1;

	/* Answers that come at the first look cost no time that somebody measures. */
	if (ch->limit != NO_LIMIT && now_ns() >= ch->limit)
		return fail(ETIMEDOUT);
	if (ch->poisoned && heal(ch))
		goto out;
	if (ch->owes && pay(ch))
		goto out;
	rc = send_op(ch, op);
out:
	ch->deadline = 0;
	return rc;
}

int channel_request(struct channel *ch, struct xen_pci_op *op, uint64_t limit)
{
	int rc;

	if (channel_lock(ch, limit))
		return -1;
	rc = channel_exchange(ch, op);
	channel_unlock(ch);
	return rc;
}

/* An event's reason: an answer that was seen already, or an AER request that was not. */
static bool event_has_reason(struct channel *ch)
{
	bool waits = channel_aer_waits(ch), news = waits && !ch->aer_heard, due = ch->event_due;

	ch->aer_heard = waits;
	ch->event_due = false;
	return news || due;
}

uint64_t channel_events(struct channel *ch)
{
	uint64_t delay = 0;

	if (slot_trylock(ch))
		return 0;
	if (!ch->offer.page || xen_pending(ch->xen, ch->offer.port) <= 0)
		goto out;
	ch->masked = true;
	if (event_has_reason(ch))
		ch->spurious = 0;
	else if (++ch->spurious > FREE_SPURIOUS)
		delay = (uint64_t)NS_PER_MS << (ch->spurious - FREE_SPURIOUS < 10
							? ch->spurious - FREE_SPURIOUS : 10);
	if (delay > MAX_DELAY_NS)
		delay = MAX_DELAY_NS;
	if (!delay && !xen_unmask(ch->xen, ch->offer.port))
		ch->masked = false;
out:
	slot_unlock(ch);
	return delay;
}

void channel_unmask(struct channel *ch)
{
	if (slot_trylock(ch))
		return;
	if (ch->offer.page)
		unmask(ch);
	slot_unlock(ch);
}
