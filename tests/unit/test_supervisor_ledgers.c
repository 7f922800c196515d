/* SPDX-License-Identifier: MIT */
/* A guest's ledger as the supervisor opens it: anew, as it was left, damaged, in use, with no room. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/supervisor/ledgers.h"
#include "common/util.h"
#include "tests/unit/support_device.h"

enum { DOMID = 7, SLOT = 3 };
static const struct guest_id guest = { DOMID, 0 }, beside = { DOMID, 1 };

static struct logbook book;
static char dir[] = "/tmp/xenpci-ledgers-XXXXXX", path[64];
static struct successor successor;
static struct ledger *ledger;
static int fd;

static int begin(void **state)
{
	(void)state;
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/guest-%u", dir, DOMID);
	logbook_init(&book);
	successor = (struct successor){ .state_dir = dir, .lg = &book.logger };
	ledger = NULL;
	fd = -1;
	return 0;
}

static int end(void **state)
{
	(void)state;
	ledger_close(ledger, fd);
	ledger_remove(&successor, guest);
	unlink(path);
	return rmdir(dir);
}

static int open_it(bool keep)
{
	return ledger_open(&successor, guest, keep, &ledger, &fd);
}

static void close_it(void)
{
	ledger_close(ledger, fd);
	ledger = NULL;
	fd = -1;
}

/* Something that a worker has left. */
static void leave(void)
{
	assert_int_equal(open_it(false), 0);
	ledger->denied = 42;
	ledger->device[SLOT].state[1].command = 0x0406;
	ledger->device[SLOT].current = 1;
	ledger->device[SLOT].shadow = LEDGER_KEPT;
	close_it();
}

static bool is_new(void)
{
	static const struct ledger zero;

	return ledger->magic == LEDGER_MAGIC && ledger->version == LEDGER_VERSION &&
	       ledger->length == sizeof(*ledger) && ledger->device_size == sizeof(ledger->device[0]) &&
	       !memcmp(&ledger->progress, &zero.progress,
		       sizeof(zero) - offsetof(struct ledger, progress));
}

static void a_new_one_is_empty_and_ours_alone(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(open_it(false), 0);
	assert_true(is_new());
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, sizeof(struct ledger));
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	/* With all its blocks: a worker's write finds room. */
	assert_true((uint64_t)st.st_blocks * 512 >= sizeof(struct ledger));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_string_equal(book.text, "");
}

static void what_was_left_is_kept_if_it_is_wanted(void **state)
{
	(void)state;
	leave();
	assert_int_equal(open_it(true), 0);
	assert_int_equal(ledger->denied, 42);
	assert_int_equal(ledger->device[SLOT].state[1].command, 0x0406);
	assert_int_equal(ledger->device[SLOT].shadow, LEDGER_KEPT);
	close_it();
	assert_int_equal(open_it(false), 0);
	assert_true(is_new());
	assert_string_equal(book.text, "");
}

static void who_looked_on_has_gone(void **state)
{
	(void)state;
	assert_int_equal(open_it(false), 0);
	atomic_store(&ledger->tracing, 1);
	close_it();
	assert_int_equal(open_it(true), 0);
	assert_int_equal(atomic_load(&ledger->tracing), 0);
}

