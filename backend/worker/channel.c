/* SPDX-License-Identifier: MIT */
/*
 * The channel to the guest: its page, mapped, and its event channel, bound. The port stays masked
 * from an event until its work is done, and only then is the event taken; events with nothing to do
 * are answered ever more slowly (XSA-332).
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/worker/worker.h"
#include "common/util.h"

/* The first spurious event is free; then 1, 2, 4 ... ms, up to a second. */
/* Refused writes that are told of: somewhat below what a talk prints (common/talk.c), so none is lost. */
#define DENIALS_BURST 24
#define DENIALS_INTERVAL_NS 1200000000u
#define UNTOLD_MS 500 /* until one that waits is tried again */
#define SPURIOUS_FREE 1
#define SPURIOUS_FIRST_NS 1000000u
#define SPURIOUS_MAX_NS 1000000000u
/* Looks at the page between two looks at the clock; requests between two looks at the supervisor. */
#define LOOKS_PER_CLOCK 32
#define TURNS_PER_ORDER 64

int channel_open(struct worker *w, const char **what)
{
	xenevtchn_port_or_error_t port;
	int flags;

	w->page = xengnttab_map_grant_ref(w->gnttab, w->setup.domid, w->setup.ref,
					  PROT_READ | PROT_WRITE);
	*what = "map";
	if (!w->page)
		return -1;
	xengnttab_close(w->gnttab);
	w->gnttab = NULL;
	/* From here on this handle is of use for that one domain. A kernel that cannot: as before. */
	*what = "restrict";
	if (xenevtchn_restrict(w->evtchn, (domid_t)w->setup.domid) && errno != ENOTTY &&
	    errno != EOPNOTSUPP)
		return -1;
	*what = "bind";
	port = xenevtchn_bind_interdomain(w->evtchn, w->setup.domid, w->setup.port);
	if (port < 0)
		return -1;
	w->port = (evtchn_port_t)port;
	flags = fcntl(xenevtchn_fd(w->evtchn), F_GETFL);
	if (flags < 0 || fcntl(xenevtchn_fd(w->evtchn), F_SETFL, flags | O_NONBLOCK))
		return -1;
	/*
	 * The one before us may have been killed behind an answer and before its kick, or with a step of
	 * error recovery in flight, whose verdict nobody waits for any more.
	 */
	if (w->setup.resumed) {
		xenevtchn_notify(w->evtchn, w->port);
		if (page_flag(w->page, XEN_PCIB_active))
			page_aer_withdraw(w->page);
	}
	w->first = w->setup.resumed && page_requested(w->page) && !atomic_load(&w->ledger->answered) &&
		   !atomic_load(&w->ledger->in_vain);
	w->paused = true; /* until it is told of the guest's devices */
	return 0;
}

static void unmask(struct worker *w)
{
	w->masked = false;
	w->unmask_ns = 0;
	/* We would never hear of the guest again; whoever takes our place binds the port anew. */
	if (xenevtchn_unmask(w->evtchn, w->port))
		_exit(1);
}

/*
 * The event's work is done, if there was any. An event may also belong to a request that was found
 * by looking, before its event was taken: so many as were served are genuine.
 */
static void let_go(struct worker *w, bool served)
{
	uint64_t delay;

	w->served |= served;
	if (w->event && xenevtchn_pending(w->evtchn) >= 0)
		w->masked = true;
	w->event = false;
	if (!w->masked)
		return;
	w->spurious = w->served ? 0 : w->spurious + 1;
	w->served = false;
	if (w->spurious <= SPURIOUS_FREE) {
		unmask(w);
		return;
	}
	delay = w->spurious - SPURIOUS_FREE > 10
			? SPURIOUS_MAX_NS
			: (uint64_t)SPURIOUS_FIRST_NS << (w->spurious - SPURIOUS_FREE - 1);
	w->unmask_ns = boot_ns() + delay;
}

