/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's process: accepts the handles of Xen libraries, reads their requests, and hands
 * each to the file that owns it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/sched.h>

#include "box.h"
#include "hv.h"
#include "hv_main.h"

struct hv_config hv_config;
struct xb_shm *hv_shm;
int hv_shm_fd = -1;
struct hv_handle *hv_handles;

static int epfd = -1;
static struct hv_source *dead_sources;
static struct hv_handle *down_asker;
static bool running = true;
static struct {
	struct xb_msg m;
	unsigned char data[XB_DATA_MAX];
} packet, answer;

int hv_source_add(struct hv_source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	return epoll_ctl(epfd, EPOLL_CTL_ADD, s->fd, &ev);
}

int hv_source_modify(struct hv_source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	return epoll_ctl(epfd, EPOLL_CTL_MOD, s->fd, &ev);
}

void hv_source_drop(struct hv_source *s)
{
	if (s->dead)
		return;
	s->dead = true;
	epoll_ctl(epfd, EPOLL_CTL_DEL, s->fd, NULL);
	close(s->fd);
	s->fd = -1;
	s->next_dead = dead_sources;
	dead_sources = s;
}

static void handle_release(struct hv_source *s)
{
	free(s);
}

/* The close of a device file: all that was held through it is undone. */
static void handle_close(struct hv_handle *h)
{
	if (h->src.dead)
		return;
	hv_source_drop(&h->src);
	*h->prev = h->next;
	if (h->next)
		h->next->prev = h->prev;
	if (h == down_asker)
		down_asker = NULL;
	hv_evtchn_close(h);
	hv_grant_close(h);
}

unsigned int hv_handle_count(const struct hv_domain *d)
{
	unsigned int n = 0;

	for (const struct hv_handle *h = hv_handles; h; h = h->next)
		n += h->dom == d;
	return n;
}

void hv_handles_drop(struct hv_domain *d)
{
	struct hv_handle *next;

	for (struct hv_handle *h = hv_handles; h; h = next) {
		next = h->next;
		if (h->dom == d)
			handle_close(h);
	}
}

