/* SPDX-License-Identifier: MIT */
/* Loaded into xenpcid: a process that is forked has its first turn late, as on a busy machine. */
#include <dlfcn.h>
#include <unistd.h>

#define TAKES_THE_PLACE_OF_LIBCS __attribute__((visibility("default")))
#define LATE_US 500000

TAKES_THE_PLACE_OF_LIBCS pid_t fork(void)
{
	pid_t (*libcs)(void);
	pid_t pid;

	*(void **)&libcs = dlsym(RTLD_NEXT, "fork");
	pid = libcs();
	if (!pid)
		usleep(LATE_US);
	return pid;
}
