/* SPDX-License-Identifier: MIT */
/*
 * Xen calls as lines of text, for programs that are driven from outside their domain: the
 * self-test's agent and tests/xen/fidelity. Uses the real libraries only.
 */
#ifndef XENBOX_CALLS_H
#define XENBOX_CALLS_H

#include <xencall.h>
#include <xenstore.h>
#include <xentoollog.h>

#define CALLS_WORDS 16
#define CALLS_TEXT 1024

struct words {
	char *w[CALLS_WORDS];
	int n;
};

/* Do one call. 0 or more, or -1 with errno; what is more than a number goes to text. */
typedef long call_fn(const struct words *a, char text[static CALLS_TEXT]);

struct call_name {
	const char *name;
	call_fn *run;
};

extern xencall_handle *calls_hypercall;
extern struct xs_handle *calls_store;
extern xentoollog_logger *calls_log;

/* Open what every call needs. 0, or -1 with errno. */
int calls_init(void);
/* After fork: the parent's handles are not for use by the child. */
void calls_forget(void);
/* Word i as a number; 0 when there is none. */
long calls_num(const struct words *a, int i);
/*
 * Do the call in line, which is taken apart, from the n names in more or those known here (see
 * calls.c). 0 or more, or a negative errno: EPROTO for a line that is none.
 */
long calls_perform(char *line, const struct call_name *more, size_t n,
		   char text[static CALLS_TEXT]);

#endif
