/* SPDX-License-Identifier: MIT */
/*
 * What the files of the daemon tell each other, from the upper ones to the lower: daemon.c (its phases and its
 * turns), daemon_open.c (how it begins and ends), daemon_events.c (what it hears), daemon_control.c (what is asked and
 * ordered at the control socket), daemon_xenstore.c (xenstored lost and back), daemon_end.c (why it ends). Nobody
 * else includes it. One thread; nothing waits but for xenstored.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_DAEMON_INNER_H
#define XENPCI_BACKEND_SUPERVISOR_DAEMON_INNER_H

#include <time.h>

#include "backend/control/control.h"
#include "backend/supervisor/backend.h"
#include "backend/supervisor/daemon.h"
#include "backend/supervisor/host_sleep.h"
#include "backend/supervisor/watches.h"

enum daemon_phase {
	DAEMON_STARTING, /* devices are hidden */
	DAEMON_SERVING,
	DAEMON_ASKING,	 /* guests are asked to close */
	DAEMON_ENDING,	 /* what is left of them is taken back */
	DAEMON_LAST,	 /* devices that sleep, or were left without decoding, are as they were */
	DAEMON_DONE,
};

/* Who asks to stop: each may ask, and a second time to hurry. */
enum { BY_SIGNAL = 1, BY_KEEPER = 2 };

struct daemon {
	struct backend be;
	struct env env;
	struct watches watches;
	struct source xenstore, life, signals, news, devices, keeper_link, controls, sleeps, suspends;
	struct host_sleep sleep;
	struct control *control;
	const struct daemon_options *options;
	time_t since;
	uint64_t started;
	int signal_fd;
	int devices_fd; /* what is announced of devices; -1: nothing */
	int ready_fd;
	enum daemon_phase phase;
	uint64_t close_by_ns;
	uint64_t lost_ns;  /* xenstored was lost then */
	uint64_t seek_ns; /* ... and is looked for again then; 0: it is there */
	unsigned retries;
	bool emptied;	   /* what took its place knows nothing */
	bool orphaned;	   /* the keeper died meanwhile: we become the next when xenstored is back */
	bool keep_guests;
	unsigned asked_by; /* to stop: BY_* */
	int keeper;	   /* the link; -1: no keeper */
	bool succeed;	   /* the keeper died: we become the next; or there is none, and we begin anew */
	bool installed;	   /* ... with the program as it is installed now */
	bool released;	   /* nobody is to be started again */
	bool left; /* guests and devices are left as they are, to a successor */
	int rc;
};

/* ---- daemon_end.c ---- */

/* The one that runs: sources know nothing but themselves. */
extern struct daemon *the_daemon;

/* Of no use any more: errno says why, what of. Ends as if killed, with an error. */
void daemon_lost(struct daemon *d, const char *what);
/* Stops as if killed: whatever we closed, the guests would notice. */
void daemon_leave(struct daemon *d);
/* by: BY_*, who for the log. Guests are asked to close, or left where that was wanted. */
void daemon_stop(struct daemon *d, unsigned by, const char *who);
/* Whether there are guests of the kind: HVM ones stay as they are, with their records, for a successor. */
bool daemon_has_guests(struct daemon *d, bool hvm);

/* ---- daemon_control.c ---- */

/*
 * Leaves everything to a successor that is started at once: with the settings looked at before (check), with
 * the program as it is installed now (installed). 0, or -1; text, of room bytes, tells in both cases.
 */
int daemon_begin_anew(struct daemon *d, bool check, bool installed, char *text, size_t room);
/* Without it all goes on: nobody can ask. Logs. */
void daemon_open_control(struct daemon *d, const char *dir);

/* ---- daemon_events.c ---- */

/* Signals, xenstore, the keeper and the kernel's news come into the loop. 0, or -1 with errno. */
int daemon_listen(struct daemon *d);

/* ---- daemon_xenstore.c ---- */

/* xenstore is heard. 0, or -1 with errno. */
int daemon_hear_xenstore(struct daemon *d);
/*
 * xenstored has ended. While we serve, it is waited for: guests are served on with what they have, and
 * nothing is looked at in xenstore. Otherwise we are of no use. Logs.
 */
void daemon_lose_xenstore(struct daemon *d);
/* It is time to look for another xenstored: if there is one, all nodes are looked at anew. Logs. */
void daemon_seek_xenstore(struct daemon *d);

/* ---- daemon_open.c ---- */

/* 0, or -1 (logged) on a half-open one, to be closed. */
int daemon_open(struct daemon *d, struct daemon_options *o, xentoollog_logger *lg);
/* Tells errno, of what has no message of its own. -1. */
int daemon_cannot_begin(xentoollog_logger *lg);
void daemon_close(struct daemon *d);

#endif
