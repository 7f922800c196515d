/* SPDX-License-Identifier: MIT */
#include "frontend/channel.h"

#include <sys/eventfd.h>
#include <sys/random.h>

#include "common/util.h"

#define NS_PER_US 1000u
#define NS_PER_MS 1000000u
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

/* Takes the slot, waiting for it until the time `until` (NULL: for ever). 0 or an errno. */
static int slot_take(struct channel *ch, const struct timespec *until)
{
	int err = 0;

	pthread_mutex_lock(&ch->lock);
	ch->waiters++;
	while (ch->taken && !err)
		err = until ? pthread_cond_timedwait(&ch->turn, &ch->lock, until)
			    : pthread_cond_wait(&ch->turn, &ch->lock);
	ch->waiters--;
	if (!ch->taken)
		err = 0;
	if (!err)
		ch->taken = true;
	pthread_mutex_unlock(&ch->lock);
	return err;
}

static bool slot_try(struct channel *ch)
{
	bool free_now;

	pthread_mutex_lock(&ch->lock);
	free_now = !ch->taken;
	ch->taken = true;
	pthread_mutex_unlock(&ch->lock);
	return free_now;
}

static bool slot_crowded(struct channel *ch)
{
	bool crowded;

	pthread_mutex_lock(&ch->lock);
	crowded = ch->waiters >= CHANNEL_MAX_WAITERS;
	pthread_mutex_unlock(&ch->lock);
	return crowded;
}

static void slot_give(struct channel *ch)
{
	pthread_mutex_lock(&ch->lock);
	ch->taken = false;
	if (ch->waiters)
		pthread_cond_signal(&ch->turn);
	pthread_mutex_unlock(&ch->lock);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static uint64_t deadline_in(struct channel *ch)
{
	return now_ns() + (uint64_t)ch->timeout_ms * NS_PER_MS;
}

int channel_offer(struct channel *ch, uint32_t backend, bool aer)
{
	int rc;

	slot_take(ch, NULL);
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
	slot_take(ch, NULL);
	ch->live = ch->offer.page;
	slot_give(ch);
}

void channel_stop(struct channel *ch)
{
	slot_take(ch, NULL);
	ch->live = false;
	slot_give(ch);
}

void channel_close(struct channel *ch)
{
	slot_take(ch, NULL);
	ch->live = false;
	xen_withdraw(ch->xen, &ch->offer);
	slot_give(ch);
}

bool channel_is_open(struct channel *ch)
{
	bool live;

	slot_take(ch, NULL);
	live = ch->live;
	slot_give(ch);
	return live;
}

int channel_take(struct channel *ch)
{
	uint64_t until = deadline_in(ch);
	struct timespec ts = { .tv_sec = (time_t)(until / 1000000000),
			       .tv_nsec = (long)(until % 1000000000) };

	if (slot_crowded(ch) || slot_take(ch, &ts))
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

/* Polls the flag until `until`. Returns whether the answer came. */
static bool poll_flag(struct channel *ch, uint64_t until)
{
	do {
		for (int i = 0; i < LOOKS_PER_CLOCK; i++) {
			if (page_answered(ch->offer.page))
				return true;
			relax();
		}
	} while (now_ns() < until);
	return page_answered(ch->offer.page);
}

/*
 * Polling pays only where the backend runs at the same time. Where it did not pay, it is
 * left out for the next 2, 4 ... 64 requests.
 */
static bool spin(struct channel *ch, uint64_t deadline)
{
	uint32_t us = ch->spin_us;
	uint64_t until;

	if (us == XENPCIFRONT_SPIN_ALWAYS)
		return poll_flag(ch, deadline);
	if (!us || ch->spin_skip) {
		ch->spin_skip -= ch->spin_skip > 0;
		return page_answered(ch->offer.page);
	}
	until = now_ns() + us * (uint64_t)NS_PER_US;
	if (poll_flag(ch, until < deadline ? until : deadline)) {
		ch->spin_misses = 0;
		return true;
	}
	if (ch->spin_misses < MAX_SPIN_MISSES)
		ch->spin_misses++;
	ch->spin_skip = 1u << ch->spin_misses;
	return false;
}

/* Takes the event and opens the port again, so that the next look at the flag is not too early. */
static void hear(struct channel *ch)
{
	if (xen_pending(ch->xen, ch->offer.port) > 0)
		ch->masked = true;
	if (ch->masked && !xen_unmask(ch->xen, ch->offer.port))
		ch->masked = false;
}

static int wait_answer(struct channel *ch, uint64_t deadline)
{
	if (spin(ch, deadline)) {
		ch->event_due = true;
		return 0;
	}
	for (;;) {
		uint64_t now, ns;

		hear(ch);
		if (page_answered(ch->offer.page))
			return 0;
		now = now_ns();
		if (now >= deadline)
			return fail(ETIMEDOUT);
		ns = deadline - now;
		xen_wait(ch->xen, ns < LOOK_AGAIN_NS ? ns : LOOK_AGAIN_NS);
	}
}

static int send_op(struct channel *ch, struct xen_pci_op *op, uint64_t deadline)
{
	page_post(ch->offer.page, op);
	if (xen_notify(ch->xen, ch->offer.port) || wait_answer(ch, deadline)) {
		ch->poisoned = true;
		return -1;
	}
	page_collect(ch->offer.page, op);
	return 0;
}

/* Waits for the late answer, then has the backend show that it is with us again. */
static int heal(struct channel *ch, uint64_t deadline)
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
	uint64_t deadline = deadline_in(ch);

	if (ch->poisoned && heal(ch, deadline))
		return -1;
	return send_op(ch, op, deadline);
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

	if (!slot_try(ch))
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
	if (!slot_try(ch))
		return;
	if (ch->offer.page && ch->masked && !xen_unmask(ch->xen, ch->offer.port))
		ch->masked = false;
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
