/* SPDX-License-Identifier: MIT */
/* xenctrl's headers do not compile where the compiler promises to be strictly ISO C. */
#undef __STRICT_ANSI__
#include "host/device/sysfs/iomem.h"

#include <string.h>
#include <sys/mman.h>
#include <xencall.h>
#include <xenforeignmemory.h>
#include <xen/platform.h>

#include "common/util.h"

#define FRAME_SHIFT 12
/* More than any processor has. */
#define RANGES_MAX 64
/* RAM on every PC: one megabyte. */
#define RAM_FRAME 0x100

struct iomem {
	xenforeignmemory_handle *foreign;
	struct iomem_range range[RANGES_MAX];
	unsigned nr;
};

static bool covered(const struct iomem_range *range, unsigned nr, uint64_t frame, bool uncacheable)
{
	for (unsigned i = 0; i < nr; i++)
		if (frame >= range[i].first && frame - range[i].first < range[i].nr &&
		    (range[i].type == IOMEM_UNCACHEABLE) == uncacheable)
			return true;
	return false;
}

static bool ram_has_a_range(const struct iomem_range *range, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		if (range[i].type == IOMEM_WRITE_BACK && covered(&range[i], 1, RAM_FRAME, false))
			return true;
	return false;
}

bool iomem_uncacheable(const struct iomem_range *range, unsigned nr, uint64_t frame)
{
	if (covered(range, nr, frame, true))
		return true;
	return !covered(range, nr, frame, false) && ram_has_a_range(range, nr);
}

/* The range in register reg. 0, or -1 with errno: EINVAL where there is no such register. */
static int read_range(xencall_handle *call, xen_platform_op_t *op, uint32_t reg,
		      struct iomem_range *range)
{
	memset(op, 0, sizeof(*op));
	op->cmd = XENPF_read_memtype;
	op->interface_version = XENPF_INTERFACE_VERSION;
	op->u.read_memtype.reg = reg;
	if (xencall1(call, __HYPERVISOR_platform_op, (uintptr_t)op))
		return -1;
	range->first = op->u.read_memtype.mfn;
	range->nr = op->u.read_memtype.nr_mfns;
	range->type = op->u.read_memtype.type;
	return 0;
}

static int read_ranges(struct iomem *m, xentoollog_logger *lg)
{
	xencall_handle *call = xencall_open(lg, 0);
	xen_platform_op_t *op = call ? xencall_alloc_buffer(call, sizeof(*op)) : NULL;
	int rc = -1;

	if (!op)
		goto out;
	while (m->nr < RANGES_MAX && !read_range(call, op, m->nr, &m->range[m->nr]))
		m->nr++;
	rc = m->nr ? 0 : -1;
out:
	if (call) {
		int saved = errno;

		xencall_free_buffer(call, op);
		xencall_close(call);
		errno = saved;
	}
	return rc;
}

struct iomem *iomem_open(xentoollog_logger *lg)
{
	struct iomem *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->foreign = xenforeignmemory_open(lg, 0);
	if (!m->foreign || read_ranges(m, lg)) {
		iomem_close(m);
		return NULL;
	}
	return m;
}

void iomem_close(struct iomem *m)
{
	int saved = errno;

	if (!m)
		return;
	if (m->foreign)
		xenforeignmemory_close(m->foreign);
	free(m);
	errno = saved;
}

void *iomem_map(struct iomem *m, uint64_t address)
{
	xen_pfn_t frame = address >> FRAME_SHIFT;

	if (!iomem_uncacheable(m->range, m->nr, frame)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	return xenforeignmemory_map(m->foreign, DOMID_IO, PROT_READ, 1, &frame, NULL);
}

void iomem_unmap(struct iomem *m, void *page)
{
	int saved = errno;

	if (page)
		xenforeignmemory_unmap(m->foreign, page, 1);
	errno = saved;
}
