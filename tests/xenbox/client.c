/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "box.h"
#include "client.h"

const char *xb_rundir(void)
{
	const char *dir = getenv(BOX_ENV_DIR);

	if (!dir)
		errno = ENOENT;
	return dir;
}

unsigned int xb_domid(void)
{
	const char *domid = getenv(BOX_ENV_DOMID);

	return domid ? (unsigned int)strtoul(domid, NULL, 10) : 0;
}

/* The answer to the request just sent. 0, or -1 with errno. */
static int answer(struct xb_conn *c, struct xb_msg *m, void *out, uint32_t outmax, int *fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov[2] = { { m, sizeof(*m) }, { out, outmax } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = outmax ? 2 : 1,
			     .msg_control = control.buf, .msg_controllen = sizeof(control) };
	const struct cmsghdr *cm;
	int got = -1;
	ssize_t n;

	do
		n = recvmsg(c->fd, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)sizeof(*m)) {
		if (n >= 0)
			errno = EIO; /* the box is down */
		return -1;
	}
	cm = CMSG_FIRSTHDR(&mh);
	if (cm && cm->cmsg_type == SCM_RIGHTS)
		memcpy(&got, CMSG_DATA(cm), sizeof(got));
	if (fd)
		*fd = got;
	else if (got >= 0)
		close(got);
	return 0;
}

int xb_call(struct xb_conn *c, struct xb_msg *m, const void *data, uint32_t len, void *out,
	    uint32_t outmax, int *fd)
{
	/* NOLINTNEXTLINE: sendmsg only reads */
	struct iovec iov[2] = { { m, sizeof(*m) }, { (void *)(uintptr_t)data, len } };
	const struct msghdr mh = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	ssize_t n;
	int rc = -1;

	m->len = len;
	pthread_mutex_lock(&c->lock);
	do
		n = sendmsg(c->fd, &mh, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		rc = answer(c, m, out, outmax, fd);
	pthread_mutex_unlock(&c->lock);
	if (rc)
		return -1;
	if (m->ret < 0) {
		errno = -m->ret;
		return -1;
	}
	return m->ret;
}

int xb_connect(struct xb_conn *c, const char *rundir, unsigned int domid, enum xb_kind kind,
	       int *fd, uint32_t *slot)
{
	struct xb_msg m = { .op = XB_HELLO, .a = { domid, kind, (uint64_t)getpid() } };

	pthread_mutex_init(&c->lock, NULL);
	c->fd = rundir ? box_connect(rundir, BOX_HV_SOCKET, SOCK_SEQPACKET) : -1;
	if (c->fd < 0)
		return -1;
	if (xb_call(c, &m, NULL, 0, NULL, 0, fd) < 0) {
		xb_disconnect(c);
		return -1;
	}
	if (slot)
		*slot = (uint32_t)m.a[0];
	return 0;
}

void xb_disconnect(struct xb_conn *c)
{
	int err = errno;

	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	pthread_mutex_destroy(&c->lock);
	errno = err;
}