static void what_is_not_sound_begins_anew_and_that_is_told(void **state)
{
	static const struct {
		const char *what;
		off_t at;
	} rows[] = {
		{ "magic", offsetof(struct ledger, magic) },
		{ "version", offsetof(struct ledger, version) },
		{ "length", offsetof(struct ledger, length) },
		{ "size of a device", offsetof(struct ledger, device_size) },
		{ "shorter", -1 },
		{ "longer", 1 },
		{ "empty", -(off_t)sizeof(struct ledger) },
	};

	(void)state;
	for (unsigned keep = 0; keep < 2; keep++) {
		for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
			bool cut = i >= 4;
			uint32_t other = 0x1234;

			leave();
			if (cut) {
				assert_int_equal(truncate(path, (off_t)sizeof(struct ledger) + rows[i].at), 0);
			} else {
				fd = open(path, O_RDWR | O_CLOEXEC);
				assert_int_equal(pwrite(fd, &other, 4, rows[i].at), 4);
				close(fd);
			}
			logbook_init(&book);
			assert_int_equal(open_it(keep), 0);
			if (!is_new())
				fail_msg("%s: it is not begun anew", rows[i].what);
			if (logbook_has(&book, "guest 7: the file where") != keep)
				fail_msg("%s, keep %u: \"%s\"", rows[i].what, keep, book.text);
			close_it();
		}
	}
	/* None was left at all. */
	ledger_remove(&successor, guest);
	logbook_init(&book);
	assert_int_equal(open_it(true), 0);
	assert_true(is_new());
	assert_true(logbook_has(&book, "guest 7: the file where"));
}

/* As version 1 had it: it did not tell the lengths of its parts. */
static void an_older_layout_is_converted(void **state)
{
	static const struct {
		uint32_t version, head, state, devices, more;
	} rows[] = {
		{ 1, 432, 36, 256, 0 },
		/* As long as ours is, and its devices elsewhere. */
		{ LEDGER_VERSION, offsetof(struct ledger, device) - 8, sizeof(struct ledger_state),
		  SLOT_COUNT, sizeof(struct ledger) - offsetof(struct ledger, count) + 8 },
	};
	enum { START = 0x0103, NOW = 0x0407 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t device = 8 + 2 * rows[i].state;
		uint32_t length = rows[i].head + rows[i].devices * device + rows[i].more;
		uint32_t head[] = { LEDGER_MAGIC, rows[i].version, length, device, rows[i].head,
				    rows[i].state, rows[i].devices };
		uint32_t marks[] = { LEDGER_KEPT, 1 };
		uint16_t command[] = { NOW, START };
		uint8_t *old = calloc(1, length);
		uint8_t *at = old + rows[i].head + SLOT * device;

		assert_non_null(old);
		memcpy(old, head, rows[i].version == 1 ? 16 : sizeof(head));
		memcpy(at, marks, sizeof(marks));
		memcpy(at + 8 + rows[i].state, command, sizeof(command)); /* the second of the two */
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		assert_int_equal(pwrite(fd, old, length, 0), length);
		close(fd);
		free(old);
		assert_int_equal(open_it(true), 0);
		assert_int_equal(ledger->version, LEDGER_VERSION);
		assert_int_equal(ledger->device[SLOT].shadow, LEDGER_KEPT);
		assert_int_equal(ledger->device[SLOT].state[0].command, NOW);
		assert_int_equal(ledger->device[SLOT].state[0].command_home, START);
		assert_int_equal(ledger->device[SLOT + 1].shadow, LEDGER_NONE);
		assert_string_equal(book.text, "");
		close_it();
	}
}

static void put_head(uint32_t version, uint32_t length)
{
	uint32_t head[64] = { LEDGER_MAGIC, version, length, 80, 448, 36, 256 };

	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(fd, head, sizeof(head), 0), sizeof(head));
	close(fd);
}

static void a_version_that_is_not_known_is_recognised(void **state)
{
	char at[SUCCESSOR_PATH_MAX];

	(void)state;
	assert_true(ledger_is_known(&successor, guest, at)); /* none at all */
	put_head(LEDGER_VERSION + 1, 20928);
	assert_false(ledger_is_known(&successor, guest, at));
	assert_string_equal(at, path);
	put_head(0, 20928);
	assert_false(ledger_is_known(&successor, guest, at));
	put_head(LEDGER_VERSION, 20928);
	assert_true(ledger_is_known(&successor, guest, at));
	put_head(LEDGER_VERSION, 7); /* damaged is another matter */
	assert_true(ledger_is_known(&successor, guest, at));
}

