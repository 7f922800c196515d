/* SPDX-License-Identifier: MIT */
/*
 * The guest kernel's half of xenstore: for each domain a ring page shared with the real xenstored,
 * in place of /dev/xen/xenbus. Requests of all its clients (xenbus.c) go through the one ring.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/grant_table.h>

#include "box.h"
#include "ring.h"

int buf_add(struct buf *b, const void *p, size_t n)
{
	if (b->len + n > b->cap) {
		size_t cap = b->len + n + MSG_MAX;
		char *q = realloc(b->p, cap);

		if (!q)
			return -1;
		b->p = q;
		b->cap = cap;
	}
	memcpy(b->p + b->len, p, n);
	b->len += n;
	return 0;
}

void buf_eat(struct buf *b, size_t n)
{
	b->len -= n;
	memmove(b->p, b->p + n, b->len);
	if (b->len)
		return;
	free(b->p);
	*b = (struct buf){ NULL, 0, 0 };
}

uint32_t hv_bus_port(const struct hv_bus *b)
{
	return b->port;
}

uint32_t hv_bus_pfn(const struct hv_bus *b)
{
	return b->pfn;
}

void hv_bus_count(const struct hv_bus *b, unsigned int *clients, unsigned int *watches)
{
	*clients = *watches = 0;
	for (const struct client *c = b ? b->clients : NULL; c; c = c->next) {
		(*clients)++;
		for (const struct watch *w = c->watches; w; w = w->next)
			(*watches)++;
	}
}

/* ---- to xenstored ---- */

static void ring_push(struct hv_bus *b)
{
	struct xenstore_domain_interface *r = b->ring;
	XENSTORE_RING_IDX prod = r->req_prod;
	size_t n = 0, room = XENSTORE_RING_SIZE - (prod - *(volatile uint32_t *)&r->req_cons);

	if (b->held)
		return;
	atomic_thread_fence(memory_order_seq_cst);
	while (n < b->out.len && n < room) {
		r->req[MASK_XENSTORE_IDX(prod)] = b->out.p[n++];
		prod++;
	}
	if (!n)
		return;
	atomic_thread_fence(memory_order_seq_cst);
	r->req_prod = prod;
	buf_eat(&b->out, n);
	hv_evtchn_send(b->rec);
}

int bus_request(struct hv_bus *b, struct client *c, const struct xsd_sockmsg *hdr,
		       uint32_t watch, const void *payload)
{
	struct xsd_sockmsg h = *hdr;
	struct req *q = calloc(1, sizeof(*q));

	if (!q)
		return -1;
	*q = (struct req){ .next = b->reqs, .client = c, .id = ++b->last_req,
			   .client_id = hdr->req_id, .type = hdr->type, .tx = hdr->tx_id,
			   .watch = watch };
	h.req_id = q->id;
	if (buf_add(&b->out, &h, sizeof(h)) || buf_add(&b->out, payload, h.len)) {
		free(q);
		return -1;
	}
	b->reqs = q;
	if (c)
		c->pending++;
	ring_push(b);
	return 0;
}

void bus_end_tx(struct hv_bus *b, uint32_t tx)
{
	struct xsd_sockmsg h = { .type = XS_TRANSACTION_END, .tx_id = tx, .len = 2 };

	bus_request(b, NULL, &h, 0, "F");
}

/* ---- from xenstored ---- */

static void bus_message(struct hv_bus *b, const struct xsd_sockmsg *hdr, const char *payload)
{
	struct req **p = &b->reqs, *q;
	struct xsd_sockmsg h = *hdr;
	struct client *c;

	if (hdr->type == XS_WATCH_EVENT) {
		client_event(b, hdr, payload);
		return;
	}
	while (*p && (*p)->id != hdr->req_id)
		p = &(*p)->next;
	q = *p;
	if (!q)
		return;
	*p = q->next;
	client_answered(b, q, hdr, payload);
	c = q->client;
	if (c) {
		h.req_id = q->client_id;
		c->pending--;
		client_send(c, &h, payload);
		client_work(c);
	}
	free(q);
}

