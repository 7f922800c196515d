/* SPDX-License-Identifier: MIT */
#include "backend/gate/link.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

/* There is nothing to do for nobody. */
static void end(int status) __attribute__((noreturn));
static void end(int status)
{
	_exit(status);
}

void link_init(struct link *l, int sock)
{
	l->supervisor = sock;
	l->worker = -1;
	l->nr_deferred = 0; /* their places are touched as they are used */
}

void link_tell(struct link *l, const struct message *m, int fd)
{
	/* A supervisor that takes nothing is waited for: our guest's requests wait with us. */
	while (message_send(l->supervisor, m, &fd, fd >= 0, NULL, 0)) {
		struct pollfd p = { .fd = l->supervisor, .events = POLLOUT };

		if (errno != EAGAIN && errno != ENOBUFS)
			end(1);
		poll(&p, 1, 1000);
	}
}

bool link_hear(struct link *l, struct message *m)
{
	int fds[MESSAGE_FDS_MAX];

	if (message_receive(l->supervisor, END_SUPERVISOR, END_GATE, m, fds, NULL, NULL) != 1)
		end(0);
	if (m->kind != MESSAGE_CONNECT)
		return true;
	close_keep(l->worker);
	l->worker = fds[0];
	return false;
}

static bool is_answer(const struct message *m, const struct message *asked)
{
	if (m->slot != asked->slot)
		return false;
	return m->kind == MESSAGE_MAPPED ? asked->kind == MESSAGE_MAP
					 : m->kind == MESSAGE_ANSWER && m->u.answer.to == asked->kind;
}

static void defer(struct link *l, const struct message *m)
{
	struct message *copy = malloc(sizeof(*copy));

	if (!copy || l->nr_deferred == LINK_DEFERRED_MAX)
		end(1);
	*copy = *m;
	l->deferred[l->nr_deferred++] = copy;
}

void link_ask(struct link *l, struct message *m)
{
	const struct message asked = *m;

	link_tell(l, m, -1);
	for (;;) {
		if (!link_hear(l, m))
			continue;
		if (is_answer(m, &asked))
			return;
		defer(l, m);
	}
}

bool link_take_deferred(struct link *l, struct message *m)
{
	struct message *first;

	if (!l->nr_deferred)
		return false;
	first = l->deferred[0];
	l->nr_deferred--;
	for (unsigned i = 0; i < l->nr_deferred; i++)
		l->deferred[i] = l->deferred[i + 1];
	*m = *first;
	free(first);
	return true;
}

void link_drop_worker(struct link *l)
{
	close_keep(l->worker);
	l->worker = -1;
}
