/* SPDX-License-Identifier: MIT */
#include "backend/device/slow.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/util.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t heard = PTHREAD_COND_INITIALIZER;
static atomic_uint waiting; /* helpers that want the lock */
static _Thread_local bool is_helper;

/* A mutex is not fair: the count makes the main thread stand back (slow_main_pause). */
static void helper_lock(void)
{
	atomic_fetch_add(&waiting, 1);
	pthread_mutex_lock(&lock);
	atomic_fetch_sub(&waiting, 1);
	pthread_cond_signal(&heard);
}

void slow_begin(void)
{
	if (is_helper)
		pthread_mutex_unlock(&lock);
}

void slow_end(void)
{
	int saved = errno;

	if (is_helper)
		helper_lock();
	errno = saved;
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

void slow_helper_enter(void)
{
	is_helper = true;
	helper_lock();
}

void slow_helper_leave(void)
{
	is_helper = false;
	pthread_mutex_unlock(&lock);
}
