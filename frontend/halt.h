/* SPDX-License-Identifier: MIT */
/*
 * How those who wait for the backend are told to leave: by somebody who closes the connection, or
 * by the caller's interrupt. Every function may be called by any thread and keeps errno; nothing
 * logs.
 */
#ifndef XENPCI_FRONTEND_HALT_H
#define XENPCI_FRONTEND_HALT_H

#include <stdatomic.h>
#include <stdint.h>

struct halt {
	atomic_uint reasons;
	int fd; /* an eventfd, readable as long as there is a reason */
};

/* 0, or -1 with errno. */
int halt_init(struct halt *halt);
void halt_dispose(struct halt *halt);

/* 0, or the errno with which a call that waits has to end: ECANCELED (interrupted), ENOTCONN. */
int halt_reason(const struct halt *halt);

/* Somebody closes the connection from the one to the other. Several may at once. */
void halt_begin(struct halt *halt);
void halt_end(struct halt *halt);

/* The caller's interrupt, also for those who come later. Async-signal-safe. */
void halt_interrupt(struct halt *halt);
void halt_uninterrupt(struct halt *halt);

/*
 * Waits until fd (-1: none) is readable, there is a reason to leave, a signal was handled, or it is
 * the time `until`, as now_ns counts; which of them, the caller looks.
 */
void halt_wait(const struct halt *halt, int fd, uint64_t until);

#endif
