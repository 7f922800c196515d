/* SPDX-License-Identifier: MIT */
/*
 * The clients of a guest kernel's xenbus: processes in the domain that speak xenstore's protocol
 * over a socket. As with Linux' xenbus device, each has its own request numbers, watch tokens and
 * transactions, and what it leaves behind is undone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ring.h"

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
void client_drop(struct client *c, bool undo)
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

static void client_events(struct client *c);

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

void client_send(struct client *c, const struct xsd_sockmsg *hdr, const void *payload)
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

void client_work(struct client *c)
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

void client_accept(struct hv_source *s, uint32_t events)
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

/* ---- without xenstored ---- */

void client_lost(const struct req *q)
{
	struct xsd_sockmsg h = { .type = XS_ERROR, .req_id = q->client_id, .tx_id = q->tx, .len = 4 };
	struct client *c = q->client;

	if (!c || c->src.dead)
		return;
	c->pending--;
	if (q->type == XS_WATCH)
		watch_drop(c, q->watch);
	client_send(c, &h, "EIO");
}

void clients_lost(struct hv_bus *b)
{
	for (struct client *c = b->clients; c; c = c->next) {
		for (struct watch *w = c->watches; w; w = w->next)
			w->lost = true;
		while (c->txs)
			tx_drop(c, c->txs->id);
	}
}

void clients_watch_again(struct hv_bus *b)
{
	char buf[MSG_MAX + 16];

	for (struct client *c = b->clients; c; c = c->next) {
		for (struct watch *w = c->watches; w; w = w->next) {
			struct xsd_sockmsg h = { .type = XS_WATCH };

			if (!w->lost)
				continue;
			w->lost = false;
			h.len = (uint32_t)watch_payload(buf, w);
			bus_request(b, NULL, &h, 0, buf);
		}
	}
}

/* ---- answers and events ---- */

void client_event(struct hv_bus *b, const struct xsd_sockmsg *hdr, const char *payload)
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
			memcpy(buf + plen, w->token, strlen(w->token) + 1);
			h.len = (uint32_t)(plen + strlen(w->token) + 1);
			client_send(c, &h, buf);
			return;
		}
	}
}

void client_answered(struct hv_bus *b, const struct req *q, const struct xsd_sockmsg *hdr,
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
