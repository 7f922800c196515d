/* SPDX-License-Identifier: MIT */
/*
 * Lines on stderr while something takes longer than a second, whatever it waits in: a thread of its own
 * writes them, and touches nothing else.
 */
#ifndef XENPCI_OPERATOR_PROGRESS_H
#define XENPCI_OPERATOR_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>

struct progress {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	const char *who, *what; /* "0000:03:00.0", "is being reset" */
	bool over;
	bool running; /* there is a thread: without one nothing is told, which is no failure */
};

/* who and what stay the caller's until the end. */
void progress_begin(struct progress *p, const char *who, const char *what);
void progress_end(struct progress *p);

#endif
