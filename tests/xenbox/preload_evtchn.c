/* SPDX-License-Identifier: MIT */
/*
 * libxenevtchn. Binding asks the hypervisor; notify and unmask are an atomic operation on the
 * shared port record and, when somebody is to be woken, one write to a pipe; pending is one read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenevtchn.h>

#include "preload.h"
#include "shm.h"

#define CHUNK 64u

struct bound { /* a port of this handle */
	uint32_t rec;	/* 0: not bound */
	uint32_t owner; /* of the peer, at the time that fd was asked for */
	int fd;		/* where the peer's events go, or -1 */
};

struct xenevtchn_handle {
	struct xb_conn conn;
	int fd; /* the pipe with the events of this handle, also written by unmask */
	uint32_t slot;
	bool adopted; /* opened by a program that we were executed over: its ports are asked for */
	pthread_mutex_t lock; /* over the ports below and the delivery in progress */
	struct bound *chunk[XB_DOM_PORTS / CHUNK];
};

static pthread_mutex_t shm_lock = PTHREAD_MUTEX_INITIALIZER;
static struct xb_shm *shm;

static int shm_map(struct xb_conn *c)
{
	struct xb_msg m = { .op = XB_SHM };
	int fd = -1;
	void *p;

	pthread_mutex_lock(&shm_lock);
	if (!shm && xb_call(c, &m, NULL, 0, NULL, 0, &fd) >= 0) {
		p = mmap(NULL, sizeof(*shm), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			shm = p;
		close(fd);
	}
	pthread_mutex_unlock(&shm_lock);
	return shm ? 0 : -1;
}

/* A handle is more than its descriptor here: whoever is executed over us finds the rest by it. */
static void bequeath(const xenevtchn_handle *h)
{
	char text[64];

	fcntl(h->fd, F_SETFD, 0);
	fcntl(h->conn.fd, F_SETFD, 0);
	snprintf(text, sizeof(text), "%d %d %u", h->fd, h->conn.fd, h->slot);
	setenv(BOX_ENV_EVTCHN, text, 1);
}

EXPORT xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	xenevtchn_handle *h;

	(void)logger;
	if (flags & ~(unsigned int)XENEVTCHN_NO_CLOEXEC) {
		errno = EINVAL;
		return NULL;
	}
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	if (xb_open(&h->conn, XB_KIND_EVTCHN, &h->fd, &h->slot)) {
		free(h);
		return NULL;
	}
	pthread_mutex_init(&h->lock, NULL);
	if (shm_map(&h->conn)) {
		xenevtchn_close(h);
		return NULL;
	}
	if (flags & XENEVTCHN_NO_CLOEXEC)
		bequeath(h);
	return h;
}

EXPORT xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd,
					  unsigned int flags)
{
	const char *text = getenv(BOX_ENV_EVTCHN);
	xenevtchn_handle *h = text ? calloc(1, sizeof(*h)) : NULL;

	(void)logger;
	(void)flags;
	if (!h || sscanf(text, "%d %d %u", &h->fd, &h->conn.fd, &h->slot) != 3 || h->fd != fd) {
		free(h);
		errno = EBADF;
		return NULL;
	}
	h->adopted = true;
	pthread_mutex_init(&h->conn.lock, NULL);
	pthread_mutex_init(&h->lock, NULL);
	if (shm_map(&h->conn)) {
		free(h);
		return NULL;
	}
	return h;
}

EXPORT int xenevtchn_close(xenevtchn_handle *h)
{
	if (!h)
		return 0;
	xb_disconnect(&h->conn);
	close(h->fd);
	for (unsigned int i = 0; i < XB_DOM_PORTS / CHUNK; i++) {
		for (unsigned int k = 0; h->chunk[i] && k < CHUNK; k++)
			if (h->chunk[i][k].rec && h->chunk[i][k].fd >= 0)
				close(h->chunk[i][k].fd);
		free(h->chunk[i]);
	}
	pthread_mutex_destroy(&h->lock);
	free(h);
	return 0;
}

EXPORT int xenevtchn_fd(xenevtchn_handle *h)
{
	return h->fd;
}

/* The port's place, made where there was none; NULL with errno ENOMEM. */
static struct bound *place(xenevtchn_handle *h, evtchn_port_t port)
{
	struct bound **chunk = &h->chunk[port / CHUNK];

	if (!*chunk)
		*chunk = calloc(CHUNK, sizeof(struct bound));
	return *chunk ? &(*chunk)[port % CHUNK] : NULL;
}

static struct bound *bound_find(xenevtchn_handle *h, evtchn_port_t port)
{
	struct bound *b = port < XB_DOM_PORTS ? h->chunk[port / CHUNK] : NULL;
	struct xb_msg m = { .op = XB_EVTCHN_RECORD, .a = { port } };

