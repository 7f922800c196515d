/* SPDX-License-Identifier: MIT */
/*
 * xenstore in the shapes that both ends need: values read bounded and parsed
 * strictly, values written by format. Paths are composed of a directory and a
 * node name. `t` is a transaction or XBT_NULL. Nothing here logs. A struct
 * xs_handle serves several threads (libxenstore locks it), and so do these
 * functions.
 */
#ifndef XENPCI_COMMON_STORE_H
#define XENPCI_COMMON_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#include "common/state.h"

#define STORE_PATH_MAX 256 /* bytes of a composed path, with its end */
#define STORE_VALUE_MAX 4096

/*
 * Reads dir/node (dir alone where node is NULL) into buf of size bytes, as text.
 * Returns the length, or -1 with errno: ENOENT (absent), EACCES, E2BIG (longer
 * than buf), EINVAL (a zero byte inside), ENAMETOOLONG, or xenstored's.
 */
int store_read(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node,
	       char *buf, unsigned size);

/* store_read and number_parse: the whole value is an unsigned number in base, at most max. */
int store_read_number(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node,
		      int base, uint64_t max, uint64_t *out);

/*
 * The same for state that outlives us, in its envelope (common/state.h). read: *text is where it
 * begins, within buf; returns its version, or -1 with errno (also state_open's).
 */
int store_read_state(struct xs_handle *xs, enum state_part part, const char *dir, const char *node,
		     char *buf, unsigned size, char **text);
int store_write_state(struct xs_handle *xs, xs_transaction_t t, enum state_part part, const char *dir,
		      const char *node, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Writes dir/node by format. Returns 0, or -1 with errno (E2BIG: over STORE_VALUE_MAX). */
int store_write(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Removes dir/node; absent is success. Returns 0, or -1 with errno. */
int store_remove(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node);

/* Whether dir/node exists: 1, 0, or -1 with errno. */
int store_exists(struct xs_handle *xs, xs_transaction_t t, const char *dir, const char *node);

/*
 * Ends transaction t. Returns 0 (committed), 1 (EAGAIN: do the transaction
 * again), or -1 with errno.
 */
int store_commit(struct xs_handle *xs, xs_transaction_t t);

/*
 * One transaction: step does its part of it in t and returns 0, or -1 with errno, which gives it up. What
 * was overtaken by others' changes is done again, STORE_TRIES times at most: step must bear that. Returns
 * 0 (committed), or -1 with errno: step's, EAGAIN (overtaken each time), or xenstored's.
 */
#define STORE_TRIES 100
typedef int store_step(struct xs_handle *xs, xs_transaction_t t, void *context);
int store_transaction(struct xs_handle *xs, store_step *step, void *context);

/* Gives transaction t up, keeping errno; XBT_NULL is no transaction. */
void store_abort(struct xs_handle *xs, xs_transaction_t t);

#endif
