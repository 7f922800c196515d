/* SPDX-License-Identifier: MIT */
#include "host/control.h"

#include <stdio.h>
#include <string.h>
#include <xen/version.h>
#include <xen/xen.h>

#include "common/log.h"
#include "common/util.h"

/* A version of an interface and the Xens that have it. */
struct version {
	uint32_t number;
	const char *xen;
};

/* What both kinds of call begin with. */
struct head {
	uint32_t cmd, version;
};

/* One kind of call: its hypercall, and the versions in which control.h's layouts are right. */
struct kind {
	const char *name;
	unsigned hypercall;
	struct version versions[4]; /* up to number 0 */
	uint32_t question;	    /* a command that changes nothing, with all arguments 0 */
	size_t size;
	const char *without; /* what does not work without it */
};

static const struct kind domctl = {
	.name = "domctl",
	.hypercall = __HYPERVISOR_domctl,
	.versions = { { 0x15, "4.17" }, { 0x16, "4.18" }, { 0x17, "4.19 and 4.20" } },
	.question = CONTROL_DOMAIN_INFO,
	.size = sizeof(struct control_domctl),
	.without = "no guest can be given a device's memory, ports, interrupts or place in the IOMMU "
		   "by us (xl can), nor be paused or destroyed",
};

static const struct kind sysctl = {
	.name = "sysctl",
	.hypercall = __HYPERVISOR_sysctl,
	.versions = { { 0x15, "4.17 to 4.20" } },
	.question = CONTROL_LIST_DOMAINS,
	.size = sizeof(struct control_sysctl),
	.without = "it is not known whether there is an IOMMU, nor which guests have halted",
};

/* call, of kind k, goes to Xen through memory that it can reach, and comes back. */
static int carry(xencall_handle *xcall, const struct kind *k, void *call)
{
	void *buf = xencall_alloc_buffer(xcall, k->size);
	int rc, saved;

	if (!buf)
		return fail(ENOMEM);
	memcpy(buf, call, k->size);
	rc = xencall1(xcall, k->hypercall, (uint64_t)(uintptr_t)buf);
	saved = errno;
	memcpy(call, buf, k->size);
	xencall_free_buffer(xcall, buf);
	errno = saved;
	return rc < 0 ? -1 : rc;
}

static void tell_unknown(xencall_handle *xcall, const struct kind *k, xentoollog_logger *lg)
{
	int xen = xencall2(xcall, __HYPERVISOR_xen_version, XENVER_version, 0);
	char ours[128] = "";
	size_t n = 0;

	for (const struct version *v = k->versions; v->number && n < sizeof(ours); v++)
		n += (size_t)snprintf(ours + n, sizeof(ours) - n, "%s%#x of Xen %s", n ? ", " : "",
				      v->number, v->xen);
	log_warn(lg, "this Xen (%d.%d) refuses the %s versions that we know (%s), or its security "
		 "policy refuses us: %s. Devices that guests have are served. A newer xenpci may know "
		 "this Xen", xen < 0 ? 0 : xen >> 16, xen < 0 ? 0 : xen & 0xffff, k->name, ours,
		 k->without);
}

/*
 * Xen compares the version before anything else, and answers EACCES to a wrong one; any other answer,
 * as EPERM to a driver domain, is one to the question.
 */
static int find_version(xencall_handle *xcall, const struct kind *k, uint32_t *version,
			xentoollog_logger *lg)
{
	union {
		struct head head;
		struct control_domctl domctl;
		struct control_sysctl sysctl;
	} call;
	int rc;

	*version = 0;
	for (const struct version *v = k->versions; v->number; v++) {
		memset(&call, 0, sizeof(call));
		call.head = (struct head){ .cmd = k->question, .version = v->number };
		rc = carry(xcall, k, &call);
		if (rc < 0 && errno == ENOMEM)
			return -1;
		if (rc >= 0 || errno != EACCES) {
			*version = v->number;
			return 0;
		}
	}
	tell_unknown(xcall, k, lg);
	return 0;
}

int control_init(struct control *c, xencall_handle *xcall, xentoollog_logger *lg)
{
	*c = (struct control){ .xcall = xcall };
	return find_version(xcall, &domctl, &c->domctl, lg) ||
	       find_version(xcall, &sysctl, &c->sysctl, lg) ? -1 : 0;
}

int control_domctl(const struct control *c, struct control_domctl *call)
{
	call->version = c->domctl;
	return c->domctl ? carry(c->xcall, &domctl, call) : fail(EPROTONOSUPPORT);
}

int control_sysctl(const struct control *c, struct control_sysctl *call)
{
	call->version = c->sysctl;
	return c->sysctl ? carry(c->xcall, &sysctl, call) : fail(EPROTONOSUPPORT);
}
