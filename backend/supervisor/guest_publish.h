/* SPDX-License-Identifier: MIT */
/*
 * What a look at a guest's entries came to, told to the guest: vdev-N and state-N of each entry, the roots of its
 * buses, and our state, all at once. What a successor has to know is written before. Waits for nobody but xenstored.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_GUEST_PUBLISH_H
#define XENPCI_BACKEND_SUPERVISOR_GUEST_PUBLISH_H

#include "backend/supervisor/guest.h"

/* What becomes of one entry of the toolstack's list. */
enum outcome { OUTCOME_EXPORTED, OUTCOME_REFUSED, OUTCOME_RELEASED };

struct entry {
	unsigned n; /* the index in dev-N */
	enum outcome outcome;
	char dev[NODE_VALUE_MAX]; /* dev-N as it was read */
	struct sbdf host, virt;
	struct claim *claim; /* exported, and not released by a later entry */
	struct claim *leaving; /* released */
	bool missing;	     /* to be released, but not here */
	struct problem problem;
};

/* One pass over the list, and what it has to publish. */
struct pass {
	struct guest *g;
	bool all;
	bool waits; /* devices are on their way: nothing is answered yet */
	bool takes; /* an entry's device is not taken yet */
	unsigned from, to; /* our state; to Unknown: it stays */
	bool moves; /* ... it is to change, which answers an entry without more */
	unsigned nr;
	struct entry entries[NODES_MAX_DEVS];
	bool invalid[NODES_MAX_DEVS]; /* whose state-N is none */
	unsigned nr_roots; /* new ones, to be appended behind old_roots */
	unsigned old_roots;
	struct node_root roots[NODES_MAX_ROOTS];
};

/*
 * Tells of all entries in one transaction that holds only while our state is pass->from, and takes pass->to, if it is
 * one, as ours. 0, or -1 with errno: ESTALE (our state or an entry is another by now), EAGAIN (others were faster
 * again and again), xenstore's; then none of the entries' devices counts as told of. Does not log.
 */
int guest_publish(struct pass *pass);

#endif
