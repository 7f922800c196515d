/* SPDX-License-Identifier: MIT */
#include "backend/control/control.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "backend/control/client.h"
#include "backend/control/json.h"
#include "backend/control/listen.h"
#include "common/log.h"
#include "common/util.h"

#define EVENTS_MAX 16
#define RECORDS_PER_TURN 32	/* of one client's answer */
#define TRACES_PER_TICK 512	/* of all guests */
#define TICK_TRACE_NS 50000000u /* how often a trace is looked at */
#define TICK_IDLE_NS 1000000000u

struct control {
	const struct control_source *source;
	void *context;
	const char *dir;
	xentoollog_logger *lg;
	int epoll, listener, timer;
	long tick_ns; /* the timer's; 0: off */
	bool traced;  /* some guest writes its requests down */
	struct client client[CONTROL_CLIENTS];
};

static void set_tick(struct control *c)
{
	bool any = false, tracing = c->traced;
	struct itimerspec it = { 0 };
	long ns;

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		any |= c->client[i].fd >= 0;
		tracing |= c->client[i].phase == CLIENT_TRACES;
	}
	ns = tracing ? TICK_TRACE_NS : any ? TICK_IDLE_NS : 0;
	if (ns == c->tick_ns)
		return;
	c->tick_ns = ns;
	it.it_value.tv_sec = it.it_interval.tv_sec = ns / 1000000000;
	it.it_value.tv_nsec = it.it_interval.tv_nsec = ns % 1000000000;
	timerfd_settime(c->timer, 0, &it, NULL);
}

/* ---- Answers ---- */

/* Which records of each guest a question is answered with. */
static const enum record_kind *kinds_of(enum records_command command)
{
	static const enum record_kind status[] = { RECORD_OF_guest, RECORD_OF_device, RECORD_KINDS };
	static const enum record_kind stats[] = { RECORD_OF_stats, RECORD_KINDS };
	static const enum record_kind denied[] = { RECORD_OF_denied, RECORD_KINDS };

	switch (command) {
	case COMMAND_status:
		return status;
	case COMMAND_stats:
		return stats;
	case COMMAND_denied:
		return denied;
	default:
		return NULL;
	}
}

/* Whether it asked about that guest: by name, by number, or about all. */
static bool concerns(const struct control *c, const struct client *cl, uint64_t guest)
{
	return !cl->request.who[0] || c->source->is(c->context, guest, cl->request.who);
}

/* Of one device's question only what is about that device. */
static bool is_wanted(const struct request *r, int kind, const union record *record)
{
	if (!r->device[0])
		return true;
	if (kind == RECORD_OF_device)
		return !strcmp(record->device.host, r->device);
	if (kind == RECORD_OF_denied)
		return !strcmp(record->denied.host, r->device);
	return kind == RECORD_OF_trace && !strcmp(record->trace.host, r->device);
}

/* The next record of the answer into *out. Its kind: the result is the last. */
static int next_record(struct control *c, struct client *cl, union record *out)
{
	const enum record_kind *kinds = kinds_of(cl->request.command);
	int kind;

	if (!cl->begun) {
		uint32_t at = 0;

		cl->begun = true;
		return c->source->record(c->context, RECORD_OF_daemon, 0, &at, out);
	}
	while (c->source->next(c->context, &cl->guest)) {
		if (concerns(c, cl, cl->guest) && kinds[cl->stage] != RECORD_KINDS) {
			kind = c->source->record(c->context, kinds[cl->stage], cl->guest, &cl->at, out);
			if (kind >= 0)
				return kind;
			cl->at = 0;
			cl->stage++;
			continue;
		}
		cl->guest++;
		cl->stage = 0;
	}
	memset(out, 0, sizeof(*out));
	out->result.ok = true;
	return RECORD_OF_result;
}

static void answer(struct control *c, struct client *cl)
{
	union record record;
	int kind;

	for (unsigned i = 0; i < RECORDS_PER_TURN; i++) {
		if (client_flush(cl))
			return;
		if (cl->phase != CLIENT_HEARS)
			return;
		kind = next_record(c, cl, &record);
		if (kind != RECORD_OF_result && kind != RECORD_OF_daemon &&
		    !is_wanted(&cl->request, kind, &record))
			continue;
		client_put(cl, (enum record_kind)kind, &record);
		if (kind == RECORD_OF_result)
			cl->phase = CLIENT_ASKS;
	}
	client_flush(cl);
}

static void say_result(struct client *cl, bool ok, const char *text)
{
	union record record = { 0 };

	record.result.ok = ok;
	snprintf(record.result.text, sizeof(record.result.text), "%s", text);
	client_put(cl, RECORD_OF_result, &record);
	client_flush(cl);
}

static void obey(struct control *c, struct client *cl)
{
	union record record = { 0 };

	c->source->order(c->context, cl->request.command, cl->request.level, &record.result);
	client_put(cl, RECORD_OF_result, &record);
	client_flush(cl);
}

