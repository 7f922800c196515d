/* SPDX-License-Identifier: MIT */
/*
 * What stands in the place of the worker's serving: see hostile.h. --list tells what can be tried,
 * --kinds gate|supervisor which messages are others' to send there.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/util.h"
#include "tests/hostile/hostile.h"

int honest_main(int argc, char **argv);
int hostile_channel_open(struct worker *w, const char **what);
int hostile_confine_calls(void);
void hostile_channel_serve(struct worker *w) __attribute__((noreturn));

static const struct attack *const lists[] = {
	attacks_calls, attacks_gate, attacks_supervisor, attacks_self,
};
static const char *const aims[] = { "call", "filter", "ask", "end" };
static uint32_t domid;

static const struct attack *attack_of(uint32_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (const struct attack *a = lists[i]; a->name; a++)
			if (!number--)
				return a;
	return NULL;
}

int hostile_channel_open(struct worker *w, const char **what)
{
	domid = w->setup.domid;
	return channel_open(w, what);
}

int hostile_confine_calls(void)
{
	return domid == HOSTILE_UNFILTERED ? 0 : confine_calls();
}

void send_descriptors(int sock, enum message_kind kind, unsigned slot, int fd)
{
	enum { EACH = 250, TIMES = 4 };
	union {
		char buf[CMSG_SPACE(EACH * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct message m;
	struct iovec iov = { &m, 0 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

	message_init(&m, kind, slot);
	iov.iov_len = HEAD + m.size;
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(EACH * sizeof(int));
	for (int i = 0; i < EACH; i++)
		memcpy(CMSG_DATA(cm) + (size_t)i * sizeof(int), &fd, sizeof(int));
	for (int i = 0; i < TIMES; i++)
		sendmsg(sock, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool wait_busily(struct worker *w, int fd, unsigned ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (unsigned i = 0; i < ms; i += 100) {
		atomic_fetch_add(&w->ledger->progress, 1);
		if (poll(&p, 1, 100) > 0)
			return true;
	}
	return false;
}

static void answer(struct worker *w, const struct xen_pci_op *asked, enum outcome outcome,
		   uint32_t value)
{
	struct xen_pci_op op = *asked;

	op.err = (int32_t)outcome;
	op.value = value;
	page_answer(w->page, &op, 0, false);
	xenevtchn_notify(w->evtchn, w->port);
}

/* The request in the page, which is an attack or one to be served. */
static void see_to(struct worker *w, bool first)
{
	const struct attack *a = NULL;
	struct xen_pci_op op;
	uint32_t value = 0;
	enum outcome outcome;

	page_snapshot(w->page, &op);
	if (op.cmd >= ATTACK_FIRST)
		a = attack_of(op.cmd - ATTACK_FIRST);
	if (!a) {
		w->now_ns = now_ns();
		serve_request(w);
		return;
	}
	if (first && w->setup.resumed) {
		answer(w, &op, REPLACED, 0);
		return;
	}
	outcome = a->run(w, op.value, &value);
	if (outcome == REPLACED)
		_exit(1);
	answer(w, &op, outcome, value);
}

void hostile_channel_serve(struct worker *w)
{
	struct pollfd p[2] = { { .fd = w->supervisor, .events = POLLIN },
			       { .fd = xenevtchn_fd(w->evtchn), .events = POLLIN } };
	bool first = true;

	if (domid < HOSTILE_FIRST || domid > HOSTILE_LAST)
		channel_serve(w);
	for (;;) {
		atomic_store(&w->ledger->asleep, 1);
		poll(p, 2, 20);
		atomic_store(&w->ledger->asleep, 0);
		atomic_fetch_add(&w->ledger->progress, 1);
		if (p[0].revents)
			obey_supervisor(w);
		if (!w->paused && page_requested(w->page)) {
			see_to(w, first);
			first = false;
		}
		if (p[1].revents && xenevtchn_pending(w->evtchn) >= 0)
			xenevtchn_unmask(w->evtchn, w->port);
	}
}

/* "NUMBER AIM NAME" for each; the number is the command, in hex. */
static int list(void)
{
	const struct attack *a;

	for (uint32_t n = 0; (a = attack_of(n)); n++)
		printf("%#x %s %s\n", ATTACK_FIRST + n, aims[a->aim], a->name);
	return 0;
}

/* The numbers of the messages that a worker may not send there. */
static int list_kinds(enum message_end to)
{
	static const struct {
		unsigned from, to;
	} kinds[] = {
#define X(name, from, to, body, text) { from, to },
		MESSAGES(X)
#undef X
	};

	for (unsigned i = 0; i < MESSAGE_KINDS; i++)
		if (!(kinds[i].from & END_WORKER && kinds[i].to & to))
			printf("%u\n", i);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc == 3 && !strcmp(argv[1], "--kinds"))
		return list_kinds(!strcmp(argv[2], "gate") ? END_GATE : END_SUPERVISOR);
	return honest_main(argc, argv);
}
