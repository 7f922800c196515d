/* SPDX-License-Identifier: MIT */
/* What the keeper logs, in the server's form. */
#ifndef XENPCI_BACKEND_KEEPER_SAY_H
#define XENPCI_BACKEND_KEEPER_SAY_H

/*
 * A line on stderr, if its level (as xentoollog_level) is least or above. A reader that does not read must not stop
 * us: what does not fit at once into its pipe is not said. Keeps errno.
 */
__attribute__((format(printf, 3, 4))) void keeper_say(int least, int level, const char *fmt, ...);

#endif
