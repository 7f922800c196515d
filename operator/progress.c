/* SPDX-License-Identifier: MIT */
#include "operator/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FIRST_LINES = 5, LATER_S = 5 }; /* a line each second, later each five */

static void *tell(void *arg)
{
	struct progress *p = arg;
	struct timespec until;
	unsigned seconds = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	pthread_mutex_lock(&p->lock);
	while (!p->over) {
		until.tv_sec++;
		while (!p->over && pthread_cond_timedwait(&p->ended, &p->lock, &until) != ETIMEDOUT)
			;
		seconds++;
		if (!p->over && (seconds <= FIRST_LINES || seconds % LATER_S == 0))
			fprintf(stderr, "xenpci: %s %s: %u s so far\n", p->who, p->what, seconds);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

void progress_begin(struct progress *p, const char *who, const char *what)
{
	pthread_condattr_t attr;
	sigset_t all, old;

	memset(p, 0, sizeof(*p));
	p->who = who;
	p->what = what;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->ended, &attr);
	pthread_condattr_destroy(&attr);
	/* Signals are the caller's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	p->running = !pthread_create(&p->thread, NULL, tell, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void progress_end(struct progress *p)
{
	pthread_mutex_lock(&p->lock);
	p->over = true;
	pthread_cond_signal(&p->ended);
	pthread_mutex_unlock(&p->lock);
	if (p->running)
		pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->ended);
	pthread_mutex_destroy(&p->lock);
}
