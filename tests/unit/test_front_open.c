/* SPDX-License-Identifier: MIT */
/* What xenpcifront_open says where something is missing. Xen's libraries are played here. */
#include "tests/unit/unit.h"

#include <string.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "xenpci/xenpcifront.h"

enum { STORE, WATCHES, EVENTS, GRANTS, NOTHING };

static int missing, why; /* which of them cannot be opened, and the errno */
static int stores, open_handles;

/* The address of something, or NULL with errno. */
static void *opened(int what)
{
	static char handle;

	if (what == missing) {
		errno = why;
		return NULL;
	}
	open_handles++;
	return &handle;
}

struct xs_handle *xs_open(unsigned long flags)
{
	(void)flags;
	return opened(stores++ ? WATCHES : STORE);
}

void xs_close(struct xs_handle *h)
{
	(void)h;
	open_handles--;
}

int xs_fileno(struct xs_handle *h)
{
	(void)h;
	return -1;
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *lg, unsigned flags)
{
	(void)lg;
	(void)flags;
	return opened(EVENTS);
}

int xenevtchn_close(xenevtchn_handle *h)
{
	(void)h;
	open_handles--;
	errno = EBADF;
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *h)
{
	(void)h;
	return -1;
}

xengntshr_handle *xengntshr_open(struct xentoollog_logger *lg, unsigned flags)
{
	(void)lg;
	(void)flags;
	return opened(GRANTS);
}

int xengntshr_close(xengntshr_handle *h)
{
	(void)h;
	open_handles--;
	return 0;
}

static void cannot_open(int what, int err)
{
	missing = what;
	why = err;
	stores = open_handles = 0;
	assert_null(xenpcifront_open(NULL, 0));
	assert_int_equal(errno, err);
	assert_int_equal(open_handles, 0);
}

static void says(const char *text)
{
	if (!strstr(xenpcifront_open_problem(), text))
		fail_msg("'%s' is not in: %s", text, xenpcifront_open_problem());
}

static void names_the_module(void **state)
{
	static const struct { int what; const char *device, *module; } rows[] = {
		{ STORE, "/dev/xen/xenbus", "modprobe xenfs" },
		{ WATCHES, "/dev/xen/xenbus", "modprobe xenfs" },
		{ EVENTS, "/dev/xen/evtchn", "modprobe xen-evtchn" },
		{ GRANTS, "/dev/xen/gntalloc", "modprobe xen-gntalloc" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cannot_open(rows[i].what, ENOENT);
		says(rows[i].device);
		says(rows[i].module);
		says("No such file");
		/* A module that is there, and a device that one may not open. */
		cannot_open(rows[i].what, EACCES);
		says(rows[i].device);
		says("root");
		assert_null(strstr(xenpcifront_open_problem(), "modprobe"));
	}
}

static void other_problems(void **state)
{
	(void)state;
	missing = NOTHING;
	stores = open_handles = 0;
	assert_null(xenpcifront_open(NULL, 0)); /* what is opened here cannot be polled */
	assert_int_equal(open_handles, 0);
	says(strerror(errno));
	assert_null(xenpcifront_open(NULL, ~0u));
	assert_int_equal(errno, EINVAL);
	says(strerror(EINVAL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_module),
		cmocka_unit_test(other_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
