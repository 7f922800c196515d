/* SPDX-License-Identifier: MIT */
/* The life of the connection: protocol/states.h is the table, this is what its actions do. */
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "frontend/front.h"
#include "frontend/states.h"
#include "protocol/nodes.h"

/* More steps than any chain of actions has; a backend that flaps is left for the next time. */
#define MAX_STEPS 32

#define STATE_BIT(name) (1u << XenbusState##name)
#define GONE_OR_CLOSED	(STATE_BIT(Unknown) | STATE_BIT(Closed))

/* lock held, and life. */
static void forget_all(struct xenpcifront *fe)
{
	channel_close(&fe->channel);
	devices_remove_all(fe);
	fe->aer_waits = fe->aer_told = false;
	fe->enumerated = false;
	fe->complained = false;
	fe->phase = PHASE_IDLE;
	states_forget(fe);
}

/* Closes the channel and removes all devices: the event CLOSED. */
static void closed(struct xenpcifront *fe, unsigned backend_state)
{
	pthread_mutex_lock(&fe->lock);
	forget_all(fe);
	fe->closed = true;
	fe->closed_told = false;
	fe->closed_state = backend_state;
	pthread_mutex_unlock(&fe->lock);
}

static void set_phase(struct xenpcifront *fe, enum phase phase)
{
	pthread_mutex_lock(&fe->lock);
	fe->phase = phase;
	pthread_mutex_unlock(&fe->lock);
}

/* When a call that has to do with the connection ends. */
static uint64_t limit_after(uint64_t ms)
{
	return now_ns() + ms * NS_PER_MS;
}

static int begin(struct xenpcifront *fe)
{
	if (fe->phase != PHASE_IDLE)
		return 0;
	if (states_watch(fe))
		return -1;
	pthread_mutex_lock(&fe->lock);
	fe->closed = false;
	fe->connected_told = fe->enumerated_told = false;
	fe->phase = PHASE_CLEARING;
	pthread_mutex_unlock(&fe->lock);
	front_wake(fe);
	return 0;
}

int xenpcifront_connect(struct xenpcifront *fe)
{
	int rc, err = halt_reason(&fe->channel.halt);

	if (err)
		return fail(err);
	if (lock_until(&fe->life, limit_after(fe->channel.call_ms)))
		return -1;
	rc = begin(fe);
	pthread_mutex_unlock(&fe->life);
	return rc;
}

/* Writes our state. Returns 1 (look again, at what we know), or -1. */
static int moved(struct xenpcifront *fe, struct states *st, unsigned state)
{
	if (states_write(fe, state))
		return -1;
	st->own = state;
	return 1;
}

/* What an earlier life left: returns 1 where the table may be followed, 0 (wait), or -1. */
static int clear(struct xenpcifront *fe, struct states *st)
{
	if (st->own == XenbusStateUnknown || st->peer == XenbusStateUnknown)
		return 0;
	if (st->own == XenbusStateInitialising || st->own == XenbusStateInitWait)
		goto cleared;
	if (st->peer == XenbusStateClosing) {
		/* It waits for us to be through; only then it can start over. */
		return st->own == XenbusStateClosed ? 0 : states_write(fe, XenbusStateClosed);
	}
	if (moved(fe, st, XenbusStateInitialising) < 0)
		return -1;
cleared:
	set_phase(fe, PHASE_RUNNING);
	return 1;
}

static void withdraw(struct xenpcifront *fe)
{
	int saved = errno;

	pthread_mutex_lock(&fe->lock);
	channel_close(&fe->channel);
	pthread_mutex_unlock(&fe->lock);
	errno = saved;
}

static int publish(struct xenpcifront *fe)
{
	const struct offer *offer = &fe->channel.offer;
	int rc;

	/* The page is looked into under lock. */
	pthread_mutex_lock(&fe->lock);
	rc = channel_offer(&fe->channel, fe->backend_id, fe->flags & XENPCIFRONT_AER);
	pthread_mutex_unlock(&fe->lock);
	if (!rc) {
		rc = states_publish(fe, offer->ref, offer->port);
		/* Nobody has heard of it: whoever finds our directory anew offers another. */
		if (rc)
			withdraw(fe);
		return rc;
	}
	if (front_may_log(fe))
		log_error(fe->lg, "cannot share a page and a port with domain %u: %s",
			  fe->backend_id, strerror(errno));
	return -1;
}

static bool is_halted(struct xenpcifront *fe)
{
	return halt_reason(&fe->channel.halt) != 0;
}

