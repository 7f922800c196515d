/* SPDX-License-Identifier: MIT */
/*
 * The toolstack's list of a guest's devices, as far as a look needs it: num_devs and state-N. A
 * request to xenstored costs more than all else in a look, so each is read once, and then when an
 * event tells of a change, or when our state was read anew (guest_own_state). One thread; what could not be
 * read is logged (guest_unread).
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_ENTRIES_H
#define XENPCI_BACKEND_SUPERVISOR_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/nodes.h"

struct guest;

/* Zeroed: nothing was read. */
struct entries {
	uint16_t nr;		       /* num_devs */
	bool nr_known;
	uint8_t state[NODES_MAX_DEVS]; /* 1 + state-N; 0: to be read */
	/* The dev-N read last: while a device is on its way, the same entry is looked at again. */
	uint16_t dev_n;
	char dev[NODE_VALUE_MAX]; /* "": none */
};

/*
 * What entries_state returns beside a state: no such node; one that is no state; the request failed, and
 * the guest will be looked at again.
 */
#define ENTRIES_ABSENT 0x80
#define ENTRIES_INVALID 0x81
#define ENTRIES_UNREAD 0x82

/*
 * num_devs into *nr. 0, or -1 with errno: ENOENT, EINVAL or ERANGE (no number of devices),
 * xenstore's.
 */
int entries_nr(struct guest *g, unsigned *nr);
/* state-N of entry n, n < NODES_MAX_DEVS. */
unsigned entries_state(struct guest *g, unsigned n);

/* dev-N of entry n into buf. The length, or -1 with errno. */
int entries_dev(struct guest *g, unsigned n, char buf[NODE_VALUE_MAX]);

/*
 * Of the node `leaf` of our directory an event tells: whether it is one of these; it is read anew.
 */
bool entries_heard(struct entries *e, const char *leaf);
/* A dev-N has changed, or was not what it was taken for. */
void entries_forget_dev(struct entries *e);
/* We have written state-N. */
void entries_wrote(struct entries *e, unsigned n);
/* All are read anew. */
void entries_forget(struct entries *e);

#endif
