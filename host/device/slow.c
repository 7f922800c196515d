/* SPDX-License-Identifier: MIT */
#include "host/device/slow.h"

#include "common/util.h"

void slow_sleep(uint64_t ns)
{
	struct timespec ts = timespec_of(ns);
	int saved = errno;

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
	errno = saved;
}
