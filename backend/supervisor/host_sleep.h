/* SPDX-License-Identifier: MIT */
/*
 * Whether the host has slept (suspend to RAM, to idle), noticed without looking. Two tell of it: a timer that the
 * kernel cancels where the wall clock jumps, as it does behind a sleep, with the clock that goes on in one against the
 * clock that does not; and, where no clock stands still, the kernel's count of suspends (host/suspends.h). Somebody
 * who sets the wall clock wakes us for nothing. One thread; nothing here waits or logs. Sources: timerfd_create(2),
 * TFD_TIMER_CANCEL_ON_SET; clock_gettime(2), CLOCK_BOOTTIME.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_HOST_SLEEP_H
#define XENPCI_BACKEND_SUPERVISOR_HOST_SLEEP_H

#include <stdbool.h>
#include <stdint.h>

struct host_sleep {
	/* Readable: ask host_sleep_over. -1: not noticed by it. */
	int clock_fd, count_fd;
	uint64_t before; /* so long it had slept, since it was booted, in ns */
	const char *sysfs_root;
	uint64_t count;	/* of suspends, then */
	uint64_t told_until_ns; /* one that is counted by then is that of which the clock has told */
};

/*
 * 0, or -1 with errno of what fails: a sleep is then not noticed by that. sysfs_root stays the caller's. Dispose of it
 * in any case.
 */
int host_sleep_init(struct host_sleep *s, const char *sysfs_root);
void host_sleep_dispose(struct host_sleep *s); /* safe after a failed init, and twice */

/* A descriptor was readable: whether the host slept since the last call, and for how long by its clocks, in ns. */
bool host_sleep_over(struct host_sleep *s, uint64_t *ns);

#endif
