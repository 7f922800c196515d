/* SPDX-License-Identifier: MIT */
#include "backend/keeper/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <xentoollog.h> /* the levels alone */

#include "backend/keeper/bus.h"
#include "backend/keeper/link.h"
#include "backend/keeper/say.h"
#include "backend/keeper/systemd.h"
#include "common/file.h"
#include "common/libc.h"
#include "common/util.h"

#define SECOND 1000000000ull
#define NEWS_MAX 64 /* taken before anything else has its turn */
#define OOM "/proc/self/oom_score_adj"
#define OOM_NEVER "-1000"

/* Not below the level that was asked for. */
#define say(k, ...) keeper_say((k)->o->level, __VA_ARGS__)

struct keeper {
	const struct keeper_options *o;
	int (*serve)(int link, int ready_fd, void *arg);
	void *arg;
	struct keeper_bus bus;
	int signal_fd, uevent_fd, link;
	sigset_t mask; /* before us */
	char oom[8];   /* before us */
	int ready_fd;

	pid_t server; /* 0: none */
	int overdue_fd; /* of the server that serves (link.h); -1: none */
	bool serving, has_served;
	bool stopping, done;
	enum keeper_word next; /* AGAIN or ANEW: what the server wants when it has ended; 0: nothing */
	int rc;
	unsigned failures; /* one after the other */

	/* 0: no such time. */
	uint64_t served_since;
	uint64_t answer_by; /* a question is open, and the server has until then */
	bool ask_again;	    /* ... since when it has been at one thing for long: its answer may have been a part of that */
	uint64_t start_at;
	uint64_t hand_over_at;
	uint64_t bark_at; /* a service manager wants to hear that we are alive */
	uint64_t bark_ns; /* so often */
};

/* --- The server --- */

static void ask(struct keeper *k, enum keeper_word word)
{
	struct keeper_message m = { .word = (int32_t)word };

	if (send(k->link, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0; /* it is dead or does not read: it has no answer either */
	k->answer_by = now_ns() + KEEPER_ANSWER_S * SECOND;
}

static void ping(struct keeper *k)
{
	if (!k->serving || k->answer_by)
		return;
	keeper_bus_ask(&k->bus);
	ask(k, KEEPER_PING);
}

static int put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close_keep(fd);
	return n < 0 ? -1 : 0;
}

/*
 * In the child: everything as it was before the keeper, but a process group of its own: what the
 * terminal sends comes to the keeper, who passes it on once.
 */
static _Noreturn void be_server(struct keeper *k, int link)
{
	int rc;

	if (k->oom[0])
		put_text(OOM, k->oom);
	setpgid(0, 0);
	prctl(PR_SET_NAME, program_invocation_short_name);
	close_keep(k->signal_fd);
	close_keep(k->uevent_fd);
	sigprocmask(SIG_SETMASK, &k->mask, NULL);
	rc = k->serve(link, k->ready_fd, k->arg);
	exit(rc);
}

static void failed(struct keeper *k, const char *what, const char *why, int number);

static void start(struct keeper *k)
{
	int ends[2];

	k->start_at = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		failed(k, "no socket for a new server", strerrordesc_np(errno), errno);
		return;
	}
	k->server = fork();
	if (!k->server) {
		close(ends[0]);
		be_server(k, ends[1]);
	}
	close_keep(ends[1]);
	if (k->server < 0) {
		k->server = 0;
		close_keep(ends[0]);
		failed(k, "no process for a new server", strerrordesc_np(errno), errno);
		return;
	}
	k->link = ends[0];
	/* Its reader is to see the end when the server closes it. */
	close_keep(k->ready_fd);
	k->ready_fd = -1;
}

