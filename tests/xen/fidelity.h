/* SPDX-License-Identifier: MIT */
/*
 * The parts of the program fidelity (fidelity.c): asking either domain, printing what is seen, and
 * the observations. Needs a guest that runs `fidelity guest`; who does not get an answer ends the
 * program. One thread.
 */
#ifndef XENPCI_TESTS_XEN_FIDELITY_H
#define XENPCI_TESTS_XEN_FIDELITY_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/xenbox/calls.h"

#define PATIENCE_MS 10000
#define QUIET_MS 100 /* how long nothing must happen to be called nothing */
#define NODE "data/fidelity"

/* map_pirq: domain, type, GSI, bus, devfn, entry and table of the vector */
#define MAP "physdev 13 2@0=%u 4@4=%d 4@8=%d 4@12=-1 4@16=%u 4@20=%u 4@24=%d 8@32=%lld"

enum side { DOM0, GUEST };

extern unsigned int domid;	/* the guest's */
extern char said[CALLS_TEXT];	/* by the last call, beside its number */

/* Waits for an event of a watch, -1 for ever, and takes it. Whether one came. */
bool store_wait(int64_t ms);
/* Until xenstored tells that some domain has ended or was shut down. 0, or -ETIMEDOUT. */
long store_release(void);
int64_t now_ms(void); /* CLOCK_MONOTONIC */

/* A call on one side (calls.h). Its result: 0 or more, or a negative errno. */
long ask(enum side side, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What a call has brought. Returns it. */
long saw(const char *what, long rc);
/* The same, where the number says nothing to others. Returns it. */
long done(const char *what, long rc);
/* The value of a node, which may be a number of this host. */
void same(const char *what, long rc, unsigned int want);
/* Which of the ports that we know, if any, has an event. */
void event(const char *what, enum side side, int handle, int ms, long want);

/* Each looks at one thing; in this order, as each begins with what the one before has left. */
void see_binding(void);
void see_masking(void);
void see_confined(void);
void see_closing(void);
void see_grants(void);
void see_unsharing(void);
void see_kill(void);
void see_store(void);
void see_physdev(void);
/* Of a device that is the guest's, with its MSI-X table at that address. */
void see_vectors(unsigned int bdf, long long table);
/* It is suspended and goes on, twice; ports and pages are those of see_kill. */
void see_suspend(void);
/* The last: the guest is gone then. */
void see_death(void);

#endif
