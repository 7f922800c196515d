/* SPDX-License-Identifier: MIT */
/* The request slot: deadlines, the poison of a late answer, turns, event storms. */
#include "tests/unit/front_fake.h"

#include <dlfcn.h>
#include <sched.h>

#include "frontend/answer.h"

#define SHORT_MS 10    /* for requests that nobody answers */
#define LONG_MS	 60000 /* for the others, however slow the machine */

static void answer_seven(struct xen_pci_op *op)
{
	op->err = 0;
	op->value = 7;
}

static void answer_devfn_value(struct xen_pci_op *op)
{
	op->err = 0;
	op->value++;
}

static struct xen_pci_op plain(uint32_t value)
{
	return (struct xen_pci_op){ .err = -99, .value = value, .size = 4 };
}

static void answers(void **state)
{
	struct xenpcifront *fe = fake_front();
	struct xen_pci_op op = plain(1);

	(void)state;
	fake.device = answer_seven;
	assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), 0);
	assert_int_equal(op.err, 0);
	assert_int_equal(op.value, 7);
	assert_int_equal(fake.kicks, 1);
	channel_close(&fe->channel);
	assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), -1);
	assert_int_equal(errno, ENOTCONN);
	xenpcifront_close(fe);
}

/* Asks a backend that does not answer in time, though its device would. */
static void ask_in_vain(struct xenpcifront *fe)
{
	struct xen_pci_op op = plain(1);

	fe->channel.timeout_ms = SHORT_MS;
	fake.device = answer_seven;
	fake.silent = true;
	assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), -1);
	assert_int_equal(errno, ETIMEDOUT);
}

/* The answer to a request that timed out must not be taken for the next one's. */
static void late_answer(void **state)
{
	struct xenpcifront *fe = fake_front();
	struct xen_pci_op op = plain(1);

	(void)state;
	ask_in_vain(fe);
	/* The request stays where it is: the flag is the backend's to clear. */
	assert_true(page_requested(fake.page));

	assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(fake.kicks, 1);

	fake_serve(); /* late */
	fake.silent = false;
	fe->channel.timeout_ms = LONG_MS;
	fake.device = answer_devfn_value;
	op = plain(40);
	assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), 0);
	assert_int_equal(op.value, 41);
	assert_int_equal(fake.kicks, 3); /* the lost one, the probe, this one */
	assert_false(fe->channel.poisoned);
	xenpcifront_close(fe);
}

/* A backend that cleared the flag but cannot answer a probe is not with us again. */
static void probe_fails(void **state)
{
	struct xenpcifront *fe = fake_front();
	struct xen_pci_op op = plain(1);

	(void)state;
	ask_in_vain(fe);
	fake_serve();
	fake.silent = false;
	fe->channel.timeout_ms = LONG_MS;
	fake.no_echo = true;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), -1);
		assert_int_equal(errno, EBUSY);
	}
	fake.no_echo = false;
	fake.forgetful = true; /* NetBSD's look-up failure leaves value and err: an echo, too */
	assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), 0);
	xenpcifront_close(fe);
}

/* A fresh offer knows nothing of the old page's troubles. */
static void reconnect_heals(void **state)
{
	struct xenpcifront *fe = fake_front();
	struct xen_pci_op op = plain(1);

	(void)state;
	ask_in_vain(fe);
	fake.silent = false;
	fe->channel.timeout_ms = LONG_MS;
	assert_int_equal(channel_offer(&fe->channel, 0, false), 0);
	assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), -1);
	assert_int_equal(errno, ENOTCONN); /* not before it is opened */
	channel_open(&fe->channel);
	assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), 0);
	xenpcifront_close(fe);
}

static void spinning_and_sleeping(void **state)
{
	static const uint32_t spins[] = { 0, 50, XENPCIFRONT_SPIN_ALWAYS };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(spins); i++) {
		struct xenpcifront *fe = fake_front();
		struct xen_pci_op op = plain(1);

		fe->channel.timeout_ms = LONG_MS;
		xenpcifront_set_spin(fe, spins[i]);
		fake.device = answer_seven;
		assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), 0);
		fe->channel.timeout_ms = SHORT_MS;
		fake.silent = true;
		assert_int_equal(channel_request(&fe->channel, &op, NO_LIMIT), -1);
		assert_int_equal(errno, ETIMEDOUT);
		xenpcifront_close(fe);
	}
}

static void *one_request(void *arg)
{
	struct xenpcifront *fe = arg;
	struct xen_pci_op op = plain(1);

	return channel_request(&fe->channel, &op, NO_LIMIT) ? (void *)(intptr_t)errno : NULL;
}

/* Nobody waits for ever, and not everybody waits. */
static void turns_are_bounded(void **state)
{
	struct xenpcifront *fe = fake_front();
	pthread_t waiter;
	void *result;

	(void)state;
	fake.device = answer_seven;
	fe->channel.timeout_ms = SHORT_MS;
	assert_int_equal(channel_lock(&fe->channel, NO_LIMIT), 0);
	assert_int_equal(pthread_create(&waiter, NULL, one_request, fe), 0);
	pthread_join(waiter, &result);
	assert_int_equal((intptr_t)result, EAGAIN);

	fe->channel.timeout_ms = 60000;
	fe->channel.waiters = CHANNEL_MAX_WAITERS;
	assert_int_equal(pthread_create(&waiter, NULL, one_request, fe), 0);
	pthread_join(waiter, &result);
	assert_int_equal((intptr_t)result, EAGAIN);
	fe->channel.waiters = 0;
	channel_unlock(&fe->channel);
	xenpcifront_close(fe);
}

static atomic_bool patient; /* who waits for the slot looks again only when told */
static atomic_bool asleep;

