/* SPDX-License-Identifier: MIT */
/*
 * The toolstack's half of the xenstore protocol for a PV guest: the nodes that libxl
 * writes, in its order and transactions (PROTOCOL.md 2.5, 2.7, 2.8). Waits end
 * after 10 s, as libxl's do. Several of us may be at one guest's nodes at once: numbers are looked up in the
 * transaction that uses them.
 */
#ifndef XENPCI_OPERATOR_NODES_H
#define XENPCI_OPERATOR_NODES_H

#include "common/store.h"
#include "operator/operator.h"
#include "protocol/nodes.h"

/* A guest's two directories. */
struct nodes {
	struct xs_handle *xs;
	xs_transaction_t t; /* in which they are read */
	uint32_t backend; /* domids */
	uint32_t guest;
	uint32_t devid; /* of its PCI frontend */
	char be[64];
	char fe[64];
};

/* What one device's nodes say. */
struct nodes_device {
	struct sbdf a;	  /* as this host calls it */
	struct sbdf seen; /* as the backend does */
	struct node_opts opts;
	char name[64]; /* "": none */
};

/* Of its PCI frontend number devid, and the backend that was named. What xl gives, it gives to 0, and from 0. */
void nodes_init(struct nodes *n, const struct operator *op, uint32_t domid, uint32_t devid);

/* How many devices the guest's directory lists; 0 where there is none. */
unsigned nodes_count(const struct nodes *n);
enum { NODES_TEXT_MAX = 160 };
/* Device i's node of that format, as text into buf, "-" where it is not there. Returns buf. */
const char *nodes_text(const struct nodes *n, const char *fmt, unsigned i,
		       char buf[NODES_TEXT_MAX]);
/* The number of device a, as this host calls it, in it, or -1. */
int nodes_find(const struct nodes *n, struct sbdf a);

/*
 * Adds a device: makes the directories for the first one. `hot`: a guest that is
 * connected is waited for and told. 0, or -1 having told why.
 */
int nodes_add(struct nodes *n, const struct nodes_device *device, bool hot);
/*
 * Tells the guest that device a leaves, and waits until it is gone; where
 * !hot nobody is waited for. 0, or -1 having told why.
 */
int nodes_leave(struct nodes *n, struct sbdf a, bool hot);
/*
 * Removes its nodes, if they are still there, and moves those above it down by one; the last one takes
 * the directories along. 0, or -1 having told why.
 */
int nodes_remove(struct nodes *n, struct sbdf a);

#endif
