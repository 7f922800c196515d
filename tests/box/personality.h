/* SPDX-License-Identifier: MIT */
/*
 * The frontends that a backend meets (PROTOCOL.md 9), each as it behaves: which
 * nodes it writes and in what order, which accesses it makes, how long it waits,
 * what it cannot stand. Written from that description, on the shared page and on
 * xenstore directly; none of libxenpcifront's manners are in here.
 */
#ifndef XENPCI_TESTS_BOX_PERSONALITY_H
#define XENPCI_TESTS_BOX_PERSONALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "frontend/xen.h"
#include "protocol/nodes.h"
#include "protocol/pciif.h"

#define MAX_FUNCTIONS 64

struct function {
	uint32_t domain, bus, devfn;
	uint32_t id;
};

struct front {
	struct xen xen;
	struct offer offer;
	char backend[256];
	uint64_t timeout_ns; /* of a request; 0: waits for ever */
	uint64_t slowest_ns;
	bool panics;	     /* NetBSD: states 6, 7 and 8 are not survived */
	bool plain_flags;    /* the flags are an ordinary word: read, changed, written */
	bool needs_event;    /* a flag that is down is no answer before an event has come */
	bool spins;	     /* turns round rather than sleeping */
	bool lowers_flag;    /* once more, itself, when the answer is there */
	bool littered;	     /* what a request does not need holds what was there before */
	struct function functions[MAX_FUNCTIONS];
	unsigned n;
};

/* One line "ok NAME" or "FAIL NAME: why". Returns what it was given. */
bool check(bool good, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Nodes: of the backend's directory, and the frontend's own. Absent numbers are -1. */
long backend_number(struct front *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "" where absent. In a static buffer. */
const char *backend_text(struct front *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void write_state(struct front *f, unsigned state);

/* Offers a page and a port; aer: with the AER bit set, as Linux does. */
void make_offer(struct front *f, bool aer);
void drop_offer(struct front *f);
/* The three nodes in one transaction; the state in the same one, or after it. */
void publish(struct front *f, bool state_inside);

#define STATE(name) (1u << XenbusState##name)
/* Waits until the backend's state is one of the set; a personality that panics looks at each. */
unsigned wait_backend(struct front *f, unsigned set);

/* Sends op as it is and waits as the personality does. False: it gave up. */
bool exchange(struct front *f, struct xen_pci_op *op);
/* A config access; the result is op.err, the value as the backend left it. */
int32_t conf_read(struct front *f, const struct function *fn, int offset, int size,
		  uint32_t *value);
int32_t conf_write(struct front *f, const struct function *fn, int offset, int size,
		   uint32_t value);

/* Runs one life. hotplug: prints "ready" when it stands, and waits for an attach and a detach. */
void run_linux(struct front *f, bool hotplug);
void run_minios(struct front *f, bool hotplug);
void run_netbsd(struct front *f); /* hot-plug is what it does not survive */
void run_rump(struct front *f);
void run_halvm(struct front *f);
void run_micropv(struct front *f);

/* mini-os' frontend from its offer to 4, and its end; tidies: removes the nodes that it means to remove. */
void minios_open(struct front *f);
void minios_close(struct front *f, bool tidies);

#endif