static void hear(struct control *c, struct client *cl)
{
	const char *why;
	int rc = client_read(cl, &why);

	if (rc < 0)
		say_result(cl, false, why);
	if (rc <= 0)
		return;
	if (records_command_is_roots(cl->request.command)) {
		if (cl->root)
			obey(c, cl);
		else
			say_result(cl, false, "only root may have that done");
		return;
	}
	cl->begun = false;
	cl->guest = 0;
	cl->stage = cl->at = 0;
	cl->lost = 0;
	cl->phase = cl->request.command == COMMAND_trace ? CLIENT_TRACES : CLIENT_HEARS;
	if (cl->phase == CLIENT_HEARS)
		answer(c, cl);
}

/* ---- Traces ---- */

static void tell_trace(struct client *cl, int kind, const union record *record)
{
	const struct record_trace *t = &record->trace;
	const struct request *r = &cl->request;

	if (kind == RECORD_OF_lost) {
		client_lose(cl, (uint64_t)record->lost.lines);
		return;
	}
	if ((r->trace & TRACE_WRITES && strcmp(t->command, "conf_write") != 0) ||
	    (r->trace & TRACE_DENIED && !t->refused) || !is_wanted(r, kind, record))
		return;
	client_offer(cl, record);
}

static unsigned watched(struct control *c, uint64_t guest)
{
	unsigned what = 0;

	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *cl = &c->client[i];

		if (cl->phase == CLIENT_TRACES && concerns(c, cl, guest))
			what |= cl->request.trace;
	}
	return what;
}

/* One look at what each guest that is watched has asked meanwhile. */
static void trace(struct control *c)
{
	unsigned left = TRACES_PER_TICK;
	union record record;

	c->traced = false;
	for (uint64_t guest = 0; c->source->next(c->context, &guest); guest++) {
		unsigned what = watched(c, guest);
		uint32_t at = 0;
		int kind;

		c->source->trace(c->context, guest, what);
		c->traced |= what != 0;
		while (what && left) {
			kind = c->source->record(c->context, RECORD_OF_trace, guest, &at, &record);
			if (kind < 0)
				break;
			left--;
			for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
				if (c->client[i].phase == CLIENT_TRACES && concerns(c, &c->client[i], guest))
					tell_trace(&c->client[i], kind, &record);
		}
	}
}

static void tick(struct control *c)
{
	uint64_t n, now;

	if (read(c->timer, &n, sizeof(n)) != (ssize_t)sizeof(n))
		return;
	if (c->tick_ns == TICK_TRACE_NS)
		trace(c);
	/* Behind the trace, which says since when a client is waited for. */
	now = now_ns();
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		client_expire(&c->client[i], now);
}

/* ---- Coming and going ---- */

static void welcome(struct control *c)
{
	struct client *room = NULL;
	unsigned strangers = 0;
	int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->client[i].fd < 0)
			room = &c->client[i];
		else
			strangers += !c->client[i].root;
	}
	if (!room || client_begin(room, fd, c->epoll, strangers < CONTROL_STRANGERS)) {
		/* It sees the end, and may try again. */
		close_keep(fd);
		return;
	}
}

static void serve_client(struct control *c, struct client *cl, uint32_t events)
{
	if (events & (EPOLLERR | EPOLLHUP)) {
		client_end(cl);
		return;
	}
	if (cl->phase == CLIENT_HEARS)
		answer(c, cl);
	else if (events & EPOLLIN && !cl->len)
		hear(c, cl);
	else
		client_flush(cl);
}

void control_serve(struct control *c)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(c->epoll, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &c->listener)
			welcome(c);
		else if (events[i].data.ptr == &c->timer)
			tick(c);
		else
			serve_client(c, events[i].data.ptr, events[i].events);
	}
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		client_settle(&c->client[i]);
	set_tick(c);
}

int control_fd(const struct control *c)
{
	return c->epoll;
}

static int add(struct control *c, int *fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = fd };

	return *fd < 0 ? -1 : epoll_ctl(c->epoll, EPOLL_CTL_ADD, *fd, &ev);
}

struct control *control_open(const char *dir, const struct control_source *source, void *context,
			     xentoollog_logger *lg)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct control){ .source = source, .context = context, .dir = dir, .lg = lg,
			       .listener = -1, .timer = -1 };
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		c->client[i].fd = -1;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	c->listener = control_listen(dir, lg);
	if (c->epoll < 0 || add(c, &c->timer) || add(c, &c->listener)) {
		log_warn(lg, "no control socket in %s: %s; `xenpci status` and its like will not work", dir,
			 strerror(errno));
		control_close(c, false);
		return NULL;
	}
	return c;
}

void control_close(struct control *c, bool remove)
{
	if (!c)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		client_end(&c->client[i]);
	if (remove && c->listener >= 0)
		control_unlisten(c->dir);
	close_keep(c->listener);
	close_keep(c->timer);
	close_keep(c->epoll);
	free_keep(c);
}
