/* SPDX-License-Identifier: MIT */
/* libxengnttab, both halves: mapping others' grants (gnttab) and sharing own pages (gntshr). */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xengnttab.h>

#include "preload.h"

struct area {
	struct area *next;
	void *addr;
	uint32_t count;
	uint64_t id;
};

/* Behind both of the library's handle types. */
struct xengntdev_handle {
	struct xb_conn conn;
	pthread_mutex_t lock;
	struct area *areas;
};

static struct xengntdev_handle *handle_open(enum xb_kind kind)
{
	struct xengntdev_handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	if (xb_open(&h->conn, kind, NULL, NULL)) {
		free(h);
		return NULL;
	}
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

static int handle_close(struct xengntdev_handle *h)
{
	if (!h)
		return 0;
	/* As with the device file, what is still mapped outlives it: the connection stays. */
	if (!h->areas)
		xb_disconnect(&h->conn);
	while (h->areas) {
		struct area *a = h->areas;

		h->areas = a->next;
		free(a);
	}
	pthread_mutex_destroy(&h->lock);
	free(h);
	return 0;
}

static int area_add(struct xengntdev_handle *h, void *addr, uint32_t count, uint64_t id)
{
	struct area *a = malloc(sizeof(*a));

	if (!a)
		return -1;
	pthread_mutex_lock(&h->lock);
	*a = (struct area){ h->areas, addr, count, id };
	h->areas = a;
	pthread_mutex_unlock(&h->lock);
	return 0;
}

/* Take an area off the list. Its id, or -1 with errno EINVAL. */
static int area_take(struct xengntdev_handle *h, const void *addr, uint32_t count, uint64_t *id)
{
	struct area **p = &h->areas, *a;

	pthread_mutex_lock(&h->lock);
	while (*p && ((*p)->addr != addr || (*p)->count != count))
		p = &(*p)->next;
	a = *p;
	if (a) {
		*id = a->id;
		*p = a->next;
	}
	pthread_mutex_unlock(&h->lock);
	free(a);
	if (!a)
		errno = EINVAL;
	return a ? 0 : -1;
}

static int call(struct xengntdev_handle *h, enum xb_op op, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct xb_msg m = { .op = op, .a = { a0, a1, a2 } };

	return xb_call(&h->conn, &m, NULL, 0, NULL, 0, NULL) < 0 ? -1 : 0;
}

static int release(struct xengntdev_handle *h, enum xb_op op, void *addr, uint32_t count)
{
	uint64_t id;

	if (area_take(h, addr, count, &id))
		return -1;
	if (munmap(addr, (size_t)count * XB_PAGE_SIZE))
		return -1;
	return call(h, op, id, 0, 0);
}

/* Enter what was got from the hypervisor; undo it all if that fails. */
static void *enter(struct xengntdev_handle *h, void *addr, uint32_t count, uint64_t id,
		   enum xb_op undo, enum xb_op notify, uint32_t offset, uint32_t port)
{
	/* The real library takes an offset beyond the pages for "no byte". */
	bool byte = offset < (uint64_t)count * XB_PAGE_SIZE, want = byte || port != UINT32_MAX;
	int err;

	if (addr && !area_add(h, addr, count, id)) {
		if (!want || !call(h, notify, id, byte ? offset : UINT64_MAX,
				   port == UINT32_MAX ? UINT64_MAX : port))
			return addr;
		err = errno;
		release(h, undo, addr, count);
	} else {
		err = errno;
		if (addr)
			munmap(addr, (size_t)count * XB_PAGE_SIZE);
		call(h, undo, id, 0, 0);
	}
	errno = err;
	return NULL;
}

/* ---- gnttab ---- */

EXPORT xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned open_flags)
{
	(void)logger;
	(void)open_flags;
	return handle_open(XB_KIND_GNTTAB);
}

EXPORT int xengnttab_close(xengnttab_handle *h)
{
	return handle_close(h);
}

EXPORT int xengnttab_fd(xengnttab_handle *h)
{
	return h->conn.fd;
}

EXPORT int xengnttab_set_max_grants(xengnttab_handle *h, uint32_t nr_grants)
{
	(void)h;
	(void)nr_grants;
	return 0;
}

static void *map(xengnttab_handle *h, uint32_t count, const struct xb_gref *refs, int prot,
		 uint32_t offset, uint32_t port)
{
	struct xb_msg m = { .op = XB_GNT_MAP, .a = { count, !!(prot & PROT_WRITE) } };
	struct xb_frame frames[XB_MAP_MAX];

	if (xb_call(&h->conn, &m, refs, count * (uint32_t)sizeof(*refs), frames, sizeof(frames),
		    NULL) < 0)
		return NULL;
	return enter(h, xb_map_frames(&h->conn, frames, count, prot, NULL), count, m.a[0],
		     XB_GNT_UNMAP, XB_GNT_NOTIFY, offset, port);
}