/* 0, or -1 where the connection cannot go on. Who is told to leave has not failed. */
static int scan(struct xenpcifront *fe)
{
	bool keep;
	int err;

	channel_open(&fe->channel);
	if (!devices_scan(fe)) {
		pthread_mutex_lock(&fe->lock);
		fe->enumerated = true;
		fe->enumerated_told = false;
		pthread_mutex_unlock(&fe->lock);
		return 0;
	}
	if (is_halted(fe))
		return -1;
	/* The devices that are known stay usable, and the toolstack waits for us. */
	keep = fe->enumerated;
	err = errno;
	if (front_may_log(fe))
		log_error(fe->lg, "%s: the scan of the buses failed: %s", fe->backend,
			  strerror(err));
	return keep ? 0 : fail(err);
}

/* Does one action of the table. Returns 1 (look again), 0 (closed: nothing more), or -1. */
static int act(struct xenpcifront *fe, enum frontend_action action, struct states *st)
{
	unsigned state = frontend_action_state(action), peer = st->peer;

	if (front_may_log(fe))
		log_debug(fe->lg, "%s is %s: %s", fe->backend, pciif_state_name(peer),
			  frontend_action_text(action));
	switch (action) {
	case FRONTEND_PUBLISH:
		if (publish(fe))
			return -1;
		st->own = state;
		return 1;
	case FRONTEND_ENUMERATE:
	case FRONTEND_RESCAN:
		return scan(fe) ? -1 : moved(fe, st, state);
	case FRONTEND_SKIP:
		channel_open(&fe->channel);
		return moved(fe, st, state);
	case FRONTEND_DETACH:
		devices_detach(fe);
		return moved(fe, st, state);
	case FRONTEND_CLOSE:
		closed(fe, peer);
		return states_write(fe, state) ? -1 : 0;
	case FRONTEND_GONE:
		closed(fe, XenbusStateUnknown);
		return 0;
	case FRONTEND_NOTHING:
		break;
	}
	return 0;
}

static int step(struct xenpcifront *fe, struct states *st)
{
	enum frontend_action action;

	if (fe->phase == PHASE_CLEARING)
		return clear(fe, st);
	/*
	 * Our directory has gone, or was made anew under our page: the toolstack began again, as where the guest was
	 * saved and restored. Whoever had the page is gone.
	 */
	if (st->own < XenbusStateInitialised && fe->channel.offer.page) {
		closed(fe, XenbusStateUnknown);
		return 0;
	}
	action = frontend_action(st->own, st->peer);
	if (action == FRONTEND_NOTHING)
		return 0;
	/* A backend whose states change without end is followed so often and not oftener. */
	if (!ratelimit_allow(&fe->steps, now_ns())) {
		front_wake_later(fe, fe->steps.interval_ns);
		return 0;
	}
	return act(fe, action, st);
}

/* Gives up: the backend is told, the caller sees the event CLOSED. Keeps errno. */
static void give_up(struct xenpcifront *fe)
{
	int saved = errno;
	struct states st = { 0 };

	if (fe->phase == PHASE_IDLE)
		return;
	if (fe->channel.offer.page && !states_read(fe, &st) && st.own != XenbusStateUnknown)
		states_write(fe, XenbusStateClosed);
	closed(fe, st.peer);
	errno = saved;
}

/* One look at the states, and the step that they ask for. Returns 1 (look again), 0, or -1. */
static int look(struct xenpcifront *fe, struct states *st, bool first)
{
	if (fe->phase != PHASE_CLEARING && fe->phase != PHASE_RUNNING)
		return 0;
	if (first && states_read(fe, st))
		return -1;
	return step(fe, st);
}

/* The states are read once: what a step changes it notes, and of what others do an event tells. */
static int follow(struct xenpcifront *fe)
{
	struct states st = { 0 };

	for (int i = 0; i < MAX_STEPS; i++) {
		int rc = look(fe, &st, i == 0);

		if (!rc)
			return 0;
		if (rc > 0)
			continue;
		if (errno == ENOENT)
			return 0; /* deleted under our hands: the watch comes */
		/* Whoever closes, or the interrupted caller, does so in the protocol's order. */
		if (!is_halted(fe))
			give_up(fe);
		return -1;
	}
	front_wake(fe);
	return 0;
}

static void take_events(struct xenpcifront *fe)
{
	uint64_t value, delay;

	if (read(fe->timerfd, &value, sizeof(value)) == (ssize_t)sizeof(value))
		channel_unmask(&fe->channel);
	delay = channel_events(&fe->channel);
	if (delay)
		front_wake_later(fe, delay);
	states_drain(fe);
}

static int process(struct xenpcifront *fe, uint64_t limit)
{
	int rc, saved, err = halt_reason(&fe->channel.halt);
	eventfd_t value;

	if (err)
		return fail(err);
	if (lock_until(&fe->life, limit))
		return 0; /* another thread does what there is to do */
	fe->limit = limit;
	eventfd_read(fe->wakefd, &value);
	take_events(fe);
	rc = follow(fe);
	saved = errno;
	aer_take(fe);
	pthread_mutex_unlock(&fe->life);
	handlers_run(fe);
	return rc ? fail(saved) : 0;
}

