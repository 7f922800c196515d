/* SPDX-License-Identifier: MIT */
/*
 * Whether the host has slept (suspend to RAM, to idle), noticed without looking: a timer that the kernel
 * cancels where the wall clock jumps, as it does behind a sleep, and the clock that goes on in one against the
 * clock that does not. Somebody who sets the wall clock wakes us for nothing. One thread; nothing here waits
 * or logs. Sources: timerfd_create(2), TFD_TIMER_CANCEL_ON_SET; clock_gettime(2), CLOCK_BOOTTIME.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_HOST_SLEEP_H
#define XENPCI_BACKEND_SUPERVISOR_HOST_SLEEP_H

#include <stdint.h>

struct host_sleep {
	int fd;		 /* readable: ask host_sleep_over; -1: not noticed */
	uint64_t before; /* so long it had slept, since it was booted, in ns */
};

/* 0, or -1 with errno of the timer's; sleep is then not noticed. Dispose of it in any case. */
int host_sleep_init(struct host_sleep *s);
void host_sleep_dispose(struct host_sleep *s); /* safe after a failed init, and twice */

/* fd was readable: how long the host slept since the last call, in ns; 0: it did not. */
uint64_t host_sleep_over(struct host_sleep *s);

#endif