static void ring_pull(struct hv_bus *b)
{
	struct xenstore_domain_interface *r = b->ring;
	XENSTORE_RING_IDX cons = r->rsp_cons, prod = *(volatile uint32_t *)&r->rsp_prod;

	atomic_thread_fence(memory_order_seq_cst);
	if (cons == prod)
		return;
	while (cons != prod && b->inlen < MSG_MAX) {
		struct xsd_sockmsg hdr;

		b->in[b->inlen++] = r->rsp[MASK_XENSTORE_IDX(cons)];
		cons++;
		memcpy(&hdr, b->in, sizeof(hdr));
		if (b->inlen < sizeof(hdr) || b->inlen < sizeof(hdr) + hdr.len)
			continue;
		b->inlen = 0;
		bus_message(b, &hdr, b->in + sizeof(hdr));
	}
	atomic_thread_fence(memory_order_seq_cst);
	r->rsp_cons = cons;
	hv_evtchn_send(b->rec);
}

void hv_bus_event(uint32_t rec)
{
	struct hv_bus *b = hv_chans[rec].dom->bus;

	if (!b || b->rec != rec)
		return;
	hv_evtchn_unmask(rec);
	ring_pull(b);
	ring_push(b);
	for (struct client *c = b->clients, *next; c; c = next) {
		next = c->next;
		client_work(c);
	}
}

/* ---- without xenstored ---- */

void hv_bus_lost(struct hv_bus *b)
{
	struct req *q = b->reqs;

	b->held = true;
	b->reqs = NULL;
	b->inlen = 0;
	free(b->out.p);
	b->out = (struct buf){ NULL, 0, 0 };
	memset(b->ring, 0, sizeof(*b->ring));
	while (q) {
		struct req *next = q->next;

		client_lost(q);
		free(q);
		q = next;
	}
	clients_lost(b);
}

/* As a kernel does that resumes in another place: its watches, if they are set anew; then what has waited. */
void hv_bus_back(struct hv_bus *b, bool watches)
{
	struct buf waiting = b->out;

	if (!b->held)
		return;
	b->out = (struct buf){ NULL, 0, 0 };
	if (watches)
		clients_watch_again(b);
	if (waiting.len)
		buf_add(&b->out, waiting.p, waiting.len);
	free(waiting.p);
	b->held = false;
	ring_push(b);
	hv_evtchn_send(b->rec);
}

/* ---- life ---- */

static void bus_release(struct hv_source *s)
{
	free(s);
}

int hv_bus_create(struct hv_domain *d)
{
	struct hv_bus *b = calloc(1, sizeof(*b));
	int64_t pfn = b ? hv_pages_alloc(d, 1) : -ENOMEM;
	char name[BOX_NAME_MAX];
	int port;

	if (pfn < 0) {
		free(b);
		return (int)pfn;
	}
	b->dom = d;
	b->pfn = (uint32_t)pfn;
	b->ring = mmap(NULL, XB_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, d->mem_fd,
		       (off_t)pfn * XB_PAGE_SIZE);
	port = hv_evtchn_alloc(d, NULL, 0, &b->rec);
	if (b->ring == MAP_FAILED || port < 0 ||
	    hv_grant_set(d, GNTTAB_RESERVED_XENSTORE, 0, b->pfn)) {
		free(b);
		return -ENOMEM;
	}
	b->port = (uint32_t)port;
	box_store_socket(d->domid, name);
	b->src = (struct hv_source){ .fd = box_listen(hv_config.rundir, name, SOCK_STREAM),
				     .ready = client_accept, .release = bus_release };
	d->bus = b;
	return b->src.fd < 0 || hv_source_add(&b->src, EPOLLIN) ? -errno : 0;
}

void hv_bus_destroy(struct hv_domain *d)
{
	struct hv_bus *b = d->bus;
	char name[BOX_NAME_MAX];

	if (!b)
		return;
	while (b->clients)
		client_drop(b->clients, false);
	while (b->reqs) {
		struct req *q = b->reqs;

		b->reqs = q->next;
		free(q);
	}
	free(b->out.p);
	munmap(b->ring, XB_PAGE_SIZE);
	box_store_socket(d->domid, name);
	box_unlink(hv_config.rundir, name);
	hv_source_drop(&b->src);
}
