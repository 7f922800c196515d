/* SPDX-License-Identifier: MIT */
/* libxencall: copies the structure that a hypercall points to into the hypervisor and back. */
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xencall.h>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)(p), (void)(n))
#endif

#include "abi.h"
#include "preload.h"

#define ARG_MAX_SIZE 2048 /* beyond the largest: 1024 bytes of capabilities or command line */

struct xencall_handle {
	struct xb_conn conn;
};

EXPORT xencall_handle *xencall_open(struct xentoollog_logger *logger, unsigned open_flags)
{
	xencall_handle *h;

	(void)logger;
	(void)open_flags;
	h = malloc(sizeof(*h));
	if (h && xb_open(&h->conn, XB_KIND_CALL, NULL, NULL)) {
		free(h);
		return NULL;
	}
	return h;
}

EXPORT int xencall_close(xencall_handle *h)
{
	if (h)
		xb_disconnect(&h->conn);
	free(h);
	return 0;
}

EXPORT int xencall_fd(xencall_handle *h)
{
	return h->conn.fd;
}

/* NOLINTBEGIN(bugprone-branch-clone): sizes that happen to be equal */
/* Size of the argument of an operation with a command number and a pointer; 0: not known. */
static uint32_t argument_size(unsigned int op, uint64_t cmd)
{
#define PHYSDEV(name, type, who, guest) case PHYSDEVOP_##name: return sizeof(type);
#define VERSION(name, type) case XENVER_##name: return sizeof(type);
#define EVTCHN(name, type) case EVTCHNOP_##name: return sizeof(type);
	if (op == __HYPERVISOR_physdev_op) {
		switch (cmd) { ABI_PHYSDEV_OPS(PHYSDEV) default: return 0; }
	}
	if (op == __HYPERVISOR_xen_version) {
		switch (cmd) { ABI_VERSION_OPS(VERSION) default: return 0; }
	}
	if (op == __HYPERVISOR_sched_op)
		return cmd == SCHEDOP_remote_shutdown ? sizeof(struct sched_remote_shutdown) : 0;
	if (op == __HYPERVISOR_event_channel_op) {
		switch (cmd) { ABI_EVTCHN_OPS(EVTCHN) default: return 0; }
	}
	return 0;
}
/* NOLINTEND(bugprone-branch-clone) */

/*
 * Send a copy: callers leave padding and unused unions uninitialised, as the real hypercalls allow,
 * and valgrind would blame them for what only this library does with it.
 */
static int carry(xencall_handle *h, struct xb_msg *m, void *arg, uint32_t size)
{
	unsigned char copy[ARG_MAX_SIZE] = { 0 };
	int rc;

	if (size)
		memcpy(copy, arg, size);
	VALGRIND_MAKE_MEM_DEFINED(copy, size);
	rc = xb_call(&h->conn, m, copy, size, copy, size, NULL);
	if (size) /* also on errors: some say more in the structure */
		memcpy(arg, copy, size);
	return rc;
}

static int is_xenctrl(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	return info->dlpi_name && strstr(info->dlpi_name, "/libxenctrl.so") != NULL;
}

/*
 * Whether this process has libxenctrl, and so is one of those that come with a Xen. A plugin may
 * have brought it, so the loaded files are looked through, and not the names that all can see.
 */
static uint64_t of_this_xen(void)
{
	return dl_iterate_phdr(is_xenctrl, NULL) ? ABI_TOOLS_OF_THIS_XEN : 0;
}

/* The list of domains has a buffer of its own, and may need several answers. */
static long list_domains(xencall_handle *h, struct xen_sysctl *ctl)
{
	const struct xen_sysctl_getdomaininfolist want = ctl->u.getdomaininfolist;
	struct xen_domctl_getdomaininfo *info = want.buffer.p;
	struct {
		struct xen_sysctl ctl;
		unsigned char list[XB_DATA_MAX - sizeof(struct xen_sysctl)];
	} *part = malloc(sizeof(*part));
	uint32_t n = 0, got;
	int rc = part ? 0 : -1;

	/* Also where none is wanted: the hypervisor has a look at the version. */
	do {
		struct xb_msg m = {
			.op = XB_HYPERCALL, .a = { __HYPERVISOR_sysctl, 0, of_this_xen() }
		};

		part->ctl = *ctl;
		VALGRIND_MAKE_MEM_DEFINED(&part->ctl, sizeof(part->ctl)); /* as in carry() */
		part->ctl.u.getdomaininfolist.max_domains = want.max_domains - n;
		if (n)
			part->ctl.u.getdomaininfolist.first_domain =
				(domid_t)(info[n - 1].domain + 1);
		rc = xb_call(&h->conn, &m, &part->ctl, sizeof(part->ctl), part, sizeof(*part),
			     NULL);
		got = rc ? 0 : part->ctl.u.getdomaininfolist.num_domains;
		if (!got)
			break;
		memcpy(info + n, part->list, got * sizeof(*info));
		n += got;
	} while (n < want.max_domains);
	if (!rc)
		ctl->u.getdomaininfolist.num_domains = n;
	free(part);
	return rc;
}

