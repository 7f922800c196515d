/* SPDX-License-Identifier: MIT */
/*
 * Between the two halves of a guest kernel's xenbus: the ring that it shares with xenstored
 * (ring.c) and the clients in its domain (xenbus.c).
 */
#ifndef XENBOX_RING_H
#define XENBOX_RING_H

#include <stdint.h>

#include <xen/io/xs_wire.h>

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
	bool lost;	    /* a new xenstored does not know of it */
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
	bool held; /* there is no xenstored: requests wait */
	struct client *clients;
	struct req *reqs;
	struct buf out;
	size_t inlen;
	char in[MSG_MAX + 1]; /* always ends in a NUL that no message covers */
};

int buf_add(struct buf *b, const void *p, size_t n);
void buf_eat(struct buf *b, size_t n);

/*
 * Queue a request of client c (NULL: ours) with hdr->len bytes of payload; watch is the number of
 * the watch that it is about, or 0. 0, or -1.
 */
int bus_request(struct hv_bus *b, struct client *c, const struct xsd_sockmsg *hdr, uint32_t watch,
		const void *payload);
/* Undo what a client or nobody has any more. */
void bus_end_tx(struct hv_bus *b, uint32_t tx);

/* A client connects to the bus's socket. */
void client_accept(struct hv_source *s, uint32_t events);
/* Read what it wants, as far as there is room. */
void client_work(struct client *c);
/* A message for it. */
void client_send(struct client *c, const struct xsd_sockmsg *hdr, const void *payload);
/* It has gone; undo: take back its watches and transactions, which a dying domain need not. */
void client_drop(struct client *c, bool undo);
/* Follow what an answer does to its watches and transactions; q->client may be NULL. */
void client_answered(struct hv_bus *b, const struct req *q, const struct xsd_sockmsg *hdr,
		     const char *payload);
/* Its request was lost with xenstored; transactions are, too, and watches are to be set anew. */
void client_lost(const struct req *q);
void clients_lost(struct hv_bus *b);
/* Has xenstored watch again what it was asked to before it was lost. */
void clients_watch_again(struct hv_bus *b);
/* Pass a watch event on to whoever has set the watch. */
void client_event(struct hv_bus *b, const struct xsd_sockmsg *hdr, const char *payload);

#endif
