/* SPDX-License-Identifier: MIT */
/* xenpci trace: what guests ask, as they ask it, until it is interrupted. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/util.h"
#include "operator/ask.h"
#include "operator/guest_name.h"
#include "protocol/pciif.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static const char *error_name(int64_t answer)
{
	static const struct {
		int number;
		const char *name;
	} errors[] = {
#define X(number, name, meaning) { number, #name },
		PCIIF_ERRORS(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].number == answer)
			return errors[i].name;
	return "unknown";
}

static void print_time(int64_t us)
{
	time_t t = (time_t)(us / 1000000);
	char text[16];
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(text, sizeof(text), "%H:%M:%S", &tm))
		strcpy(text, "-");
	printf("%s.%06lld", text, (long long)(us % 1000000));
}

static void print_trace(const struct record_trace *t)
{
	char guest[GUEST_NAME_MAX];
	bool writes = !strcmp(t->command, "conf_write"), config = writes || !strcmp(t->command, "conf_read");

	print_time(t->time);
	printf(" guest %-5s %-12s %-16s", guest_name("", t->domid, t->devid, guest),
	       t->host[0] ? t->host : t->guest_address, t->command);
	if (config)
		printf(" 0x%03llx %lld %s 0x%0*llx %s", (unsigned long long)t->offset, (long long)t->size,
		       writes ? "<-" : "->", t->size == 1 || t->size == 2 || t->size == 4 ? 2 * (int)t->size : 8,
		       (unsigned long long)t->value, t->field);
	if (t->refused)
		printf(" refused 0x%llx", (unsigned long long)t->refused);
	if (t->answer)
		printf(" %s", error_name(t->answer));
	printf(" %lld us\n", (long long)t->took);
}

static void print(const struct operator *op, const struct answer *a)
{
	if (op->json)
		fputs(a->line, stdout);
	else if (a->kind == RECORD_OF_trace)
		print_trace(&a->record.trace);
	else if (a->kind == RECORD_OF_lost)
		printf("... %lld requests are not shown\n", (long long)a->record.lost.lines);
}

int run_trace(struct operator *op, int argc, char **argv)
{
	struct question q = { .command = COMMAND_trace, .who = argc ? argv[0] : NULL, .only = op->only };
	struct sigaction act = { .sa_handler = on_interrupt };
	uint64_t until = op->seconds ? now_ns() + op->seconds * 1000000000ull : UINT64_MAX;
	struct answer a = { .fd = -1 };
	int status, rc = 0;

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	status = ask_open(op, &q, false, &a);
	if (status)
		return status;
	if (!ask_knows(op, &q))
		fprintf(stderr, "xenpci: warning: xenpcid serves no guest %s yet\n", q.who);
	while (!interrupted && now_ns() < until && !ferror(stdout)) {
		rc = ask_next(&a, 200);
		if (rc == 1)
			print(op, &a);
		else if (rc == -2)
			fflush(stdout);
		else
			break;
	}
	ask_close(&a);
	return rc == -1 ? OPERATOR_FAILED : OPERATOR_OK;
}
