/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <xen/io/xs_wire.h>

#include "abi.h"
#include "tool.h"

#define PATH_FMT(path, fmt)                                       \
	do {                                                      \
		va_list ap_;                                      \
		va_start(ap_, fmt);                               \
		vsnprintf(path, sizeof(path), fmt, ap_);          \
		va_end(ap_);                                      \
	} while (0)

int tool_error(const char *fmt, ...)
{
	va_list ap;

	fputs("xenbox: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return TOOL_FAILED;
}

int tool_open(struct tool *t, const char *dir)
{
	t->xs = NULL;
	t->hv.fd = -1;
	if (box_init(&t->box, dir)) {
		tool_error("%s: %s", dir, strerror(errno));
		return -1;
	}
	if (xb_connect(&t->hv, t->box.rundir, 0, XB_KIND_CALL, NULL, NULL)) {
		tool_error("no box is up in %s (%s)", dir, strerror(errno));
		return -1;
	}
	return 0;
}

int tool_store(struct tool *t)
{
	char path[BOX_PATH_MAX + BOX_NAME_MAX];

	snprintf(path, sizeof(path), "%s/%s", t->box.rundir, BOX_XS_SOCKET);
	setenv("XENSTORED_PATH", path, 1);
	t->xs = xs_open(XS_OPEN_SOCKETONLY);
	if (!t->xs) {
		tool_error("cannot reach xenstored at %s: %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

void tool_close(struct tool *t)
{
	if (t->xs)
		xs_close(t->xs);
	t->xs = NULL;
	if (t->hv.fd >= 0)
		xb_disconnect(&t->hv);
}

int tool_domctl(struct tool *t, struct xen_domctl *ctl)
{
	struct xb_msg m = { .op = XB_HYPERCALL, .a = { __HYPERVISOR_domctl, 0, ABI_TOOLS_OF_THIS_XEN } };

	ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	return xb_call(&t->hv, &m, ctl, sizeof(*ctl), ctl, sizeof(*ctl), NULL) < 0 ? -1 : 0;
}

int tool_domain(struct tool *t, unsigned int domid, uint32_t *port, uint32_t *pfn, bool *started)
{
	struct xb_msg m = { .op = XB_CTL_DOMAIN, .a = { domid } };

	if (xb_call(&t->hv, &m, NULL, 0, NULL, 0, NULL) < 0)
		return -1;
	*port = (uint32_t)m.a[0];
	*pfn = (uint32_t)m.a[1];
	*started = m.a[2];
	return 0;
}

int tool_write(struct tool *t, xs_transaction_t tx, const char *value, const char *fmt, ...)
{
	char path[XENSTORE_ABS_PATH_MAX];

	PATH_FMT(path, fmt);
	return xs_write(t->xs, tx, path, value, (unsigned int)strlen(value)) ? 0 : -1;
}

char *tool_read(struct tool *t, xs_transaction_t tx, const char *fmt, ...)
{
	char path[XENSTORE_ABS_PATH_MAX];

	PATH_FMT(path, fmt);
	return xs_read(t->xs, tx, path, NULL);
}

int tool_rm(struct tool *t, xs_transaction_t tx, const char *fmt, ...)
{
	char path[XENSTORE_ABS_PATH_MAX];

	PATH_FMT(path, fmt);
	return xs_rm(t->xs, tx, path) ? 0 : -1;
}

int tool_mkdir(struct tool *t, xs_transaction_t tx, unsigned int owner, unsigned int reader,
	       const char *fmt, ...)
{
	struct xs_permissions perms[2] = {
		{ .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ },
	};
	char path[XENSTORE_ABS_PATH_MAX];

	PATH_FMT(path, fmt);
	if (!xs_mkdir(t->xs, tx, path))
		return -1;
	return xs_set_permissions(t->xs, tx, path, perms, owner == reader ? 1 : 2) ? 0 : -1;
}

int tool_hv_timeout(struct tool *t, int ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return setsockopt(t->hv.fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}
