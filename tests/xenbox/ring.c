/* SPDX-License-Identifier: MIT */
/*
 * The guest kernel's half of xenstore: for each domain a ring page shared with the real xenstored,
 * and a socket where libxenstore clients in that domain connect, in place of /dev/xen/xenbus. As
 * Linux' xenbus device does, requests of all clients go through the one ring under request numbers
 * and watch tokens of our own, and what a client leaves behind (watches, transactions) is undone.
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
#include <xen/io/xs_wire.h>

#include "box.h"
#include "hv.h"

#define MSG_MAX (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)
#define REQUESTS_MAX 16		     /* of one client, unanswered */
#define QUEUE_SOFT (64u << 10)	     /* requests waiting for the ring: no more are read */
#define QUEUE_HARD (4u << 20)	     /* answers that a client does not read: it is dropped */

struct buf {
	char *p;
	size_t len, cap;
};

struct watch {
	struct watch *next;
	uint32_t id;
	char *path, *token; /* the client's */
};

struct tx {
	struct tx *next;
	uint32_t id;
};

struct client {
	struct hv_source src; /* first */
	struct hv_bus *bus;
	struct client *next;
	struct watch *watches;
	struct tx *txs;
	unsigned int pending;
	struct buf out;
	size_t inlen;
	char in[MSG_MAX];
};

struct req {
	struct req *next;
	struct client *client; /* NULL: our own, or its client has gone */
	uint32_t id, client_id, type, tx, watch;
};

struct hv_bus {
	struct hv_source src; /* first: the listening socket */
	struct hv_domain *dom;
	struct xenstore_domain_interface *ring;
	uint32_t pfn, port, rec;
	uint32_t last_req, last_watch;
	struct client *clients;
	struct req *reqs;
	struct buf out;
	size_t inlen;
	char in[MSG_MAX + 1]; /* always ends in a NUL that no message covers */
};

static void client_events(struct client *c);
static void client_work(struct client *c);

static int buf_add(struct buf *b, const void *p, size_t n)
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

static void buf_eat(struct buf *b, size_t n)
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

