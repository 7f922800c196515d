/* SPDX-License-Identifier: MIT */
/*
 * Devices that take milliseconds to answer. The daemon is one thread, and what it does
 * is written for one; while a slow device is asked, a helper thread (helper.h) waits for it, and
 * the rest goes on. One lock keeps that simple: whoever runs holds it, and a helper lets it go only
 * here, around the wait itself. Without helpers nothing is locked. Nothing logs.
 */
#ifndef XENPCI_BACKEND_DEVICE_SLOW_H
#define XENPCI_BACKEND_DEVICE_SLOW_H

/* Around an access that may take long, by whichever thread; errno is kept. Not nested. */
void slow_begin(void);
void slow_end(void);

/* The main thread: takes the lock while there are helpers, lets it go when there are none. */
void slow_main_hold(void);
void slow_main_drop(void);
/* Around the main thread's sleep, where it holds the lock. Helpers that wait come first. */
void slow_main_pause(void);
void slow_main_resume(void);

/* A helper's whole work: from enter on, slow_begin and slow_end have an effect in this thread. */
void slow_helper_enter(void);
void slow_helper_leave(void);

#endif
