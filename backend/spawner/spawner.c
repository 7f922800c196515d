/* SPDX-License-Identifier: MIT */
#include "backend/spawner/spawner.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "backend/gate/gate.h"
#include "backend/job/job.h"
#include "backend/messages/messages.h"
#include "common/log.h"
#include "common/ratelimit.h"
#include "common/util.h"

#define CHILDREN_MAX 4096
/*
 * Users that nobody has: above what systemd and containers take. A worker's is its own for as long
 * as it lives.
 */
#define WORKER_UID_BASE 0x78000000u
#define EMPTY_DIR "empty"

enum { WORKER_SOCKET = 3, WORKER_FILTER = 4 };

struct child {
	pid_t pid; /* 0: none */
	uint32_t id;
};

struct spawner {
	const struct env *env;
	int sock;
	int signals;
	int filter;
	int net; /* an empty network, shared by all workers; -1: none */
	char empty[512];
	unsigned nr; /* places in use, at most */
	struct ratelimit starts; /* that may be told to have failed: guests cause them */
	bool tells;
	struct child child[CHILDREN_MAX];
};

static void tell(struct spawner *s, const struct message *m)
{
	while (message_send(s->sock, m, NULL, 0, NULL, 0)) {
		struct pollfd p = { .fd = s->sock, .events = POLLOUT };

		if (errno != EAGAIN && errno != ENOBUFS)
			_exit(1);
		poll(&p, 1, 1000);
	}
}

static void tell_started(struct spawner *s, uint32_t id, pid_t pid)
{
	struct message m;

	message_init(&m, MESSAGE_STARTED, 0);
	m.u.started = (struct message_started){ .id = id, .pid = pid };
	tell(s, &m);
}

static void tell_exited(struct spawner *s, uint32_t id, int status, int err)
{
	struct message m;

	message_init(&m, MESSAGE_EXITED, 0);
	m.u.exited = (struct message_exited){ .id = id, .status = status, .err = err };
	tell(s, &m);
}

static void tell_done(struct spawner *s, enum message_kind what)
{
	struct message m;

	message_init(&m, MESSAGE_ANSWER, 0);
	m.u.answer.to = what;
	tell(s, &m);
}

/* ---- In the child ---- */

/* Namespaces with nothing in them. What the kernel or a container refuses is told once, and is no end. */
static void leave_namespaces(struct spawner *s)
{
	if (geteuid())
		return;
	if (s->net >= 0)
		setns(s->net, CLONE_NEWNET);
	if (!unshare(CLONE_NEWNS))
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	unshare(CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP);
}

static void run_worker(struct spawner *s, int sock, uint32_t id) __attribute__((noreturn));
static void run_worker(struct spawner *s, int sock, uint32_t id)
{
	char uid[16], sock_text[8], filter_text[8];
	char *argv[] = { (char *)s->env->worker, sock_text, filter_text, uid, s->empty, NULL };
	int filter = fcntl(s->filter, F_DUPFD, 16), end = fcntl(sock, F_DUPFD, 16);

	leave_namespaces(s);
	snprintf(uid, sizeof(uid), "%u", WORKER_UID_BASE + id % 0x10000);
	snprintf(sock_text, sizeof(sock_text), "%d", WORKER_SOCKET);
	snprintf(filter_text, sizeof(filter_text), "%d", WORKER_FILTER);
	if (dup2(end, WORKER_SOCKET) < 0 || dup2(filter, WORKER_FILTER) < 0 ||
	    syscall(SYS_close_range, WORKER_FILTER + 1, ~0u, 0))
		_exit(126);
	execv(s->env->worker, argv);
	if (s->tells)
		log_error(s->env->lg, "cannot start %s: %s; reinstall xenpci", s->env->worker, strerror(errno));
	_exit(127);
}

static void run(struct spawner *s, const struct message_spawn *what, int sock)
	__attribute__((noreturn));
static void run(struct spawner *s, const struct message_spawn *what, int sock)
{
	sigset_t none;

	close_keep(s->sock);
	close_keep(s->signals);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	switch ((enum role)what->role) {
	case ROLE_JOB:
		_exit(job_main(s->env, sock));
	case ROLE_GATE:
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(gate_main(s->env, sock));
	case ROLE_WORKER:
		run_worker(s, sock, what->id);
	case ROLE_COUNT:
		break;
	}
	_exit(125);
}

/* ---- In the spawner ---- */

static struct child *place(struct spawner *s)
{
	for (unsigned i = 0; i < s->nr; i++)
		if (!s->child[i].pid)
			return &s->child[i];
	return s->nr < CHILDREN_MAX ? &s->child[s->nr++] : NULL;
}

static void spawn(struct spawner *s, const struct message_spawn *what, int sock)
{
	struct child *c = place(s);
	pid_t pid;

	if (!c || sock < 0 || what->role >= ROLE_COUNT) {
		tell_exited(s, what->id, 0, c ? EINVAL : EAGAIN);
		return;
	}
	s->tells = ratelimit_allow(&s->starts, now_ns());
	pid = fork();
	if (!pid)
		run(s, what, sock);
	if (pid < 0) {
		tell_exited(s, what->id, 0, errno);
		return;
	}
	*c = (struct child){ .pid = pid, .id = what->id };
	tell_started(s, what->id, pid);
}