static bool look_at_aer(struct worker *w)
{
	struct xen_pcie_aer_op op;
	struct message m;

	if (!w->aer_waiting || page_flag(w->page, XEN_PCIB_active))
		return false;
	page_aer_collect(w->page, &op);
	w->aer_waiting = false;
	message_init(&m, MESSAGE_AER_ANSWER, 0);
	m.u.aer.cmd = op.cmd;
	m.u.aer.err = op.err;
	tell_supervisor(w, &m, -1);
	return true;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

/* Looks at the page for up to ns. Whether a request came. */
static bool look(struct worker *w, uint64_t ns)
{
	uint64_t begin = w->now_ns;

	do {
		for (unsigned i = 0; i < LOOKS_PER_CLOCK; i++) {
			if (page_requested(w->page)) {
				look_at_clock(w);
				poller_found(&w->poller, w->now_ns - begin);
				return true;
			}
			relax();
		}
		look_at_clock(w);
		if (poller_is_due(&w->poller, w->now_ns)) {
			/* Nobody gains by looking in vain where somebody else could run. */
			if (!w->poller.found) {
				sched_yield();
				look_at_clock(w);
			}
			if (poller_gives_way(&w->poller, w->now_ns))
				return false;
		}
	} while (w->now_ns - begin < ns);
	poller_missed(&w->poller, w->now_ns - begin);
	return false;
}

static bool orders_wait(struct worker *w)
{
	struct pollfd p = { .fd = w->supervisor, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* Requests, until none comes. Whether there was one, or an answer of the guest's. */
static bool turn(struct worker *w)
{
	bool served = false, hot = false;
	unsigned turns = 0;
	uint64_t ns;

	while (serve_request(w)) {
		served = true;
		w->ledger->polled += hot;
		atomic_fetch_add_explicit(&w->ledger->progress, 1, memory_order_relaxed);
		served |= look_at_aer(w);
		if (++turns % TURNS_PER_ORDER == 0) {
			/* Who took the processor took it from the streak, whose looks are short. */
			if (hot && !w->gave_way && poller_is_due(&w->poller, w->now_ns))
				poller_gives_way(&w->poller, w->now_ns);
			if (orders_wait(w)) {
				obey_supervisor(w);
				if (w->paused)
					break;
			}
		}
		ns = poller_answered(&w->poller, w->now_ns, hot);
		if (ns && (!hot || w->gave_way))
			poller_begin(&w->poller, w->now_ns);
		w->gave_way = false;
		hot = ns && look(w, ns);
	}
	return look_at_aer(w) || served;
}

/* Sleeps until there is an event, an order, or a delay is over. */
static void rest(struct worker *w)
{
	struct pollfd p[2] = { { .fd = w->supervisor, .events = POLLIN },
			       { .fd = xenevtchn_fd(w->evtchn), .events = POLLIN } };
	int timeout = -1;

	if (w->unmask_ns) {
		uint64_t now = boot_ns();

		timeout = now < w->unmask_ns ? (int)((w->unmask_ns - now) / 1000000 + 1) : 0;
	}
	if (w->untold && (timeout < 0 || timeout > UNTOLD_MS))
		timeout = UNTOLD_MS;
	atomic_store(&w->ledger->asleep, 1);
	poll(p, w->paused ? 1 : 2, timeout);
	atomic_store(&w->ledger->asleep, 0);
	atomic_fetch_add_explicit(&w->ledger->progress, 1, memory_order_relaxed);
	look_at_clock(w);
	tell_denials_later(w);
	if (p[0].revents)
		obey_supervisor(w);
	/* It stays to be seen: should its work never end, the supervisor is sure to notice. */
	if (!w->paused && p[1].revents)
		w->event = true;
	if (w->unmask_ns && w->unmask_ns <= w->now_ns)
		unmask(w);
}

void channel_serve(struct worker *w)
{
	w->now_ns = boot_ns();
	poller_init(&w->poller, w->setup.poll_us, w->now_ns);
	ratelimit_init(&w->denials, DENIALS_INTERVAL_NS, DENIALS_BURST, w->now_ns);
	for (;;) {
		look_at_clock(w);
		/* A delay is the guest's own doing: its requests wait as well. */
		if (!w->paused && !w->unmask_ns) {
			bool served = turn(w);

			/* What waits for us to go on keeps its event. */
			if (w->paused)
				w->served |= served;
			else
				let_go(w, served);
			/* A request that came between the last look and the unmasking. */
			if (!w->unmask_ns && !w->paused && page_requested(w->page)) {
				if (orders_wait(w))
					obey_supervisor(w);
				continue;
			}
		}
		rest(w);
	}
}