/* What served is gone, or does not come up: another, after a while. */
static void failed(struct keeper *k, const char *what, const char *why, int number)
{
	unsigned pause = 0;
	uint64_t now = now_ns();

	if (!k->has_served || k->stopping) {
		say(k, XTL_ERROR, "%s: %s (%d)", what, why, number);
		k->done = true;
		k->rc = EXIT_FAILURE;
		return;
	}
	if (k->serving && now - k->served_since >= KEEPER_STEADY_S * SECOND)
		k->failures = 0;
	k->serving = false;
	if (k->failures)
		pause = k->failures > 5 ? KEEPER_PAUSE_MAX_S : 1u << (k->failures - 1);
	k->failures++;
	k->start_at = now + pause * SECOND;
	systemd_tell("STATUS=the server is started again");
	if (pause >= KEEPER_PATIENCE_S)
		k->hand_over_at = now;
	else if (!k->hand_over_at)
		k->hand_over_at = now + KEEPER_PATIENCE_S * SECOND;
	say(k, XTL_ERROR, "%s: %s (%d); another is started in %u s", what, why, number, pause);
}

static void watch_no_more(struct keeper *k)
{
	close_keep(k->overdue_fd);
	k->overdue_fd = -1;
}

static void close_link(struct keeper *k)
{
	watch_no_more(k);
	close_keep(k->link);
	k->link = -1;
}

/* The server ended so that another takes its place: no failure, and nobody is handed over to. */
static void begin_again(struct keeper *k)
{
	enum keeper_word next = k->next;

	k->next = 0;
	k->serving = false;
	k->failures = 0;
	if (next == KEEPER_ANEW) {
		/* As who started us had it: the next keeper looks at it anew. */
		if (k->oom[0])
			put_text(OOM, k->oom);
		keeper_succeed(true);
		say(k, XTL_ERROR, "cannot begin anew with the program as it is installed: %s; the old one "
		    "goes on", strerrordesc_np(errno));
		if (k->oom[0])
			put_text(OOM, OOM_NEVER);
	}
	/* The kernel's backend waits as long as it would after a death. */
	k->hand_over_at = now_ns() + KEEPER_PATIENCE_S * SECOND;
	start(k);
}

static void ended(struct keeper *k, int status)
{
	const char *signal_name;

	close_link(k);
	k->server = 0;
	k->answer_by = 0;
	if (k->next && !k->stopping && WIFEXITED(status) && !WEXITSTATUS(status)) {
		begin_again(k);
		return;
	}
	if (WIFEXITED(status) && (!WEXITSTATUS(status) || k->stopping || !k->has_served)) {
		k->done = true;
		k->rc = WEXITSTATUS(status);
	} else if (WIFEXITED(status)) {
		failed(k, "the server ended", "its exit status", WEXITSTATUS(status));
	} else {
		signal_name = sigdescr_np(WTERMSIG(status));
		failed(k, "the server was killed by a signal", signal_name ? signal_name : "unknown",
		       WTERMSIG(status));
	}
}

static void reap(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != k->server)
			continue;
		/* Who has stopped it may let it go on soon: it answers then. */
		if (WIFSTOPPED(status))
			ping(k);
		else
			ended(k, status);
	}
}

static void silent(struct keeper *k)
{
	say(k, XTL_ERROR, "process %d, which serves, gives no answer for %d s: killed", k->server,
	    KEEPER_ANSWER_S);
	k->answer_by = 0;
	watch_no_more(k);
	/* It may take its time to die, if it hangs in the kernel. */
	if (!k->hand_over_at)
		k->hand_over_at = now_ns() + KEEPER_PATIENCE_S * SECOND;
	kill(k->server, SIGKILL);
}

/* A message, and the descriptor that came with it, which is the caller's; -1: none did. */
static ssize_t receive(int link, struct keeper_message *m, int *fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(link, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);

	*fd = -1;
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return n;
}

static void begins_to_serve(struct keeper *k, int overdue_fd)
{
	watch_no_more(k);
	k->overdue_fd = overdue_fd;
	k->serving = k->has_served = true;
	k->served_since = now_ns();
	k->hand_over_at = 0;
	keeper_bus_all_seen(&k->bus);
	systemd_tell("READY=1\nSTATUS=serving");
}

