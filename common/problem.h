/* SPDX-License-Identifier: MIT */
/*
 * A failure on its way to the people who must know of it: an errno and one
 * clear line. It ends in the log and, as xenbus does it, in the guest's error node.
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
