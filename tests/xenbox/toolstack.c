/* SPDX-License-Identifier: MIT */
/* A domain's birth and death as libxl does them: hypercalls, nodes and the introduction. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "abi.h"
#include "tool.h"

static void uuid_format(const unsigned char u[16], char text[static 37])
{
	snprintf(text, 37,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
		 u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13],
		 u[14], u[15]);
}

/* One as uuid_format writes it. 0, or -1. */
static int uuid_parse(const char *from, xen_domain_handle_t handle)
{
	char text[37];

	for (int i = 0, at = 0; i < 16; i++, at += 2) {
		unsigned int byte;

		at += from[at] == '-';
		if (sscanf(from + at, "%2x", &byte) != 1)
			return -1;
		handle[i] = (unsigned char)byte;
	}
	uuid_format(handle, text);
	return strcmp(text, from) ? -1 : 0;
}

/* Each life of a number has another. */
static void uuid_make(unsigned int domid, xen_domain_handle_t handle)
{
	static const unsigned char fixed[12] = "\0\0\0\0\0\0\x40\x00\x80\x00\x00";

	memcpy(handle, fixed, sizeof(fixed));
	if (getrandom(handle, 6, 0) != 6)
		handle[0] = (unsigned char)time(NULL);
	for (int i = 0; i < 4; i++)
		handle[12 + i] = (unsigned char)(domid >> (24 - 8 * i));
}

/* The nodes of a domain, those that a guest or a backend may look at. */
static int nodes_write(struct tool *t, xs_transaction_t tx, unsigned int domid, const char *name,
		       const char *uuid, uint32_t port, uint32_t pfn)
{
	static const char *const read_only[] = { "cpu", "memory", "device", "control" };
	static const char *const own[] = { "control/shutdown", "data", "drivers", "feature", "attr",
					   "error" };
	char dom[32], num[16], vm[48];
	int rc = 0;

	snprintf(dom, sizeof(dom), "/local/domain/%u", domid);
	snprintf(vm, sizeof(vm), "/vm/%s", uuid);
	tool_rm(t, tx, "%s", dom);
	rc |= tool_mkdir(t, tx, 0, domid, "%s", dom);
	rc |= tool_mkdir(t, tx, 0, domid, "%s", vm);
	rc |= tool_mkdir(t, tx, 0, 0, "/libxl/%u", domid);
	rc |= tool_write(t, tx, "pv", "/libxl/%u/type", domid);
	rc |= tool_write(t, tx, vm, "%s/vm", dom);
	rc |= tool_write(t, tx, name, "%s/name", dom);
	rc |= tool_write(t, tx, name, "%s/name", vm);
	rc |= tool_write(t, tx, uuid, "%s/uuid", vm);
	for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++)
		rc |= tool_mkdir(t, tx, 0, domid, "%s/%s", dom, read_only[i]);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		rc |= tool_mkdir(t, tx, domid, domid, "%s/%s", dom, own[i]);
	snprintf(num, sizeof(num), "%u", domid);
	rc |= tool_write(t, tx, num, "%s/domid", dom);
	snprintf(num, sizeof(num), "%u", port);
	rc |= tool_write(t, tx, num, "%s/store/port", dom);
	snprintf(num, sizeof(num), "%u", pfn);
	rc |= tool_write(t, tx, num, "%s/store/ring-ref", dom);
	return rc;
}