/* It is asked before it is killed: it may go on only now, as we do, where all processes were frozen for a suspend. */
static void on_overdue(struct keeper *k)
{
	uint64_t times;

	if (read(k->overdue_fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return;
	k->ask_again = k->answer_by != 0;
	if (k->answer_by)
		return;
	ping(k);
	if (k->answer_by)
		k->answer_by = now_ns() + KEEPER_ANSWER_S * SECOND - KEEPER_TURN_NS;
}

static void on_link(struct keeper *k)
{
	struct keeper_message m, answer = { .word = KEEPER_TURN };
	int fd;
	ssize_t n = receive(k->link, &m, &fd);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(m)) {
		close_link(k); /* its death is announced by a signal */
		return;
	}
	switch (m.word) {
	case KEEPER_TURN:
		answer.error = keeper_bus_turn_off(&k->bus);
		if (send(k->link, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			errno = 0;
		break;
	case KEEPER_SERVING:
		begins_to_serve(k, fd);
		fd = -1;
		break;
	case KEEPER_AGAIN:
	case KEEPER_ANEW:
		k->next = (enum keeper_word)m.word;
		break;
	case KEEPER_RELEASED:
		k->stopping = true;
		break;
	case KEEPER_HERE:
		k->answer_by = 0;
		if ((keeper_bus_answered(&k->bus) || k->ask_again) && !k->stopping)
			ping(k);
		k->ask_again = false;
		break;
	default:
		break;
	}
	close_keep(fd);
}

/* --- What happens --- */

static void on_uevents(struct keeper *k)
{
	char name[BACKEND_BUS_NAME_MAX];
	enum backend_bus_news news;

	for (int i = 0; i < NEWS_MAX && !backend_bus_next(k->uevent_fd, &news, name); i++)
		if (keeper_bus_take_news(&k->bus, news, name))
			ping(k);
}

static void stop(struct keeper *k, enum keeper_word word)
{
	k->stopping = true;
	systemd_tell("STOPPING=1");
	if (!k->server) {
		k->done = true;
		k->rc = EXIT_FAILURE; /* it does not serve, though it should */
		return;
	}
	ask(k, word);
	if (k->serving)
		return;
	/* It does not hear yet, and has not opened what it would hear by. */
	k->answer_by = 0;
	kill(k->server, SIGTERM);
}

static void on_signal(struct keeper *k)
{
	struct signalfd_siginfo si;

	if (read(k->signal_fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	switch (si.ssi_signo) {
	case SIGCHLD:
		reap(k);
		break;
	case SIGTERM:
	case SIGINT:
		stop(k, KEEPER_STOP);
		break;
	case SIGQUIT:
		stop(k, KEEPER_LEAVE);
		break;
	case SIGHUP:
		if (k->serving && !k->stopping)
			ask(k, KEEPER_RELOAD);
		break;
	default:
		say(k, XTL_INFO, "SIG%s has no meaning here",
		    sigabbrev_np((int)si.ssi_signo));
		break;
	}
}

/* UINT64_MAX: no time is set. */
static uint64_t first_time(const struct keeper *k)
{
	const uint64_t times[] = { k->answer_by, k->start_at, k->hand_over_at, k->bark_at };
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i] && times[i] < first)
			first = times[i];
	return first;
}

/* So late are we only where we did not run, nor did the server: it gets what it missed. */
static void forgive(struct keeper *k, uint64_t now)
{
	uint64_t first = first_time(k);

	if (first > now || now - first < SECOND)
		return;
	if (k->answer_by)
		k->answer_by += now - first + SECOND;
	if (k->hand_over_at)
		k->hand_over_at += now - first + SECOND;
}

static void serve_times(struct keeper *k)
{
	uint64_t now = now_ns();

	forgive(k, now);
	if (k->answer_by && k->answer_by <= now && k->server)
		silent(k);
	if (k->hand_over_at && k->hand_over_at <= now) {
		say(k, XTL_WARN, "nobody serves: new guests' devices are left to the kernel's backend until "
		    "a xenpcid does");
		k->hand_over_at = 0;
		keeper_bus_hand_over(&k->bus);
	}
	if (k->bark_at && k->bark_at <= now) {
		systemd_tell("WATCHDOG=1");
		k->bark_at = now + k->bark_ns;
	}
	if (k->start_at && k->start_at <= now)
		start(k);
}

/* How long to sleep; NULL: until something happens. */
static const struct timespec *nap(const struct keeper *k, struct timespec *ts)
{
	uint64_t first = first_time(k), now;

	if (first == UINT64_MAX)
		return NULL;
	now = now_ns();
	*ts = timespec_of(first > now ? first - now : 0);
	return ts;
}

static void turn(struct keeper *k)
{
	struct pollfd fds[] = { { .fd = k->signal_fd, .events = POLLIN },
				{ .fd = k->link, .events = POLLIN },
				{ .fd = k->uevent_fd, .events = POLLIN },
				{ .fd = k->overdue_fd, .events = POLLIN } };
	struct timespec ts;

	if (ppoll(fds, ARRAY_SIZE(fds), nap(k, &ts), NULL) > 0) {
		/* What the server said before it died comes first. */
		if (fds[1].revents)
			on_link(k);
		if (fds[2].revents)
			on_uevents(k);
		if (fds[3].revents && k->overdue_fd >= 0)
			on_overdue(k);
		if (fds[0].revents && !(fds[1].revents & POLLIN))
			on_signal(k);
	}
	serve_times(k);
}

static int keeper_open(struct keeper *k)
{
	static const int heard[] = { SIGTERM, SIGINT,  SIGQUIT, SIGHUP,
				     SIGUSR1, SIGUSR2, SIGCHLD };
	sigset_t all;

	if (keeper_bus_init(&k->bus, k->o)) {
		say(k, XTL_ERROR, "%s: too long a path", k->o->sysfs_root);
		return -1;
	}
	signal(SIGCHLD, SIG_DFL); /* who started us may have had it ignored: no child would be seen to end */
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, &k->mask))
		return -1;
	sigemptyset(&all);
	for (size_t i = 0; i < ARRAY_SIZE(heard); i++)
		sigaddset(&all, heard[i]);
	k->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	k->uevent_fd = backend_bus_listen(k->o->sysfs_root);
	if (k->signal_fd < 0 || (k->uevent_fd < 0 && errno != ENOENT)) {
		say(k, XTL_ERROR, "cannot listen to %s: %s", k->signal_fd < 0 ? "signals" : "the kernel",
		    strerrordesc_np(errno));
		return -1;
	}
	prctl(PR_SET_NAME, "xenpcid-keeper");
	/* Memory runs out: let it be another process that goes. */
	if (file_text(AT_FDCWD, OOM, k->oom, sizeof(k->oom)) <= 0 || put_text(OOM, OOM_NEVER))
		k->oom[0] = 0;
	return 0;
}

int keeper_run(const struct keeper_options *o, int (*serve)(int link, int ready_fd, void *arg),
	       void *arg)
{
	struct keeper k = { .o = o, .serve = serve, .arg = arg, .signal_fd = -1, .uevent_fd = -1,
			    .link = -1, .overdue_fd = -1, .ready_fd = o->ready_fd, .rc = EXIT_FAILURE };

	if (!keeper_open(&k)) {
		k.bark_ns = systemd_watchdog_ns() / 3;
		k.bark_at = k.bark_ns ? now_ns() : 0;
		start(&k);
		while (!k.done)
			turn(&k);
		keeper_bus_hand_over(&k.bus);
	}
	/* Signals stay blocked: one that came late does not change how we end. */
	return k.rc;
}