/* Queue a request of client c (NULL: ours). Its parts are strings or blobs. */
static int bus_request(struct hv_bus *b, struct client *c, const struct xsd_sockmsg *hdr,
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

static void bus_end_tx(struct hv_bus *b, uint32_t tx)
{
	struct xsd_sockmsg h = { .type = XS_TRANSACTION_END, .tx_id = tx, .len = 2 };

	bus_request(b, NULL, &h, 0, "F");
}

static size_t watch_payload(char *buf, const struct watch *w)
{
	size_t n = strlen(w->path) + 1;

	memcpy(buf, w->path, n);
	return n + (size_t)sprintf(buf + n, "%u", w->id) + 1;
}

static void bus_unwatch(struct hv_bus *b, const struct watch *w)
{
	char buf[MSG_MAX + 16];
	struct xsd_sockmsg h = { .type = XS_UNWATCH, .len = (uint32_t)watch_payload(buf, w) };

	bus_request(b, NULL, &h, 0, buf);
}

/* ---- clients ---- */

static void watch_free(struct watch *w)
{
	free(w->path);
	free(w->token);
	free(w);
}

static void watch_drop(struct client *c, uint32_t id)
{
	for (struct watch **p = &c->watches; *p; p = &(*p)->next) {
		struct watch *w = *p;

		if (w->id != id)
			continue;
		*p = w->next;
		watch_free(w);
		return;
	}
}

static void tx_drop(struct client *c, uint32_t id)
{
	for (struct tx **p = &c->txs; *p; p = &(*p)->next) {
		struct tx *t = *p;

		if (t->id != id)
			continue;
		*p = t->next;
		free(t);
		return;
	}
}

static void client_release(struct hv_source *s)
{
	struct client *c = (struct client *)s;

	free(c->out.p);
	free(c);
}

/* What the kernel does when a process closes the xenbus device. */
static void client_drop(struct client *c, bool undo)
{
	struct client **p = &c->bus->clients;

	if (c->src.dead)
		return;
	hv_source_drop(&c->src);
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	for (struct req *q = c->bus->reqs; q; q = q->next)
		if (q->client == c)
			q->client = NULL;
	while (c->watches) {
		struct watch *w = c->watches;

		c->watches = w->next;
		if (undo)
			bus_unwatch(c->bus, w);
		watch_free(w);
	}
	while (c->txs) {
		struct tx *t = c->txs;

		c->txs = t->next;
		if (undo)
			bus_end_tx(c->bus, t->id);
		free(t);
	}
}

static void client_flush(struct client *c)
{
	while (c->out.len) {
		ssize_t n = send(c->src.fd, c->out.p, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN) {
			client_drop(c, true);
			return;
		}
		if (n <= 0)
			break;
		buf_eat(&c->out, (size_t)n);
	}
	client_events(c);
}

static void client_send(struct client *c, const struct xsd_sockmsg *hdr, const void *payload)
{
	if (c->out.len > QUEUE_HARD || buf_add(&c->out, hdr, sizeof(*hdr)) ||
	    buf_add(&c->out, payload, hdr->len)) {
		client_drop(c, true);
		return;
	}
	client_flush(c);
}

static void client_error(struct client *c, const struct xsd_sockmsg *hdr, const char *err)
{
	struct xsd_sockmsg h = *hdr;

	h.type = XS_ERROR;
	h.len = (uint32_t)strlen(err) + 1;
	client_send(c, &h, err);
}

/* The two strings of a watch request, or NULL. */
static const char *second_string(const char *payload, uint32_t len)
{
	const char *end = memchr(payload, '\0', len);

	if (!end || end + 1 == payload + len || payload[len - 1])
		return NULL;
	return end + 1;
}

static int request_watch(struct client *c, const struct xsd_sockmsg *hdr, const char *payload)
{
	const char *token = second_string(payload, hdr->len);
	struct xsd_sockmsg h = *hdr;
	char buf[MSG_MAX + 16];
	struct watch *w;

	if (!token) {
		client_error(c, hdr, "EINVAL");
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return -1;
	w->path = strdup(payload);
	w->token = strdup(token);
	w->id = ++c->bus->last_watch;
	w->next = c->watches;
	c->watches = w;
	if (!w->path || !w->token)
		return -1;
	h.len = (uint32_t)watch_payload(buf, w);
	return bus_request(c->bus, c, &h, w->id, buf);
}

static int request_unwatch(struct client *c, const struct xsd_sockmsg *hdr, const char *payload)
{
	const char *token = second_string(payload, hdr->len);
	struct xsd_sockmsg h = *hdr;
	struct watch *w = c->watches;
	char buf[MSG_MAX + 16];

	while (token && w && (strcmp(w->path, payload) || strcmp(w->token, token)))
		w = w->next;
	if (!token || !w) {
		client_error(c, hdr, token ? "ENOENT" : "EINVAL");
		return 0;
	}
	h.len = (uint32_t)watch_payload(buf, w);
	return bus_request(c->bus, c, &h, w->id, buf);
}

static int client_request(struct client *c, const struct xsd_sockmsg *hdr, const char *payload)
{
	const struct tx *t = c->txs;

	while (t && t->id != hdr->tx_id)
		t = t->next;
	if (hdr->tx_id && !t) {
		client_error(c, hdr, "ENOENT");
		return 0;
	}
	if (hdr->type == XS_WATCH)
		return request_watch(c, hdr, payload);
	if (hdr->type == XS_UNWATCH)
		return request_unwatch(c, hdr, payload);
	return bus_request(c->bus, c, hdr, 0, payload);
}

static bool client_paused(const struct client *c)
{
	return c->pending >= REQUESTS_MAX || c->bus->out.len > QUEUE_SOFT;
}

static void client_events(struct client *c)
{
	if (!c->src.dead)
		hv_source_modify(&c->src, (client_paused(c) ? 0u : EPOLLIN) |
						  (c->out.len ? EPOLLOUT : 0u));
}

static void client_work(struct client *c)
{
	struct xsd_sockmsg hdr;

	while (!c->src.dead && !client_paused(c) && c->inlen >= sizeof(hdr)) {
		char payload[XENSTORE_PAYLOAD_MAX];

		memcpy(&hdr, c->in, sizeof(hdr));
		if (hdr.len > XENSTORE_PAYLOAD_MAX) {
			client_drop(c, true);
			return;
		}
		if (c->inlen < sizeof(hdr) + hdr.len)
			break;
		memcpy(payload, c->in + sizeof(hdr), hdr.len);
		c->inlen -= sizeof(hdr) + hdr.len;
		memmove(c->in, c->in + sizeof(hdr) + hdr.len, c->inlen);
		if (client_request(c, &hdr, payload))
			client_drop(c, true);
	}
	client_events(c);
}

static void client_ready(struct hv_source *s, uint32_t events)
{
	struct client *c = (struct client *)s;
	ssize_t n;

	if (events & EPOLLOUT)
		client_flush(c);
	if (s->dead || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(s->fd, c->in + c->inlen, sizeof(c->in) - c->inlen, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	/* A paused client that has hung up, too: what it still asked for is nobody's. */
	if (n <= 0) {
		client_drop(c, true);
		return;
	}
	c->inlen += (size_t)n;
	client_work(c);
}

static void bus_accept(struct hv_source *s, uint32_t events)
{
	struct hv_bus *b = (struct hv_bus *)s;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c = fd < 0 ? NULL : calloc(1, sizeof(*c));

	(void)events;
	if (c) {
		c->src = (struct hv_source){ .fd = fd, .ready = client_ready,
					     .release = client_release };
		c->bus = b;
	}
	if (!c || hv_source_add(&c->src, EPOLLIN)) {
		if (fd >= 0)
			close(fd);
		free(c);
		return;
	}
	c->next = b->clients;
	b->clients = c;
}

/* ---- from xenstored ---- */

static void watch_event(struct hv_bus *b, const struct xsd_sockmsg *hdr, const char *payload)
{
	const char *token = second_string(payload, hdr->len);
	unsigned long id = token ? strtoul(token, NULL, 10) : 0;
	size_t plen = token ? (size_t)(token - payload) : 0;
	struct xsd_sockmsg h = *hdr;
	char buf[2 * MSG_MAX];

	for (struct client *c = b->clients; token && c; c = c->next) {
		for (struct watch *w = c->watches; w; w = w->next) {
			if (w->id != id)
				continue;
			memcpy(buf, payload, plen);
			strcpy(buf + plen, w->token);
			h.len = (uint32_t)(plen + strlen(w->token) + 1);
			client_send(c, &h, buf);
			return;
		}
	}
}

/* Follow what an answer does to the client's watches and transactions. */
static void req_done(struct hv_bus *b, const struct req *q, const struct xsd_sockmsg *hdr,
		     const char *payload)
{
	bool ok = hdr->type != XS_ERROR;
	struct client *c = q->client;
	struct tx *t;

	if (q->type == XS_TRANSACTION_START && ok) {
		uint32_t id = (uint32_t)strtoul(payload, NULL, 10);

		t = c ? calloc(1, sizeof(*t)) : NULL;
		if (!t) {
			bus_end_tx(b, id);
			return;
		}
		t->id = id;
		t->next = c->txs;
		c->txs = t;
	}
	if (!c)
		return;
	if (q->type == XS_TRANSACTION_END)
		tx_drop(c, q->tx);
	if ((q->type == XS_WATCH && !ok) || (q->type == XS_UNWATCH && ok))
		watch_drop(c, q->watch);
}

static void bus_message(struct hv_bus *b, const struct xsd_sockmsg *hdr, const char *payload)
{
	struct req **p = &b->reqs, *q;
	struct xsd_sockmsg h = *hdr;
	struct client *c;

	if (hdr->type == XS_WATCH_EVENT) {
		watch_event(b, hdr, payload);
		return;
	}
	while (*p && (*p)->id != hdr->req_id)
		p = &(*p)->next;
	q = *p;
	if (!q)
		return;
	*p = q->next;
	req_done(b, q, hdr, payload);
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
				     .ready = bus_accept, .release = bus_release };
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
