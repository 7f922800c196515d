/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "operator/stats.h"

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* domid="7",name="nic" */
static void labels(FILE *out, const struct record_stats *s)
{
	fprintf(out, "domid=\"%" PRId64 "\",name=\"", s->domid);
	for (const char *c = s->name; *c; c++) {
		if (*c == '"' || *c == '\\')
			fputc('\\', out);
		fputc(*c, out);
	}
	fputc('"', out);
	if (s->devid)
		fprintf(out, ",devid=\"%" PRId64 "\"", s->devid);
}

static void print_operation(FILE *out, const struct record_stats *s, const char *operation, int64_t n)
{
	fputs("xenpci_requests_total{", out);
	labels(out, s);
	fprintf(out, ",operation=\"%s\"} %" PRId64 "\n", operation, n);
}

static void print_operations(FILE *out, const struct record_stats *stats, size_t nr)
{
	head(out, "xenpci_requests_total", "counter", "requests of guests, by command");
	for (size_t i = 0; i < nr; i++) {
#define X(type, name, room, text) print_operation(out, &stats[i], #name, stats[i].name);
		RECORDS_OPERATIONS(X)
#undef X
		print_operation(out, &stats[i], "other", stats[i].other);
	}
}

static void print_counters(FILE *out, const struct record_stats *stats, size_t nr)
{
#define X(name, type, field, help)                                                              \
	head(out, name, type, help);                                                            \
	for (size_t i = 0; i < nr; i++) {                                                       \
		fputs(name "{", out);                                                           \
		labels(out, &stats[i]);                                                         \
		fprintf(out, "} %" PRId64 "\n", stats[i].field);                                \
	}
	PROMETHEUS_STATS(X)
#undef X
}

static void print_bucket(FILE *out, const struct record_stats *s, const char *le, int64_t sum)
{
	fputs("xenpci_answer_seconds_bucket{", out);
	labels(out, s);
	fprintf(out, ",le=\"%s\"} %" PRId64 "\n", le, sum);
}

/* Up to what is rarer than a second: the last is all. */
static void print_latency(FILE *out, const struct record_stats *stats, size_t nr)
{
	enum { LAST = 22 };
	char le[24];

	head(out, "xenpci_answer_seconds", "histogram", "time from a request to its answer");
	for (size_t i = 0; i < nr; i++) {
		int64_t sum = 0;

		for (int n = 0; n < RECORDS_BUCKETS; n++) {
			if (__builtin_add_overflow(sum, stats[i].latency[n], &sum))
				sum = INT64_MAX;
			snprintf(le, sizeof(le), "%.6f", (double)(1 << n % 31) / 1e6);
			if (n <= LAST)
				print_bucket(out, &stats[i], le, sum);
		}
		print_bucket(out, &stats[i], "+Inf", sum);
		fputs("xenpci_answer_seconds_sum{", out);
		labels(out, &stats[i]);
		fprintf(out, "} %.6f\nxenpci_answer_seconds_count{", (double)stats[i].took / 1e6);
		labels(out, &stats[i]);
		fprintf(out, "} %" PRId64 "\n", sum);
	}
}

void prometheus_print(FILE *out, const struct record_daemon *daemon, const struct record_stats *stats,
		      size_t nr)
{
	head(out, "xenpci_up", "gauge", "whether xenpcid serves");
	fprintf(out, "xenpci_up %d\n", daemon != NULL);
	if (!daemon)
		return;
	head(out, "xenpci_start_time_seconds", "gauge", "when the process that serves began");
	fprintf(out, "xenpci_start_time_seconds %" PRId64 "\n", daemon->since);
	head(out, "xenpci_guests", "gauge", "guests with PCI devices");
	fprintf(out, "xenpci_guests %" PRId64 "\n", daemon->guests);
	head(out, "xenpci_devices", "gauge", "devices that guests have or wait for");
	fprintf(out, "xenpci_devices %" PRId64 "\n", daemon->devices);
	print_operations(out, stats, nr);
	print_counters(out, stats, nr);
	print_latency(out, stats, nr);
}
