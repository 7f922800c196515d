/* SPDX-License-Identifier: MIT */
#include "frontend/channel.h"

#include <sys/eventfd.h>
#include <sys/random.h>

#include "common/util.h"

#define NS_PER_US 1000u
#define NS_PER_MS 1000000u
/* Who waits for the slot looks at it again after this, told or not. */
#define SLOT_AGAIN_NS (10u * NS_PER_MS)
/* A backend that answers without kicking (it was restarted in between) is seen after this. */
#define LOOK_AGAIN_NS (100u * NS_PER_MS)
/* A clock is read once in so many looks at the flag. */
#define LOOKS_PER_CLOCK 64
#define MAX_SPIN_MISSES 6
#define FREE_SPURIOUS	16
#define MAX_DELAY_NS	1000000000u

int channel_init(struct channel *ch, struct xen *xen)
{
	pthread_condattr_t attr;
	int err;

	ch->xen = xen;
	ch->wakefd = -1;
	ch->timeout_ms = XENPCIFRONT_TIMEOUT_MS;
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
	pthread_cond_destroy(&ch->turn);
	pthread_mutex_destroy(&ch->lock);
}

/* The slot is a lock that is taken for a whole round trip; who has to wait sleeps on the condition. */
enum { SLOT_FREE, SLOT_TAKEN };

static bool slot_grab(struct channel *ch)
{
	unsigned expected = SLOT_FREE;

	return atomic_compare_exchange_strong(&ch->slot, &expected, SLOT_TAKEN);
}

/* The lock held: until the slot was given back, perhaps, or a while has passed. */
static void slot_sleep(struct channel *ch, uint64_t now)
{
	struct timespec ts = timespec_of(now + SLOT_AGAIN_NS);

	pthread_cond_timedwait(&ch->turn, &ch->lock, &ts);
}

/* Takes the slot, waiting for it until the time `until`. 0 or an errno. */
static int slot_take(struct channel *ch, uint64_t until)
{
	int err = 0;

	pthread_mutex_lock(&ch->lock);
	ch->waiters++;
	while (!err && !slot_grab(ch)) {
		uint64_t now = now_ns();

		if (now < until)
			slot_sleep(ch, now);
		else
			err = ETIMEDOUT;
	}
	ch->waiters--;
	pthread_mutex_unlock(&ch->lock);
	return err;
}

/* 0, or an errno: EBUSY (taken), EAGAIN (taken, and too many wait for it). */
static int slot_try(struct channel *ch)
{
	if (slot_grab(ch))
		return 0;
	return ch->waiters < CHANNEL_MAX_WAITERS ? EBUSY : EAGAIN;
}

/*
 * No barrier stands between the two, so that who begins to wait at this moment may not be seen; he
 * looks again (SLOT_AGAIN_NS). Every request would pay for the barrier, some 5 ns.
 */
static void slot_give(struct channel *ch)
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
 * When a request gives up. An answer that is there at the first looks costs no look at the clock:
 * the time begins with the first that is needed.
 */
static uint64_t deadline_from(struct channel *ch, uint64_t *deadline, uint64_t now)
{
	if (!*deadline)
		*deadline = now + (uint64_t)ch->timeout_ms * NS_PER_MS;
	return *deadline;
}

int channel_offer(struct channel *ch, uint32_t backend, bool aer)
{
	int rc;

	slot_take(ch, UINT64_MAX);
	xen_withdraw(ch->xen, &ch->offer);
	ch->live = false;
	ch->poisoned = false;
	ch->event_due = false;
	ch->masked = false;
	ch->spurious = 0;
	rc = xen_offer(ch->xen, backend, aer, &ch->offer);
	slot_give(ch);
	return rc;
}

void channel_open(struct channel *ch)
{
	slot_take(ch, UINT64_MAX);
	ch->live = ch->offer.page;
	slot_give(ch);
}

