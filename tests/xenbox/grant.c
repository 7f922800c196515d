/* SPDX-License-Identifier: MIT */
/*
 * Grants: pages that a domain shares, who maps them, and what happens when either side goes. Pages
 * are frames of the sharing domain's memory file; the mapping process maps that file.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/grant_table.h>
#include <xen/xen.h>

#include "hv.h"

#define GRANTS_MAX 16384u /* 32 frames of version 1 entries, Xen's default limit */

struct notify {
	bool clear;	 /* write a zero byte at offset */
	bool event;	 /* and notify port */
	uint32_t offset; /* from the start of the mapping */
	uint32_t port;
};

struct hv_map {
	struct hv_map *next;
	uint32_t id;
	uint32_t count;
	bool writable;
	struct notify notify;
	struct {
		struct hv_domain *dom;
		uint32_t ref;
	} page[];
};

struct hv_share {
	struct hv_share *next;
	uint32_t id;
	uint32_t count;
	uint32_t pfn;
	struct notify notify;
	uint32_t ref[];
};

static uint32_t last_id;

/* ---- the table ---- */

static int grants_grow(struct hv_domain *d, uint32_t want)
{
	unsigned int n = d->ngrants ? d->ngrants : 16;
	struct hv_grant *g;

	while (n <= want)
		n *= 2;
	if (n > GRANTS_MAX)
		return -ENOSPC;
	g = realloc(d->grants, n * sizeof(*g));
	if (!g)
		return -ENOMEM;
	memset(g + d->ngrants, 0, (n - d->ngrants) * sizeof(*g));
	d->grants = g;
	d->ngrants = n;
	return 0;
}

int hv_grant_set(struct hv_domain *d, uint32_t ref, unsigned int remote, uint32_t pfn)
{
	if (ref >= d->ngrants) {
		int rc = grants_grow(d, ref);

		if (rc)
			return rc;
	}
	d->grants[ref] =
		(struct hv_grant){ .used = true, .remote = (uint16_t)remote, .pfn = pfn };
	return 0;
}

static int64_t ref_alloc(struct hv_domain *d)
{
	uint32_t ref = GNTTAB_NR_RESERVED_ENTRIES;

	while (ref < d->ngrants && d->grants[ref].used)
		ref++;
	if (ref >= d->ngrants) {
		int rc = grants_grow(d, ref);

		if (rc)
			return rc;
	}
	return ref;
}

/* The page of a grant goes with the last of: its sharing, its mappings. */
static void grant_settle(struct hv_domain *d, uint32_t ref)
{
	struct hv_grant *g = &d->grants[ref];

	if (!g->revoked || g->maps)
		return;
	hv_pages_free(d, g->pfn, 1);
	*g = (struct hv_grant){ .used = false };
}

unsigned int hv_grant_count(const struct hv_domain *d, unsigned int *mapped)
{
	unsigned int n = 0;

	*mapped = 0;
	for (unsigned int i = 0; i < d->ngrants; i++) {
		n += d->grants[i].used;
		*mapped += d->grants[i].maps;
	}
	return n;
}

unsigned int hv_map_count(const struct hv_domain *d)
{
	unsigned int n = 0;

	for (const struct hv_handle *h = hv_handles; h; h = h->next)
		for (const struct hv_map *m = h->maps; h->dom == d && m; m = m->next)
			n += m->count;
	return n;
}

void hv_grant_destroy(struct hv_domain *d)
{
	for (unsigned int i = 0; i < d->ngrants; i++)
		if (!d->grants[i].maps)
			d->grants[i].used = false;
}

/* ---- notifications on unmap ---- */

static void notify_send(struct hv_domain *self, const struct notify *n, struct hv_domain *d,
			uint32_t pfn)
{
	if (n->clear && pwrite(d->mem_fd, "", 1,
			       (off_t)pfn * XB_PAGE_SIZE + n->offset % XB_PAGE_SIZE) != 1)
		fprintf(stderr, "xenbox: unmap notification: %s\n", strerror(errno));
	if (n->event)
		hv_evtchn_send_put(self, n->port, true);
}

