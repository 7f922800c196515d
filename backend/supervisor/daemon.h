/* SPDX-License-Identifier: MIT */
/*
 * The daemon proper: finds the guests below our backend directory and gives each
 * its turns, in one epoll set, until told to stop.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_DAEMON_H
#define XENPCI_BACKEND_SUPERVISOR_DAEMON_H

#include <xentoollog.h>

#include "host/settings.h"

#define DAEMON_PROVIDERS_MAX 16

struct daemon_options {
	const char *devices[DAEMON_PROVIDERS_MAX]; /* --devices, in order */
	unsigned nr_devices;
	struct settings settings; /* the daemon takes it over */
	int ready_fd;		  /* told "ready" and closed when serving; -1: nobody */
	const char *sysfs_root;	  /* /sys, or a tree that stands for it */
	const char *state_dir;	  /* for what outlives a process (successor.h) */
	const char *worker;	  /* the worker's program */
	bool strange_worker;	  /* it is a test's */
	bool keep_guests;	  /* when stopping, leave them to a successor */
};

/*
 * Runs until SIGTERM or SIGINT; then asks the guests to close, gives their devices
 * back and returns 0. -1 where it could not start or lost xenstore (logged).
 */
int daemon_run(struct daemon_options *options, xentoollog_logger *lg);

#endif
