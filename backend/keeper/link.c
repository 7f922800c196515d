/* SPDX-License-Identifier: MIT */
#include "backend/keeper/link.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "backend/keeper/keeper.h"
#include "common/libc.h"
#include "common/util.h"

/* What keeper_succeed begins with. */
static char **arguments;
static int told_fd = -1;
static char *told_text; /* of it, in the arguments */
static char program[PATH_MAX]; /* "": not known */

static void say(int link, enum keeper_word word)
{
	struct keeper_message m = { .word = (int32_t)word };

	/* A keeper that died shows by the end of the link. */
	if (link >= 0 && send(link, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0;
}

int keeper_turn(int link)
{
	struct pollfd p = { .fd = link, .events = POLLIN };
	struct keeper_message m;
	uint64_t until = now_ns() + KEEPER_ANSWER_S * 1000000000ull, now;

	say(link, KEEPER_TURN);
	for (now = now_ns(); now < until; now = now_ns()) {
		if (poll(&p, 1, (int)((until - now) / 1000000 + 1)) <= 0)
			continue;
		if (recv(link, &m, sizeof(m), MSG_DONTWAIT) != (ssize_t)sizeof(m))
			return fail(EPIPE);
		if (m.word == KEEPER_TURN)
			return m.error ? fail(m.error) : 0;
		say(link, KEEPER_HERE);
	}
	return fail(ETIMEDOUT);
}

void keeper_serving(int link, int overdue)
{
	struct keeper_message m = { .word = KEEPER_SERVING };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(overdue))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(overdue)), .cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { &m, sizeof(m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control.room) };

	if (link < 0)
		return;
	memcpy(CMSG_DATA(&control.head), &overdue, sizeof(overdue));
	/* Without it, it asks us only when the bus has news. */
	if (overdue < 0 || sendmsg(link, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		say(link, KEEPER_SERVING);
}

void keeper_again(int link, bool anew)
{
	say(link, anew ? KEEPER_ANEW : KEEPER_AGAIN);
}

void keeper_released(int link)
{
	say(link, KEEPER_RELEASED);
}

enum keeper_wish keeper_hear(int link)
{
	struct keeper_message m;
	ssize_t n = recv(link, &m, sizeof(m), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return KEEPER_WISHES_NOTHING;
	if (n != (ssize_t)sizeof(m))
		return KEEPER_WISHES_GONE;
	say(link, KEEPER_HERE);
	switch (m.word) {
	case KEEPER_STOP:
		return KEEPER_WISHES_STOP;
	case KEEPER_LEAVE:
		return KEEPER_WISHES_LEAVE;
	case KEEPER_RELOAD:
		return KEEPER_WISHES_RELOAD;
	default:
		return KEEPER_WISHES_NOTHING;
	}
}

void keeper_remember(char **argv, int ready_fd, char *ready_text)
{
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[n > 0 ? n : 0] = '\0';
	arguments = argv;
	told_fd = ready_fd;
	told_text = ready_text;
}

void keeper_succeed(bool installed)
{
	sigset_t none;
	int fd;

	if (!arguments) {
		errno = ENOSYS;
		return;
	}
	close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	if (told_fd >= 0) {
		fd = open("/dev/null", O_WRONLY);
		if (fd >= 0 && fd != told_fd)
			dup2(fd, told_fd);
		/* Where none can be had the program is not to look for it. */
		if (fcntl(told_fd, F_GETFD))
			memcpy(told_text, KEEPER_NO_READY_FD, sizeof(KEEPER_NO_READY_FD));
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (installed && program[0])
		execv(program, arguments);
	execv("/proc/self/exe", arguments);
}
