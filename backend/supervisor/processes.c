/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/processes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"

#define STANDBY_FAILURES_MAX 5
#define SECOND UINT64_C(1000000000)
#define SPAWNER_ANSWER_S 10
#define SPAWNER_BEGIN_S 30 /* the first: the kernel may take its time with the empty network */
#define SPAWNER_END_MS 3000

static const enum message_end ends[ROLE_COUNT] = {
	[ROLE_JOB] = END_JOB,
	[ROLE_GATE] = END_GATE,
	[ROLE_WORKER] = END_WORKER,
};

static struct process *process_of(struct processes *all, uint32_t id)
{
	struct process *p;

	TAILQ_FOREACH(p, &all->list, link)
		if (p->id == id)
			return p;
	return NULL;
}

/* Nothing more is heard of it but its end. */
static void close_socket(struct process *p)
{
	if (p->closed)
		return;
	p->closed = true;
	loop_drop(p->all->loop, &p->source);
	close_keep(p->sock);
	p->sock = -1;
}

void process_reject(struct process *p)
{
	p->rejected = true;
	close_socket(p);
	process_kill(p);
}

/* One message, or its end. false: there is nothing for now. */
static bool hear(struct process *p)
{
	int fds[MESSAGE_FDS_MAX], rc;
	struct message m;

	rc = message_receive(p->sock, p->end, END_SUPERVISOR, &m, fds, NULL, NULL);
	if (rc < 0 && errno == EAGAIN)
		return false;
	if (rc != 1) {
		if (rc < 0) {
			process_reject(p);
		} else {
			close_socket(p);
			process_kill(p);
		}
		return false;
	}
	if (p->owner)
		p->owner->heard(p->context, &m, fds);
	for (unsigned i = 0; i < MESSAGE_FDS_MAX; i++)
		close_keep(fds[i]);
	return !p->closed;
}

static void on_process(struct source *s)
{
	hear((struct process *)((char *)s - offsetof(struct process, source)));
}

static void describe(const struct process *p, int status, int err, char how[64])
{
	if (p->rejected)
		snprintf(how, 64, "sent what it may not, and was ended");
	else if (err)
		snprintf(how, 64, "did not start: %s", strerror(err));
	else if (WIFSIGNALED(status))
		snprintf(how, 64, "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(how, 64, "ended with status %d", WEXITSTATUS(status));
}

static unsigned patience_s(const struct processes *all)
{
	return all->answered ? SPAWNER_ANSWER_S : SPAWNER_BEGIN_S;
}

static uint64_t by(const struct processes *all, uint64_t now)
{
	return now + patience_s(all) * SECOND;
}

/* It has an order, and answers each: a process has started or has not, or was killed. */
static void await_spawner(struct processes *all)
{
	if (!all->awaited++)
		all->answer_by_ns = by(all, now_ns());
}

static void spawner_answers(struct processes *all)
{
	all->awaited -= all->awaited > 0;
	all->answered = true;
	all->answer_by_ns = all->awaited ? by(all, now_ns()) : 0;
}

static void on_exited(struct processes *all, const struct message_exited *e)
{
	struct process *p = process_of(all, e->id);
	char how[64];

	if (!p)
		return;
	if (!p->pid)
		spawner_answers(all);
	/* What it said before comes first. */
	while (!p->closed && hear(p))
		;
	close_socket(p);
	TAILQ_REMOVE(&all->list, p, link);
	describe(p, e->status, e->err, how);
	if (p == all->standby) {
		all->standby = NULL;
		all->failed++;
		talk_event(&all->talk, XTL_ERROR, "a worker that stood ready %s", how);
		if (all->failed < STANDBY_FAILURES_MAX)
			processes_prepare(all);
	}
	if (p->owner)
		p->owner->ended(p->context, e->err ? -1 : e->status, how);
	free(p);
}

static void on_started(struct process *p, pid_t pid)
{
	if (!p || p->pid)
		return;
	p->pid = pid;
	spawner_answers(p->all);
	if (p->owner && p->owner->started)
		p->owner->started(p->context);
}

static void on_spawner(struct source *s)
{
	struct processes *all = (struct processes *)((char *)s - offsetof(struct processes, spawner));
	struct message m;
	int rc = message_receive(all->sock, END_SPAWNER, END_SUPERVISOR, &m, NULL, NULL, NULL);

	if (rc == 1 && m.kind == MESSAGE_STARTED) {
		on_started(process_of(all, m.u.started.id), m.u.started.pid);
	} else if (rc == 1 && m.kind == MESSAGE_EXITED)
		on_exited(all, &m.u.exited);
	else if (rc == 1 && m.kind == MESSAGE_ANSWER)
		spawner_answers(all);
	else if (rc != 1 && !(rc < 0 && errno == EAGAIN))
		all->lost = true;
}

int processes_open(struct processes *all, struct loop *loop, int sock, pid_t pid,
		   xentoollog_logger *lg)
{
	memset(all, 0, sizeof(*all));
	TAILQ_INIT(&all->list);
	all->loop = loop;
	talk_init(&all->talk, lg, TALK_ANY);
	all->sock = sock;
	all->pid = pid;
	all->next_id = 1;
	if (fcntl(sock, F_SETFL, O_NONBLOCK))
		return -1;
	return loop_add(loop, &all->spawner, sock, on_spawner);
}

/* Workers and gates end with it. One that hangs is not to keep us. */
static void await_end(pid_t pid)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

	if (p.fd < 0 || poll(&p, 1, SPAWNER_END_MS) != 1)
		kill(pid, SIGKILL);
	close_keep(p.fd);
	waitpid(pid, NULL, 0);
}

