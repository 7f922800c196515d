/* SPDX-License-Identifier: MIT */
/*
 * One epoll set: descriptors and what is to be called when they have something. Knows no guest.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_LOOP_H
#define XENPCI_BACKEND_SUPERVISOR_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct source;
typedef void source_ready(struct source *s);

/* Zeroed: in no set. Its owner embeds it. */
struct source {
	source_ready *ready;
	int fd;
	bool added;
};

struct loop {
	int fd;
	int overdue_fd; /* a timer that runs while it is out of epoll_wait; -1: none */
	uint64_t turn_ns;
	/* What is left of the round: a source that goes meanwhile is taken out of it. */
	struct source *pending[16];
	unsigned nr_pending;
};

/* 0, or -1 with errno. */
int loop_open(struct loop *l);
void loop_close(struct loop *l);

/*
 * From the next turn on, overdue_fd can be read once what one turn calls has taken turn_ns: for who watches the
 * process. Asleep it owes nothing, so nobody wakes for it. 0, or -1 with errno.
 */
int loop_watch_turns(struct loop *l, uint64_t turn_ns);
/* There are no more turns. */
void loop_watch_no_more(struct loop *l);

/* Has s->ready called, with fd, each time that fd can be read. 0, or -1 with errno. */
int loop_add(struct loop *l, struct source *s, int fd, source_ready *ready);
/* The same, but the next time only; again where s is in the set already. */
int loop_once(struct loop *l, struct source *s, int fd, source_ready *ready);
/* Safe on a source that is in no set. The descriptor stays open. */
void loop_drop(struct loop *l, struct source *s);

/* Sleeps for up to timeout_ms (-1: as long as it takes), then calls what is ready. 0, or -1 with errno. */
int loop_turn(struct loop *l, int timeout_ms);

#endif
