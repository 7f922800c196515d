/* SPDX-License-Identifier: MIT */
/* xenpci reload, restart, upgrade, release, loglevel: what xenpcid is told to do. */
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "operator/ask.h"

#define COMES_BACK_MS 15000 /* so long a successor is waited for */
#define PROGRESS_MS 1000
#define LOOK_MS 50

static void pause_ms(unsigned ms)
{
	struct timespec ts = timespec_of(ms * 1000000ull);

	nanosleep(&ts, NULL);
}

/* Which start of xenpcid answers, and whether it serves. 0 where none does. */
static int64_t started(const struct operator *op, bool serves)
{
	struct question q = { .command = COMMAND_stats, .who = "-" };
	struct answer a = { .fd = -1 };
	int64_t number = 0;

	if (ask_open(op, &q, true, &a))
		return 0;
	if (ask_next(&a, COMES_BACK_MS) == 1 && a.kind == RECORD_OF_daemon &&
	    (!serves || !strcmp(a.record.daemon.phase, "serving")))
		number = a.record.daemon.started;
	ask_close(&a);
	return number;
}

/* Waits for the one that follows; a wait of more than a second is told. */
static int await_successor(const struct operator *op, int64_t before)
{
	bool told = false;
	int64_t now;

	for (unsigned ms = 0; ms < COMES_BACK_MS; ms += LOOK_MS) {
		now = started(op, true);
		if (now && now != before)
			return OPERATOR_OK;
		if (ms >= PROGRESS_MS && !told) {
			fprintf(stderr, "xenpci: waiting for xenpcid to serve again ...\n");
			told = true;
		}
		pause_ms(LOOK_MS);
	}
	return operator_fail("xenpcid does not serve again: its log tells why");
}

static int order(const struct operator *op, enum records_command command, const char *level)
{
	struct question q = { .command = command, .level = level };
	bool anew = command == COMMAND_reload || command == COMMAND_restart || command == COMMAND_upgrade;
	struct answer a = { .fd = -1 };
	int64_t before = anew ? started(op, false) : 0;
	int status = ask_open(op, &q, false, &a), rc;

	if (status)
		return status;
	rc = ask_next(&a, -1);
	ask_close(&a);
	if (rc)
		return OPERATOR_FAILED;
	if (anew && await_successor(op, before))
		return OPERATOR_FAILED;
	if (op->json)
		fputs(a.line, stdout);
	else if (anew)
		printf("xenpcid serves again; guests keep running\n");
	else
		printf("%s\n", a.record.result.text);
	return OPERATOR_OK;
}

int run_reload(struct operator *op, int argc, char **argv)
{
	(void)argc, (void)argv;
	return order(op, COMMAND_reload, NULL);
}

int run_restart(struct operator *op, int argc, char **argv)
{
	(void)argc, (void)argv;
	return order(op, COMMAND_restart, NULL);
}

int run_upgrade(struct operator *op, int argc, char **argv)
{
	(void)argc, (void)argv;
	return order(op, COMMAND_upgrade, NULL);
}

int run_release(struct operator *op, int argc, char **argv)
{
	(void)argc, (void)argv;
	return order(op, COMMAND_release, NULL);
}

int run_loglevel(struct operator *op, int argc, char **argv)
{
	(void)argc;
	return order(op, COMMAND_loglevel, argv[0]);
}
