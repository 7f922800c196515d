/* SPDX-License-Identifier: MIT */
/*
 * A PCI frontend with the manners of one that small kernels bring (PROTOCOL.md 9): one table
 * says how each behaves, and all of them take what they are told on trust, wait without a
 * limit, and write the flags as an ordinary word. Written from their behaviour; no line is
 * theirs.
 */
#ifndef XENPCI_TESTS_PVKERNEL_FRONT_H
#define XENPCI_TESTS_PVKERNEL_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/pvkernel/text.h"

enum ending {
	ENDS_NEVER,   /* it has no end */
	ENDS_WAITING, /* 5, 6, 1, and after each waits for the backend, which has to leave its 6 */
	ENDS_UNKNOWN, /* 5, 6, and then 0; what follows does not concern it */
};

struct manners {
	const char *name;
	bool counts_roots; /* takes root_num for the number of devices, rather than num_devs */
	bool host_address; /* asks under dev-N (slots = "passthrough"), not under vdev-N */
	bool loose_nodes;  /* writes node after node without a transaction, the state last */
	bool probes_first; /* shows 4 only after it has read its devices */
	bool spins;	   /* turns until the flag is down and an event came; others sleep */
	bool lowers_flag;  /* lowers the flag itself when the answer is there */
	bool dwords;	   /* reads config space in fours only */
	bool msi;	   /* can ask for MSI and MSI-X */
	bool littered;	   /* what a request does not need it leaves as the stack had it */
	bool forgets_nodes; /* leaves event-channel behind when it ends */
	enum ending ending;
};

#define FRONT_DEVICES 16

struct device {
	struct address host, guest;
};

/* NULL: nobody has that name. */
const struct manners *front_manners(const char *name);

/*
 * Offers a page and a port, and waits until the backend is connected; shows 4 if that is when
 * it does.
 */
void front_open(const struct manners *m);
/* It has read its devices: shows 4 if it did not before. */
void front_probed(void);
/* Its end, as far as it has one. False: the backend still maps the page. */
bool front_close(void);
/* What the backend's nodes say that there is; returns how many. */
unsigned front_learn(struct device devices[FRONT_DEVICES]);
/* The answer's err, as the backend gave it; value is cut to size. */
int front_read(const struct device *d, unsigned offset, unsigned size, uint32_t *value);
int front_write(const struct device *d, unsigned offset, unsigned size, uint32_t value);
/* MSI, or the MSI-X entry 0: on, with its pirq, and off. The answer's err. */
int front_msi_on(const struct device *d, bool msix, uint32_t *pirq);
int front_msi_off(const struct device *d, bool msix);
/* Waits for the backend's next state. */
unsigned front_next_state(void);
void front_set_state(unsigned state);

#endif
