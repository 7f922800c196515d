/* SPDX-License-Identifier: MIT */
#include "frontend/bus.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "common/util.h"

const char *bus_path(void)
{
	const char *path = secure_getenv(BUS_VARIABLE);

	return path && *path ? path : NULL;
}

static int connect_to(const char *path)
{
	const struct timeval wait = { .tv_sec = BUS_WAIT_MS / 1000 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return fail(ENAMETOOLONG);
	memcpy(a.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) &&
	    !connect(fd, (const struct sockaddr *)&a, sizeof(a)))
		return fd;
	close_keep(fd);
	return -1;
}

/* -1 of a call that waited in vain says so. */
static int failed(void)
{
	return errno == EAGAIN ? fail(ETIMEDOUT) : -1;
}

static int receive(int sock, struct bus_answer *answer, int *fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { answer, sizeof(*answer) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control.room) };
	struct cmsghdr *c;
	ssize_t n;

	do {
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed();
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return n == sizeof(*answer) ? 0 : fail(EPROTO);
}

int bus_ask(const char *path, const struct bus_request *r, uint64_t *value, int *fd)
{
	struct bus_answer answer = { 0 };
	int sock = connect_to(path), rc;

	*fd = -1;
	if (sock < 0)
		return -1;
	rc = send(sock, r, sizeof(*r), MSG_NOSIGNAL) < 0 ? failed() : receive(sock, &answer, fd);
	close_keep(sock);
	if (!rc && answer.err)
		rc = fail(answer.err <= 4095 ? (int)answer.err : EPROTO);
	if (rc) {
		close_keep(*fd);
		*fd = -1;
		return -1;
	}
	*value = answer.value;
	return 0;
}
