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
#include "host/device/vfio_user/vdev_bus.h"

enum { NOBODY = 65534, FOLLOW_MS = 100, FIRST_FD = 3, NR_FDS = 4, FDS_MAX = 64 };

struct process {
	struct server server;
	int requests;
	struct vdev_page *page;
	struct bus bus;
	struct vfu_irq_info irq[VFU_IRQS];
	uint32_t config_size;
	bool resets, follows;
	uint64_t follow_ns; /* when the page is to follow again */
};

/* Nothing is left but these descriptors (-1: none), which come to stand from FIRST_FD on. */
static int keep_only(int *fd[NR_FDS])
{
	int n = 0;

	for (int i = 0; i < NR_FDS; i++) {
		if (*fd[i] < 0)
			continue;
		*fd[i] = fcntl(*fd[i], F_DUPFD_CLOEXEC, 2 * FDS_MAX);
		if (*fd[i] < 0)
			return -1;
	}
	for (int i = 0; i < NR_FDS; i++) {
		if (*fd[i] < 0)
			continue;
		*fd[i] = dup3(*fd[i], FIRST_FD + n++, O_CLOEXEC);
		if (*fd[i] < 0)
			return -1;
	}
	return (int)syscall(SYS_close_range, FIRST_FD + n, ~0u, 0);
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

/* Which interrupts there are. A server that knows of none, or cannot write them into descriptors, has none. */
static int look_at_interrupts(struct process *p, uint32_t nr_irqs)
{
	for (unsigned i = 0; i < VFU_IRQS && i < nr_irqs; i++) {
		struct vfu_irq_info *irq = &p->irq[i];

		if (!server_irq(&p->server, (enum vfu_irq)i, irq) && irq->eventfd)
			continue;
		*irq = (struct vfu_irq_info){ 0 };
		if (p->server.fd < 0)
			return -1;
	}
	return 0;
}

static int look(struct process *p, struct vdev_facts *facts)
{
	struct vfu_device device;
	struct vfu_region region;

	if (server_greet(&p->server, &device) ||
	    server_region(&p->server, VFU_REGION_CONFIG, &region, NULL))
		return -1;
	if (!region.readable || region.size < PCIDEV_BASIC)
		return fail(ENODEV);
	p->config_size = region.size < VDEV_CONFIG_MAX ? PCIDEV_BASIC : VDEV_CONFIG_MAX;
	p->resets = device.resets;
	facts->resets = device.resets;
	facts->config_size = p->config_size;
	for (uint32_t i = 0; i < PCIDEV_RESOURCES; i++) {
		/* What is shared is the bus's clients', if there can be any. */
		if (server_region(&p->server, i, &p->bus.region[i],
				  p->bus.listener >= 0 ? &p->bus.file[i] : NULL))
			return -1;
		facts->size[i] = p->bus.region[i].size;
	}
	return look_at_interrupts(p, device.nr_irqs) ? -1 : refresh(p);
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

/* The provider's numbers of kinds and of what is to be done are the protocol's. */
static int set_vector(struct process *p, const struct vdev_request *r, int eventfd)
{
	enum vfu_set what = (enum vfu_set)r->value;

	if (r->offset >= VFU_IRQS || r->value > VFU_SET_UNMASK || (what == VFU_SET_ON) != (eventfd >= 0))
		return fail(EINVAL);
	if (what == VFU_SET_OFF ? !p->irq[r->offset].count : r->size >= p->irq[r->offset].count)
		return fail(ENXIO);
	if (what == VFU_SET_UNMASK && !p->irq[r->offset].automasked)
		return 0;
	return server_set_irq(&p->server, (enum vfu_irq)r->offset, what, r->size, eventfd);
}

static int carry_out(struct process *p, const struct vdev_request *r, int pass, uint32_t *value)
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
	case VDEV_VECTOR:
		return set_vector(p, r, pass);
	default:
		return fail(EINVAL);
	}
}

/* One request, with the pipe for its answer. false: nobody is there to ask. */
static bool serve(struct process *p)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct vdev_request r;
	struct vdev_answer answer = { 0 };
	struct iovec iov = { &r, sizeof(r) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(p->requests, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fds[2] = { -1, -1 }; /* where the answer goes, what the request is about */

	if (n <= 0)
		return n < 0 && errno == EINTR;
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return true;
	memcpy(fds, CMSG_DATA(c), c->cmsg_len > CMSG_LEN(sizeof(int)) ? sizeof(fds) : sizeof(fds[0]));
	if (n != sizeof(r))
		answer.err = EINVAL;
	else if (carry_out(p, &r, fds[1], &answer.value))
		answer.err = errno ? errno : EIO;
	if (p->server.fd < 0)
		p->page->held = 1;
	/* Who has waited long enough has closed its end. */
	if (write(fds[0], &answer, sizeof(answer)) != sizeof(answer))
		p->follows = p->follows && p->server.fd >= 0;
	close_keep(fds[0]);
	close_keep(fds[1]);
	return true;
}

/* Who asks comes before who is on the bus: the bus has no more than one request of each in between. */
static bool turn(struct process *p)
{
	struct pollfd wait[1 + BUS_POLLS] = { { p->requests, POLLIN, 0 } };
	const bool follows = p->follows && p->server.fd >= 0;
	const uint64_t now = now_ns();
	bool goes_on = true;

	if (follows && now >= p->follow_ns) {
		refresh(p);
		p->follow_ns = now_ns() + FOLLOW_MS * 1000000ull;
	}
	bus_polls(&p->bus, wait + 1);
	if (poll(wait, 1 + BUS_POLLS, follows ? FOLLOW_MS : -1) <= 0)
		return true;
	if (wait[0].revents)
		goes_on = serve(p);
	bus_turn(&p->bus, wait + 1, &p->server, p->page);
	if (p->server.fd < 0)
		p->page->held = 1;
	return goes_on;
}

void vdev_run(int server, int requests, int told, int bus, struct vdev_page *page)
{
	int *fd[NR_FDS] = { &server, &requests, &told, &bus };
	struct process p = { .page = page };
	struct vdev_facts facts = { 0 };

	signal(SIGPIPE, SIG_IGN);
	/* The daemon's own are not ours: whoever ends it lets go of our socket. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	prctl(PR_SET_NAME, "xenpci-vdev");
	if (keep_only(fd) || give_up_rights())
		_exit(1);
	server_init(&p.server, server);
	bus_init(&p.bus, bus);
	p.requests = requests;
	if (look(&p, &facts))
		facts.err = errno ? errno : EIO;
	if (write(told, &facts, sizeof(facts)) != sizeof(facts) || facts.err)
		_exit(1);
	close(told);
	while (turn(&p))
		;
	_exit(0);
}
