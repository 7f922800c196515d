/* SPDX-License-Identifier: MIT */
/*
 * The supervisor without its surroundings: its own objects, with a xenstore, a hypervisor, processes
 * and devices that are data here. Nothing runs by itself: whoever drives it delivers one watch event,
 * one message, one death after the other, in any order. So the model explores all orders, and the
 * fuzzers say what no process would. All that changes is in `world` and in what is allocated.
 *
 * Facts that must not be broken are checked where they could be: world_broken tells which was.
 */
#ifndef XENPCI_TESTS_MODEL_WORLD_H
#define XENPCI_TESTS_MODEL_WORLD_H

#include "backend/supervisor/guest.h"
#include "backend/supervisor/watches.h"

enum {
	WORLD_DEVICES = 2,
	WORLD_GUESTS = 2,
	WORLD_FIRST_DOMID = 7,
	WORLD_PIRQS = 64,
	WORLD_INBOX = 24,
	WORLD_FD = 1000000, /* a descriptor that there is not */
};

/* What a process was told and has not seen to yet. */
struct world_word {
	uint8_t kind, slot;
	uint8_t order;	  /* enum job_kind */
	uint8_t device;
	uint16_t domid;
	bool pristine;
};

struct world_process {
	struct process p; /* first */
	TAILQ_ENTRY(world_process) of_world;
	bool dead; /* its end was not heard yet */
	bool done; /* a job: what it did was not heard yet */
	bool up;   /* a worker: it was told to begin */
	bool failed;
	unsigned nr;
	struct world_word inbox[WORLD_INBOX];
	bool has[WORLD_DEVICES];    /* a gate holds it; a worker serves it */
	uint8_t slot[WORLD_DEVICES]; /* ... as which */
};
TAILQ_HEAD(world_processes, world_process);

struct world_node {
	char *path, *value;
	unsigned len;
};

struct world_watch {
	char path[80], token[16];
};

struct world_event {
	char *path;
	char token[16];
};

struct world_device {
	struct sbdf sbdf;
	uint16_t owner; /* whose it is by the jobs that were done; 0: nobody's */
	bool used;	/* by a guest, since it was reset */
};

struct world {
	struct backend be;
	struct watches watches;
	/* xenstore */
	struct world_node *node;
	unsigned nr_nodes, room_nodes;
	struct world_watch watch[8 + WORLD_GUESTS];
	unsigned nr_watches;
	struct world_event *event;
	unsigned nr_events, room_events;
	bool in_transaction;
	struct world_node *pending; /* value NULL: removed, with all below */
	unsigned nr_pending, room_pending;
	/* the rest */
	struct world_processes processes;
	struct world_device device[WORLD_DEVICES];
	struct {
		uint16_t domid; /* 0: free */
		uint8_t device;
	} pirq[WORLD_PIRQS];
	bool introduced[WORLD_GUESTS], halted[WORLD_GUESTS];
	bool fake_fds;
	char broken[160]; /* what must not be, and was; "": nothing yet */
};
extern struct world world;
/* Broken on purpose: a job that gives a device back leaves it as it is. */
extern bool world_forgets_resets;

/* A dom0 with an empty store, two devices of the bundled machine and no supervisor. Once. */
void world_init(bool fake_fds);
/* A supervisor begins; what there is in the store was left by another. */
void world_start(void);
/* It is killed, and with it its workers, gates and jobs. */
void world_kill(void);
/* Everything is as after world_init. Of a supervisor that was killed or never began. */
void world_clear(void);

/* What the supervisor itself does next: hears the events there are; looks at one guest. */
bool world_hears_events(void);
bool world_has_dirty(void);
void world_look(void);

/* xenstore as others write it: text, or NULL to remove. */
void world_write(const char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void world_write_bytes(const char *path, const void *bytes, unsigned len);
void world_remove(const char *path);
const char *world_read(const char *path); /* NULL: there is none */
void world_fire(const char *path);	  /* "@releaseDomain" */

/* p sees to the first of what it was told. What a job did is heard by world_hear. */
bool world_can_obey(const struct world_process *p);
void world_obey(struct world_process *p);
void world_hear(struct world_process *p);
void world_say(struct world_process *p, const struct message *m, bool with_fd);
void world_die(struct world_process *p);
/* Its death is told; p is gone afterwards. */
void world_tell_end(struct world_process *p);
struct world_process *world_process_of(enum role role, uint32_t domid);
/* The guest turns MSI of its device on, if worker and gate stand ready for that. */
bool world_can_map(unsigned device);
void world_map(unsigned device);

void world_break(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Facts about all of it that hold at any time. */
void world_check(void);
const char *world_process_name(const struct world_process *p, char buf[48]);
int world_device_at(struct sbdf a);

#endif
