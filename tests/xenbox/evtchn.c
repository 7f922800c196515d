/* SPDX-License-Identifier: MIT */
/*
 * Event channels: who is bound to whom. Binding and closing come here; notify and unmask work on
 * the shared records alone (shm.h).
 */
#include <errno.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <xen/xen.h>

#include "hv.h"

#define VIRQ_MAX 24

struct hv_chan hv_chans[XB_PORTS];

static struct slot {
	int wfd;      /* what a notifier writes tokens into */
	uint16_t gen; /* so that a cached descriptor of a former user is not taken for this one's */
	bool used;
} slots[XB_SLOTS];

static uint32_t free_hint = 1;

/* ---- the queues ---- */

/*
 * A pipe whose one descriptor reads and writes: opened through /proc, it counts as a reader
 * itself, so that writing to a handle that has just died raises no SIGPIPE.
 */
static int pipe_open(int *user_fd)
{
	int p[2], wfd = -1;
	char path[32];

	if (pipe2(p, O_CLOEXEC))
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	wfd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	*user_fd = wfd < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
	close(p[0]);
	close(p[1]);
	if (*user_fd >= 0)
		return wfd;
	if (wfd >= 0)
		close(wfd);
	return -EMFILE;
}

static int slot_alloc(int *user_fd)
{
	unsigned int i = 1;
	int wfd;

	while (i < XB_SLOTS && slots[i].used)
		i++;
	if (i == XB_SLOTS)
		return -EMFILE;
	wfd = pipe_open(user_fd);
	if (wfd < 0)
		return wfd;
	slots[i].wfd = wfd;
	slots[i].used = true;
	slots[i].gen++;
	return (int)i;
}

int hv_evtchn_wfd(unsigned int slot)
{
	return slot < XB_SLOTS && slots[slot].used ? slots[slot].wfd : -1;
}

static void token_write(const struct xb_port *p)
{
	uint32_t owner = atomic_load(&p->owner);
	int wfd = hv_evtchn_wfd(owner & 0xffff);

	/* Each port is queued at most once, so the pipe has room for all of them. */
	if (wfd >= 0 && write(wfd, &p->token, sizeof(p->token)) < 0)
		fprintf(stderr, "xenbox: event for port %u lost: %s\n", p->token, strerror(errno));
}

static void port_raise(uint32_t rec)
{
	struct xb_port *p = &hv_shm->port[rec];

	if (rec && xb_port_raise(p))
		token_write(p);
}

void hv_evtchn_send(uint32_t rec)
{
	port_raise(atomic_load(&hv_shm->port[rec].peer));
}

void hv_evtchn_unmask(uint32_t rec)
{
	if (xb_port_unmask(&hv_shm->port[rec]))
		token_write(&hv_shm->port[rec]);
}

/* ---- ports ---- */

static uint32_t rec_alloc(void)
{
	for (uint32_t n = 0; n < XB_PORTS; n++) {
		uint32_t rec = (free_hint + n) % XB_PORTS;

		if (rec && hv_chans[rec].state == HV_FREE) {
			free_hint = rec + 1; /* the longest unused: late notifies hit nobody */
			return rec;
		}
	}
	return 0;
}

static int port_grow(struct hv_domain *d)
{
	unsigned int n = d->nports ? d->nports * 2 : 16;
	uint32_t *ports;

	if (n > XB_DOM_PORTS)
		return -ENOSPC;
	ports = realloc(d->ports, n * sizeof(*ports));
	if (!ports)
		return -ENOMEM;
	memset(ports + d->nports, 0, (n - d->nports) * sizeof(*ports));
	d->ports = ports;
	d->nports = n;
	return 0;
}

/* The lowest free port, as Xen gives them. Port 0 is never used. */
static int port_alloc(struct hv_domain *d, struct hv_handle *owner, uint32_t *rec_r)
{
	uint32_t port = 1, rec;
	struct xb_port *p;

	while (port < d->nports && d->ports[port])
		port++;
	if (port >= d->nports) {
		int rc = port_grow(d);

		if (rc)
			return rc;
	}
	rec = rec_alloc();
	if (!rec)
		return -ENOSPC;
	d->ports[port] = rec;
	hv_chans[rec] = (struct hv_chan){ .dom = d, .owner = owner, .port = port };
	p = &hv_shm->port[rec];
	atomic_store(&p->state, 0);
	atomic_store(&p->peer, 0);
	p->token = owner ? port : rec;
	atomic_store(&p->owner, owner ? owner->slot | (uint32_t)owner->gen << 16 : HV_KERNEL_SLOT);
	*rec_r = rec;
	return (int)port;
}

int hv_evtchn_alloc(struct hv_domain *d, struct hv_handle *owner, unsigned int remote,
		    uint32_t *rec)
{
	int port = port_alloc(d, owner, rec);

	if (port < 0)
		return port;
	hv_chans[*rec].state = HV_UNBOUND;
	hv_chans[*rec].remote = remote == DOMID_SELF ? d->domid : (uint16_t)remote;
	return port;
}