#ifndef __GLIBC__
/* musl has but the one that this test has in its place. */
static int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *lock, clockid_t clock,
				  const struct timespec *until)
{
	int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

	(void)clock;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	return real(cond, lock, until);
}
#endif

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until)
{
	asleep = true;
	return patient ? pthread_cond_wait(cond, lock)
		       : pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, until);
}

/* The slot is taken, and somebody waits for it. */
static struct xenpcifront *waited_for(pthread_t *waiter)
{
	struct xenpcifront *fe = fake_front();

	fake.device = answer_seven;
	fe->channel.timeout_ms = LONG_MS;
	asleep = false;
	assert_int_equal(channel_lock(&fe->channel, NO_LIMIT), 0);
	assert_int_equal(pthread_create(waiter, NULL, one_request, fe), 0);
	while (!asleep)
		sched_yield();
	return fe;
}

static void is_served(struct xenpcifront *fe, pthread_t waiter)
{
	struct timespec until;
	void *result;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LONG_MS / 1000 / 2;
	assert_int_equal(pthread_timedjoin_np(waiter, &result, &until), 0);
	assert_null(result);
	xenpcifront_close(fe);
}

static void waiter_is_told(void **state)
{
	pthread_t waiter;
	struct xenpcifront *fe;

	(void)state;
	patient = true;
	fe = waited_for(&waiter);
	channel_unlock(&fe->channel);
	is_served(fe, waiter);
	patient = false;
}

/* Who gives the slot back may not see who has just begun to wait. */
static void unseen_waiter(void **state)
{
	pthread_t waiter;
	struct xenpcifront *fe = waited_for(&waiter);

	(void)state;
	atomic_store(&fe->channel.slot, 0); /* free, and nobody was told */
	is_served(fe, waiter);
}

#define THREADS 8
#define ROUNDS	2000

struct client {
	pthread_t thread;
	struct xenpcifront *fe;
	uint32_t base;
	unsigned wrong;
};

static void *many_requests(void *arg)
{
	struct client *client = arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct xen_pci_op op = plain(client->base + i);

		if (channel_request(&client->fe->channel, &op, NO_LIMIT) ||
		    op.value != client->base + i + 1)
			client->wrong++;
	}
	return NULL;
}

static void each_thread_its_answer(void **state)
{
	struct xenpcifront *fe = fake_front();
	struct client clients[THREADS];

	(void)state;
	fake.device = answer_devfn_value;
	for (uint32_t i = 0; i < THREADS; i++) {
		clients[i] = (struct client){ .fe = fe, .base = i << 20 };
		assert_int_equal(pthread_create(&clients[i].thread, NULL, many_requests,
						&clients[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(clients[i].thread, NULL);
		assert_int_equal(clients[i].wrong, 0);
	}
	assert_int_equal(fake.kicks, THREADS * ROUNDS);
	xenpcifront_close(fe);
}

/* A backend that kicks for nothing is heard less and less often, but once a second. */
static void spurious_events(void **state)
{
	struct xenpcifront *fe = fake_front();
	uint64_t delay = 0, last = 0;
	unsigned free_ones = 0;

	(void)state;
	for (int i = 0; i < 64; i++) {
		fake.events = 1;
		delay = channel_events(&fe->channel);
		assert_true(delay >= last);
		last = delay;
		free_ones += !delay;
	}
	assert_in_range(free_ones, 1, 32);
	assert_int_equal(delay, 1000000000u);
	assert_true(fe->channel.masked);
	channel_unmask(&fe->channel);
	assert_false(fe->channel.masked);

	page_aer_post(fake.page, &(struct xen_pcie_aer_op){ 0 });
	fake.events = 1;
	assert_int_equal(channel_events(&fe->channel), 0);
	xenpcifront_close(fe);
}

static void judgements(void **state)
{
	static const struct {
		int32_t err;
		enum xenpcifront_error error;
		int e;
	} rows[] = {
		{ 0, XENPCIFRONT_SUCCESS, 0 },
		{ -1, XENPCIFRONT_DEV_NOT_FOUND, ENODEV },
		{ -2, XENPCIFRONT_INVALID_OFFSET, EINVAL },
		{ -3, XENPCIFRONT_ACCESS_DENIED, EACCES },
		{ -4, XENPCIFRONT_NOT_IMPLEMENTED, EOPNOTSUPP },
		{ -5, XENPCIFRONT_OP_FAILED, EIO },
		{ -6, XENPCIFRONT_OTHER_ERROR, EREMOTEIO },
		{ -22, XENPCIFRONT_OTHER_ERROR, EREMOTEIO },
		{ 0x83, XENPCIFRONT_OTHER_ERROR, EREMOTEIO },
		{ INT32_MIN, XENPCIFRONT_OTHER_ERROR, EREMOTEIO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xen_pci_op op = { .err = rows[i].err, .value = 3, .info = 4 };
		struct xenpcifront_answer answer;

		errno = 0;
		assert_int_equal(answer_judge(&op, &answer), rows[i].e ? -1 : 0);
		assert_int_equal(errno, rows[i].e);
		assert_int_equal(answer.error, rows[i].error);
		assert_int_equal(answer.err, rows[i].err);
		assert_int_equal(answer.value, 3);
		assert_int_equal(answer.info, 4);
		assert_non_null(xenpcifront_error_text(answer.error));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(late_answer),
		cmocka_unit_test(probe_fails),
		cmocka_unit_test(reconnect_heals),
		cmocka_unit_test(spinning_and_sleeping),
		cmocka_unit_test(turns_are_bounded),
		cmocka_unit_test(waiter_is_told),
		cmocka_unit_test(unseen_waiter),
		cmocka_unit_test(each_thread_its_answer),
		cmocka_unit_test(spurious_events),
		cmocka_unit_test(judgements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
