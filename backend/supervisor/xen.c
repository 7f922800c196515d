/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/xen.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <xen/xen.h>
#include <xenstore_lib.h>

#include "common/log.h"
#include "common/store.h"
#include "common/util.h"

/* Of an xenstored that ends, the kernel closes one connection after another. */
#define ENDS_MS 20

static int open_failed(struct xen *x, xentoollog_logger *lg, const char *what, const char *remedy)
{
	log_error(lg, "cannot open %s: %s; %s", what, strerror(errno), remedy);
	xen_close(x);
	return -1;
}

/*
 * libxenstore tells nobody who waits for watches that xenstored has ended. A
 * connection of our own, on which nothing is ever said, does. Where xenstore is
 * reached through the kernel there is none, and xenstored ends with the machine.
 */
static int connect_for_life(int flags)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = xs_daemon_socket();
	int fd;

	if (!path || strlen(path) >= sizeof(addr.sun_path))
		return fail(ENAMETOOLONG);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close_keep(fd);
		return -1;
	}
	return fd;
}

/* libxenstore does not tell its descriptor: it has the lowest that was free. */
static struct xs_handle *open_watches(struct xen *x, unsigned long flags)
{
	int free_fd = dup(STDERR_FILENO);
	struct xs_handle *xs;
	struct stat st;

	close_keep(free_fd);
	x->watches_fd = -1;
	xs = xs_open(flags);
	if (xs && free_fd >= 0 && !fstat(free_fd, &st) && S_ISSOCK(st.st_mode)) {
		x->watches_fd = free_fd;
		x->watches_ino = st.st_ino;
	}
	return xs;
}

bool xen_hears(const struct xen *x)
{
	struct stat st;

	return x->watches_fd < 0 || (!fstat(x->watches_fd, &st) && st.st_ino == x->watches_ino);
}

bool xen_ended(const struct xen *x)
{
	struct pollfd p = { .fd = x->life_fd, .events = POLLIN };

	return x->life_fd >= 0 && poll(&p, 1, ENDS_MS) > 0;
}

int xen_open(struct xen *x, xentoollog_logger *lg)
{
	uint64_t domid = 0;

	memset(x, 0, sizeof(*x));
	x->life_fd = -1;
	x->xs = xs_open(0);
	x->watches = x->xs ? open_watches(x, 0) : NULL;
	if (!x->watches)
		return open_failed(x, lg, "xenstore", "is xenstored running, and may we use it?");
	if (store_read_number(x->xs, XBT_NULL, "domid", NULL, 10, DOMID_FIRST_RESERVED, &domid) &&
	    errno != ENOENT)
		return open_failed(x, lg, "our own domid in xenstore", "is its node \"domid\" sound?");
	x->domid = (uint32_t)domid;
	x->life_fd = connect_for_life(0);
	return 0;
}

int xen_reopen(struct xen *x)
{
	struct xen new = { .domid = x->domid };

	/* First what cannot wait for one that does not accept us. Not by way of the kernel, which would. */
	new.life_fd = connect_for_life(SOCK_NONBLOCK);
	if (new.life_fd < 0)
		return -1;
	new.xs = xs_open(XS_OPEN_SOCKETONLY);
	if (!new.xs) {
		close_keep(new.life_fd);
		return -1;
	}
	new.watches = open_watches(&new, XS_OPEN_SOCKETONLY);
	if (!new.watches) {
		xen_close(&new);
		return -1;
	}
	xen_close(x);
	*x = new;
	return 0;
}

bool xen_answers(struct xen *x)
{
	char text[16];

	return store_read(x->xs, XBT_NULL, "domid", NULL, text, sizeof(text)) >= 0 || errno == ENOENT ||
	       errno == E2BIG || errno == EINVAL;
}

void xen_close(struct xen *x)
{
	int saved = errno;

	if (x->xs) {
		close_keep(x->life_fd);
		xs_close(x->xs);
	}
	if (x->watches)
		xs_close(x->watches);
	memset(x, 0, sizeof(*x));
	errno = saved;
}