static long hypercall(xencall_handle *h, unsigned int op, const uint64_t a[5])
{
	struct xb_msg m = { .op = XB_HYPERCALL, .a = { op, a[0], a[1], a[2], a[3], a[4] } };
	void *arg = NULL;
	uint32_t size = 0;

	if (op == __HYPERVISOR_domctl || op == __HYPERVISOR_sysctl) {
		arg = (void *)(uintptr_t)a[0]; /* NOLINT: that is what the ABI says */
		size = op == __HYPERVISOR_domctl ? sizeof(struct xen_domctl) :
						   sizeof(struct xen_sysctl);
		m.a[2] = of_this_xen();
		if (!arg) {
			errno = EFAULT;
			return -1;
		}
		if (op == __HYPERVISOR_sysctl &&
		    ((struct xen_sysctl *)arg)->cmd == XEN_SYSCTL_getdomaininfolist)
			return list_domains(h, arg);
	} else {
		arg = (void *)(uintptr_t)a[1]; /* NOLINT */
		size = arg ? argument_size(op, a[0]) : 0;
	}
	return carry(h, &m, arg, size);
}

EXPORT int xencall0(xencall_handle *h, unsigned int op)
{
	return (int)hypercall(h, op, (const uint64_t[5]){ 0 });
}

EXPORT int xencall1(xencall_handle *h, unsigned int op, uint64_t a)
{
	return (int)hypercall(h, op, (const uint64_t[5]){ a });
}

EXPORT int xencall2(xencall_handle *h, unsigned int op, uint64_t a, uint64_t b)
{
	return (int)hypercall(h, op, (const uint64_t[5]){ a, b });
}

EXPORT long xencall2L(xencall_handle *h, unsigned int op, uint64_t a, uint64_t b)
{
	return hypercall(h, op, (const uint64_t[5]){ a, b });
}

EXPORT int xencall3(xencall_handle *h, unsigned int op, uint64_t a, uint64_t b, uint64_t c)
{
	return (int)hypercall(h, op, (const uint64_t[5]){ a, b, c });
}

EXPORT int xencall4(xencall_handle *h, unsigned int op, uint64_t a, uint64_t b, uint64_t c,
		    uint64_t d)
{
	return (int)hypercall(h, op, (const uint64_t[5]){ a, b, c, d });
}

EXPORT int xencall5(xencall_handle *h, unsigned int op, uint64_t a, uint64_t b, uint64_t c,
		    uint64_t d, uint64_t e)
{
	return (int)hypercall(h, op, (const uint64_t[5]){ a, b, c, d, e });
}

/* Buffers: the hypervisor here copies from anywhere, but callers expect whole pages. */

EXPORT void *xencall_alloc_buffer_pages(xencall_handle *h, size_t nr_pages)
{
	void *p = mmap(NULL, nr_pages * XB_PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)h;
	return p == MAP_FAILED ? NULL : p;
}

EXPORT void xencall_free_buffer_pages(xencall_handle *h, void *p, size_t nr_pages)
{
	(void)h;
	if (p)
		munmap(p, nr_pages * XB_PAGE_SIZE);
}

EXPORT void *xencall_alloc_buffer(xencall_handle *h, size_t size)
{
	(void)h;
	return calloc(1, size);
}

EXPORT void xencall_free_buffer(xencall_handle *h, void *p)
{
	(void)h;
	free(p);
}

EXPORT int xencall_buffers_never_fault(xencall_handle *h)
{
	(void)h;
	return 1;
}
