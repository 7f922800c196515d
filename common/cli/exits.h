/* SPDX-License-Identifier: MIT */
/*
 * The programs' exit statuses: their enums, what --help says, and the man pages are made from these rows.
 * X(name, number, what it says).
 */
#ifndef XENPCI_COMMON_CLI_EXITS_H
#define XENPCI_COMMON_CLI_EXITS_H

#define EXITS_XENPCI(X) \
	X(OK, 0, "done; of check: all that were named are assignable") \
	X(FAILED, 1, "it failed, or a device is not assignable, or a write that explain was asked for is refused") \
	X(USAGE, 2, "wrong usage") \
	X(ABSENT, 3, "no xenpcid runs that could be asked")

#define EXITS_XENPCID(X) \
	X(OK, 0, "it was asked to end; with -n: the settings are right") \
	X(FAILED, 1, "it failed; with -n: the settings are wrong") \
	X(USAGE, 2, "wrong usage") \
	X(LOCKED_DOWN, 3, "the kernel is locked down (Secure Boot) and refuses to write config space: " \
			  "nothing was touched, and guests are the kernel's backend's") \
	X(RELEASED, 4, "it was told by xenpci release to give everything back, and not to be started again")

#define EXITS_FRONT(X) \
	X(OK, 0, "done") \
	X(FAILED, 1, "it failed, or the backend does not keep the protocol") \
	X(USAGE, 2, "wrong usage") \
	X(UNCHANGED, 3, "a write that the backend took changed nothing")

/* A table as lines of --help. */
#define EXITS_LINE(name, number, text) "  " #number "  " text "\n"
#define EXITS_TEXT(table) table(EXITS_LINE)

#endif
