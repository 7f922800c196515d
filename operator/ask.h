/* SPDX-License-Identifier: MIT */
/* xenpcid's control socket, as a person's command asks it (docs/control.md). */
#ifndef XENPCI_OPERATOR_ASK_H
#define XENPCI_OPERATOR_ASK_H

#include "host/records.h"
#include "operator/operator.h"

/* A question; NULL: not said. */
struct question {
	enum records_command command;
	const char *who;    /* a guest, by number or name */
	const char *device; /* as text: a host's address */
	const char *only;   /* trace: "writes" or "denied" */
	const char *level;  /* loglevel */
};

struct answer {
	int fd;
	bool quiet; /* an end is not told of */
	enum record_kind kind;
	union record record; /* the one that was read last */
	char line[RECORDS_LINE_MAX + 1]; /* ... as it came */
};

/*
 * Connects and asks. OPERATOR_OK; OPERATOR_ABSENT: no xenpcid runs; or OPERATOR_FAILED; having told why.
 * quiet: no failure is told, nor that xenpcid ended the connection.
 */
int ask_open(const struct operator *op, const struct question *q, bool quiet, struct answer *a);
/*
 * Reads the next record of the answer. 1; 0: that was the last, and all went well (a->record.result is
 * its text); -1: it did not, having told why; timeout_ms (-1: none) over: -2.
 */
int ask_next(struct answer *a, int timeout_ms);
/* Whether xenpcid knows the guest or the device that q is about; true, too, where it does not say. Tells nothing. */
bool ask_knows(const struct operator *op, const struct question *q);
/* Safe on one that is closed. */
void ask_close(struct answer *a);

/* "2026-11-28 21:04:05", "-" for 0. Returns buf. */
const char *ask_moment(int64_t seconds, char buf[24]);

#endif
