/* SPDX-License-Identifier: MIT */
/*
 * What a service manager wants to hear of its main process: sd_notify(3)'s protocol, a datagram of text to
 * the socket that the environment names. Written here rather than linked: libsystemd would bring its
 * decompressors into the process that is not to fail. Nothing waits; where nobody wants to hear, nothing
 * is done.
 */
#ifndef XENPCI_BACKEND_KEEPER_SYSTEMD_H
#define XENPCI_BACKEND_KEEPER_SYSTEMD_H

#include <stdint.h>

/* Says text, "READY=1" for instance. What cannot be said at once is not said. */
void systemd_tell(const char *text);
/* How often "WATCHDOG=1" is wanted at least, in nanoseconds; 0: not at all. */
uint64_t systemd_watchdog_ns(void);

#endif
