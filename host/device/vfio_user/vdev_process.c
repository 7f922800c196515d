/* SPDX-License-Identifier: MIT */
/* The side of the process that speaks with the server. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/util.h"
#include "host/device/vfio_user/server.h"
#include "host/device/vfio_user/vdev.h"

enum { NOBODY = 65534, FOLLOW_MS = 100, FIRST_FD = 3, NR_FDS = 3, FDS_MAX = 16 };

struct process {
	struct server server;
	int requests;
	struct vdev_page *page;
	uint32_t config_size;
	bool resets, follows;
};

/* Nothing is left but the three descriptors, which come to stand from FIRST_FD on. */
static int keep_only(int *fd[NR_FDS])
{
	for (int i = 0; i < NR_FDS; i++) {
		*fd[i] = fcntl(*fd[i], F_DUPFD_CLOEXEC, 2 * FDS_MAX);
		if (*fd[i] < 0)
			return -1;
	}
	for (int i = 0; i < NR_FDS; i++) {
		*fd[i] = dup3(*fd[i], FIRST_FD + i, O_CLOEXEC);
		if (*fd[i] < 0)
			return -1;
	}
	return (int)syscall(SYS_close_range, FIRST_FD + NR_FDS, ~0u, 0);
}

/* Root gives everything up; who is not root has little to begin with. */
static int give_up_rights(void)
{
	const struct rlimit files = { FDS_MAX, FDS_MAX }, none = { 0, 0 };

	if (!geteuid()) {
		unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
		if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		    setresuid(NOBODY, NOBODY, NOBODY))
			return -1;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -1;
	return setrlimit(RLIMIT_NOFILE, &files) || setrlimit(RLIMIT_FSIZE, &none) ? -1 : 0;
}

/* The page becomes what the server says, or says that there is none any more. */
static int refresh(struct process *p)
{
	uint8_t config[VDEV_CONFIG_MAX];
	int rc = server_read(&p->server, VFU_REGION_CONFIG, 0, p->config_size, config);

	if (!rc)
		memcpy(p->page->config, config, p->config_size);
	if (p->server.fd < 0)
		p->page->held = 1;
	return rc;
}

static int look(struct process *p, struct vdev_facts *facts)
{
	struct vfu_device device;
	struct vfu_region region;

	if (server_greet(&p->server, &device) ||
	    server_region(&p->server, VFU_REGION_CONFIG, &region))
		return -1;
	if (!region.readable || region.size < PCIDEV_BASIC)
		return fail(ENODEV);
	p->config_size = region.size < VDEV_CONFIG_MAX ? PCIDEV_BASIC : VDEV_CONFIG_MAX;
	p->resets = device.resets;
	facts->resets = device.resets;
	facts->config_size = p->config_size;
	for (uint32_t i = 0; i < PCIDEV_RESOURCES; i++) {
		if (server_region(&p->server, i, &region))
			return -1;
		facts->size[i] = region.size;
	}
	return refresh(p);
}

static bool in_config(const struct process *p, const struct vdev_request *r)
{
	return (r->size == 1 || r->size == 2 || r->size == 4) && r->offset < p->config_size &&
	       r->size <= p->config_size - r->offset;
}

static int read_config(struct process *p, const struct vdev_request *r, uint32_t *value)
{
	uint8_t raw[4];

	if (!in_config(p, r))
		return fail(EINVAL);
	if (server_read(&p->server, VFU_REGION_CONFIG, r->offset, r->size, raw))
		return -1;
	memcpy(p->page->config + r->offset, raw, r->size);
	*value = 0;
	for (uint32_t i = 0; i < r->size; i++)
		*value |= (uint32_t)raw[i] << 8 * i;
	return 0;
}

/* What a write does beyond its own bytes is seen at once. */
static int write_config(struct process *p, const struct vdev_request *r)
{
	uint8_t raw[4];

	if (!in_config(p, r))
		return fail(EINVAL);
	for (uint32_t i = 0; i < r->size; i++)
		raw[i] = (uint8_t)(r->value >> 8 * i);
	if (server_write(&p->server, VFU_REGION_CONFIG, r->offset, r->size, raw))
		return -1;
	return refresh(p);
}

static int carry_out(struct process *p, const struct vdev_request *r, uint32_t *value)
{
	switch (r->op) {
	case VDEV_READ:
		return read_config(p, r, value);
	case VDEV_WRITE:
		return write_config(p, r);
	case VDEV_RESET:
		if (!p->resets)
			return fail(ENOTTY);
		return server_reset(&p->server) ? -1 : refresh(p);
	case VDEV_FOLLOW:
	case VDEV_LEAVE:
		p->follows = r->op == VDEV_FOLLOW;
		return 0;
	default:
		return fail(EINVAL);
	}
}

/* One request, with the pipe for its answer. false: nobody is there to ask. */
static bool serve(struct process *p)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct vdev_request r;
	struct vdev_answer answer = { 0 };
	struct iovec iov = { &r, sizeof(r) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(p->requests, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int way;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return true;
	memcpy(&way, CMSG_DATA(c), sizeof(way));
	if (n != sizeof(r))
		answer.err = EINVAL;
	else if (carry_out(p, &r, &answer.value))
		answer.err = errno ? errno : EIO;
	if (p->server.fd < 0)
		p->page->held = 1;
	/* Who has waited long enough has closed its end. */
	if (write(way, &answer, sizeof(answer)) != sizeof(answer))
		p->follows = p->follows && p->server.fd >= 0;
	close_keep(way);
	return true;
}

void vdev_run(int server, int requests, int told, struct vdev_page *page)
{
	int *fd[NR_FDS] = { &server, &requests, &told };
	struct process p = { .page = page };
	struct vdev_facts facts = { 0 };
	bool goes_on = true;

	signal(SIGPIPE, SIG_IGN);
	/* The daemon's own are not ours: whoever ends it lets go of our socket. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	prctl(PR_SET_NAME, "xenpci-vdev");
	if (keep_only(fd) || give_up_rights())
		_exit(1);
	p.server.fd = server;
	p.requests = requests;
	if (look(&p, &facts))
		facts.err = errno ? errno : EIO;
	if (write(told, &facts, sizeof(facts)) != sizeof(facts) || facts.err)
		_exit(1);
	close(told);
	while (goes_on) {
		struct pollfd wait = { requests, POLLIN, 0 };
		int n = poll(&wait, 1, p.follows && p.server.fd >= 0 ? FOLLOW_MS : -1);

		if (n > 0)
			goes_on = serve(&p);
		else if (!n)
			refresh(&p);
	}
	_exit(0);
}
