/* SPDX-License-Identifier: MIT */
/* xenpci denied, learn: which registers refused writes, and what would allow just that. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/number.h"
#include "common/util.h"
#include "operator/ask.h"
#include "operator/columns.h"
#include "operator/guest_name.h"

static const char *const headings[] = { "GUEST", "HOST", ">OFFSET", "REGISTER", ">BITS", ">TIMES",
					"FIRST", "LAST", "TO ALLOW IT" };

struct denials {
	struct record_denied *list;
	char (*line)[RECORDS_LINE_MAX + 1];
	size_t nr, room;
};

static int keep(struct denials *d, const struct answer *a)
{
	if (d->nr == d->room) {
		size_t room = d->room ? 2 * d->room : 16;
		struct record_denied *list = realloc(d->list, room * sizeof(*list));
		char (*line)[RECORDS_LINE_MAX + 1];

		if (!list)
			return -1;
		d->list = list;
		line = realloc(d->line, room * sizeof(*line));
		if (!line)
			return -1;
		d->line = line;
		d->room = room;
	}
	d->list[d->nr] = a->record.denied;
	memcpy(d->line[d->nr++], a->line, sizeof(a->line));
	return 0;
}

static void dispose(struct denials *d)
{
	free_keep(d->list);
	free_keep(d->line);
	memset(d, 0, sizeof(*d));
}

static int collect(struct operator *op, const struct question *q, struct denials *d)
{
	struct answer a = { .fd = -1 };
	int status = ask_open(op, q, false, &a), rc;

	if (status)
		return status;
	while ((rc = ask_next(&a, -1)) == 1)
		if (a.kind == RECORD_OF_denied && keep(d, &a)) {
			rc = operator_fail("%s", strerror(errno));
			break;
		}
	ask_close(&a);
	return rc ? OPERATOR_FAILED : OPERATOR_OK;
}

/* The lines for xenpci.conf; one for each register, whichever guests have such a device. */
static void print_quirks(const struct denials *d)
{
	const char *comma = "";

	printf("quirks = (");
	for (size_t i = 0; i < d->nr; i++) {
		bool told = !d->list[i].quirk[0];

		for (size_t k = 0; k < i && !told; k++)
			told = !strcmp(d->list[i].quirk, d->list[k].quirk);
		if (told)
			continue;
		printf("%s\n\t%s", comma, d->list[i].quirk);
		comma = ",";
	}
	printf("%s);\n", comma[0] ? "\n" : " ");
	for (size_t i = 0; i < d->nr; i++)
		if (!d->list[i].quirk[0])
			printf("# %s: 0x%llx (%s): %s\n", d->list[i].host, (long long)d->list[i].offset,
			       d->list[i].field,
			       d->list[i].remedy[0] ? d->list[i].remedy : "nothing allows it");
}

static int print_table(const struct denials *d)
{
	char first[24], last[24], guest[GUEST_NAME_MAX];
	struct columns c;
	int rc = columns_init(&c, ARRAY_SIZE(headings), headings);

	for (size_t i = 0; i < d->nr && !rc; i++) {
		const struct record_denied *r = &d->list[i];

		guest_name(r->name, r->domid, r->devid, guest);
		rc = columns_add(&c, "%s\t%s\t0x%03llx\t%s\t0x%0*llx\t%lld\t%s\t%s\t%s", guest, r->host,
				 (long long)r->offset, r->field, 2 * (int)r->width, (long long)r->bits,
				 (long long)r->times, ask_moment(r->first, first),
				 ask_moment(r->last, last), r->remedy[0] ? r->remedy : "nothing does");
	}
	columns_print(&c);
	columns_dispose(&c);
	return rc ? operator_fail("%s", strerror(errno)) : OPERATOR_OK;
}

static int print(const struct operator *op, const struct denials *d)
{
	for (size_t i = 0; op->json && i < d->nr; i++)
		fputs(d->line[i], stdout);
	if (op->json)
		return OPERATOR_OK;
	if (op->quirks) {
		print_quirks(d);
		return OPERATOR_OK;
	}
	if (!d->nr)
		puts("no write was refused");
	return print_table(d);
}

/* A guest or a device, as its text is. */
static void whom(struct question *q, const char *text, char name[SBDF_TEXT])
{
	struct sbdf a;

	if (!sbdf_parse(text, &a))
		q->device = sbdf_format(a, name);
	else
		q->who = text;
}

int run_denied(struct operator *op, int argc, char **argv)
{
	struct question q = { .command = COMMAND_denied };
	struct denials d = { 0 };
	char name[SBDF_TEXT];
	int status;

	if (argc)
		whom(&q, argv[0], name);
	status = collect(op, &q, &d);
	if (!status && !d.nr && !ask_knows(op, &q))
		status = operator_fail("xenpcid serves no such %s: %s", q.device ? "device" : "guest", argv[0]);
	else if (!status)
		status = print(op, &d);
	dispose(&d);
	return status;
}

/* ---- learn ---- */

/* Of what is refused now, what was not yet, or less often: in place. */
static void subtract(struct denials *now, const struct denials *before)
{
	size_t n = 0;

	for (size_t i = 0; i < now->nr; i++) {
		int64_t times = 0;

		for (size_t k = 0; k < before->nr; k++) {
			const struct record_denied *b = &before->list[k];

			if (b->domid == now->list[i].domid && b->devid == now->list[i].devid && b->offset == now->list[i].offset &&
			    b->width == now->list[i].width && !strcmp(b->host, now->list[i].host))
				times = b->times;
		}
		if (now->list[i].times <= times)
			continue;
		now->list[n] = now->list[i];
		memmove(now->line[n++], now->line[i], sizeof(now->line[i]));
	}
	now->nr = n;
}

static void wait_for(unsigned seconds)
{
	bool shown = isatty(STDERR_FILENO);
	struct timespec second = { .tv_sec = 1 };

	for (unsigned left = seconds; left; left--) {
		if (shown)
			fprintf(stderr, "\rlearning: %u s left ", left);
		nanosleep(&second, NULL);
	}
	if (shown)
		fprintf(stderr, "\r                          \r");
}

int run_learn(struct operator *op, int argc, char **argv)
{
	struct question q = { .command = COMMAND_denied };
	struct denials before = { 0 }, now = { 0 };
	char name[SBDF_TEXT];
	struct sbdf a;
	int status;

	(void)argc;
	if (sbdf_parse(argv[0], &a)) {
		operator_fail("learn: \"%s\" is no PCI address", argv[0]);
		return OPERATOR_USAGE;
	}
	q.device = sbdf_format(a, name);
	status = collect(op, &q, &before);
	if (!status) {
		if (!ask_knows(op, &q))
			fprintf(stderr, "xenpci: warning: no guest has %s yet\n", name);
		wait_for(op->seconds ? op->seconds : 60);
		status = collect(op, &q, &now);
	}
	if (!status) {
		subtract(&now, &before);
		op->quirks = true;
		status = print(op, &now);
	}
	dispose(&before);
	dispose(&now);
	return status;
}
