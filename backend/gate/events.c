/* SPDX-License-Identifier: MIT */
#include "backend/gate/events.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "common/util.h"

/* A port of this number would be told as no line at all. */
enum { NO_LINE = 255, MULTI_TRIES = 4 * 32, AT_ONCE = 16 };

/* Which of the events an epoll event is about: the number of a vector, or one of these. */
enum { OF_LINE = SH_INFO_MAX_VEC, OF_XEN };

void events_none(struct events *e)
{
	*e = (struct events){ .epoll = -1, .line = { .fd = -1 } };
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		e->vector[i].fd = -1;
}

static int watch(const struct events *e, int fd, uint32_t which)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = which };

	return epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static enum pcidev_interrupt kind_of(enum vectors_mode mode)
{
	return mode == VECTORS_MSIX ? PCIDEV_MSIX : PCIDEV_MSI;
}

/* ---- Ports ---- */

/* Keeps errno. */
static void close_xen(xenevtchn_handle **xen)
{
	int saved = errno;

	if (*xen)
		xenevtchn_close(*xen);
	*xen = NULL;
	errno = saved;
}

/* nr new ports for domid in port: in a row where they have to be. 0, or -1 with errno. */
static int open_ports(xenevtchn_handle *xen, uint32_t domid, unsigned nr, bool in_a_row, evtchn_port_t port[])
{
	evtchn_port_t idle[MULTI_TRIES];
	unsigned have = 0, idles = 0;

	while (have < nr) {
		xenevtchn_port_or_error_t got = xenevtchn_bind_unbound_port(xen, domid);

		if (got < 0)
			return -1;
		port[have] = (evtchn_port_t)got;
		if (!in_a_row || !have || port[have] == port[have - 1] + 1) {
			have++;
			continue;
		}
		/* Another beginning: those before it stay taken until it is over. */
		if (idles + have > MULTI_TRIES)
			return fail(ENOSPC);
		memcpy(idle + idles, port, have * sizeof(port[0]));
		idles += have;
		port[0] = port[have];
		have = 1;
	}
	while (idles)
		xenevtchn_unbind(xen, idle[--idles]);
	return 0;
}

/* A handle that has nr new ports, and gets no others. NULL with errno. */
static xenevtchn_handle *open_xen(const struct events *e, unsigned nr, bool in_a_row, evtchn_port_t port[])
{
	xenevtchn_handle *xen = xenevtchn_open(e->lg, 0);

	if (!xen)
		return NULL;
	if (open_ports(xen, e->domid, nr, in_a_row, port) ||
	    (xenevtchn_restrict(xen, (domid_t)e->domid) && errno != ENOTTY && errno != EOPNOTSUPP))
		close_xen(&xen);
	return xen;
}

static void close_event(struct event *ev)
{
	close_keep(ev->fd);
	ev->fd = -1;
}

/* Has number nr of the kind written into a descriptor, whose events go through port, which is ev's from now on. */
static int forward(const struct events *e, struct event *ev, enum pcidev_interrupt kind, unsigned nr, uint32_t which,
		   evtchn_port_t port)
{
	ev->port = port;
	ev->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ev->fd < 0)
		return -1;
	if (!watch(e, ev->fd, which) && !pcidev_vector(e->dev, kind, PCIDEV_VECTOR_ON, nr, ev->fd))
		return 0;
	close_event(ev);
	return -1;
}

/* ---- The line ---- */

/* What the guest sends comes by it, too. */
static int hear_line(const struct events *e)
{
	int fd = xenevtchn_fd(e->line_xen), flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -1 : watch(e, fd, OF_XEN);
}

static int open_line(struct events *e)
{
	xenevtchn_handle *other;
	evtchn_port_t port;

	e->line_xen = open_xen(e, 1, false, &port);
	if (e->line_xen && port == NO_LINE) {
		other = open_xen(e, 1, false, &port);
		close_xen(&e->line_xen);
		e->line_xen = other;
	}
	if (!e->line_xen)
		return -1;
	if (!forward(e, &e->line, PCIDEV_INTX, 0, OF_LINE, port)) {
		e->dev->info.irq = port;
		return hear_line(e);
	}
	close_xen(&e->line_xen);
	/* A device without a line is as good as any. */
	return errno == ENXIO ? 0 : -1;
}

