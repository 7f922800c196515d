/* SPDX-License-Identifier: MIT */
/*
 * libxenforeignmemory, and how frames of a domain's memory come into a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenforeignmemory.h>

#include "preload.h"

struct xenforeignmemory_handle {
	struct xb_conn conn;
};

int xb_open(struct xb_conn *c, enum xb_kind kind, int *fd, uint32_t *slot)
{
	return xb_connect(c, xb_rundir(), xb_domid(), kind, fd, slot);
}

static int memory_fd(struct xb_conn *c, uint32_t memory)
{
	struct xb_msg m = { .op = XB_MEMORY, .a = { memory } };
	int fd = -1;

	return xb_call(c, &m, NULL, 0, NULL, 0, &fd) < 0 ? -1 : fd;
}

static int map_run(struct xb_conn *c, const struct xb_frame *frames, size_t n, int prot, char *at)
{
	for (size_t i = 0, run; i < n; i += run) {
		int fd;
		void *p;

		for (run = 1; i + run < n && frames[i + run].memory == frames[i].memory &&
			      frames[i + run].pfn == frames[i].pfn + run && !frames[i + run].err &&
			      !frames[i].err;)
			run++;
		if (frames[i].err)
			continue; /* stays without access */
		fd = memory_fd(c, frames[i].memory);
		if (fd < 0)
			return -1;
		p = mmap(at + i * XB_PAGE_SIZE, run * XB_PAGE_SIZE, prot, MAP_SHARED | MAP_FIXED,
			 fd, (off_t)frames[i].pfn * XB_PAGE_SIZE);
		close(fd);
		if (p == MAP_FAILED)
			return -1;
	}
	return 0;
}

void *xb_map_frames(struct xb_conn *c, const struct xb_frame *frames, size_t n, int prot,
		    void *addr)
{
	char *at = mmap(addr, n * XB_PAGE_SIZE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | (addr ? MAP_FIXED : 0), -1, 0);
	int err;

	if (at == MAP_FAILED)
		return NULL;
	if (!map_run(c, frames, n, prot, at))
		return at;
	err = errno;
	munmap(at, n * XB_PAGE_SIZE);
	errno = err;
	return NULL;
}

EXPORT xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *logger,
						      unsigned open_flags)
{
	xenforeignmemory_handle *h = malloc(sizeof(*h));

	(void)logger;
	(void)open_flags;
	if (h && xb_open(&h->conn, XB_KIND_FOREIGN, NULL, NULL)) {
		free(h);
		return NULL;
	}
	return h;
}

EXPORT int xenforeignmemory_close(xenforeignmemory_handle *h)
{
	if (h)
		xb_disconnect(&h->conn);
	free(h);
	return 0;
}

EXPORT void *xenforeignmemory_map2(xenforeignmemory_handle *h, uint32_t dom, void *addr, int prot,
				   int flags, size_t pages, const xen_pfn_t arr[], int err[])
{
	struct xb_msg m = { .op = XB_FOREIGN_MAP, .a = { dom, pages } };
	struct xb_frame frames[XB_MAP_MAX];

	(void)flags;
	if (!pages || pages > XB_MAP_MAX) {
		errno = EINVAL;
		return NULL;
	}
	if (xb_call(&h->conn, &m, arr, (uint32_t)(pages * sizeof(arr[0])), frames, sizeof(frames),
		    NULL) < 0)
		return NULL;
	for (size_t i = 0; i < pages; i++) {
		if (err)
			err[i] = frames[i].err;
		if (err || !frames[i].err)
			continue;
		errno = -frames[i].err;
		return NULL;
	}
	return xb_map_frames(&h->conn, frames, pages, prot, addr);
}

EXPORT void *xenforeignmemory_map(xenforeignmemory_handle *h, uint32_t dom, int prot, size_t pages,
				  const xen_pfn_t arr[], int err[])
{
	return xenforeignmemory_map2(h, dom, NULL, prot, 0, pages, arr, err);
}

EXPORT int xenforeignmemory_unmap(xenforeignmemory_handle *h, void *addr, size_t pages)
{
	(void)h;
	return munmap(addr, pages * XB_PAGE_SIZE);
}

EXPORT int xenforeignmemory_restrict(xenforeignmemory_handle *h, domid_t domid)
{
	(void)h;
	(void)domid;
	errno = EOPNOTSUPP;
	return -1;
}

EXPORT xenforeignmemory_resource_handle *
xenforeignmemory_map_resource(xenforeignmemory_handle *h, domid_t domid, unsigned int type,
			      unsigned int id, unsigned long frame, unsigned long nr_frames,
			      void **paddr, int prot, int flags)
{
	(void)type;
	(void)id;
	(void)frame;
	(void)nr_frames;
	(void)paddr;
	(void)prot;
	(void)flags;
	xenforeignmemory_restrict(h, domid);
	return NULL;
}

EXPORT int xenforeignmemory_unmap_resource(xenforeignmemory_handle *h,
					   xenforeignmemory_resource_handle *fres)
{
	(void)fres;
	return xenforeignmemory_restrict(h, 0);
}

EXPORT int xenforeignmemory_resource_size(xenforeignmemory_handle *h, domid_t domid,
					  unsigned int type, unsigned int id, size_t *size)
{
	(void)type;
	(void)id;
	(void)size;
	return xenforeignmemory_restrict(h, domid);
}
