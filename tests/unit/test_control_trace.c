/* SPDX-License-Identifier: MIT */
/* A trace that comes faster than it is read has gaps, and tells of them; it does not end. */
#include "tests/unit/unit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/control/control.h"
#include "common/util.h"

enum { TRACES = 5000 }; /* more than any socket takes */

static unsigned told, left;

static bool one(void *context, uint64_t *guest)
{
	(void)context;
	return !*guest;
}

static bool is(void *context, uint64_t guest, const char *who)
{
	(void)context, (void)guest, (void)who;
	return true;
}

static int record(void *context, enum record_kind kind, uint64_t guest, uint32_t *at, union record *out)
{
	(void)context, (void)guest, (void)at;
	memset(out, 0, sizeof(*out));
	if (kind != RECORD_OF_trace || !left)
		return -1;
	left--;
	told++;
	out->trace.offset = told;
	return RECORD_OF_trace;
}

static void trace(void *context, uint64_t guest, unsigned what)
{
	(void)context, (void)guest, (void)what;
}

static void order(void *context, enum records_command command, const char *level, struct record_result *out)
{
	(void)context, (void)command, (void)level, (void)out;
}

static const struct control_source source = { one, is, record, trace, order };

static int connect_to(const char *dir)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/control", dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void serve(struct control *c)
{
	struct pollfd p = { control_fd(c), POLLIN, 0 };

	assert_true(poll(&p, 1, 10000) > 0);
	control_serve(c);
}

/* All that waits to be read. Whether a gap was told of. */
static bool drain(int fd)
{
	char line[RECORDS_LINE_MAX + 1];
	bool gap = false;
	ssize_t n;

	while ((n = recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT)) >= 0) {
		if (!n)
			fail_msg("the connection was ended, after %u requests", told);
		line[n] = '\0';
		gap |= strstr(line, "\"record\":\"lost\"") != NULL;
	}
	return gap;
}

static void a_flood_is_cut_and_not_ended(void **state)
{
	static const char question[] = "{\"version\":1,\"command\":\"trace\"}";
	char dir[] = "/tmp/xenpci-control-XXXXXX";
	struct control *c;
	bool gap = false;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	c = control_open(dir, &source, NULL, NULL);
	assert_non_null(c);
	fd = connect_to(dir);
	assert_int_equal(send(fd, question, strlen(question), 0), (int)strlen(question));
	/* Nobody reads. */
	left = TRACES;
	while (told < TRACES)
		serve(c);
	/* Somebody does: what comes next is behind a gap. */
	while (!gap) {
		gap = drain(fd);
		left = 1;
		serve(c);
	}
	close(fd);
	control_close(c, true);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_is_cut_and_not_ended),
	};

	return cmocka_run_group_tests_name("control trace", tests, NULL, NULL);
}