/* a1 offset or all ones, a2 port or all ones. */
static int notify_set(struct hv_domain *self, struct notify *n, const struct xb_msg *m,
		      uint32_t count)
{
	bool clear = m->a[1] != UINT64_MAX, event = m->a[2] != UINT64_MAX;
	int rc;

	if (clear && m->a[1] >= (uint64_t)count * XB_PAGE_SIZE)
		return -EINVAL;
	if (event) {
		rc = hv_evtchn_get(self, (uint32_t)m->a[2]);
		if (rc)
			return rc;
	}
	if (n->event)
		hv_evtchn_send_put(self, n->port, false);
	*n = (struct notify){ clear, event, (uint32_t)m->a[1], (uint32_t)m->a[2] };
	return 0;
}

/* ---- mapping ---- */

/* Xen's verdict on mapping a reference: a GNTST_ number. */
static int grant_check(const struct hv_domain *self, const struct xb_gref *r, bool writable,
		       struct hv_domain **dom, struct hv_grant **grant)
{
	struct hv_domain *d = hv_domain_find(r->domid == DOMID_SELF ? self->domid : r->domid);
	struct hv_grant *g;

	if (!d)
		return GNTST_bad_domain;
	if (r->ref >= d->ngrants)
		return GNTST_bad_gntref;
	g = &d->grants[r->ref];
	if (!g->used || g->remote != self->domid || (writable && g->readonly))
		return GNTST_general_error;
	*dom = d;
	*grant = g;
	return GNTST_okay;
}

static void map_undo(struct hv_domain *self, struct hv_map *map)
{
	if (map->notify.clear || map->notify.event) {
		uint32_t page = map->notify.clear ? map->notify.offset / XB_PAGE_SIZE : 0;
		struct hv_domain *d = map->page[page].dom;

		notify_send(self, &map->notify, d, d->grants[map->page[page].ref].pfn);
	}
	for (uint32_t i = 0; i < map->count; i++) {
		struct hv_domain *d = map->page[i].dom;

		d->grants[map->page[i].ref].maps--;
		if (d->life == HV_ALIVE)
			grant_settle(d, map->page[i].ref);
		hv_domain_put(d, 1);
	}
	free(map);
}

/* a0 count, a1 writable, data: references. Nothing stays mapped when one of them is refused. */
static int map_grants(struct hv_handle *h, struct xb_msg *m, const struct xb_gref *refs,
		      struct xb_frame *out, struct hv_call *c)
{
	uint32_t count = (uint32_t)m->a[0];
	struct hv_map *map;

	map = calloc(1, sizeof(*map) + count * sizeof(map->page[0]));
	if (!map)
		return -ENOMEM;
	map->writable = m->a[1];
	for (uint32_t i = 0; i < count; i++) {
		struct hv_domain *d = NULL;
		struct hv_grant *g = NULL;
		int st = grant_check(h->dom, &refs[i], map->writable, &d, &g);

		if (st != GNTST_okay) {
			hv_call_result(c, "ref=%u gntst=%d", refs[i].ref, st);
			map_undo(h->dom, map);
			return -EINVAL; /* what Linux' gntdev makes of every GNTST_ error */
		}
		g->maps++;
		d->refs++;
		map->page[i].dom = d;
		map->page[i].ref = refs[i].ref;
		map->count = i + 1;
		out[i] = (struct xb_frame){ .memory = d->memory, .pfn = g->pfn };
	}
	map->id = ++last_id;
	map->next = h->maps;
	h->maps = map;
	m->a[0] = map->id;
	m->len = count * (uint32_t)sizeof(*out);
	return 0;
}

static int request_map(struct hv_handle *h, struct xb_msg *m, const struct xb_gref *refs,
		       struct xb_frame *out, uint32_t len)
{
	struct hv_call c;
	uint64_t count = m->a[0];
	int rc;

