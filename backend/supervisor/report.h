/* SPDX-License-Identifier: MIT */
/*
 * What the supervisor tells of guests and devices on the control socket: its records, and the numbers
 * in each guest's ledger, which a stranger wrote. One thread; waits for nobody but xenstored, which is
 * asked for a guest's name once.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_REPORT_H
#define XENPCI_BACKEND_SUPERVISOR_REPORT_H

#include "backend/supervisor/backend.h"
#include "host/records.h"

/* As struct control_source has them (backend/control/control.h). */
bool report_is(struct backend *be, uint64_t guest, const char *who);
int report_record(struct backend *be, enum record_kind kind, uint64_t guest, uint32_t *at,
		  union record *out);
void report_trace(struct backend *be, uint64_t guest, unsigned what);

/* How many guests there are, devices that they have or wait for, and what Xen lets us do for them. */
void report_daemon(struct backend *be, struct record_daemon *out);

#endif