void channel_stop(struct channel *ch)
{
	slot_take(ch, UINT64_MAX);
	ch->live = false;
	slot_give(ch);
}

void channel_close(struct channel *ch)
{
	slot_take(ch, UINT64_MAX);
	ch->live = false;
	xen_withdraw(ch->xen, &ch->offer);
	slot_give(ch);
}

bool channel_is_open(struct channel *ch)
{
	bool live;

	slot_take(ch, UINT64_MAX);
	live = ch->live;
	slot_give(ch);
	return live;
}

int channel_take(struct channel *ch)
{
	int err = slot_try(ch);

	if (err == EBUSY)
		err = slot_take(ch, now_ns() + (uint64_t)ch->timeout_ms * NS_PER_MS);
	if (err)
		return fail(EAGAIN);
	if (!ch->live) {
		slot_give(ch);
		return fail(ENOTCONN);
	}
	return 0;
}

void channel_give(struct channel *ch)
{
	/* The request may have taken the event that was meant for the AER slot. */
	if (channel_aer_waits(ch))
		eventfd_write(ch->wakefd, 1);
	slot_give(ch);
}

/*
 * Looks for the answer for us microseconds, XENPCIFRONT_SPIN_ALWAYS: until the deadline. Returns
 * whether it came.
 */
static bool poll_flag(struct channel *ch, uint32_t us, uint64_t *deadline)
{
	uint64_t until = 0, now;

	do {
		for (int i = 0; i < LOOKS_PER_CLOCK; i++) {
			if (page_answered(ch->offer.page))
				return true;
			relax();
		}
		now = now_ns();
		deadline_from(ch, deadline, now);
		if (!until && us != XENPCIFRONT_SPIN_ALWAYS)
			until = now + us * (uint64_t)NS_PER_US;
		if (!until || until > *deadline)
			until = *deadline;
	} while (now < until);
	return page_answered(ch->offer.page);
}

/*
 * Polling pays only where the backend runs at the same time. Where it did not pay, it is
 * left out for the next 2, 4 ... 64 requests.
 */
static bool spin(struct channel *ch, uint64_t *deadline)
{
	uint32_t us = ch->spin_us;

	if (us == XENPCIFRONT_SPIN_ALWAYS)
		return poll_flag(ch, us, deadline);
	if (!us || ch->spin_skip) {
		ch->spin_skip -= ch->spin_skip > 0;
		return page_answered(ch->offer.page);
	}
	if (poll_flag(ch, us, deadline)) {
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

static int wait_answer(struct channel *ch, uint64_t *deadline)
{
	if (spin(ch, deadline)) {
		ch->event_due = true;
		return 0;
	}
	for (;;) {
		uint64_t now, ns;

		/* Open before the look: who answers after it can be heard. */
		unmask(ch);
		if (page_answered(ch->offer.page))
			return 0;
		now = now_ns();
		if (now >= deadline_from(ch, deadline, now))
			return fail(ETIMEDOUT);
		ns = *deadline - now;
		if (xen_wait(ch->xen, ch->offer.port, ns < LOOK_AGAIN_NS ? ns : LOOK_AGAIN_NS) > 0)
			ch->masked = true;
	}
}

static int send_op(struct channel *ch, struct xen_pci_op *op, uint64_t *deadline)
{
	bool head = op->cmd == XEN_PCI_OP_conf_read || op->cmd == XEN_PCI_OP_conf_write;

	(head ? page_post_head : page_post)(ch->offer.page, op);
	if (xen_notify(ch->xen, ch->offer.port) || wait_answer(ch, deadline)) {
		ch->poisoned = true;
		return -1;
	}
	(head ? page_collect_head : page_collect)(ch->offer.page, op);
	return 0;
}

/* Waits for the late answer, then has the backend show that it is with us again. */
static int heal(struct channel *ch, uint64_t *deadline)
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

	if (wait_answer(ch, deadline))
		return fail(EBUSY);
	if (getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce))
		nonce = (uint32_t)now_ns();
	probe.value = nonce;
	if (send_op(ch, &probe, deadline) || !probe.err || probe.value != nonce)
		return fail(EBUSY);
	ch->poisoned = false;
	return 0;
}