int events_init(struct events *e, struct pcidev *dev, uint32_t domid, xentoollog_logger *lg)
{
	events_none(e);
	if (!dev->info.is_virtual)
		return fail(ENOTTY);
	/* ENXIO: a device without a line, whose vectors may be had all the same. */
	if (pcidev_vector(dev, PCIDEV_INTX, PCIDEV_VECTOR_OFF, 0, -1) && errno != ENXIO)
		return -1;
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (e->epoll < 0)
		return -1;
	e->dev = dev;
	e->domid = domid;
	e->lg = lg;
	if (!open_line(e))
		return 0;
	events_dispose(e);
	return -1;
}

void events_dispose(struct events *e)
{
	int saved = errno;

	if (e->dev) {
		events_unmap(e);
		if (e->line.fd >= 0)
			pcidev_vector(e->dev, PCIDEV_INTX, PCIDEV_VECTOR_OFF, 0, -1);
		close_event(&e->line);
		close_xen(&e->line_xen);
	}
	close_keep(e->epoll);
	events_none(e);
	errno = saved;
}

/* ---- Vectors ---- */

void events_unmap(struct events *e)
{
	int saved = errno;

	if (e->mode != VECTORS_NONE)
		pcidev_vector(e->dev, kind_of(e->mode), PCIDEV_VECTOR_OFF, 0, -1);
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		close_event(&e->vector[i]);
	close_xen(&e->xen);
	e->mode = VECTORS_NONE;
	e->nr = 0;
	errno = saved;
}

static void tell(const struct events *e, struct message_mapped *got)
{
	for (unsigned i = 0; i < e->nr; i++)
		got->pirq[i] = e->vector[i].port;
}

static bool same_request(const struct events *e, const struct message_map *want, unsigned nr)
{
	return e->mode == want->mode && e->nr == nr &&
	       (e->mode == VECTORS_MSI || !memcmp(e->entry, want->entry, nr * sizeof(e->entry[0])));
}

static int map_all(struct events *e, const struct message_map *want, unsigned nr)
{
	evtchn_port_t port[SH_INFO_MAX_VEC];

	e->xen = open_xen(e, nr, want->mode == VECTORS_MSI, port);
	if (!e->xen)
		return -1;
	e->mode = want->mode;
	for (unsigned i = 0; i < nr; i++) {
		e->entry[i] = want->entry[i];
		if (forward(e, &e->vector[i], kind_of(want->mode), want->mode == VECTORS_MSIX ? want->entry[i] : i, i,
			    port[i])) {
			events_unmap(e);
			return -1;
		}
	}
	e->nr = nr;
	return 0;
}

void events_map(struct events *e, const struct message_map *want, struct message_mapped *got)
{
	unsigned nr = want->mode == VECTORS_MSIX ? want->nr : want->multi ? want->multi : 1;

	memset(got, 0, sizeof(*got));
	if (e->mode != VECTORS_NONE) {
		got->again = want->first && same_request(e, want, nr);
		got->err = got->again ? 0 : EBUSY;
	} else if (!nr || nr > SH_INFO_MAX_VEC) {
		got->err = EINVAL;
	} else if (map_all(e, want, nr)) {
		got->err = errno;
	}
	if (!got->err)
		tell(e, got);
}

/* ---- Events ---- */

int events_fd(const struct events *e)
{
	return e->epoll;
}

static void send_event(xenevtchn_handle *xen, const struct event *ev)
{
	uint64_t count;

	if (ev->fd >= 0 && read(ev->fd, &count, sizeof(count)) == sizeof(count))
		xenevtchn_notify(xen, ev->port);
}

static void hear_guest(const struct events *e)
{
	xenevtchn_port_or_error_t got = xenevtchn_pending(e->line_xen);

	if (got < 0)
		return;
	xenevtchn_unmask(e->line_xen, (evtchn_port_t)got);
	if (e->line.fd >= 0 && (evtchn_port_t)got == e->line.port)
		pcidev_vector(e->dev, PCIDEV_INTX, PCIDEV_VECTOR_UNMASK, 0, -1);
}

void events_turn(struct events *e)
{
	struct epoll_event ev[AT_ONCE];
	int n = epoll_wait(e->epoll, ev, AT_ONCE, 0);

	for (int i = 0; i < n; i++) {
		if (ev[i].data.u32 == OF_XEN)
			hear_guest(e);
		else if (ev[i].data.u32 == OF_LINE)
			send_event(e->line_xen, &e->line);
		else
			send_event(e->xen, &e->vector[ev[i].data.u32]);
	}
}