int xenpcifront_process(struct xenpcifront *fe)
{
	return process(fe, limit_after(fe->channel.call_ms));
}

static const char *advice(unsigned own, unsigned peer)
{
	if (peer == XenbusStateUnknown || peer == XenbusStateInitialising)
		return "is a backend (xenpcid) running in the backend's domain?";
	if (peer >= XenbusStateConnected && own < XenbusStateInitialised)
		return "it does not start over for a frontend that closed (the kernel's cannot): "
		       "detach the devices and attach them again";
	return "see the backend's log and its error node";
}

static void log_failure(struct xenpcifront *fe, int err)
{
	struct states st;

	if (states_read(fe, &st))
		return;
	log_error(fe->lg, "%s: cannot connect: %s; the backend is %s, the frontend %s: %s",
		  fe->backend[0] ? fe->backend : fe->dir, strerror(err),
		  pciif_state_name(st.peer), pciif_state_name(st.own), advice(st.own, st.peer));
}

/* Carries the connection on until it stands, closes, or the deadline passes. */
static int wait_enumerated(struct xenpcifront *fe, uint64_t deadline)
{
	for (;;) {
		bool done, over, closed_there;

		if (process(fe, deadline))
			return -1;
		pthread_mutex_lock(&fe->lock);
		done = fe->enumerated;
		over = fe->phase == PHASE_IDLE;
		closed_there = fe->closed;
		pthread_mutex_unlock(&fe->lock);
		if (done)
			return 0;
		if (over)
			return fail(closed_there ? ECONNREFUSED : ECANCELED);
		if (now_ns() >= deadline)
			return fail(ETIMEDOUT);
		halt_wait(&fe->channel.halt, fe->epfd, deadline);
	}
}

/* Whether the guest has a frontend's directory at all. 0, or -1 with errno. */
static int look_for_device(struct xenpcifront *fe, uint64_t deadline)
{
	struct states st;
	int rc;

	if (lock_until(&fe->life, deadline))
		return -1;
	rc = states_read(fe, &st);
	pthread_mutex_unlock(&fe->life);
	if (rc)
		return -1;
	if (st.own != XenbusStateUnknown)
		return 0;
	log_error(fe->lg, "this guest has no PCI device (no %s in its xenstore)",
		  fe->dir);
	return fail(ENODEV);
}

int xenpcifront_connect_wait(struct xenpcifront *fe, uint32_t timeout_ms)
{
	uint64_t deadline = limit_after(timeout_ms);
	int err;

	if (look_for_device(fe, deadline) || xenpcifront_connect(fe))
		return -1;
	if (!wait_enumerated(fe, deadline))
		return 0;
	err = errno;
	pthread_mutex_lock(&fe->life);
	if (err != ECANCELED && err != ENOTCONN)
		log_failure(fe, err);
	give_up(fe);
	pthread_mutex_unlock(&fe->life);
	return fail(err);
}

/* Closing, then Closed, each followed by the backend. */
static int leave(struct xenpcifront *fe)
{
	int first, err;

	if (states_write(fe, XenbusStateClosing))
		return errno == ENOENT ? 0 : -1;
	first = states_wait(fe, GONE_OR_CLOSED | STATE_BIT(Closing));
	err = errno;
	if (states_write(fe, XenbusStateClosed))
		return errno == ENOENT ? 0 : -1;
	return first ? fail(err) : states_wait(fe, GONE_OR_CLOSED);
}

int xenpcifront_disconnect(struct xenpcifront *fe)
{
	struct halt *halt = &fe->channel.halt;
	int rc = 0;

	/* Whoever holds life through requests, or waits for an answer, leaves. */
	halt_begin(halt);
	pthread_mutex_lock(&fe->life);
	channel_stop(&fe->channel);
	halt_uninterrupt(halt);
	halt_end(halt);
	/* Two states are waited for, as two requests would be, within one time. */
	fe->limit = limit_after(2 * (uint64_t)fe->channel.timeout_ms);
	if (fe->phase != PHASE_IDLE && fe->channel.offer.page) {
		set_phase(fe, PHASE_LEAVING);
		rc = leave(fe);
	}
	pthread_mutex_lock(&fe->lock);
	forget_all(fe);
	/* The caller's own doing is no news. */
	fe->n_devices = 0;
	fe->closed = false;
	pthread_mutex_unlock(&fe->lock);
	pthread_mutex_unlock(&fe->life);
	front_wake(fe);
	return rc;
}
