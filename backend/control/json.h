/* SPDX-License-Identifier: MIT */
/* Requests and records as JSON. Private to this room. */
#ifndef XENPCI_BACKEND_CONTROL_JSON_H
#define XENPCI_BACKEND_CONTROL_JSON_H

#include "common/sbdf.h"
#include "host/records.h"

struct request {
	enum records_command command;
	char who[64];	 /* a guest: number or name; "": all */
	char device[SBDF_TEXT]; /* a host's address; "": all */
	char level[16];
	unsigned trace; /* TRACE_* */
};

/* Reads len bytes. 0, or -1 with why (a text that does not change). Allocates within RECORDS_REQUEST_MAX. */
int request_read(const char *text, size_t len, struct request *out, const char **why);

/* Writes a record as a line into out, RECORDS_LINE_MAX bytes. Its length, or -1: no memory, no room. */
int record_write(enum record_kind kind, const union record *record, char *out);

#endif
