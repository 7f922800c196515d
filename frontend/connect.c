/* SPDX-License-Identifier: MIT */
/* The life of the connection: protocol/states.h is the table, this is what its actions do. */
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "frontend/front.h"
#include "frontend/states.h"
#include "protocol/nodes.h"

/* More steps than any chain of actions has; a backend that flaps is left for the next time. */
#define MAX_STEPS 32

#define STATE_BIT(name) (1u << XenbusState##name)
#define GONE_OR_CLOSED	(STATE_BIT(Unknown) | STATE_BIT(Closed))

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

/* Closes the channel and removes all devices: the event CLOSED. Lock held. */
static void closed(struct xenpcifront *fe, unsigned backend_state)
{
	forget_all(fe);
	fe->closed = true;
	fe->closed_told = false;
	fe->closed_state = backend_state;
}

int xenpcifront_connect(struct xenpcifront *fe)
{
	int rc = 0;

	pthread_mutex_lock(&fe->lock);
	if (fe->phase == PHASE_IDLE) {
		fe->closed = false;
		fe->connected_told = fe->enumerated_told = false;
		rc = states_watch(fe);
		if (!rc) {
			fe->phase = PHASE_CLEARING;
			front_wake(fe);
		}
	}
	pthread_mutex_unlock(&fe->lock);
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
	fe->phase = PHASE_RUNNING;
	return 1;
}

static int publish(struct xenpcifront *fe)
{
	const struct offer *offer = &fe->channel.offer;

	if (channel_offer(&fe->channel, fe->backend_id, fe->flags & XENPCIFRONT_AER)) {
		log_error(fe->lg, "cannot share a page and a port with domain %u: %s",
			  fe->backend_id, strerror(errno));
		return -1;
	}
	return states_publish(fe, offer->ref, offer->port);
}

static int scan(struct xenpcifront *fe)
{
	channel_open(&fe->channel);
	if (!devices_scan(fe)) {
		fe->enumerated = true;
		fe->enumerated_told = false;
		return 0;
	}
	log_error(fe->lg, "%s: the scan of the buses failed: %s", fe->backend, strerror(errno));
	/* The devices that are known stay usable, and the toolstack waits for us. */
	return fe->enumerated ? 0 : -1;
}

/* Does one action of the table. Returns 1 (look again), 0 (closed: nothing more), or -1. */
static int act(struct xenpcifront *fe, enum frontend_action action, struct states *st)
{
	unsigned state = frontend_action_state(action), peer = st->peer;

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
	if (fe->phase == PHASE_CLEARING)
		return clear(fe, st);
	if (st->own == XenbusStateUnknown && fe->channel.offer.page) {
		closed(fe, XenbusStateUnknown);
		return 0;
	}
	return act(fe, frontend_action(st->own, st->peer), st);
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

/* The states are read once: what a step changes it notes, and of what others do an event tells. */
static int follow(struct xenpcifront *fe)
{
	struct states st = { 0 };

	for (int i = 0; i < MAX_STEPS; i++) {
		int rc;

		if (fe->phase != PHASE_CLEARING && fe->phase != PHASE_RUNNING)
			return 0;
		rc = i ? 0 : states_read(fe, &st);
		if (!rc)
			rc = step(fe, &st);
		if (rc < 0 && errno == ENOENT)
			return 0; /* deleted under our hands: the watch comes */
		if (rc < 0) {
			give_up(fe);
			return -1;
		}
		if (!rc)
			return 0;
	}
	front_wake(fe);
	return 0;
}

static void unmask_later(struct xenpcifront *fe, uint64_t ns)
{
	struct itimerspec its = { .it_value = timespec_of(ns) };

	timerfd_settime(fe->timerfd, 0, &its, NULL);
}

static void take_events(struct xenpcifront *fe)
{
	uint64_t value, delay;

	if (read(fe->timerfd, &value, sizeof(value)) == (ssize_t)sizeof(value))
		channel_unmask(&fe->channel);
	delay = channel_events(&fe->channel);
	if (delay)
		unmask_later(fe, delay);
	states_drain(fe);
}

int xenpcifront_process(struct xenpcifront *fe)
{
	eventfd_t value;
	int rc, saved;

	pthread_mutex_lock(&fe->lock);
	eventfd_read(fe->wakefd, &value);
	take_events(fe);
	rc = follow(fe);
	saved = errno;
	aer_take(fe);
	pthread_mutex_unlock(&fe->lock);
	handlers_run(fe);
	return rc ? fail(saved) : 0;
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
		  fe->backend[0] ? fe->backend : NODE_FRONTEND_DIR, strerror(err),
		  pciif_state_name(st.peer), pciif_state_name(st.own), advice(st.own, st.peer));
}

/* Carries the connection on until it stands, closes, or the deadline passes. */
static int wait_enumerated(struct xenpcifront *fe, uint64_t deadline)
{
	for (;;) {
		struct pollfd pfd = { .fd = fe->epfd, .events = POLLIN };
		uint64_t now;
		bool done, closed;

		if (xenpcifront_process(fe))
			return -1;
		pthread_mutex_lock(&fe->lock);
		done = fe->enumerated;
		closed = fe->phase == PHASE_IDLE;
		pthread_mutex_unlock(&fe->lock);
		if (done)
			return 0;
		if (closed)
			return fail(ECONNREFUSED);
		now = now_ns();
		if (now >= deadline)
			return fail(ETIMEDOUT);
		poll(&pfd, 1, (int)((deadline - now) / NS_PER_MS) + 1);
	}
}

int xenpcifront_connect_wait(struct xenpcifront *fe, uint32_t timeout_ms)
{
	uint64_t deadline = now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	struct states st;
	int rc, err;

	pthread_mutex_lock(&fe->lock);
	rc = states_read(fe, &st);
	pthread_mutex_unlock(&fe->lock);
	if (rc)
		return -1;
	if (st.own == XenbusStateUnknown) {
		log_error(fe->lg, "this guest has no PCI device (no %s in its xenstore)",
			  NODE_FRONTEND_DIR);
		return fail(ENODEV);
	}
	if (xenpcifront_connect(fe))
		return -1;
	if (!wait_enumerated(fe, deadline))
		return 0;
	err = errno;
	log_failure(fe, err);
	pthread_mutex_lock(&fe->lock);
	give_up(fe);
	pthread_mutex_unlock(&fe->lock);
	return fail(err);
}

/* Closing, then Closed, each followed by the backend. */
static int leave(struct xenpcifront *fe)
{
	uint32_t ms = fe->channel.timeout_ms;
	int first;

	if (states_write(fe, XenbusStateClosing))
		return errno == ENOENT ? 0 : -1;
	first = states_wait(fe, GONE_OR_CLOSED | STATE_BIT(Closing), ms);
	if (states_write(fe, XenbusStateClosed))
		return errno == ENOENT ? 0 : -1;
	if (first)
		return -1;
	return states_wait(fe, GONE_OR_CLOSED, ms);
}

int xenpcifront_disconnect(struct xenpcifront *fe)
{
	int rc = 0;

	pthread_mutex_lock(&fe->lock);
	if (fe->phase != PHASE_IDLE && fe->channel.offer.page) {
		fe->phase = PHASE_LEAVING;
		channel_stop(&fe->channel);
		rc = leave(fe);
	}
	forget_all(fe);
	/* The caller's own doing is no news. */
	fe->n_devices = 0;
	fe->closed = false;
	pthread_mutex_unlock(&fe->lock);
	return rc;
}
