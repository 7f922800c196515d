/* SPDX-License-Identifier: MIT */
/*
 * What every process of the daemon begins with: read before the first of them is started, and
 * changed by none.
 */
#ifndef XENPCI_BACKEND_ENV_H
#define XENPCI_BACKEND_ENV_H

#include <xentoollog.h>

#include "host/settings.h"

struct env {
	xentoollog_logger *lg;
	xentoollog_logger *mute; /* for libraries that log what a guest can cause */
	struct settings settings;
	struct provider **providers; /* the first that has a function wins */
	unsigned nr_providers;
	const char *sysfs_root; /* /sys, or a tree that stands for it */
	const char *state_dir;	/* for what outlives a process */
	const char *worker;	/* the worker's program */
	bool strange_worker;	/* it is not the one that was installed, but a test's */
	int instance, keeper;	/* the supervisor's alone: -1, or to be closed by whom it forks */
	const struct reset_wait *reset_wait; /* how resets wait; NULL: for real */
};

#endif
