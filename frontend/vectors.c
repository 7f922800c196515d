/* SPDX-License-Identifier: MIT */
/* Vectors of virtual devices: event channels of the backend's domain, on a handle of their own. */
#include <poll.h>
#include <string.h>

#include "frontend/front.h"

struct bound {
	uint32_t vector; /* the backend's port */
	evtchn_port_t port;
};

struct xenpcifront_vectors {
	xenevtchn_handle *xen;
	uint32_t backend;
	unsigned nr;
	struct bound bound[XENPCIFRONT_MAX_VECTORS];
};

struct xenpcifront_vectors *xenpcifront_vectors_open(struct xenpcifront *fe)
{
	struct xenpcifront_vectors *v = calloc(1, sizeof(*v));
	bool connected;

	if (!v)
		return NULL;
	connected = xenpcifront_connected(fe);
	if (!connected || lock_until(&fe->life, now_ns() + (uint64_t)fe->channel.timeout_ms * NS_PER_MS)) {
		free(v);
		errno = connected ? EAGAIN : ENOTCONN;
		return NULL;
	}
	v->backend = fe->backend_id;
	pthread_mutex_unlock(&fe->life);
	v->xen = xenevtchn_open(fe->lg, 0);
	if (v->xen)
		return v;
	free_keep(v);
	return NULL;
}

void xenpcifront_vectors_close(struct xenpcifront_vectors *v)
{
	int saved = errno;

	/* Closing the handle unbinds what was bound through it. */
	if (v)
		xenevtchn_close(v->xen);
	free(v);
	errno = saved;
}

int xenpcifront_vectors_bind(struct xenpcifront_vectors *v, uint32_t vector)
{
	xenevtchn_port_or_error_t port;

	for (unsigned i = 0; i < v->nr; i++)
		if (v->bound[i].vector == vector)
			return fail(EEXIST);
	if (v->nr == XENPCIFRONT_MAX_VECTORS)
		return fail(ENOSPC);
	port = xenevtchn_bind_interdomain(v->xen, v->backend, vector);
	if (port < 0)
		return -1;
	v->bound[v->nr++] = (struct bound){ vector, (evtchn_port_t)port };
	return 0;
}

int xenpcifront_vectors_fd(const struct xenpcifront_vectors *v)
{
	return xenevtchn_fd(v->xen);
}

int xenpcifront_vectors_next(struct xenpcifront_vectors *v, uint32_t *vector)
{
	struct pollfd p = { .fd = xenevtchn_fd(v->xen), .events = POLLIN };
	xenevtchn_port_or_error_t port;

	/* xenevtchn_pending may wait: not where something is there. */
	if (poll(&p, 1, 0) <= 0 || !(p.revents & POLLIN))
		return 0;
	port = xenevtchn_pending(v->xen);
	if (port < 0 || xenevtchn_unmask(v->xen, (evtchn_port_t)port))
		return -1;
	for (unsigned i = 0; i < v->nr; i++) {
		if (v->bound[i].port != (evtchn_port_t)port)
			continue;
		*vector = v->bound[i].vector;
		return 1;
	}
	return 0;
}

int xenpcifront_vectors_done(struct xenpcifront_vectors *v, uint32_t vector)
{
	for (unsigned i = 0; i < v->nr; i++)
		if (v->bound[i].vector == vector)
			return xenevtchn_notify(v->xen, v->bound[i].port);
	return fail(ENOENT);
}
