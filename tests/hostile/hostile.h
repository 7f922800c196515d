/* SPDX-License-Identifier: MIT */
/*
 * A worker that its guest has taken over: the real worker's objects, confined as the real one is, with
 * other code in the place of what serves. The guest says what is to be tried, as a request in its page
 * whose command is ATTACK_FIRST + the number of a line in attacks[], and gets the outcome as err, an
 * errno or a count as value. A worker that does not survive what it tries is replaced, and the next one
 * finds the request, and says so.
 */
#ifndef XENPCI_TESTS_HOSTILE_HOSTILE_H
#define XENPCI_TESTS_HOSTILE_HOSTILE_H

#include "backend/worker/worker.h"

#define ATTACK_FIRST 0x1000

enum { HEAD = offsetof(struct message, u) }; /* what each message begins with */

/* Sleeps up to ms, for fd (-1: none), and seems to be at work meanwhile. Whether fd is readable. */
bool wait_busily(struct worker *w, int fd, unsigned ms);

/*
 * A message of that kind about slot to sock, with fd as many times as descriptors go along with one
 * message, until it was a thousand times. Nothing waits.
 */
void send_descriptors(int sock, enum message_kind kind, unsigned slot, int fd);

/* Domains whose worker is hostile; of those, one is not under seccomp: what is behind it is seen. */
#define HOSTILE_FIRST 60
#define HOSTILE_LAST 99
#define HOSTILE_UNFILTERED 99

enum outcome {
	WON = 0, /* it got what it wanted */
	REFUSED = 1, /* value: errno, or how many things were */
	REPLACED = 2, /* it died of it, or nobody hears it any more and it gives up: the next one says so */
};

/* What an attack aims at, for the script that has them done. */
enum aim {
	AIM_CALL,   /* a system call: dies of it; where it is not filtered, refused */
	AIM_FILTER, /* a system call that nothing but the filter refuses */
	AIM_ASK,    /* is refused, and goes on */
	AIM_END,    /* its connection is ended: it is another worker that goes on */
};

struct attack {
	const char *name;
	enum aim aim;
	/* Returns an enum outcome, and *value with it; arg: the request's value. */
	enum outcome (*run)(struct worker *w, uint32_t arg, uint32_t *value);
};

/* Each list ends with a line without a name; numbers go on from one to the next. */
extern const struct attack attacks_calls[], attacks_gate[], attacks_supervisor[], attacks_self[];

/* rc of a system call that was tried: 0 is success. */
static inline enum outcome outcome_of(long rc, uint32_t *value)
{
	*value = rc < 0 ? (uint32_t)errno : 0;
	return rc < 0 ? REFUSED : WON;
}

#endif
