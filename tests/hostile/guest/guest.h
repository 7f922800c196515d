/* SPDX-License-Identifier: MIT */
/*
 * A guest that means harm, and an honest one to be compared with: a frontend of its own, written
 * against page, event channel and xenstore, with nothing of the library in between. It takes lines
 * as the box tests' peer does (tests/box/peer.h: the verbs of xenstore, too, are the peer's), and
 * each verb here is one way of doing harm, many times, that says how often it did it. What must
 * hold of the answers is judged here; what it cost the host is counted by the script.
 */
#ifndef XENPCI_TESTS_HOSTILE_GUEST_H
#define XENPCI_TESTS_HOSTILE_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/pciif.h"
#include "tests/box/peer.h"

/* What is granted to domain 0 and offered. */
struct offer_of_guest {
	volatile struct xen_pci_sharedinfo *page; /* NULL: none */
	uint32_t ref;
	int port; /* -1: none */
};
extern struct offer_of_guest mine;

/* Page and port. 0, or -1 with errno. */
int offer(void);
/* Safe where there is nothing. */
void revoke_page(void);
void close_port(void);

/* Waits for the backend's state, one of a set of bits 1 << state. 0, or -1 with errno ETIMEDOUT. */
int await_backend(unsigned set);
/* Looks once. */
int await_backend_now(unsigned set);
extern uint64_t longest_wait_ns; /* of those that were not in vain */
/* Writes a node of the frontend's directory: 0, or -1 with errno. */
int put(const char *node, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* From the backend's state 3 to 4, and back to 3 by 6 and 1. 0, or -1 with errno. */
int open_front(void);
int shut_front(void);

/* Posts what stands in the page already, with its flag and a notify. */
void post(void);
/* Waits for the flag to fall. 0, or -1 with errno ETIMEDOUT. */
int await_answer(void);
/* Writes *op into the page, posts, waits, reads all of it back into *op. 0, or -1 with errno. */
int ask(struct xen_pci_op *op);
/* The same for a config access: the value, and *err. 0, or -1 with errno. */
int access_config(uint32_t cmd, unsigned offset, unsigned size, uint32_t *value, int32_t *err);

/* "! EPROTO text", errno's place being taken: 0, as reply. */
int wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

uint32_t random_word(uint64_t *seed);

/* The verbs (verbs.c), each as struct verb says. */
int guest_fields(int argc, char **argv);
int guest_flip(int argc, char **argv);
int guest_entries(int argc, char **argv);
int guest_sequences(int argc, char **argv);
int guest_connects(int argc, char **argv);
int guest_gone(int argc, char **argv);
int guest_nodes(int argc, char **argv);
int guest_states(int argc, char **argv);
int guest_dangle(int argc, char **argv);
int guest_honest(int argc, char **argv);
int guest_nothing(int argc, char **argv);

#endif