	if (!count || count > XB_MAP_MAX || len != count * sizeof(*refs))
		return -EINVAL;
	rc = hv_call_begin(&c, h->dom, "gnttab_map", "dom=%u ref=%u count=%u writable=%u",
			   refs->domid, refs->ref, (unsigned int)count, (unsigned int)m->a[1]);
	if (!rc)
		rc = map_grants(h, m, refs, out, &c);
	return hv_call_end(&c, rc);
}

static int request_unmap(struct hv_handle *h, const struct xb_msg *m)
{
	struct hv_call c;
	int rc = hv_call_begin(&c, h->dom, "gnttab_unmap", "id=%u", (unsigned int)m->a[0]);

	for (struct hv_map **p = &h->maps; !rc; p = &(*p)->next) {
		struct hv_map *map = *p;

		if (!map)
			return hv_call_end(&c, -ENOENT);
		if (map->id != m->a[0])
			continue;
		hv_call_result(&c, "dom=%u ref=%u count=%u", map->page[0].dom->domid,
			       map->page[0].ref, map->count);
		*p = map->next;
		map_undo(h->dom, map);
		break;
	}
	return hv_call_end(&c, rc);
}

static int request_notify(struct hv_handle *h, const struct xb_msg *m)
{
	struct hv_map *map = h->maps;
	struct hv_call c;
	int rc = hv_call_begin(&c, h->dom, "gnttab_notify", "id=%u offset=%lld port=%lld",
			       (unsigned int)m->a[0], (long long)m->a[1], (long long)m->a[2]);

	while (map && map->id != m->a[0])
		map = map->next;
	if (!rc)
		rc = map ? notify_set(h->dom, &map->notify, m, map->count) : -ENOENT;
	return hv_call_end(&c, rc);
}

/* ---- sharing ---- */

static void share_undo(struct hv_domain *d, struct hv_share *s)
{
	if (s->notify.clear || s->notify.event)
		notify_send(d, &s->notify, d, s->pfn + s->notify.offset / XB_PAGE_SIZE);
	for (uint32_t i = 0; i < s->count; i++) {
		d->grants[s->ref[i]].revoked = true;
		grant_settle(d, s->ref[i]);
	}
	free(s);
}

/* a0 remote domid, a1 count, a2 writable -> a0 id, a1 first frame; data: references. */
static int share_pages(struct hv_handle *h, struct xb_msg *m, uint32_t *refs)
{
	uint32_t count = (uint32_t)m->a[1];
	struct hv_domain *d = h->dom;
	struct hv_share *s = calloc(1, sizeof(*s) + count * sizeof(s->ref[0]));
	int64_t pfn = s ? hv_pages_alloc(d, count) : -ENOMEM;

	if (pfn < 0) {
		free(s);
		return (int)pfn;
	}
	s->pfn = (uint32_t)pfn;
	for (uint32_t i = 0; i < count; i++) {
		int64_t ref = ref_alloc(d);

		if (ref < 0) {
			hv_pages_free(d, s->pfn + i, count - i);
			share_undo(d, s);
			return (int)ref;
		}
		hv_grant_set(d, (uint32_t)ref, (unsigned int)m->a[0], s->pfn + i);
		d->grants[ref].readonly = !m->a[2];
		s->ref[i] = refs[i] = (uint32_t)ref;
		s->count = i + 1;
	}
	s->id = ++last_id;
	s->next = h->shares;
	h->shares = s;
	m->a[0] = s->id;
	m->a[1] = s->pfn;
	m->a[2] = d->memory;
	m->len = count * (uint32_t)sizeof(*refs);
	return 0;
}

static int request_share(struct hv_handle *h, struct xb_msg *m, uint32_t *refs)
{
	struct hv_call c;
	int rc;

	if (!m->a[1] || m->a[1] > XB_MAP_MAX)
		return -EINVAL;
	rc = hv_call_begin(&c, h->dom, "gntshr_share", "remote=%u count=%u writable=%u",
			   (unsigned int)m->a[0], (unsigned int)m->a[1], (unsigned int)m->a[2]);
	if (!rc)
		rc = share_pages(h, m, refs);
	if (!rc)
		hv_call_result(&c, "ref=%u", refs[0]);
	return hv_call_end(&c, rc);
}

