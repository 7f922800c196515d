/* SPDX-License-Identifier: MIT */
/* The socket's file. Private to this room. */
#ifndef XENPCI_BACKEND_CONTROL_LISTEN_H
#define XENPCI_BACKEND_CONTROL_LISTEN_H

#include <xentoollog.h>

/*
 * A socket that listens at dir/control, in the place of what a predecessor left there: for root and the
 * group xenpci, where this host's own list of groups has one (no name service is asked, nobody waited for).
 * -1 with errno.
 */
int control_listen(const char *dir, xentoollog_logger *lg);
void control_unlisten(const char *dir);

#endif
