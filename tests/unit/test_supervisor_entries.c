/* SPDX-License-Identifier: MIT */
/* The toolstack's list of devices: each node is read once, and again when it may have changed. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/supervisor/guest.h"
#include "common/util.h"

#define DIR "/local/domain/0/backend/pci/7/0"

/* xenstored: a few nodes of that directory, and how often it was asked. */
static struct {
	const char *name, *value; /* value NULL: the read fails with err */
	int err;
} nodes[8];
static unsigned asked;

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
	(void)h;
	assert_int_equal(t, XBT_NULL);
	assert_memory_equal(path, DIR "/", sizeof(DIR));
	asked++;
	for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++) {
		if (!nodes[i].name || strcmp(nodes[i].name, path + sizeof(DIR)))
			continue;
		if (!nodes[i].value) {
			errno = nodes[i].err;
			return NULL;
		}
		*len = (unsigned)strlen(nodes[i].value);
		return strdup(nodes[i].value);
	}
	errno = ENOENT;
	return NULL;
}

static struct backend be;
static struct guest g;

static int setup(void **state)
{
	(void)state;
	memset(nodes, 0, sizeof(nodes));
	memset(&g, 0, sizeof(g));
	g.be = &be;
	schedule_init(&be.schedule);
	talk_init(&g.talk, NULL, 7);
	strcpy(g.dir, DIR);
	asked = 0;
	return 0;
}

static void put(unsigned i, const char *name, const char *value, int err)
{
	nodes[i].name = name;
	nodes[i].value = value;
	nodes[i].err = err;
}

static void expect_asked(unsigned n)
{
	if (asked != n)
		fail_msg("xenstored was asked %u times, not %u", asked, n);
	asked = 0;
}

static void the_number_is_read_once(void **state)
{
	unsigned nr;

	(void)state;
	put(0, "num_devs", "3", 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(entries_nr(&g, &nr), 0);
		assert_int_equal(nr, 3);
	}
	expect_asked(1);
	put(0, "num_devs", "4", 0);
	assert_true(entries_heard(&g.entries, "num_devs"));
	assert_int_equal(entries_nr(&g, &nr), 0);
	assert_int_equal(nr, 4);
	expect_asked(1);
}

static void no_number_is_told_and_asked_for_again(void **state)
{
	static const struct {
		const char *value;
		int err, want;
	} rows[] = {
		{ NULL, ENOENT, ENOENT }, { NULL, EACCES, EACCES }, { "", 0, EINVAL }, { "x", 0, EINVAL },
		{ "-1", 0, EINVAL }, { "3 ", 0, EINVAL }, { "4294967296", 0, ERANGE },
		{ "257", 0, ERANGE }, { "18446744073709551617", 0, ERANGE },
	};
	unsigned nr;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		put(0, "num_devs", rows[i].value, rows[i].err);
		for (unsigned n = 0; n < 2; n++) {
			errno = 0;
			if (entries_nr(&g, &nr) != -1 || errno != rows[i].want)
				fail_msg("\"%s\": errno %d, not %d", rows[i].value ? rows[i].value : "", errno,
					 rows[i].want);
		}
		expect_asked(2);
	}
}

static void states_are_read_once(void **state)
{
	static const struct {
		const char *value;
		int err;
		unsigned want;
		bool kept;
	} rows[] = {
		{ "0", 0, 0, true }, { "1", 0, 1, true }, { "8", 0, 8, true },
		{ "9", 0, ENTRIES_INVALID, true }, { "x", 0, ENTRIES_INVALID, true },
		{ "", 0, ENTRIES_INVALID, true }, { "99999999999999999999", 0, ENTRIES_INVALID, true },
		{ "111111111111111111111111111111111111111111111111111111111111111111", 0,
		  ENTRIES_INVALID, true },
		{ NULL, ENOENT, ENTRIES_ABSENT, true },
		/* It may be there: next time. */
		{ NULL, EIO, ENTRIES_UNREAD, false }, { NULL, EACCES, ENTRIES_UNREAD, false },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		put(0, "state-5", rows[i].value, rows[i].err);
		entries_forget(&g.entries);
		for (unsigned n = 0; n < 2; n++)
			if (entries_state(&g, 5) != rows[i].want)
				fail_msg("row %u: 0x%x, not 0x%x", i, entries_state(&g, 5), rows[i].want);
		expect_asked(rows[i].kept ? 1 : 2);
	}
}

static void events_have_one_read_again(void **state)
{
	static const char *const others[] = {
		"state", "state-", "state-x", "state-256", "state--1", "state-3 ", "state-3x", "States-3",
		"num_dev", "num_devs2", "dev-3", "vdev-3", "opts-3", "", "state-18446744073709551619",
	};

	(void)state;
	put(0, "state-3", "4", 0);
	put(1, "state-255", "3", 0);
	put(2, "num_devs", "2", 0);
	assert_int_equal(entries_state(&g, 3), 4);
	assert_int_equal(entries_state(&g, NODES_MAX_DEVS - 1), 3);
	expect_asked(2);
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
		if (entries_heard(&g.entries, others[i]))
			fail_msg("\"%s\" is one of these", others[i]);
	put(0, "state-3", "5", 0);
	assert_int_equal(entries_state(&g, 3), 4);
	expect_asked(0);
	assert_true(entries_heard(&g.entries, "state-3"));
	assert_int_equal(entries_state(&g, 3), 5);
	assert_int_equal(entries_state(&g, NODES_MAX_DEVS - 1), 3);
	expect_asked(1);
	assert_true(entries_heard(&g.entries, "state-255"));
	put(1, "state-255", "6", 0);
	assert_int_equal(entries_state(&g, NODES_MAX_DEVS - 1), 6);
	/* Ours, too. */
	put(0, "state-3", "6", 0);
	entries_wrote(&g.entries, 3);
	assert_int_equal(entries_state(&g, 3), 6);
	expect_asked(2);
	entries_forget(&g.entries);
	assert_int_equal(entries_state(&g, 3), 6);
	expect_asked(1);
}

static void the_device_looked_at_last_is_kept(void **state)
{
	char buf[NODE_VALUE_MAX], expected[] = "0000:03:00.0";

	(void)state;
	put(0, "dev-0", "0000:03:00.0", 0);
	put(1, "dev-1", "0000:04:00.0", 0);
	for (unsigned i = 0; i < 3; i++) {
		memset(buf, 'x', sizeof(buf));
		assert_int_equal(entries_dev(&g, 0, buf), 12);
		assert_string_equal(buf, expected);
	}
	expect_asked(1);
	assert_int_equal(entries_dev(&g, 1, buf), 12);
	assert_string_equal(buf, "0000:04:00.0");
	assert_int_equal(entries_dev(&g, 0, buf), 12);
	assert_string_equal(buf, expected);
	expect_asked(2);
	put(0, "dev-0", "0000:05:00.0", 0);
	entries_forget_dev(&g.entries);
	assert_int_equal(entries_dev(&g, 0, buf), 12);
	assert_string_equal(buf, "0000:05:00.0");
	/* What is not there is not taken for the one before. */
	assert_int_equal(entries_dev(&g, 2, buf), -1);
	assert_int_equal(errno, ENOENT);
	put(2, "dev-2", "", 0);
	assert_int_equal(entries_dev(&g, 2, buf), 0);
	put(2, "dev-2", "0000:06:00.0", 0);
	assert_int_equal(entries_dev(&g, 2, buf), 12);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_number_is_read_once),
		TEST(no_number_is_told_and_asked_for_again),
		TEST(states_are_read_once),
		TEST(events_have_one_read_again),
		TEST(the_device_looked_at_last_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
