/* SPDX-License-Identifier: MIT */
/*
 * Why an operation failed: an errno and one line of text for people. The function that fails
 * fills it; its callers pass it up; who started the operation logs the text and, for a guest's
 * device, writes both into the guest's error node in xenstore (PROTOCOL.md 2.1).
 */
#ifndef XENPCI_COMMON_PROBLEM_H
#define XENPCI_COMMON_PROBLEM_H

struct problem {
	int err; /* errno; 0: none */
	char text[720];
};

/* Fills *p, sets errno to err and returns -1. Logs nothing. */
int problem_set(struct problem *p, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
