/* SPDX-License-Identifier: MIT */
/* xenpci stats: what guests have asked, and how long the answers took. */
#include "operator/stats.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "operator/ask.h"
#include "operator/columns.h"
#include "operator/guest_name.h"

static const char *const headings[] = { "GUEST", ">REQUESTS", ">READS", ">WRITES", ">INTERRUPT", ">OTHER",
					">REFUSED", ">POLLED", ">MEDIAN", ">99 %", ">LONGEST",
					">WORKERS DIED", ">GATES DIED" };

struct collected {
	struct record_daemon daemon;
	struct record_stats *list;
	size_t nr, room;
};

static int keep(struct collected *c, const struct record_stats *s)
{
	if (c->nr == c->room) {
		size_t room = c->room ? 2 * c->room : 16;
		struct record_stats *grown = realloc(c->list, room * sizeof(*grown));

		if (!grown)
			return -1;
		c->list = grown;
		c->room = room;
	}
	c->list[c->nr++] = *s;
	return 0;
}

static int collect(struct operator *op, const struct question *q, struct collected *c)
{
	struct answer a = { .fd = -1 };
	int status = ask_open(op, q, false, &a), rc;

	if (status)
		return status;
	while ((rc = ask_next(&a, -1)) == 1) {
		if (op->json)
			fputs(a.line, stdout);
		if (a.kind == RECORD_OF_daemon)
			c->daemon = a.record.daemon;
		if (a.kind == RECORD_OF_stats && keep(c, &a.record.stats)) {
			rc = operator_fail("%s", strerror(errno));
			break;
		}
	}
	ask_close(&a);
	return rc ? OPERATOR_FAILED : OPERATOR_OK;
}

/* ---- For people ---- */

/* Of so many in a thousand answers none took longer: "< 16 us". */
static const char *latency(const struct record_stats *s, int64_t permille, char buf[24])
{
	int64_t all = 0, sum = 0;
	int n = 0;

	for (int i = 0; i < RECORDS_BUCKETS; i++)
		all += s->latency[i] < INT32_MAX ? s->latency[i] : INT32_MAX;
	snprintf(buf, 24, "-");
	if (!all)
		return buf;
	for (; n < RECORDS_BUCKETS - 1; n++) {
		sum += s->latency[n] < INT32_MAX ? s->latency[n] : INT32_MAX;
		if (sum * 1000 >= all * permille)
			break;
	}
	if (n < 10)
		snprintf(buf, 24, "< %d us", 1 << n);
	else if (n < 20)
		snprintf(buf, 24, "< %d ms", 1 << (n - 10));
	else
		snprintf(buf, 24, "< %d s", 1 << (n - 20));
	return buf;
}

static int64_t interrupts(const struct record_stats *s)
{
	return s->enable_msi + s->disable_msi + s->enable_msix + s->disable_msix + s->enable_multi_msi;
}

static int print(const struct collected *c)
{
	char guest[GUEST_NAME_MAX], median[24], most[24], longest[24];
	struct columns table;
	int rc = columns_init(&table, ARRAY_SIZE(headings), headings);

	for (size_t i = 0; i < c->nr && !rc; i++) {
		const struct record_stats *s = &c->list[i];

		guest_name(s->name, s->domid, s->devid, guest);
		rc = columns_add(&table, "%s\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\t%.0f %%\t%s\t%s\t%s\t%lld\t%lld",
				 guest, (long long)s->requests, (long long)s->conf_read,
				 (long long)s->conf_write,
				 (long long)interrupts(s),
				 (long long)s->other, (long long)s->refused,
				 s->requests ? 100.0 * (double)s->polled / (double)s->requests : 0.0,
				 latency(s, 500, median), latency(s, 990, most), latency(s, 1000, longest),
				 (long long)s->worker_restarts, (long long)s->gate_restarts);
	}
	if (!c->nr)
		puts("no guest has PCI devices");
	columns_print(&table);
	columns_dispose(&table);
	return rc ? operator_fail("%s", strerror(errno)) : OPERATOR_OK;
}

/* ---- For Prometheus ---- */

/* node_exporter reads a whole file or none: it is written beside, and takes its place. */
static int write_file(const char *path, const struct record_daemon *daemon, const struct collected *c)
{
	char beside[4096];
	int fd = -1;
	FILE *out;

	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		errno = ENAMETOOLONG;
	else
		fd = mkstemp(beside);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		close_keep(fd);
		return operator_fail("%s: %s", path, strerror(errno));
	}
	prometheus_print(out, daemon, c->list, c->nr);
	if (fflush(out) || fchmod(fd, 0644) || fsync(fd) || rename(beside, path)) {
		operator_fail("%s: %s", path, strerror(errno));
		fclose(out);
		unlink(beside);
		return OPERATOR_FAILED;
	}
	fclose(out);
	return OPERATOR_OK;
}

/* That none runs is told in the metrics, too. */
static int export(const struct operator *op, const struct collected *c, int status)
{
	const struct record_daemon *daemon = status ? NULL : &c->daemon;

	if (status && status != OPERATOR_ABSENT)
		return status;
	if (op->textfile)
		return write_file(op->textfile, daemon, c) ? OPERATOR_FAILED : status;
	prometheus_print(stdout, daemon, c->list, c->nr);
	return status;
}

int run_stats(struct operator *op, int argc, char **argv)
{
	struct question q = { .command = COMMAND_stats, .who = argc ? argv[0] : NULL };
	struct collected c = { 0 };
	bool for_prometheus = op->prometheus || op->textfile;
	int status;

	if (op->json && for_prometheus) {
		operator_fail("stats: --json and --prometheus exclude each other");
		return OPERATOR_USAGE;
	}
	status = collect(op, &q, &c);
	if (!status && argc && !c.nr)
		status = operator_fail("xenpcid serves no such guest: %s", argv[0]);
	if (for_prometheus)
		status = export(op, &c, status);
	else if (!status && !op->json)
		status = print(&c);
	free(c.list);
	return status;
}
