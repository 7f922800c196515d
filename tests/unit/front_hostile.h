/* SPDX-License-Identifier: MIT */
/*
 * What the tests of a hostile backend share: a handle that follows the connection, the rest of
 * libxenstore, and a logger that counts. Included by one file of each test program.
 */
#ifndef XENPCI_TESTS_FRONT_HOSTILE_H
#define XENPCI_TESTS_FRONT_HOSTILE_H

#include "tests/unit/front_fake.h"
#include "tests/unit/front_store.h"

#include <stdarg.h>

#include "frontend/states.h"
#include "protocol/nodes.h"

#define SHORT_MS 20    /* for what nobody answers */
#define LONG_MS	 60000 /* for who is told to leave, however slow the machine */

#define OWN_NODE (NODE_FRONTEND_DIR "/state")
static const char *flap; /* what the backend's state becomes next, "78": one letter after the other */

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data, unsigned len)
{
	(void)h;
	(void)t;
	store_writes++;
	store_set_bytes(path, data, len);
	return true;
}

struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
					  unsigned *num)
{
	(void)h;
	(void)t;
	(void)path;
	(void)num;
	errno = ENOENT;
	return NULL;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	(void)h;
	return 5;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
	(void)h;
	(void)t;
	(void)abort;
	return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h;
	(void)path;
	(void)token;
	return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	return xs_watch(h, path, token);
}

int xs_fileno(struct xs_handle *h)
{
	(void)h;
	return -1;
}

/* With a state that flaps: one event for each look. */
char **xs_check_watch(struct xs_handle *h)
{
	static unsigned calls;
	static char token[] = "backend";
	char state[2] = "", **event;

	(void)h;
	if (!flap || calls++ % 2)
		return NULL;
	state[0] = flap[calls / 2 % strlen(flap)];
	store_set("state", state);
	event = calloc(2, sizeof(*event));
	assert_non_null(event);
	event[XS_WATCH_TOKEN] = token;
	return event;
}

static unsigned lines;

static void count_line(xentoollog_logger *lg, xentoollog_level level, int errnoval,
		       const char *context, const char *format, va_list al)
{
	(void)lg;
	(void)level;
	(void)errnoval;
	(void)context;
	(void)format;
	(void)al;
	lines++;
}

static xentoollog_logger counter = { .vmessage = count_line };

static uint64_t born;

static int begin(void **state)
{
	struct xenpcifront *fe = fake_front();

	store_clear();
	flap = NULL;
	lines = 0;
	born = now_ns();
	fe->lg = &counter;
	strcpy(fe->backend, FRONT_STORE_BACKEND);
	fe->phase = PHASE_RUNNING;
	fe->watching_self = fe->backend_known = true;
	store_set("state", "4");
	store_set_bytes(OWN_NODE, "4", 1);
	store_set_bytes(NODE_FRONTEND_DIR "/backend", FRONT_STORE_BACKEND,
			strlen(FRONT_STORE_BACKEND));
	store_set_bytes(NODE_FRONTEND_DIR "/backend-id", "0", 1);
	*state = fe;
	return 0;
}

static int end(void **state)
{
	xenpcifront_close(*state);
	store_clear();
	return 0;
}

/* A bucket of so many, one more each interval: what it may have given since the test began. */
static inline uint64_t allowed(const struct ratelimit *rl)
{
	return rl->burst + (now_ns() - born) / rl->interval_ns + 1;
}

#define ANSWER_MS 5

/* A device that takes its time. */
static inline void in_time(struct xen_pci_op *op)
{
	struct timespec ts = { .tv_nsec = ANSWER_MS * 1000000 };

	nanosleep(&ts, NULL);
	fake_config(op);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
