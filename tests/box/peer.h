/* SPDX-License-Identifier: MIT */
/*
 * The box tests' scripted peer: a process in any domain that does, one line at a
 * time, what a test tells it through stdin, and answers each with one line:
 * "= result" or "! ERRNAME what". As a guest it is a frontend with no manners of
 * its own: it shows any state, any page and any request. As dom0 it is a
 * toolstack. A verb is a row of one of the tables.
 */
#ifndef XENPCI_TESTS_BOX_PEER_H
#define XENPCI_TESTS_BOX_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#include "protocol/page.h"

#define PEER_ARGS_MAX 160

struct verb {
	const char *name;
	const char *usage;
	int least; /* arguments that must be there */
	/* argv[0] is the verb. 0: it has replied; -1: errno tells why not. */
	int (*run)(int argc, char **argv);
};

extern const struct verb store_verbs[];
extern const struct verb front_verbs[];
extern const struct verb hostile_verbs[]; /* each ends with a NULL name */

extern struct xs_handle *peer_xs;

/* The reply to the line: "= " and the text. Returns 0. */
int reply(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A number in C's notation, negative ones included; a malformed one ends the program. */
int64_t number(const char *text);
/* number(argv[i]), or otherwise where there are fewer arguments. */
int64_t number_or(int argc, char **argv, int i, int64_t otherwise);

/*
 * So long is waited for a node or an answer where a line does not say it: 5 s, or as the environment has it,
 * for a test in which several things fail at once.
 */
#define PEER_PATIENCE_ENV "PEER_PATIENCE_MS"
int64_t peer_patience_ms(void);

/* Waits until fd is readable or now_ns() has reached until. 1 readable, 0 time is up. */
int wait_readable(int fd, uint64_t until);

/* Posts *op, kicks, waits for the answer and collects it. 0, or -1 with errno ENOTCONN, ETIMEDOUT. */
int front_request(struct xen_pci_op *op);
/* The shared page, or NULL. */
page_t *front_page(void);

#endif