/* Run nodes_write in a transaction until it commits. */
static int nodes_commit(struct tool *t, unsigned int domid, const char *name, const char *uuid,
			uint32_t port, uint32_t pfn)
{
	for (;;) {
		xs_transaction_t tx = xs_transaction_start(t->xs);

		if (!tx)
			return -1;
		if (nodes_write(t, tx, domid, name, uuid, port, pfn)) {
			int err = errno;

			xs_transaction_end(t->xs, tx, true);
			errno = err;
			return -1;
		}
		if (xs_transaction_end(t->xs, tx, false))
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
}

/* Until the last of a dying domain with this number is gone: its memory may still be mapped. */
static int wait_gone(struct tool *t, unsigned int domid)
{
	struct xb_msg m = { .op = XB_CTL_GONE, .a = { domid } };

	if (!tool_hv_timeout(t, TOOL_WAIT_MS) &&
	    xb_call(&t->hv, &m, NULL, 0, NULL, 0, NULL) >= 0)
		return tool_hv_timeout(t, 0);
	return tool_error("domain %u: what was there before is still mapped by others", domid);
}

int tool_create(struct tool *t, unsigned int domid, const char *name, const char *uuid, bool hvm)
{
	struct xen_domctl ctl = { .cmd = XEN_DOMCTL_createdomain, .domain = (domid_t)domid };
	struct xb_msg m = { .op = XB_CTL_NAME, .a = { domid } };
	uint32_t port, pfn;
	bool started;
	char text[37];

	uuid_make(domid, ctl.u.createdomain.handle);
	if (uuid && (strlen(uuid) != sizeof(text) - 1 || uuid_parse(uuid, ctl.u.createdomain.handle)))
		return usage("not a uuid in lower case", uuid);
	uuid_format(ctl.u.createdomain.handle, text);
	if (!tool_domain(t, domid, &port, &pfn, &started))
		return tool_error("domain %u exists", domid);
	if (wait_gone(t, domid))
		return TOOL_FAILED;
	if (hvm)
		ctl.u.createdomain.flags = XEN_DOMCTL_CDF_hvm;
	if (tool_domctl(t, &ctl))
		return tool_error("creating domain %u: %s", domid, strerror(errno));
	xb_call(&t->hv, &m, name, (uint32_t)strlen(name), NULL, 0, NULL);
	if (tool_domain(t, domid, &port, &pfn, &started) ||
	    nodes_commit(t, domid, name, text, port, pfn) ||
	    !xs_introduce_domain(t->xs, domid, pfn, port)) {
		tool_error("domain %u: introducing it to xenstored: %s", domid, strerror(errno));
		tool_destroy(t, domid, true);
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

int tool_target(struct tool *t, unsigned int domid, unsigned int target)
{
	struct xen_domctl ctl = { .cmd = XEN_DOMCTL_set_target, .domain = (domid_t)domid };
	char num[16], to[16];

	ctl.u.set_target.target = (domid_t)target;
	snprintf(num, sizeof(num), "%u", domid);
	snprintf(to, sizeof(to), "%u", target);
	if (tool_write(t, XBT_NULL, num, "/local/domain/%u/image/device-model-domid", target) ||
	    tool_write(t, XBT_NULL, to, "/local/domain/%u/target", domid) || tool_domctl(t, &ctl) ||
	    !xs_set_target(t->xs, domid, target))
		return tool_error("domain %u is not made the device model of %u: %s", domid, target,
				  strerror(errno));
	return TOOL_OK;
}

unsigned int tool_stub(struct tool *t, unsigned int domid)
{
	char *text = tool_read(t, XBT_NULL, "/local/domain/%u/image/device-model-domid", domid);
	unsigned int stub = text ? (unsigned int)strtoul(text, NULL, 10) : 0;

	free(text);
	return stub;
}

static int kill_domain(struct tool *t, unsigned int domid)
{
	struct xen_domctl ctl = { .cmd = XEN_DOMCTL_destroydomain, .domain = (domid_t)domid };
	const struct timespec pause = { .tv_nsec = 2000000 };
	unsigned int left = 1;

	if (tool_domctl(t, &ctl))
		return tool_error("destroying domain %u: %s", domid, strerror(errno));
	for (int i = 0; left && i < 500; i++) {
		box_kill_processes(t->box.rundir, (int)domid, &left);
		if (left)
			nanosleep(&pause, NULL);
	}
	return left ? tool_error("domain %u: %u processes do not die", domid, left) : TOOL_OK;
}

static int shut_down(struct tool *t, unsigned int domid, unsigned int reason)
{
	struct sched_remote_shutdown s = { .domain_id = (domid_t)domid, .reason = reason };
	struct xb_msg m = { .op = XB_HYPERCALL, .a = { __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown } };

	return xb_call(&t->hv, &m, &s, sizeof(s), &s, sizeof(s), NULL) < 0 ? -1 : 0;
}

int tool_halt(struct tool *t, unsigned int domid)
{
	if (shut_down(t, domid, SHUTDOWN_poweroff))
		return tool_error("halting domain %u: %s", domid, strerror(errno));
	return TOOL_OK;
}

int tool_suspend(struct tool *t, unsigned int domid)
{
	if (shut_down(t, domid, SHUTDOWN_suspend))
		return tool_error("suspending domain %u: %s", domid, strerror(errno));
	return TOOL_OK;
}

/* xenstored is to tell of its next end, too: it has told of one already. */
int tool_resume(struct tool *t, unsigned int domid)
{
	struct xen_domctl ctl = { .cmd = XEN_DOMCTL_resumedomain, .domain = (domid_t)domid };

	if (tool_domctl(t, &ctl) || !xs_resume_domain(t->xs, domid))
		return tool_error("resuming domain %u: %s", domid, strerror(errno));
	return TOOL_OK;
}

int tool_destroy(struct tool *t, unsigned int domid, bool crash)
{
	char *vm, *dirs;
	unsigned int n = 0;
	int rc;

	if (!crash)
		xl_destroy_all(t, domid);
	vm = tool_read(t, XBT_NULL, "/local/domain/%u/vm", domid);
	rc = kill_domain(t, domid);
	xl_forget(t, domid);
	if (rc || crash)
		goto out;
	tool_rm(t, XBT_NULL, "/local/domain/%u", domid);
	if (vm)
		tool_rm(t, XBT_NULL, "%s", vm);
	tool_rm(t, XBT_NULL, "/libxl/%u", domid);
	/* What backends of other kinds than pci, which has gone above, have left. */
	dirs = (char *)xs_directory(t->xs, XBT_NULL, "/local/domain/0/backend", &n);
	for (unsigned int i = 0; i < n; i++)
		tool_rm(t, XBT_NULL, "/local/domain/0/backend/%s/%u", ((char **)dirs)[i], domid);
	free(dirs);
out:
	free(vm);
	return rc;
}
