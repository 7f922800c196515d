/* SPDX-License-Identifier: MIT */
#include "backend/xen.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <xenstore_lib.h>

#include "common/log.h"
#include "common/store.h"
#include "common/util.h"

static int open_failed(struct xen *x, xentoollog_logger *lg, const char *what, const char *remedy)
{
	log_error(lg, "cannot open %s: %s; %s", what, strerror(errno), remedy);
	xen_close(x);
	return -1;
}

static int set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/*
 * libxenstore tells nobody who waits for watches that xenstored has ended. A
 * connection of our own, on which nothing is ever said, does. Where xenstore is
 * reached through the kernel there is none, and xenstored ends with the machine.
 */
static int connect_for_life(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = xs_daemon_socket();
	int fd;

	if (!path || strlen(path) >= sizeof(addr.sun_path))
		return -1;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -1;
	}
	return fd;
}

int xen_open(struct xen *x, xentoollog_logger *lg)
{
	uint64_t domid = 0;

	memset(x, 0, sizeof(*x));
	x->life_fd = -1;
	x->xs = xs_open(0);
	x->watches = x->xs ? xs_open(0) : NULL;
	if (!x->watches)
		return open_failed(x, lg, "xenstore", "is xenstored running, and may we use it?");
	x->evtchn = xenevtchn_open(lg, 0);
	if (!x->evtchn || set_nonblock(xenevtchn_fd(x->evtchn)))
		return open_failed(x, lg, "the event channel device",
				   "is the xen-evtchn module loaded?");
	x->mute = (xentoollog_logger *)xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
	x->gnttab = x->mute ? xengnttab_open(x->mute, 0) : NULL;
	if (!x->gnttab)
		return open_failed(x, lg, "the grant device", "is the xen-gntdev module loaded?");
	if (store_read_number(x->xs, XBT_NULL, "domid", NULL, 10, DOMID_FIRST_RESERVED, &domid) &&
	    errno != ENOENT)
		return open_failed(x, lg, "our own domid in xenstore", "is its node \"domid\" sound?");
	x->domid = (uint32_t)domid;
	x->life_fd = connect_for_life();
	return 0;
}

void xen_close(struct xen *x)
{
	int saved = errno;

	if (x->gnttab)
		xengnttab_close(x->gnttab);
	if (x->mute)
		xtl_logger_destroy(x->mute);
	if (x->evtchn)
		xenevtchn_close(x->evtchn);
	if (x->xs) {
		close_keep(x->life_fd);
		xs_close(x->xs);
	}
	if (x->watches)
		xs_close(x->watches);
	memset(x, 0, sizeof(*x));
	errno = saved;
}

page_t *xen_map_page(struct xen *x, uint32_t domid, uint32_t ref)
{
	return xengnttab_map_grant_ref(x->gnttab, domid, ref, PROT_READ | PROT_WRITE);
}

void xen_unmap_page(struct xen *x, page_t *page)
{
	if (page)
		xengnttab_unmap(x->gnttab, (void *)page, 1);
}

int xen_bind(struct xen *x, uint32_t domid, uint32_t remote, evtchn_port_t *port)
{
	xenevtchn_port_or_error_t local = xenevtchn_bind_interdomain(x->evtchn, domid, remote);

	if (local < 0)
		return -1;
	*port = (evtchn_port_t)local;
	return 0;
}

void xen_unbind(struct xen *x, evtchn_port_t port)
{
	int saved = errno;

	xenevtchn_unbind(x->evtchn, port);
	errno = saved;
}

int xen_event_fd(struct xen *x)
{
	return xenevtchn_fd(x->evtchn);
}

int xen_pending(struct xen *x, evtchn_port_t *port)
{
	xenevtchn_port_or_error_t p = xenevtchn_pending(x->evtchn);

	if (p < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	*port = (evtchn_port_t)p;
	return 1;
}

int xen_unmask(struct xen *x, evtchn_port_t port)
{
	return xenevtchn_unmask(x->evtchn, port);
}

int xen_notify(struct xen *x, evtchn_port_t port)
{
	return xenevtchn_notify(x->evtchn, port);
}