static void kill_child(struct spawner *s, uint32_t id)
{
	for (unsigned i = 0; i < s->nr; i++)
		if (s->child[i].pid && s->child[i].id == id)
			kill(s->child[i].pid, SIGKILL);
}

static void reap(struct spawner *s)
{
	struct signalfd_siginfo si;
	int status;
	pid_t pid;

	if (read(s->signals, &si, sizeof(si)) < 0 && errno != EAGAIN)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < s->nr; i++) {
			if (s->child[i].pid != pid)
				continue;
			s->child[i].pid = 0;
			tell_exited(s, s->child[i].id, status, 0);
		}
	}
}

/* An order of the supervisor's. false: it has gone. */
static bool obey(struct spawner *s)
{
	int fds[MESSAGE_FDS_MAX];
	struct message m;

	if (message_receive(s->sock, END_SUPERVISOR, END_SPAWNER, &m, fds, NULL, NULL) != 1)
		return false;
	if (m.kind == MESSAGE_SPAWN)
		spawn(s, &m.u.spawn, fds[0]);
	else if (m.kind == MESSAGE_KILL) {
		kill_child(s, m.u.kill.id);
		tell_done(s, MESSAGE_KILL);
	}
	for (unsigned i = 0; i < MESSAGE_FDS_MAX; i++)
		close_keep(fds[i]);
	return true;
}

/* Jobs go on to their end; workers and gates are not to outlive the supervisor. */
static void end_all(struct spawner *s) __attribute__((noreturn));
static void end_all(struct spawner *s)
{
	(void)s;
	_exit(0);
}

/* In the child: its network stays for as long as somebody has it open; until the spawner has, or is dead, that is we. */
static void hold_network(int end) __attribute__((noreturn));
static void hold_network(int end)
{
	char c;

	if (!unshare(CLONE_NEWNET) && send(end, "n", 1, MSG_NOSIGNAL) == 1 && recv(end, &c, 1, 0) < 0)
		_exit(1);
	_exit(0);
}

/* An empty network, a child's. -1: there is none to be had. */
static int make_network(const struct spawner *s)
{
	char path[sizeof("/proc//ns/net") + 12], c;
	int ends[2], net = -1;
	pid_t pid;

	if (geteuid() || message_pair(ends))
		return -1;
	pid = fork();
	if (!pid) {
		/* Or the supervisor would not hear of our end. */
		close_keep(s->sock);
		close_keep(ends[0]);
		hold_network(ends[1]);
	}
	close_keep(ends[1]);
	if (pid > 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
		if (recv(ends[0], &c, 1, 0) == 1)
			net = open(path, O_RDONLY | O_CLOEXEC);
	}
	close_keep(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return net;
}

static int prepare(struct spawner *s)
{
	sigset_t set;

	s->filter = filter_make(s->env->strange_worker);
	if (s->filter < 0)
		return -1;
	snprintf(s->empty, sizeof(s->empty), "%s/" EMPTY_DIR, s->env->state_dir);
	mkdir(s->env->state_dir, 0711);
	if (mkdir(s->empty, 0555) && errno != EEXIST)
		snprintf(s->empty, sizeof(s->empty), "/proc/self/fdinfo");
	s->net = make_network(s);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	/* The supervisor is told to stop, not we. */
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -1 : 0;
}

static void serve(const struct env *env, int sock) __attribute__((noreturn));
static void serve(const struct env *env, int sock)
{
	struct spawner *s = calloc(1, sizeof(*s));

	prctl(PR_SET_NAME, "xenpci-spawner");
	if (!s)
		_exit(1);
	s->env = env;
	s->sock = sock;
	ratelimit_init(&s->starts, 1000000000u, 32, now_ns());
	if (prepare(s)) {
		log_error(env->lg, "processes cannot be confined: %s", strerror(errno));
		_exit(1);
	}
	for (;;) {
		struct pollfd p[2] = { { .fd = sock, .events = POLLIN },
				       { .fd = s->signals, .events = POLLIN } };

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			reap(s);
		if (p[0].revents && !obey(s))
			end_all(s);
	}
}

int spawner_start(const struct env *env, int *sock, pid_t *pid)
{
	int sv[2], parted[2];
	char c;

	if (message_pair(sv)) {
		log_error(env->lg, "no socket: %s", strerror(errno));
		return -1;
	}
	if (pipe2(parted, O_CLOEXEC))
		parted[0] = parted[1] = -1;
	*pid = fork();
	if (!*pid) {
		close(sv[0]);
		close_keep(env->instance);
		close_keep(env->keeper);
		close_keep(parted[0]);
		close_keep(parted[1]);
		serve(env, sv[1]);
	}
	close_keep(sv[1]);
	close_keep(parted[1]);
	/* The lock of the one instance is ours alone before anybody can kill us: the next one would find it held. */
	if (*pid > 0 && parted[0] >= 0 && read(parted[0], &c, 1) < 0)
		errno = 0;
	close_keep(parted[0]);
	if (*pid < 0) {
		log_error(env->lg, "cannot fork: %s", strerror(errno));
		close_keep(sv[0]);
		return -1;
	}
	*sock = sv[0];
	return 0;
}