static struct hv_share **share_find(struct hv_handle *h, uint64_t id)
{
	struct hv_share **p = &h->shares;

	while (*p && (*p)->id != id)
		p = &(*p)->next;
	return p;
}

static int request_unshare(struct hv_handle *h, const struct xb_msg *m)
{
	struct hv_share **p = share_find(h, m->a[0]), *s = *p;
	struct hv_call c;
	int rc = hv_call_begin(&c, h->dom, "gntshr_unshare", "ref=%u", s ? s->ref[0] : 0);

	if (!rc && !s)
		rc = -ENOENT;
	if (!rc) {
		*p = s->next;
		share_undo(h->dom, s);
	}
	return hv_call_end(&c, rc);
}

static int request_share_notify(struct hv_handle *h, const struct xb_msg *m)
{
	struct hv_share *s = *share_find(h, m->a[0]);
	struct hv_call c;
	int rc = hv_call_begin(&c, h->dom, "gntshr_notify", "ref=%u offset=%lld port=%lld",
			       s ? s->ref[0] : 0, (long long)m->a[1], (long long)m->a[2]);

	if (!rc)
		rc = s ? notify_set(h->dom, &s->notify, m, s->count) : -ENOENT;
	return hv_call_end(&c, rc);
}

/* ---- other people's memory, for the toolstack ---- */

static int request_foreign(struct hv_handle *h, struct xb_msg *m, const uint64_t *pfn,
			   struct xb_frame *out, uint32_t len)
{
	struct hv_domain *d = hv_domain_find((unsigned int)m->a[0]);
	uint64_t count = m->a[1];
	struct hv_call c;
	int rc;

	if (!count || count > XB_MAP_MAX || len != count * sizeof(*pfn))
		return -EINVAL;
	rc = hv_call_begin(&c, h->dom, "foreign_map", "dom=%u pfn=%llu count=%u",
			   (unsigned int)m->a[0], (unsigned long long)pfn[0], (unsigned int)count);
	if (!rc && h->dom->domid && d != h->dom)
		rc = -EPERM;
	if (!rc && !d)
		rc = -ESRCH;
	for (uint64_t i = 0; !rc && i < count; i++) {
		bool ok = pfn[i] < d->npages && d->pages[pfn[i]];

		out[i] = (struct xb_frame){ d->memory, ok ? (uint32_t)pfn[i] : 0,
					    ok ? 0 : -EINVAL, 0 };
	}
	if (!rc)
		m->len = (uint32_t)(count * sizeof(*out));
	return hv_call_end(&c, rc);
}

int hv_grant_request(struct hv_handle *h, struct xb_msg *m, const void *data, uint32_t len,
		     void *out)
{
	switch (m->op) {
	case XB_GNT_MAP:
		return request_map(h, m, data, out, len);
	case XB_GNT_UNMAP:
		return request_unmap(h, m);
	case XB_GNT_NOTIFY:
		return request_notify(h, m);
	case XB_GNT_SHARE:
		return request_share(h, m, out);
	case XB_GNT_UNSHARE:
		return request_unshare(h, m);
	case XB_GNT_SHARE_NOTIFY:
		return request_share_notify(h, m);
	case XB_FOREIGN_MAP:
		return request_foreign(h, m, data, out, len);
	default:
		return -ENOSYS;
	}
}

void hv_grant_close(struct hv_handle *h)
{
	while (h->maps) {
		struct hv_map *map = h->maps;

		h->maps = map->next;
		map_undo(h->dom, map);
	}
	while (h->shares) {
		struct hv_share *s = h->shares;

		h->shares = s->next;
		share_undo(h->dom, s);
	}
}