/* With a step of 0 all references are domids[0]'s. */
static void *map_refs(xengnttab_handle *h, uint32_t count, const uint32_t *domids, uint32_t step,
		      const uint32_t *refs, int prot)
{
	struct xb_gref r[XB_MAP_MAX];

	if (!count || count > XB_MAP_MAX) {
		errno = EINVAL;
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++)
		r[i] = (struct xb_gref){ domids[i * step], refs[i] };
	return map(h, count, r, prot, UINT32_MAX, UINT32_MAX);
}

EXPORT void *xengnttab_map_grant_ref(xengnttab_handle *h, uint32_t domid, uint32_t ref, int prot)
{
	return map_refs(h, 1, &domid, 0, &ref, prot);
}

EXPORT void *xengnttab_map_grant_refs(xengnttab_handle *h, uint32_t count, uint32_t *domids,
				      uint32_t *refs, int prot)
{
	return map_refs(h, count, domids, 1, refs, prot);
}

EXPORT void *xengnttab_map_domain_grant_refs(xengnttab_handle *h, uint32_t count, uint32_t domid,
					     uint32_t *refs, int prot)
{
	return map_refs(h, count, &domid, 0, refs, prot);
}

EXPORT void *xengnttab_map_grant_ref_notify(xengnttab_handle *h, uint32_t domid, uint32_t ref,
					    int prot, uint32_t notify_offset,
					    evtchn_port_t notify_port)
{
	const struct xb_gref r = { domid, ref };

	return map(h, 1, &r, prot, notify_offset, notify_port);
}

EXPORT int xengnttab_unmap(xengnttab_handle *h, void *start_address, uint32_t count)
{
	return release(h, XB_GNT_UNMAP, start_address, count);
}

EXPORT int xengnttab_grant_copy(xengnttab_handle *h, uint32_t count,
				xengnttab_grant_copy_segment_t *segs)
{
	(void)h;
	(void)count;
	(void)segs;
	errno = EOPNOTSUPP;
	return -1;
}

EXPORT int xengnttab_dmabuf_exp_from_refs(xengnttab_handle *h, uint32_t domid, uint32_t flags,
					  uint32_t count, const uint32_t *refs, uint32_t *fd)
{
	(void)domid;
	(void)flags;
	(void)refs;
	(void)fd;
	return xengnttab_grant_copy(h, count, NULL);
}

EXPORT int xengnttab_dmabuf_exp_wait_released(xengnttab_handle *h, uint32_t fd, uint32_t wait_to_ms)
{
	(void)wait_to_ms;
	return xengnttab_grant_copy(h, fd, NULL);
}

EXPORT int xengnttab_dmabuf_imp_to_refs(xengnttab_handle *h, uint32_t domid, uint32_t fd,
					uint32_t count, uint32_t *refs)
{
	(void)domid;
	(void)fd;
	(void)refs;
	return xengnttab_grant_copy(h, count, NULL);
}

EXPORT int xengnttab_dmabuf_imp_release(xengnttab_handle *h, uint32_t fd)
{
	return xengnttab_grant_copy(h, fd, NULL);
}

/* ---- gntshr ---- */

EXPORT xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger, unsigned open_flags)
{
	(void)logger;
	(void)open_flags;
	return handle_open(XB_KIND_GNTSHR);
}

EXPORT int xengntshr_close(xengntshr_handle *h)
{
	return handle_close(h);
}

EXPORT int xengntshr_fd(xengntshr_handle *h)
{
	return h->conn.fd;
}

static void *share(xengntshr_handle *h, uint32_t domid, uint32_t count, uint32_t *refs,
		   int writable, uint32_t offset, uint32_t port)
{
	struct xb_msg m = { .op = XB_GNT_SHARE, .a = { domid, count, writable != 0 } };
	struct xb_frame frames[XB_MAP_MAX];

	if (!count || count > XB_MAP_MAX) {
		errno = EINVAL;
		return NULL;
	}
	if (xb_call(&h->conn, &m, NULL, 0, refs, count * (uint32_t)sizeof(*refs), NULL) < 0)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		frames[i] = (struct xb_frame){ .memory = (uint32_t)m.a[2],
					       .pfn = (uint32_t)m.a[1] + i };
	return enter(h, xb_map_frames(&h->conn, frames, count, PROT_READ | PROT_WRITE, NULL),
		     count, m.a[0], XB_GNT_UNSHARE, XB_GNT_SHARE_NOTIFY, offset, port);
}

EXPORT void *xengntshr_share_pages(xengntshr_handle *h, uint32_t domid, int count, uint32_t *refs,
				   int writable)
{
	return share(h, domid, (uint32_t)count, refs, writable, UINT32_MAX, UINT32_MAX);
}

EXPORT void *xengntshr_share_page_notify(xengntshr_handle *h, uint32_t domid, uint32_t *ref,
					 int writable, uint32_t notify_offset,
					 evtchn_port_t notify_port)
{
	return share(h, domid, 1, ref, writable, notify_offset, notify_port);
}

EXPORT int xengntshr_unshare(xengntshr_handle *h, void *start_address, uint32_t count)
{
	return release(h, XB_GNT_UNSHARE, start_address, count);
}
