/* SPDX-License-Identifier: MIT */
/*
 * The protocol explored whole: every order of what the supervisor, its processes, the frontend and the
 * toolstack can do, on the supervisor's own objects (world.h), up to a bound on what is begun.
 */
#ifndef XENPCI_TESTS_MODEL_MODEL_H
#define XENPCI_TESTS_MODEL_MODEL_H

#include <stdio.h>

#include "tests/model/world_nodes.h"

/* What may be begun, and how often, in one exploration. */
struct bounds {
	const char *name, *text;
	unsigned guests;
	unsigned reconfigurations; /* devices attached or detached, of all guests */
	unsigned reconnects;	   /* a frontend closes and opens again, or begins anew without a word */
	unsigned restarts;	   /* of the supervisor */
	unsigned process_deaths;   /* jobs, gates, workers */
	unsigned interrupts;	   /* MSI turned on */
	unsigned ends;		   /* of a guest: its death, or the toolstack closes it */
	bool contested;		   /* guests ask for the same device */
	bool large;		   /* explored depth first */
	uint32_t most; /* states, where nobody names it: nobody knows how many there are; 0: all */
};

/* What is left of them, and what toolstack and guests are at. */
struct plan {
	struct bounds left;
	struct {
		bool created, dead, stopped, gone;
		int8_t detaching; /* the device; -1: none */
	} guest[WORLD_GUESTS];
};
extern struct plan plan;

/* Those before MOVE_CREATE end what was begun; the others begin something. */
enum move_kind {
	MOVE_EVENTS,
	MOVE_LOOK,
	MOVE_OBEY,
	MOVE_HEAR,
	MOVE_END,
	MOVE_FRONT,
	MOVE_TIDY,
	MOVE_CREATE,
	MOVE_ATTACH,
	MOVE_DETACH,
	MOVE_CLOSE,
	MOVE_REOPEN,
	MOVE_ANEW,
	MOVE_DEATH,
	MOVE_STOP,
	MOVE_CLEANUP,
	MOVE_RESTART,
	MOVE_KILL,
	MOVE_INTERRUPT,
	MOVE_KINDS
};

struct move {
	uint8_t kind, a, b;
};
enum { MOVES_MAX = 64 };

void plan_begin(const struct bounds *bounds);
/* The moves that there are now; how many. */
unsigned moves_list(struct move list[MOVES_MAX]);
static inline bool move_is_inner(struct move m)
{
	return m.kind < MOVE_CREATE;
}
void move_text(struct move m, char *buf, size_t size);
void move_make(struct move m);
/* rest.c: nothing moves by itself any more: breaks the world where that is no rest. */
void rest_check(void);

/* All that counts of the present state, as a number: states that are alike have the same. */
struct hash {
	uint64_t a, b;
};
struct hash state_hash(void);

/* arena.c: all that is allocated from now on, the world and the plan, kept and put back. */
struct snapshot;
void arena_begin(void);
struct snapshot *snapshot_take(void);
void snapshot_restore(const struct snapshot *s);
void snapshot_free(struct snapshot *s);
void arena_base(void); /* back to how it was at arena_begin */

#endif