	b = b ? &b[port % CHUNK] : NULL;
	if (b && b->rec)
		return b;
	if (!h->adopted || port >= XB_DOM_PORTS || xb_call(&h->conn, &m, NULL, 0, NULL, 0, NULL) < 0)
		return NULL;
	b = place(h, port);
	if (b)
		*b = (struct bound){ (uint32_t)m.a[0], 0, -1 };
	return b;
}

static xenevtchn_port_or_error_t bind(xenevtchn_handle *h, enum xb_op op, uint32_t a0, uint32_t a1)
{
	struct xb_msg m = { .op = op, .a = { a0, a1 } };
	struct bound *b;
	unsigned int port;

	if (xb_call(&h->conn, &m, NULL, 0, NULL, 0, NULL) < 0)
		return -1;
	port = (unsigned int)m.a[0];
	pthread_mutex_lock(&h->lock);
	b = place(h, port);
	if (b)
		*b = (struct bound){ (uint32_t)m.a[1], 0, -1 };
	pthread_mutex_unlock(&h->lock);
	if (b)
		return (xenevtchn_port_or_error_t)port;
	m = (struct xb_msg){ .op = XB_EVTCHN_UNBIND, .a = { port } };
	xb_call(&h->conn, &m, NULL, 0, NULL, 0, NULL);
	errno = ENOMEM;
	return -1;
}

EXPORT xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *h, uint32_t domid)
{
	return bind(h, XB_EVTCHN_ALLOC, domid, 0);
}

EXPORT xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid,
							    evtchn_port_t remote_port)
{
	return bind(h, XB_EVTCHN_BIND, domid, remote_port);
}

EXPORT xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *h, unsigned int virq)
{
	return bind(h, XB_EVTCHN_VIRQ, virq, 0);
}

EXPORT int xenevtchn_unbind(xenevtchn_handle *h, evtchn_port_t port)
{
	struct xb_msg m = { .op = XB_EVTCHN_UNBIND, .a = { port } };
	struct bound *b;

	if (xb_call(&h->conn, &m, NULL, 0, NULL, 0, NULL) < 0)
		return -1;
	pthread_mutex_lock(&h->lock);
	b = bound_find(h, port);
	if (b && b->fd >= 0)
		close(b->fd);
	if (b)
		b->rec = 0;
	pthread_mutex_unlock(&h->lock);
	return 0;
}

/* Have b->fd lead to the owner of the record. Only when the owner has changed is there a call. */
static int peer_fd(xenevtchn_handle *h, struct bound *b, uint32_t peer)
{
	uint32_t owner = atomic_load(&shm->port[peer].owner);
	struct xb_msg m = { .op = XB_EVTCHN_OWNER, .a = { peer } };
	int fd = -1;

	if (b->fd >= 0 && owner == b->owner)
		return b->fd;
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	if (!owner || xb_call(&h->conn, &m, NULL, 0, NULL, 0, &fd) < 0)
		return -1;
	b->fd = fd;
	b->owner = (uint32_t)m.a[0];
	return fd;
}

static void deliver(xenevtchn_handle *h, struct bound *b, uint32_t peer)
{
	struct xb_port *p = &shm->port[peer];

	atomic_store(&shm->inflight[h->slot], peer);
	if (xb_port_raise(p)) {
		int fd = peer_fd(h, b, peer);

		/* Fails only if the peer has just closed, when nobody is to be woken. */
		if (fd >= 0 && write(fd, &p->token, sizeof(p->token)) < 0)
			errno = 0;
	}
	atomic_store(&shm->inflight[h->slot], 0);
}

EXPORT int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
	int err = errno;
	struct bound *b;
	uint32_t peer;

	pthread_mutex_lock(&h->lock);
	b = bound_find(h, port);
	peer = b ? atomic_load(&shm->port[b->rec].peer) : 0;
	if (peer)
		deliver(h, b, peer);
	pthread_mutex_unlock(&h->lock);
	errno = b ? err : ENOTCONN;
	return b ? 0 : -1;
}

EXPORT int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
	const struct bound *b;
	int rc = 0;

	pthread_mutex_lock(&h->lock);
	b = bound_find(h, port);
	if (b && xb_port_unmask(&shm->port[b->rec]))
		rc = write(h->fd, &port, sizeof(port)) == sizeof(port) ? 0 : -1;
	pthread_mutex_unlock(&h->lock);
	return rc;
}

EXPORT xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
	evtchn_port_t port;

	if (read(h->fd, &port, sizeof(port)) != sizeof(port))
		return -1;
	return (xenevtchn_port_or_error_t)port;
}

EXPORT int xenevtchn_restrict(xenevtchn_handle *h, domid_t domid)
{
	struct xb_msg m = { .op = XB_EVTCHN_RESTRICT, .a = { domid } };

	return xb_call(&h->conn, &m, NULL, 0, NULL, 0, NULL) < 0 ? -1 : 0;
}