int hv_evtchn_bind(struct hv_domain *d, struct hv_handle *owner, unsigned int remote,
		   uint32_t remote_port, uint32_t *rec)
{
	struct hv_domain *rd = remote == DOMID_SELF ? d : hv_domain_find(remote);
	struct hv_chan *rchan;
	uint32_t rrec;
	int port;

	if (!rd)
		return -ESRCH;
	rrec = remote_port < rd->nports ? rd->ports[remote_port] : 0;
	rchan = &hv_chans[rrec];
	if (!rrec || rchan->state != HV_UNBOUND || rchan->remote != d->domid)
		return -EINVAL;
	port = port_alloc(d, owner, rec);
	if (port < 0)
		return port;
	hv_chans[*rec].state = HV_INTERDOMAIN;
	rchan->state = HV_INTERDOMAIN;
	atomic_store(&hv_shm->port[*rec].peer, rrec);
	atomic_store(&hv_shm->port[rrec].peer, *rec);
	/* Notifies that came before the bind were lost: the binder looks once. */
	port_raise(*rec);
	return port;
}

int hv_evtchn_virq(struct hv_domain *d, struct hv_handle *owner, unsigned int virq, uint32_t *rec)
{
	int port;

	if (virq >= VIRQ_MAX)
		return -EINVAL;
	for (unsigned int p = 0; p < d->nports; p++)
		if (d->ports[p] && hv_chans[d->ports[p]].state == HV_VIRQ &&
		    hv_chans[d->ports[p]].virq == virq)
			return -EEXIST;
	port = port_alloc(d, owner, rec);
	if (port < 0)
		return port;
	hv_chans[*rec].state = HV_VIRQ;
	hv_chans[*rec].virq = (uint16_t)virq;
	return port;
}

void hv_virq_raise(unsigned int virq)
{
	const struct hv_domain *d = hv_domain_find(0);

	for (unsigned int p = 0; d && p < d->nports; p++)
		if (d->ports[p] && hv_chans[d->ports[p]].state == HV_VIRQ &&
		    hv_chans[d->ports[p]].virq == virq)
			port_raise(d->ports[p]);
}

static void port_close(struct hv_domain *d, uint32_t port)
{
	uint32_t rec = d->ports[port], peer = atomic_load(&hv_shm->port[rec].peer);

	if (peer) {
		/* The other end can be bound again, by this domain; notifies on it go nowhere. */
		atomic_store(&hv_shm->port[peer].peer, 0);
		hv_chans[peer].state = HV_UNBOUND;
		hv_chans[peer].remote = d->domid;
	}
	atomic_store(&hv_shm->port[rec].peer, 0);
	atomic_store(&hv_shm->port[rec].owner, 0);
	hv_chans[rec] = (struct hv_chan){ .state = HV_FREE };
	d->ports[port] = 0;
}

/* Close, unless an unmap notification still needs the port: then that closes it. */
static void port_release(struct hv_domain *d, uint32_t port)
{
	struct hv_chan *c = &hv_chans[d->ports[port]];

	if (!c->notifies) {
		port_close(d, port);
		return;
	}
	c->owner = NULL;
	c->orphan = true;
	atomic_store(&hv_shm->port[d->ports[port]].owner, 0);
}

int hv_evtchn_get(const struct hv_domain *d, uint32_t port)
{
	if (port >= d->nports || !d->ports[port] || !hv_chans[d->ports[port]].owner)
		return -EINVAL;
	hv_chans[d->ports[port]].notifies++;
	return 0;
}

void hv_evtchn_send_put(struct hv_domain *d, uint32_t port, bool send)
{
	struct hv_chan *c;

	if (port >= d->nports || !d->ports[port])
		return;
	if (send)
		hv_evtchn_send(d->ports[port]);
	c = &hv_chans[d->ports[port]];
	if (c->notifies && !--c->notifies && c->orphan)
		port_close(d, port);
}

int hv_evtchn_unbind(struct hv_domain *d, const struct hv_handle *owner, uint32_t port)
{
	if (port >= d->nports || !d->ports[port] || hv_chans[d->ports[port]].owner != owner)
		return -ENOTCONN;
	port_release(d, port);
	return 0;
}

void hv_evtchn_destroy(struct hv_domain *d)
{
	for (unsigned int p = 0; p < d->nports; p++)
		if (d->ports[p])
			port_close(d, p);
}

/* ---- handles ---- */

int hv_evtchn_open(struct hv_handle *h)
{
	int fd, slot = slot_alloc(&fd);

	if (slot < 0)
		return slot;
	h->slot = (uint16_t)slot;
	h->gen = slots[slot].gen;
	atomic_store(&hv_shm->inflight[slot], 0);
	return fd;
}

