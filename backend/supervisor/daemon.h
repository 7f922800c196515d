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
#define DAEMON_RELEASED 1

struct daemon_options {
	const char *devices[DAEMON_PROVIDERS_MAX]; /* --devices, in order */
	unsigned nr_devices;
	struct settings settings; /* the daemon takes it over */
	int ready_fd;		  /* told "ready" and closed when serving; -1: nobody */
	const char *sysfs_root;	  /* /sys, or a tree that stands for it */
	const char *state_dir;	  /* for what outlives a process (successor.h) */
	const char *worker;	  /* the worker's program */
	bool strange_worker;	  /* it is a test's */
	int instance;		  /* the lock of the one instance, which no other process is to hold */
	const char *config;	  /* the settings' file */
	bool config_said;	  /* ... by an option: it must exist */
	bool keep_guests;	  /* when stopping, leave them to a successor */
	int keeper;		  /* our end of the link to it (keeper/link.h); -1: there is none */
};

/*
 * Runs until SIGTERM or SIGINT, or the keeper, asks it to stop; then asks the guests to close, gives
 * their devices back and returns 0. SIGQUIT leaves the guests to a successor; SIGHUP starts anew with the
 * settings as they are now, if they are right (anew.h); SIGUSR1 is told and changes nothing.
 * DAEMON_RELEASED: it was told to give everything back, and not to be started again. -1 where it could not start or lost xenstore (logged). The bus's switch
 * is left as it was found in each case, by us or by the keeper.
 */
int daemon_run(struct daemon_options *options, xentoollog_logger *lg);

#endif
