/* SPDX-License-Identifier: MIT */
/*
 * The control socket: a person's questions and orders to xenpcid, one JSON object a packet
 * (docs/control.md). Who may connect is the file's mode to say, and who may give orders the kernel's word
 * of who connected. It knows no guest: what there is to tell it asks its source for, record by record, as
 * fast as the client takes them and so many in a turn; it never waits, keeps one record for each of
 * CONTROL_CLIENTS clients, and drops a client that takes or asks nothing for CONTROL_PATIENCE_S. One thread.
 */
#ifndef XENPCI_BACKEND_CONTROL_CONTROL_H
#define XENPCI_BACKEND_CONTROL_CONTROL_H

#include <xentoollog.h>

#include "host/records.h"

#define CONTROL_CLIENTS 16
#define CONTROL_STRANGERS 12 /* of those that are not root */
#define CONTROL_PATIENCE_S 5

/* Whom it asks. No function waits, and none logs what a client can cause without a bound. */
struct control_source {
	/* The first guest whose number (the source's own) is not below *guest, which it sets. false: there is none. */
	bool (*next)(void *context, uint64_t *guest);
	/* Whether who, a domid, a name, or a domid and a frontend's number ("7-1"), is that guest. */
	bool (*is)(void *context, uint64_t guest, const char *who);
	/*
	 * The next record of that kind from *at on, which begins at 0 for each guest and is the source's to
	 * move. Its kind (a trace's may be a lost); -1: there is no more.
	 */
	int (*record)(void *context, enum record_kind kind, uint64_t guest, uint32_t *at,
		      union record *out);
	/* What of the guest's requests is to be written down: TRACE_*. */
	void (*trace)(void *context, uint64_t guest, unsigned what);
	/* A command that is none of these. level: an argument, "" where there is none. */
	void (*order)(void *context, enum records_command command, const char *level,
		      struct record_result *out);
};

struct control;

/*
 * Listens at dir/control. source, context and dir are to outlive it. NULL with errno (logged).
 */
struct control *control_open(const char *dir, const struct control_source *source, void *context,
			     xentoollog_logger *lg);
/* Ends all connections; removes the file unless a successor is to replace it. NULL is allowed. */
void control_close(struct control *c, bool remove);
/* It can be read when control_serve has something to do. */
int control_fd(const struct control *c);
/* One turn, of bounded length. */
void control_serve(struct control *c);

#endif
