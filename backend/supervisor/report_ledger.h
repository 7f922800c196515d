/* SPDX-License-Identifier: MIT */
/*
 * A guest's ledger as records. A worker wrote it, who may be its guest's by now, and writes on while we
 * read: each number is read once, cut to its range, each text printable and bounded. All take NULL for
 * a guest that was not served yet. Nothing logs, allocates or waits.
 */
#ifndef XENPCI_BACKEND_SUPERVISOR_REPORT_LEDGER_H
#define XENPCI_BACKEND_SUPERVISOR_REPORT_LEDGER_H

#include <time.h>

#include "backend/messages/ledger.h"
#include "host/records.h"

int64_t ledger_requests(const struct ledger *l);
int64_t ledger_refused(const struct ledger *l);
void ledger_device(const struct ledger *l, unsigned slot, int64_t *requests, int64_t *refused);
void ledger_stats(const struct ledger *l, struct record_stats *out);

/*
 * The next register that refused, from *at on, of device *host. now_ns and now are the same moment by both
 * clocks. false: there is no more. ledger_quirk then adds the entry of xenpci.conf that would allow it, for
 * a device of these ids (0: not known, there is none).
 */
bool ledger_next_denied(const struct ledger *l, uint32_t *at, uint64_t now_ns, time_t now,
			struct sbdf *host, struct record_denied *out);
void ledger_quirk(uint16_t vendor, uint16_t device, struct record_denied *out);

/* What is to be written down; where it was nothing, from now on: *told is set. */
void ledger_trace_set(struct ledger *l, uint64_t *told, unsigned what);
/*
 * The request after *told, or how many are lost; behind is what the calendar is ahead of boot_ns(), in
 * microseconds. RECORD_OF_trace, RECORD_OF_lost, or -1: there is none.
 */
int ledger_next_trace(const struct ledger *l, uint64_t *told, int64_t behind, union record *out);

#endif
