/* SPDX-License-Identifier: MIT */
/* What `xenpci stats` shows, as Prometheus reads it. */
#ifndef XENPCI_OPERATOR_STATS_H
#define XENPCI_OPERATOR_STATS_H

#include <stdio.h>

#include "host/records.h"

/* X(name, type, field, what it is): of each guest. */
#define PROMETHEUS_STATS(X)                                                              \
	X("xenpci_polled_requests_total", "counter", polled, "requests that were found by looking, not by an event") \
	X("xenpci_refused_writes_total", "counter", refused, "writes that were refused") \
	X("xenpci_worker_restarts_total", "counter", worker_restarts, "workers that died and were replaced") \
	X("xenpci_gate_restarts_total", "counter", gate_restarts, "gates that died and were replaced")

/* daemon: NULL where none runs. */
void prometheus_print(FILE *out, const struct record_daemon *daemon, const struct record_stats *stats,
		      size_t nr);

#endif