/* A worker that has not ended yet holds the lock with its descriptor. */
static void in_use_it_is_waited_for(void **state)
{
	int worker, second = 77;
	struct ledger *other = NULL;

	(void)state;
	assert_int_equal(open_it(false), 0);
	worker = dup(fd);
	close_it();
	assert_int_equal(ledger_open(&successor, guest, true, &other, &second), 1);
	assert_null(other);
	assert_int_equal(second, -1);
	/* Another guest's is another. */
	assert_int_equal(ledger_open(&successor, beside, false, &other, &second), 0);
	ledger_close(other, second);
	ledger_remove(&successor, beside);
	close(worker);
	assert_int_equal(open_it(true), 0);
	assert_string_equal(book.text, "");
}

static void no_file_is_told_once_and_memory_does(void **state)
{
	struct ledger *other = NULL;
	int second;

	(void)state;
	successor.state_dir = "/nonexistent/xenpci";
	assert_int_equal(open_it(false), 0);
	assert_true(is_new());
	assert_true(logbook_has(&book, "--state-dir"));
	logbook_init(&book);
	assert_int_equal(ledger_open(&successor, beside, false, &other, &second), 0);
	assert_string_equal(book.text, "");
	ledger_close(other, second);
	ledger_remove(&successor, beside); /* there is none */
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void a_link_and_a_directory_are_no_ledgers(void **state)
{
	char target[80];
	struct stat st;

	(void)state;
	snprintf(target, sizeof(target), "%s/target", dir);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(open_it(false), 0);
	assert_int_equal(stat(target, &st), -1);
	/* Neither stays for who comes next. */
	assert_int_equal(lstat(path, &st), -1);
	close_it();
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_it(false), 0);
	assert_true(is_new());
	assert_int_equal(lstat(path, &st), -1);
	close_it();
	/* And one that comes has a file, whatever became of those before. */
	assert_int_equal(open_it(false), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_size, sizeof(struct ledger));
}

static void a_devices_shadow_begins_anew(void **state)
{
	struct ledger_device *d;

	(void)state;
	leave();
	assert_int_equal(open_it(true), 0);
	d = &ledger->device[SLOT];
	d->state[0] = (struct ledger_state){ .latches = 0xff, .enabled = 1, .bar = { 1, 2, 3 } };
	ledger->on[SLOT] = VECTORS_MSI;
	ledger_fresh(ledger, SLOT, 0x0103);
	assert_int_equal(ledger->on[SLOT], VECTORS_NONE);
	assert_int_equal(d->shadow, LEDGER_FRESH);
	assert_int_equal(d->current, 0);
	assert_int_equal(d->state[0].command, 0x0103);
	assert_int_equal(d->state[0].command_home, 0x0103);
	assert_int_equal(d->state[0].latches + d->state[0].enabled, 0);
	assert_int_equal(d->state[0].bar[0] | d->state[0].bar[1] | d->state[0].bar[2], 0);
	/* Counters and other devices stay. */
	assert_int_equal(ledger->denied, 42);
	assert_int_equal(ledger->device[SLOT - 1].shadow, LEDGER_NONE);
	ledger_fresh(NULL, SLOT, 0);
	ledger_close(NULL, -1);
}

static void removed_it_is_gone(void **state)
{
	(void)state;
	leave();
	assert_int_equal(access(path, F_OK), 0);
	ledger_remove(&successor, guest);
	assert_int_equal(access(path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_one_is_empty_and_ours_alone),
		TEST(what_was_left_is_kept_if_it_is_wanted),
		TEST(who_looked_on_has_gone),
		TEST(what_is_not_sound_begins_anew_and_that_is_told),
		TEST(an_older_layout_is_converted),
		TEST(a_version_that_is_not_known_is_recognised),
		TEST(in_use_it_is_waited_for),
		TEST(no_file_is_told_once_and_memory_does),
		TEST(a_link_and_a_directory_are_no_ledgers),
		TEST(a_devices_shadow_begins_anew),
		TEST(removed_it_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
