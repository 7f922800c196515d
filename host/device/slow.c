/* SPDX-License-Identifier: MIT */
#include "host/device/slow.h"

#include <pthread.h>
#include <stdatomic.h>

#include "common/util.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t heard = PTHREAD_COND_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static atomic_uint waiting; /* those who want the lock, but for the main thread's resume */
static unsigned asleep;	    /* in slow_wait, and not told yet */
static unsigned telling;    /* changes with each slow_tell */
static _Thread_local bool is_helper;
static _Thread_local bool *first_wait; /* NULL: told already, or to nobody */
static _Thread_local uint64_t began_ns; /* later by every wait for the lock */

/* A mutex is not fair: the count makes the main thread stand back (slow_main_pause). */
static void helper_lock(void)
{
	uint64_t before = now_ns();

	atomic_fetch_add(&waiting, 1);
	pthread_mutex_lock(&lock);
	atomic_fetch_sub(&waiting, 1);
	pthread_cond_signal(&heard);
	began_ns += now_ns() - before;
}

static void tell_of_wait(void)
{
	if (!first_wait)
		return;
	*first_wait = true;
	first_wait = NULL;
	slow_tell();
}

void slow_begin(void)
{
	if (!is_helper)
		return;
	tell_of_wait();
	pthread_mutex_unlock(&lock);
}

void slow_end(void)
{
	int saved = errno;

	if (is_helper)
		helper_lock();
	errno = saved;
}

void slow_sleep(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

	slow_begin();
	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
	slow_end();
}

void slow_wait(void)
{
	unsigned before;

	tell_of_wait();
	before = telling;
	asleep++;
	while (telling == before)
		pthread_cond_wait(&changed, &lock);
	atomic_fetch_sub(&waiting, 1);
	pthread_cond_signal(&heard);
}

void slow_tell(void)
{
	telling++;
	atomic_fetch_add(&waiting, asleep);
	asleep = 0;
	pthread_cond_broadcast(&changed);
}

void slow_main_hold(void)
{
	pthread_mutex_lock(&lock);
}

void slow_main_drop(void)
{
	pthread_mutex_unlock(&lock);
}

void slow_main_pause(void)
{
	while (atomic_load(&waiting))
		pthread_cond_wait(&heard, &lock);
	pthread_mutex_unlock(&lock);
}

void slow_main_resume(void)
{
	int saved = errno;

	pthread_mutex_lock(&lock);
	errno = saved;
}

void slow_helper_enter(bool *waits)
{
	is_helper = true;
	first_wait = waits;
	helper_lock();
	began_ns = now_ns();
}

uint64_t slow_helper_ns(void)
{
	return now_ns() - began_ns;
}

void slow_helper_leave(void)
{
	is_helper = false;
	first_wait = NULL;
	pthread_mutex_unlock(&lock);
}
