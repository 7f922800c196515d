/* SPDX-License-Identifier: MIT */
/*
 * Waits that must not be everybody's: devices that take milliseconds to answer, resets. What the
 * daemon does is written for one thread; where something has to be waited for, a helper thread
 * (helper.h) does it, and the rest goes on. One lock keeps that simple: whoever runs holds it, and a
 * helper lets it go only here, around the wait itself. So what others can change may have changed
 * after slow_end and slow_wait, and nowhere else. "One thread" in the headers of the backend means one
 * at a time, by this lock. Without helpers nothing is locked. Nothing logs.
 */
#ifndef XENPCI_HOST_DEVICE_SLOW_H
#define XENPCI_HOST_DEVICE_SLOW_H

#include <stdbool.h>
#include <stdint.h>

/* Around an access that may take long, by whichever thread; errno is kept. Not nested. */
void slow_begin(void);
void slow_end(void);

/* Sleeps between the two. */
void slow_sleep(uint64_t ns);

/* Waits for slow_tell, by whoever holds the lock; for a condition that others make true. */
void slow_wait(void);
/* What somebody may wait for has changed. */
void slow_tell(void);

/* The main thread: takes the lock while there are helpers, lets it go when there are none. */
void slow_main_hold(void);
void slow_main_drop(void);
/* Around the main thread's sleep, where it holds the lock. Helpers that wait come first. */
void slow_main_pause(void);
void slow_main_resume(void);

/*
 * A helper's whole work: from enter on, slow_begin, slow_end and slow_wait let the lock go in this
 * thread. *waits, unless NULL, is set (and told) when that happens first.
 */
void slow_helper_enter(bool *waits);
void slow_helper_leave(void);
/*
 * How long this helper has been at work, in ns, but for its waits for the lock: whoever had it, to
 * make another thread perhaps, says nothing of the device.
 */
uint64_t slow_helper_ns(void);

#endif