void hv_evtchn_close(struct hv_handle *h)
{
	struct hv_domain *d = h->dom;
	uint32_t rec;

	if (!h->slot)
		return;
	for (unsigned int p = 0; d && p < d->nports; p++)
		if (d->ports[p] && hv_chans[d->ports[p]].owner == h)
			port_release(d, p);
	/* Killed in the middle of a delivery: finish it; twice is only a spurious event. */
	rec = atomic_load(&hv_shm->inflight[h->slot]);
	if (rec && rec < XB_PORTS && atomic_load(&hv_shm->port[rec].state) & XB_MASKED)
		token_write(&hv_shm->port[rec]);
	close(slots[h->slot].wfd);
	slots[h->slot].used = false;
	h->slot = 0;
}

static int request_owner(struct xb_msg *m, int *fd)
{
	uint32_t rec = (uint32_t)m->a[0], owner;
	int wfd;

	if (rec >= XB_PORTS)
		return -EINVAL;
	owner = atomic_load(&hv_shm->port[rec].owner);
	wfd = hv_evtchn_wfd(owner & 0xffff);
	if (!owner || wfd < 0)
		return -ENOTCONN;
	*fd = fcntl(wfd, F_DUPFD_CLOEXEC, 0);
	m->a[0] = owner;
	return *fd < 0 ? -errno : 0;
}

static int request_bind(struct hv_handle *h, struct xb_msg *m)
{
	unsigned int remote = (unsigned int)m->a[0];
	struct hv_call c;
	uint32_t rec = 0;
	int rc;

	if (m->op == XB_EVTCHN_ALLOC)
		rc = hv_call_begin(&c, h->dom, "evtchn_alloc", "remote=%u", remote);
	else if (m->op == XB_EVTCHN_BIND)
		rc = hv_call_begin(&c, h->dom, "evtchn_bind", "remote=%u port=%u", remote,
				   (unsigned int)m->a[1]);
	else
		rc = hv_call_begin(&c, h->dom, "evtchn_virq", "virq=%u", remote);
	if (rc)
		return hv_call_end(&c, rc);
	/* As Linux: one that is restricted binds to its domain's ports, and gets no new ones, not even for that domain. */
	if (h->restricted != HV_NO_DOMID && (m->op != XB_EVTCHN_BIND || remote != h->restricted))
		rc = -EACCES;
	else if (m->op == XB_EVTCHN_ALLOC)
		rc = hv_evtchn_alloc(h->dom, h, remote, &rec);
	else if (m->op == XB_EVTCHN_BIND)
		rc = hv_evtchn_bind(h->dom, h, remote, (uint32_t)m->a[1], &rec);
	else
		rc = hv_evtchn_virq(h->dom, h, remote, &rec);
	if (rc >= 0) {
		hv_call_result(&c, "port=%d", rc);
		m->a[0] = (uint64_t)rc;
		m->a[1] = rec;
		rc = 0;
	}
	return hv_call_end(&c, rc);
}

/* What a program that was executed over another is to know of a port that the other bound. */
static int request_record(const struct hv_handle *h, struct xb_msg *m)
{
	uint64_t port = m->a[0];
	uint32_t rec = port < h->dom->nports ? h->dom->ports[port] : 0;

	if (!rec || hv_chans[rec].owner != h)
		return -ENOENT;
	m->a[0] = rec;
	return 0;
}

int hv_evtchn_request(struct hv_handle *h, struct xb_msg *m, int *fd)
{
	struct hv_call c;
	int rc;

	if (m->op == XB_EVTCHN_OWNER)
		return request_owner(m, fd);
	if (!h->dom || h->kind != XB_KIND_EVTCHN)
		return -EINVAL;
	if (m->op == XB_EVTCHN_RESTRICT) {
		if (h->restricted != HV_NO_DOMID)
			return -EACCES;
		h->restricted = (uint16_t)m->a[0];
		return 0;
	}
	if (m->op == XB_EVTCHN_RECORD)
		return request_record(h, m);
	if (m->op != XB_EVTCHN_UNBIND)
		return request_bind(h, m);
	rc = hv_call_begin(&c, h->dom, "evtchn_unbind", "port=%u", (unsigned int)m->a[0]);
	if (!rc)
		rc = hv_evtchn_unbind(h->dom, h, (uint32_t)m->a[0]);
	return hv_call_end(&c, rc);
}

/* ---- events of the guests' kernels, all in one queue ---- */

static void kernel_ready(struct hv_source *s, uint32_t events)
{
	uint32_t rec[64];
	ssize_t n = read(s->fd, rec, sizeof(rec));

	(void)events;
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(rec[0]); i++)
		if (rec[i] < XB_PORTS && hv_chans[rec[i]].state != HV_FREE)
			hv_bus_event(rec[i]);
}

static struct hv_source kernel_source = { .fd = -1, .ready = kernel_ready };

int hv_evtchn_init(void)
{
	int slot = slot_alloc(&kernel_source.fd);

	if (slot != (int)HV_KERNEL_SLOT) {
		errno = EMFILE;
		return -1;
	}
	slots[slot].gen = 0; /* HV_KERNEL_SLOT alone is its owner word */
	if (fcntl(kernel_source.fd, F_SETFL, O_NONBLOCK))
		return -1;
	return hv_source_add(&kernel_source, EPOLLIN);
}