void hv_reply(struct hv_handle *h, struct xb_msg *m, const void *data, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	/* NOLINTNEXTLINE: sendmsg only reads */
	struct iovec iov[2] = { { m, sizeof(*m) }, { (void *)(uintptr_t)data, m->len } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = m->len ? 2 : 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		mh.msg_control = control.buf;
		mh.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	/* Requests and answers alternate, so a full socket is a client that plays foul. */
	if (sendmsg(h->src.fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		handle_close(h);
}

void hv_domain_gone(unsigned int domid)
{
	struct hv_handle *next;

	for (struct hv_handle *h = hv_handles; h; h = next) {
		struct xb_msg m = { .op = XB_CTL_GONE };

		next = h->next;
		if (h->gone_domid != domid)
			continue;
		h->gone_domid = HV_NO_DOMID;
		hv_reply(h, &m, NULL, -1);
	}
}

static bool domid_in_use(unsigned int domid)
{
	for (const struct hv_domain *d = hv_domains; d; d = d->next)
		if (d->domid == domid)
			return true;
	return false;
}

static int request_hello(struct hv_handle *h, struct xb_msg *m, int *fd)
{
	struct hv_domain *d = hv_domain_alive((unsigned int)m->a[0]);

	if (h->dom || m->a[1] >= XB_KIND_COUNT)
		return -EINVAL;
	if (!d)
		return -ESRCH;
	h->dom = d;
	h->kind = (enum xb_kind)m->a[1];
	h->pid = (pid_t)m->a[2];
	d->started = true;
	d->paused = false;
	if (h->kind != XB_KIND_EVTCHN)
		return 0;
	*fd = hv_evtchn_open(h);
	if (*fd < 0)
		return *fd;
	m->a[0] = h->slot;
	return 0;
}

static int request_special(struct xb_msg *m, int *fd)
{
	char text[16];
	int len;

	if (m->a[0] == XB_XSD_KVA) {
		*fd = fcntl(hv_domain_find(0)->mem_fd, F_DUPFD_CLOEXEC, 0);
		return *fd < 0 ? -errno : 0;
	}
	*fd = memfd_create("xsd_port", MFD_CLOEXEC);
	if (*fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%u", hv_bus_port(hv_domain_find(0)->bus));
	if (pwrite(*fd, text, (size_t)len, 0) != len)
		return -EIO;
	return 0;
}

static int request_domain(struct xb_msg *m)
{
	struct hv_domain *d = hv_domain_alive((unsigned int)m->a[0]);

	if (!d)
		return -ESRCH;
	m->a[0] = hv_bus_port(d->bus);
	m->a[1] = hv_bus_pfn(d->bus);
	m->a[2] = d->started;
	m->a[3] = hv_config.xen_minor;
	return 0;
}

static const char *state_name(const struct hv_domain *d)
{
	if (d->life == HV_DYING)
		return "dying";
	if (d->shutdown)
		return d->shutdown_reason == SHUTDOWN_suspend ? "suspended" : "halted";
	return d->paused ? "paused" : "running";
}

static void stat_domain(const struct hv_domain *d, char *buf, size_t size, size_t *used)
{
	unsigned int ports = 0, unbound = 0, mapped, grants, clients, watches;
	int n;

	for (unsigned int p = 0; p < d->nports; p++) {
		ports += d->ports[p] != 0;
		unbound += d->ports[p] && hv_chans[d->ports[p]].state == HV_UNBOUND;
	}
	grants = hv_grant_count(d, &mapped);
	hv_bus_count(d->bus, &clients, &watches);
	n = snprintf(buf + *used, size - *used,
		     "%u name=%s state=%s ports=%u unbound=%u grants=%u mapped=%u maps=%u "
		     "pirqs=%u devices=%u handles=%u clients=%u watches=%u\n",
		     d->domid, d->name,
		     state_name(d),
		     ports, unbound, grants, mapped, hv_map_count(d), hv_pirq_count(d),
		     hv_device_count(d->domid), hv_handle_count(d), clients, watches);
	if (n > 0 && (size_t)n < size - *used)
		*used += (size_t)n;
}

/* Domains from a0 on, as many as fit; a1 of the answer is the number to go on from. */
static int request_stat(struct xb_msg *m, char *out)
{
	unsigned int from = (unsigned int)m->a[0], next = HV_NO_DOMID;
	bool one = m->a[1];
	size_t used = 0;

	for (unsigned int id = from; id < HV_DOMID_MAX && used < XB_DATA_MAX - 512; id++) {
		for (const struct hv_domain *d = hv_domains; d; d = d->next)
			if (d->domid == id)
				stat_domain(d, out, XB_DATA_MAX, &used);
		next = id + 1;
		if (one)
			break;
	}
	m->len = (uint32_t)used;
	m->a[1] = next;
	return one && !used ? -ESRCH : 0;
}

static int request_name(struct hv_handle *h, const struct xb_msg *m, const char *name)
{
	struct hv_domain *d = hv_domain_alive((unsigned int)m->a[0]);

	if (h->dom->domid)
		return -EPERM;
	if (!d)
		return -ESRCH;
	snprintf(d->name, sizeof(d->name), "%.*s", (int)m->len, name);
	return 0;
}

/* The ioctl of a newer kernel's privcmd, for a PVH dom0, where irq numbers are no GSIs. */
static int request_gsi(struct hv_handle *h, struct xb_msg *m)
{
	struct hv_call c;
	uint32_t sbdf = (uint32_t)m->a[0];
	int rc = hv_call_begin(&c, h->dom, "pcidev_get_gsi", "dev=%04x:%02x:%02x.%x", sbdf >> 16,
			       sbdf >> 8 & 0xff, sbdf >> 3 & 0x1f, sbdf & 7);

	if (!rc)
		rc = h->dom->domid ? -EPERM : hv_device_gsi(sbdf);
	if (rc >= 0) {
		hv_call_result(&c, "gsi=%d", rc);
		m->a[0] = (uint64_t)rc;
		rc = 0;
	}
	return hv_call_end(&c, rc);
}

static int request_memory(struct xb_msg *m, int *fd)
{
	struct hv_domain *d = hv_domain_by_memory((uint32_t)m->a[0]);

	if (!d)
		return -ESRCH;
	*fd = fcntl(d->mem_fd, F_DUPFD_CLOEXEC, 0);
	return *fd < 0 ? -errno : 0;
}

/* One request. Returns the answer's ret; data of the answer is in `answer`. */
static int request(struct hv_handle *h, struct xb_msg *m, int *fd)
{
	switch (m->op) {
	case XB_SHM:
		*fd = fcntl(hv_shm_fd, F_DUPFD_CLOEXEC, 0);
		return *fd < 0 ? -errno : 0;
	case XB_HYPERCALL:
		memcpy(answer.data, packet.data, packet.m.len);
		m->len = packet.m.len;
		return hv_hypercall(h->dom, &packet.m, answer.data, &m->len);
	case XB_EVTCHN_ALLOC:
	case XB_EVTCHN_BIND:
	case XB_EVTCHN_VIRQ:
	case XB_EVTCHN_UNBIND:
	case XB_EVTCHN_OWNER:
	case XB_EVTCHN_RESTRICT:
	case XB_EVTCHN_RECORD:
		return hv_evtchn_request(h, m, fd);
	case XB_CTL_STORE:
		return hv_main_store_request(m);
	case XB_MEMORY:
		return request_memory(m, fd);
	case XB_GET_GSI:
		return request_gsi(h, m);
	case XB_SPECIAL:
		return request_special(m, fd);
	case XB_CTL_STAT:
		return request_stat(m, (char *)answer.data);
	case XB_CTL_DOMAIN:
		return request_domain(m);
	case XB_CTL_NAME:
		return request_name(h, &packet.m, (const char *)packet.data);
	case XB_CTL_FAIL:
		if (packet.m.len != sizeof(struct xb_failure))
			return -EINVAL;
		return hv_fail_add((const struct xb_failure *)packet.data);
	default:
		return hv_grant_request(h, m, packet.data, packet.m.len, answer.data);
	}
}

/* Requests that are answered later, if ever. */
static bool request_parked(struct hv_handle *h)
{
	if (packet.m.op == XB_CTL_DOWN) {
		down_asker = h;
		running = false;
		return true;
	}
	if (packet.m.op == XB_CTL_GONE && domid_in_use((unsigned int)packet.m.a[0])) {
		h->gone_domid = packet.m.a[0];
		return true;
	}
	return false;
}

static void handle_ready(struct hv_source *s, uint32_t events)
{
	struct hv_handle *h = (struct hv_handle *)s;
	ssize_t n = recv(s->fd, &packet, sizeof(packet), MSG_DONTWAIT);
	int fd = -1;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(packet.m) || packet.m.len != (size_t)n - sizeof(packet.m) ||
	    (!h->dom && packet.m.op != XB_HELLO)) {
		handle_close(h);
		return;
	}
	if (request_parked(h))
		return;
	answer.m = packet.m;
	answer.m.len = 0;
	hv_log_caller(h->pid == hv_main_store());
	if (packet.m.op == XB_CTL_GONE)
		answer.m.ret = 0;
	else if (packet.m.op == XB_HELLO)
		answer.m.ret = request_hello(h, &answer.m, &fd);
	else
		answer.m.ret = request(h, &answer.m, &fd);
	if (!s->dead)
		hv_reply(h, &answer.m, answer.data, fd);
	if (fd >= 0)
		close(fd);
}

static void listener_ready(struct hv_source *s, uint32_t events)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct hv_handle *h;

	(void)events;
	if (fd < 0)
		return;
	h = calloc(1, sizeof(*h));
	if (!h) {
		close(fd);
		return;
	}
	h->src = (struct hv_source){ .fd = fd, .ready = handle_ready, .release = handle_release };
	h->wfd = -1;
	h->restricted = HV_NO_DOMID;
	h->gone_domid = HV_NO_DOMID;
	if (hv_source_add(&h->src, EPOLLIN)) {
		close(fd);
		free(h);
		return;
	}
	h->next = hv_handles;
	h->prev = &hv_handles;
	if (h->next)
		h->next->prev = &h->next;
	hv_handles = h;
}

static void signal_ready(struct hv_source *s, uint32_t events)
{
	struct signalfd_siginfo si;

	(void)events;
	if (read(s->fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGCHLD)
		hv_main_child();
	else
		running = false;
}

static struct hv_source listener = { .fd = -1, .ready = listener_ready };
static struct hv_source signals = { .fd = -1, .ready = signal_ready };

static int shm_create(void)
{
	hv_shm_fd = memfd_create("xenbox", MFD_CLOEXEC);
	if (hv_shm_fd < 0 || ftruncate(hv_shm_fd, sizeof(*hv_shm)))
		return -1;
	hv_shm = mmap(NULL, sizeof(*hv_shm), PROT_READ | PROT_WRITE, MAP_SHARED, hv_shm_fd, 0);
	return hv_shm == MAP_FAILED ? -1 : 0;
}

static int signals_create(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals.fd < 0 ? -1 : hv_source_add(&signals, EPOLLIN);
}

int hv_init(void)
{
	struct rlimit lim;
	struct hv_domain *dom0;

	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0 || shm_create() || signals_create() || hv_log_open(hv_config.dir) ||
	    hv_evtchn_init())
		return -1;
	errno = -hv_domain_create(0, &dom0);
	if (errno)
		return -1;
	dom0->paused = false;
	snprintf(dom0->name, sizeof(dom0->name), "Domain-0");
	listener.fd = box_listen(hv_config.rundir, BOX_HV_SOCKET, SOCK_SEQPACKET);
	return listener.fd < 0 ? -1 : hv_source_add(&listener, EPOLLIN);
}

void hv_loop(void)
{
	struct epoll_event ev[64];

	while (running) {
		int n = epoll_wait(epfd, ev, 64, -1);

		for (int i = 0; i < n; i++) {
			struct hv_source *s = ev[i].data.ptr;

			if (!s->dead)
				s->ready(s, ev[i].events);
		}
		while (dead_sources) {
			struct hv_source *s = dead_sources;

			dead_sources = s->next_dead;
			if (s->release)
				s->release(s);
		}
	}
}

void hv_answer_down(void)
{
	struct xb_msg m = { .op = XB_CTL_DOWN };

	if (down_asker)
		hv_reply(down_asker, &m, NULL, -1);
}
