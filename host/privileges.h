/* SPDX-License-Identifier: MIT */
/*
 * What Xen lets this domain do for its guests. Domain 0 may do all; a driver domain hardly anything, which
 * is found out once, by questions that change nothing, and told as one list. Who would need what is
 * refused does without it, and does not ask again.
 */
#ifndef XENPCI_HOST_PRIVILEGES_H
#define XENPCI_HOST_PRIVILEGES_H

#include <stddef.h>
#include <stdint.h>

#include "host/hypercall.h"

/* X(name, its word, what Xen refuses and what that means) */
#define PRIVILEGES(X) \
	X(VECTORS, "vectors", "vectors (guests get neither MSI nor MSI-X)") \
	X(TABLES, "tables", "MSI-X tables") \
	X(LINES, "lines", "to set up interrupt lines (domain 0 has done it)") \
	X(RESETS, "resets", "to hear of resets (which are made)") \
	X(DOMAINS, "domains", "to tell of domains (a guest's end is seen by its nodes)") \
	X(GIVING, "giving", "to give devices (in domain 0: xenpci attach --backend)")

enum privilege {
#define X(name, word, text) PRIVILEGE_##name,
	PRIVILEGES(X)
#undef X
	PRIVILEGES_COUNT,
};
#define PRIVILEGE_BIT(name) (1u << PRIVILEGE_##name)

enum { PRIVILEGES_TEXT_MAX = 512 };

/*
 * The set of those that Xen refuses to us, domain own_domid. Nothing is asked in domain 0. Waits for
 * hypercalls; does not log.
 */
unsigned privileges_denied(struct hypercall *hc, uint32_t own_domid);

/* The set for programs, "vectors tables", cut to size bytes with the end. */
void privileges_words(unsigned denied, char *text, size_t size);
/* The set in words, as one list. Returns text. */
const char *privileges_text(unsigned denied, char text[PRIVILEGES_TEXT_MAX]);

#endif
