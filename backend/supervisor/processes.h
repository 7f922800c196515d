/* SPDX-License-Identifier: MIT */
/*
 * The daemon's other processes, as the supervisor sees them: started through the spawner, heard
 * through a socket, ended. A worker stands ready before there is a guest for it. Knows no guest.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_PROCESSES_H
#define XENPCI_BACKEND_SUPERVISOR_PROCESSES_H

#include <sys/queue.h>
#include <sys/types.h>

#include "backend/messages/messages.h"
#include "backend/supervisor/loop.h"
#include "common/talk.h"

struct processes;
struct process;

/* What its owner does about it. m and fds are the callee's; descriptors it does not take are closed. */
struct process_owner {
	void (*heard)(void *context, const struct message *m, int *fds);
	/* It has ended; the process is freed afterwards. how: "killed by signal 9", for the log. */
	void (*ended)(void *context, int status, const char *how);
	/* Its pid is known (for the log; it may have been heard before). NULL: of no interest. */
	void (*started)(void *context);
};

struct process {
	TAILQ_ENTRY(process) link;
	struct source source; /* first of what it says */
	struct processes *all;
	uint32_t id;
	enum role role;
	enum message_end end;
	pid_t pid; /* once it has started; 0: not yet */
	int sock;
	bool closed; /* it said its last: its end is awaited */
	bool deaf; /* it did not take what it was sent, and is sent nothing more */
	bool rejected; /* it sent what it may not */
	const struct process_owner *owner;
	void *context;
};
TAILQ_HEAD(process_list, process);

struct processes {
	struct loop *loop;
	struct talk talk; /* of processes, which guests can have die */
	struct source spawner;
	int sock;
	pid_t pid;
	uint32_t next_id;
	struct process_list list;
	struct process *standby; /* a worker that waits for a guest */
	unsigned failed; /* standbys that ended by themselves, in a row */
	bool lost;	 /* there is no spawner any more: the supervisor is of no use */
	bool answered;	       /* the spawner has, at least once */
	unsigned awaited;      /* orders that it has not answered */
	uint64_t answer_by_ns; /* the next answer, or it hangs; 0: none is awaited */
};

/* With the spawner at sock, of process pid. 0, or -1 with errno. */
int processes_open(struct processes *all, struct loop *loop, int sock, pid_t pid,
		   xentoollog_logger *lg);
/* Ends them all, without a word to their owners. Waits for the spawner's end, up to 3 s: then it is killed. */
void processes_close(struct processes *all);
/* answer_by_ns has come: a spawner that has not answered is killed, and all->lost says so. Logs that. */
void processes_look(struct processes *all, uint64_t now);

/*
 * Starts one of that role; what is sent to it waits until it runs. NULL with errno (EMFILE, ENOMEM,
 * EPIPE: there is no spawner). A worker is the one that stands ready, if there is one.
 */
struct process *process_start(struct processes *all, enum role role,
			      const struct process_owner *owner, void *context);
/* Has a worker stand ready, if none does. */
void processes_prepare(struct processes *all);

/*
 * Sends m, with descriptors. A process that does not take what it is sent is killed, so this does
 * not fail: its end will be heard.
 */
void process_send(struct process *p, const struct message *m, const int *fds, unsigned nr);
/* The same, with a tail (messages.h). */
void process_send_tail(struct process *p, const struct message *m, const int *fds, unsigned nr,
		       const void *tail, size_t len);
/* Kills it. Its end is still told to its owner; NULL is allowed. */
void process_kill(struct process *p);
/*
 * It sent what it may not: nothing more is heard of it, and it is killed. Its owner is told so, as how
 * it ended.
 */
void process_reject(struct process *p);
/* Its owner does not want to hear of it any more; it is killed. NULL is allowed. */
void process_disown(struct process *p);

#endif
