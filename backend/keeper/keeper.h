/* SPDX-License-Identifier: MIT */
/*
 * The keeper: the process that xenpcid is when it is started. It has nothing to do but to see that
 * the host's other guests get their disks, nics and consoles whatever becomes of the process that
 * serves, the server: the keeper starts it, starts it again when it dies or hangs, and alone minds
 * the backend bus (bus.h, host/backend_bus.h). It is too small to fail: no memory from the heap, none of
 * Xen's libraries, no thread, asleep until something happens.
 *
 *   the server                 the switch   new disks, nics     new pci nodes
 *   serves                     off          probed by name      the server's
 *   is gone, a successor soon  off          probed by name      wait
 *   is away for longer         as found     the kernel's        the kernel's, and those that waited
 *   ended, the keeper too      as found     the kernel's        the kernel's, and those that waited
 *
 * Nodes that a server has taken up are left alone in each case: their guests go on with a
 * successor. Whether the server lives is asked when the bus had news that it must have seen too, and when somebody
 * has stopped it; if it does not answer within KEEPER_ANSWER_S it is killed. It is asked as well when it has been at one
 * thing for half as long, which a timer tells that runs only while it is awake; so an idle host wakes nobody. It has
 * the other half to answer in.
 *
 * If the keeper itself is killed, the server leaves its guests as they are, as one that was killed
 * would, and becomes the keeper of a new server (keeper_succeed). So nobody serves unguarded, the
 * guests notice a pause, and whoever started xenpcid sees it end as the killed process that it is.
 */
#ifndef XENPCI_BACKEND_KEEPER_KEEPER_H
#define XENPCI_BACKEND_KEEPER_KEEPER_H

#include <stdint.h>

#include "host/backend_bus.h"

struct xentoollog_logger;

#define KEEPER_ANSWER_S 5	/* a server that is silent for longer hangs */
#define KEEPER_TURN_NS (KEEPER_ANSWER_S * 1000000000ull / 2) /* ... and is asked when it is at one thing for longer */
#define KEEPER_PATIENCE_S 4	/* without a server for longer, the kernel's backend takes what is new */
#define KEEPER_PAUSE_MAX_S 30	/* between two servers that fail */
#define KEEPER_STEADY_S 60	/* a server that served for longer is not one of those */

/* What the two say to each other, a byte and an errno. */
enum keeper_word {
	/* The server, and what the keeper says to it. */
	KEEPER_TURN = 'T', /* turn the switch off, I shall look at nodes; answered by the same word */
	KEEPER_SERVING = 'S', /* with a descriptor, or none (link.h) */
	KEEPER_AGAIN = 'A', /* I end, start another at once */
	KEEPER_ANEW = 'N',  /* the same, and begin yourself anew with the program as it is now */
	KEEPER_RELEASED = 'D', /* I end because I was told to: start no other */
	KEEPER_HERE = 'H', /* the answer to all that follows */
	/* The keeper. */
	KEEPER_PING = 'P',
	KEEPER_STOP = 'E',  /* close the guests and end */
	KEEPER_LEAVE = 'L', /* end, leaving the guests to a successor */
	KEEPER_RELOAD = 'R', /* read the settings anew */
};

struct keeper_message {
	int32_t word;  /* enum keeper_word */
	int32_t error; /* KEEPER_TURN's answer: errno, 0: the switch is off or there is none */
};

struct keeper_options {
	const char *sysfs_root;
	const char *state_dir;
	int ready_fd; /* the first server's; the keeper closes its own copy; -1: none */
	int level;    /* what is logged: as xentoollog_level */
};

/*
 * Keeps a server until it ends of its own will, or is asked to end by SIGTERM, SIGINT
 * (KEEPER_STOP) or SIGQUIT (KEEPER_LEAVE); SIGHUP is handed on (KEEPER_RELOAD), SIGUSR1 and SIGUSR2
 * are told and change nothing, and of other signals only SIGKILL and SIGSTOP have an effect. serve runs in a child,
 * with its end of the link and, the first one, o->ready_fd (-1); what it returns is that
 * process's exit status. To be called with no other thread and before anything of Xen's is open.
 * Returns the exit status; logs. The server's end of the link is closed by exec.
 */
int keeper_run(const struct keeper_options *o, int (*serve)(int link, int ready_fd, void *arg),
	       void *arg);

/*
 * What a keeper that was killed together with its server could not do: the bus as it was found, and the kernel
 * binds what waits, but for pci nodes. Nothing where a xenpcid runs, or none left anything. 0, or -1 (logged).
 */
int keeper_clean_up(const struct keeper_options *o, struct xentoollog_logger *lg);

#endif