void processes_close(struct processes *all)
{
	struct process *p;

	if (!all->loop)
		return;
	while ((p = TAILQ_FIRST(&all->list))) {
		TAILQ_REMOVE(&all->list, p, link);
		close_socket(p);
		free(p);
	}
	loop_drop(all->loop, &all->spawner);
	close_keep(all->sock);
	if (all->pid > 0)
		await_end(all->pid);
	all->loop = NULL;
}

void processes_look(struct processes *all, uint64_t now)
{
	if (!all->answer_by_ns || now < all->answer_by_ns)
		return;
	/* So late are we only where we did not run, nor did it: it gets what it missed. */
	if (now - all->answer_by_ns > SECOND) {
		all->answer_by_ns = by(all, now);
		return;
	}
	talk_event(&all->talk, XTL_ERROR, "the process that starts others gives no answer for %u s: it is killed",
		   patience_s(all));
	if (all->pid > 0)
		kill(all->pid, SIGKILL);
	all->answer_by_ns = 0;
	all->lost = true;
}

static struct process *start(struct processes *all, enum role role)
{
	struct process *p = calloc(1, sizeof(*p));
	struct message m;
	int sv[2] = { -1, -1 };

	if (!p || message_pair(sv) || fcntl(sv[0], F_SETFL, O_NONBLOCK))
		goto out;
	p->all = all;
	p->id = all->next_id++;
	p->role = role;
	p->end = ends[role];
	p->sock = sv[0];
	message_init(&m, MESSAGE_SPAWN, 0);
	m.u.spawn = (struct message_spawn){ .id = p->id, .role = role };
	if (loop_add(all->loop, &p->source, p->sock, on_process))
		goto out;
	if (message_send(all->sock, &m, &sv[1], 1, NULL, 0)) {
		/* Before the loop has heard of its end. */
		all->lost |= errno == EPIPE || errno == ECONNRESET;
		loop_drop(all->loop, &p->source);
		goto out;
	}
	close_keep(sv[1]);
	TAILQ_INSERT_TAIL(&all->list, p, link);
	await_spawner(all);
	return p;
out:
	close_keep(sv[0]);
	close_keep(sv[1]);
	free_keep(p);
	return NULL;
}

void processes_prepare(struct processes *all)
{
	if (all->standby)
		return;
	all->standby = start(all, ROLE_WORKER);
	if (!all->standby)
		talk_event(&all->talk, XTL_WARN, "no worker can stand ready: %s; the next guest waits for its own",
			   strerror(errno));
}

struct process *process_start(struct processes *all, enum role role,
			      const struct process_owner *owner, void *context)
{
	struct process *p;

	if (role == ROLE_WORKER && all->standby) {
		p = all->standby;
		all->standby = NULL;
		all->failed = 0;
	} else {
		p = start(all, role);
	}
	if (!p)
		return NULL;
	p->owner = owner;
	p->context = context;
	return p;
}

void process_send_tail(struct process *p, const struct message *m, const int *fds, unsigned nr,
		       const void *tail, size_t len)
{
	if (p->closed || p->deaf || !message_send(p->sock, m, fds, nr, tail, len))
		return;
	p->deaf = true;
	talk_event(&p->all->talk, XTL_WARN, "a process does not take %s (%s): it is ended",
		   message_name(m->kind), strerror(errno));
	process_kill(p);
}

void process_send(struct process *p, const struct message *m, const int *fds, unsigned nr)
{
	process_send_tail(p, m, fds, nr, NULL, 0);
}

void process_kill(struct process *p)
{
	struct message m;

	if (!p)
		return;
	message_init(&m, MESSAGE_KILL, 0);
	m.u.kill.id = p->id;
	if (!message_send(p->all->sock, &m, NULL, 0, NULL, 0))
		await_spawner(p->all);
	else if (errno != EAGAIN)
		p->all->lost = true;
}

void process_disown(struct process *p)
{
	if (!p)
		return;
	p->owner = NULL;
	close_socket(p);
	process_kill(p);
}