int channel_exchange(struct channel *ch, struct xen_pci_op *op)
{
	uint64_t deadline = 0;

	if (ch->poisoned && heal(ch, &deadline))
		return -1;
	return send_op(ch, op, &deadline);
}

int channel_request(struct channel *ch, struct xen_pci_op *op)
{
	int rc;

	if (channel_take(ch))
		return -1;
	rc = channel_exchange(ch, op);
	channel_give(ch);
	return rc;
}

uint64_t channel_events(struct channel *ch)
{
	uint64_t delay = 0;

	if (slot_try(ch))
		return 0;
	if (!ch->offer.page || xen_pending(ch->xen, ch->offer.port) <= 0)
		goto out;
	ch->masked = true;
	if (ch->event_due || channel_aer_waits(ch) || ch->poisoned)
		ch->spurious = 0;
	else if (++ch->spurious > FREE_SPURIOUS)
		delay = (uint64_t)NS_PER_MS << (ch->spurious - FREE_SPURIOUS < 10
							? ch->spurious - FREE_SPURIOUS : 10);
	ch->event_due = false;
	if (delay > MAX_DELAY_NS)
		delay = MAX_DELAY_NS;
	if (!delay && !xen_unmask(ch->xen, ch->offer.port))
		ch->masked = false;
out:
	slot_give(ch);
	return delay;
}

void channel_unmask(struct channel *ch)
{
	if (slot_try(ch))
		return;
	if (ch->offer.page)
		unmask(ch);
	slot_give(ch);
}

/* X(number in the page, our error, errno) */
#define JUDGEMENTS(X)                                                               \
	X(XEN_PCI_ERR_success, XENPCIFRONT_SUCCESS, 0)                              \
	X(XEN_PCI_ERR_dev_not_found, XENPCIFRONT_DEV_NOT_FOUND, ENODEV)             \
	X(XEN_PCI_ERR_invalid_offset, XENPCIFRONT_INVALID_OFFSET, EINVAL)           \
	X(XEN_PCI_ERR_access_denied, XENPCIFRONT_ACCESS_DENIED, EACCES)             \
	X(XEN_PCI_ERR_not_implemented, XENPCIFRONT_NOT_IMPLEMENTED, EOPNOTSUPP)     \
	X(XEN_PCI_ERR_op_failed, XENPCIFRONT_OP_FAILED, EIO)

#define JUDGEMENT_ROW(nr, error, e) { (nr), (error), (e) },
static const struct {
	int32_t err;
	enum xenpcifront_error error;
	int e;
} judgements[] = { JUDGEMENTS(JUDGEMENT_ROW) };

int channel_judge(const struct xen_pci_op *op, struct xenpcifront_answer *answer)
{
	enum xenpcifront_error error = XENPCIFRONT_OTHER_ERROR;
	int e = EREMOTEIO;

	if (op->err == XEN_PCI_ERR_success && !answer)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(judgements); i++) {
		if (judgements[i].err == op->err) {
			error = judgements[i].error;
			e = judgements[i].e;
		}
	}
	if (answer)
		*answer = (struct xenpcifront_answer){ error, op->err, op->value, op->info };
	return e ? fail(e) : 0;
}

int channel_no_answer(struct xenpcifront_answer *answer)
{
	if (answer)
		*answer = (struct xenpcifront_answer){ .error = XENPCIFRONT_NO_ANSWER };
	return -1;
}

int channel_nonsense(struct xenpcifront_answer *answer)
{
	if (answer)
		answer->error = XENPCIFRONT_NONSENSE;
	return fail(EPROTO);
}
