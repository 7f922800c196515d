/* SPDX-License-Identifier: MIT */
/* The side of those who ask. */
#include "host/device/vfio_user/vdev.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/util.h"

/* size bytes, which are written at once. 0, or -1 with errno. */
static int read_soon(int fd, void *out, size_t size)
{
	const uint64_t until = now_ns() + VDEV_WAIT_MS * 1000000ull;
	ssize_t n;

	for (;;) {
		struct pollfd p = { fd, POLLIN, 0 };
		uint64_t now = now_ns();
		struct timespec left = timespec_of(until > now ? until - now : 0);
		int ready = ppoll(&p, 1, &left, NULL);

		if (!ready)
			return fail(ETIMEDOUT);
		if (ready > 0)
			break;
		if (errno != EINTR)
			return -1;
	}
	n = read(fd, out, size);
	return n == (ssize_t)size ? 0 : n < 0 ? -1 : fail(EPIPE);
}

/* The page keeps its size, so that nobody who has it mapped can be hurt. */
static int make_page(struct vdev *v, struct vdev_page **page)
{
	void *mine, *its;

	v->memory = memfd_create("vdev", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (v->memory < 0 || ftruncate(v->memory, sizeof(struct vdev_page)) ||
	    fcntl(v->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -1;
	mine = mmap(NULL, sizeof(struct vdev_page), PROT_READ, MAP_SHARED, v->memory, 0);
	if (mine == MAP_FAILED)
		return -1;
	v->page = mine;
	its = mmap(NULL, sizeof(struct vdev_page), PROT_READ | PROT_WRITE, MAP_SHARED, v->memory, 0);
	if (its == MAP_FAILED)
		return -1;
	*page = its;
	return 0;
}

/* The process is nobody's child, so that nobody has to hear of its end. */
static int fork_away(int server, int requests, int told, int bus, struct vdev_page *page)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -1;
	if (!pid) {
		pid = fork();
		if (!pid)
			vdev_run(server, requests, told, bus, page);
		_exit(pid < 0);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : fail(EAGAIN);
}

int vdev_start(struct vdev *v, int server, int bus, struct vdev_facts *facts)
{
	struct vdev_page *page = NULL;
	int pair[2] = { -1, -1 }, told[2] = { -1, -1 }, rc = -1;

	*v = (struct vdev){ .requests = -1, .memory = -1 };
	if (make_page(v, &page) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ||
	    pipe2(told, O_CLOEXEC) || fork_away(server, pair[1], told[1], bus, page))
		goto out;
	v->requests = pair[0];
	pair[0] = -1;
	close_keep(told[1]);
	told[1] = -1;
	if (read_soon(told[0], facts, sizeof(*facts)))
		goto out;
	rc = facts->err ? fail(facts->err) : 0;
out:
	for (unsigned i = 0; i < 2; i++) {
		close_keep(pair[i]);
		close_keep(told[i]);
	}
	if (page)
		munmap(page, sizeof(*page));
	return rc;
}

void vdev_dispose(struct vdev *v)
{
	int saved = errno;

	if (v->page)
		munmap(v->page, sizeof(*v->page));
	close_keep(v->memory);
	close_keep(v->requests);
	*v = (struct vdev){ .requests = -1, .memory = -1 };
	errno = saved;
}

/* With the pipe for the answer, and what else the request is about (-1: nothing). */
static int send_request(const struct vdev *v, struct vdev_request *r, int answer, int pass)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { .room = { 0 } };
	const int fds[2] = { answer, pass };
	const size_t size = (pass < 0 ? 1 : 2) * sizeof(int);
	struct iovec iov = { r, sizeof(*r) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = CMSG_SPACE(size) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), fds, size);
	if (sendmsg(v->requests, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EAGAIN ? fail(EBUSY) : -1;
}

static int ask(const struct vdev *v, struct vdev_request *r, int pass, uint32_t *value)
{
	struct vdev_answer answer;
	int way[2], rc;

	if (pipe2(way, O_CLOEXEC))
		return -1;
	rc = send_request(v, r, way[1], pass);
	close_keep(way[1]);
	if (!rc)
		rc = read_soon(way[0], &answer, sizeof(answer));
	close_keep(way[0]);
	if (rc)
		return -1;
	if (answer.err)
		return fail(answer.err > 0 ? answer.err : EIO);
	if (value)
		*value = answer.value;
	return 0;
}

int vdev_ask(const struct vdev *v, enum vdev_op op, unsigned offset, unsigned size, uint32_t *value)
{
	struct vdev_request r = { (uint32_t)op, offset, size, value ? *value : 0 };

	return ask(v, &r, -1, value);
}

int vdev_vector(const struct vdev *v, enum pcidev_interrupt kind, enum pcidev_vector what, unsigned nr,
		int eventfd)
{
	struct vdev_request r = { VDEV_VECTOR, (uint32_t)kind, nr, (uint32_t)what };

	return ask(v, &r, eventfd, NULL);
}
