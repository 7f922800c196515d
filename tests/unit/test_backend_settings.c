/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/settings.h"
#include "tests/unit/support_device.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Reads text as a settings file; its name is then in file. */
static int read_text(struct settings *s, const char *text, struct logbook *log, char file[64])
{
	int fd, rc, err;

	strcpy(file, "/tmp/xenpci-settings-XXXXXX");
	fd = mkstemp(file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	logbook_init(log);
	rc = settings_read(s, file, true, &log->logger);
	err = errno;
	unlink(file);
	errno = err;
	return rc;
}

static const struct pcidev_info nic = {
	.sbdf = { 0, 3, 0 }, .vendor = 0x8086, .device = 0x10d3,
};
static const struct pcidev_info other = {
	.sbdf = { 0, 4, 0 }, .vendor = 0x1234, .device = 0x11e8,
};

static void what_is_said_is_taken(void **state)
{
	struct settings_policy p;
	struct node_opts opts = { 0 };
	struct logbook log;
	struct settings s;
	char file[64], source[SETTINGS_SOURCE_MAX];

	(void)state;
	assert_int_equal(read_text(&s,
				   "slots = \"passthrough\";\n"
				   "answer_warning_ms = 250; aer_timeout_ms = 1000; reset_wait_ms = 7; poll_us = 0;\n"
				   "devices = (\n"
				   "  { bdf = \"0000:03:00.0\"; permissive = true; },\n"
				   "  { vendor = 0x1234; device = 0x11e8; interrupt_control = true; }\n"
				   ");\n"
				   "quirks = (\n"
				   "  { vendor = 0x8086; device = 0x10d3; offset = 0xe8; width = 2;\n"
				   "    mask = 0x7000; reason = \"read request size\"; },\n"
				   "  { bdf = \"0000:03:00.0\"; offset = 0x40; width = 4;\n"
				   "    mask = 0x80000001; reason = \"vendor\"; },\n"
				   "  { bdf = \"0000:09:00.0\"; offset = 0x44; width = 1; reason = \"x\"; }\n"
				   ");\n",
				   &log, file), 0);
	assert_int_equal(s.slots, SLOTS_PASSTHROUGH);
	assert_int_equal(s.answer_warning_ms, 250);
	assert_int_equal(s.reset_wait_ms, 7);
	assert_int_equal(s.aer_timeout_ms, 1000);
	assert_int_equal(s.poll_us, 0);

	settings_policy(&s, &nic, &opts, "opts-0", &p);
	assert_true(p.policy.permissive);
	assert_false(p.policy.interrupt_control);
	snprintf(source, sizeof(source), "%s:4", file);
	assert_string_equal(p.policy.permissive_source, source);
	assert_string_equal(p.policy.interrupt_control_source, "default");
	assert_int_equal(p.policy.nr_quirks, 2);
	assert_int_equal(p.policy.quirks[0].offset, 0xe8);
	assert_int_equal(p.policy.quirks[0].mask, 0x7000);
	assert_int_equal(p.policy.quirks[1].width, 4);
	assert_int_equal(p.policy.quirks[1].mask, 0x80000001);

	/* What the toolstack says is named first. */
	opts.permissive = true;
	opts.interrupt_control = true;
	settings_policy(&s, &other, &opts, "opts-3", &p);
	assert_string_equal(p.policy.permissive_source, "opts-3");
	assert_string_equal(p.policy.interrupt_control_source, "opts-3");
	assert_int_equal(p.policy.nr_quirks, 0);
	settings_dispose(&s);
}

static void a_mistake_names_its_line(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *what;
	} rows[] = {
		{ "slots = \"vpci\";\nslot = 1;\n", 2, "unknown key" },
		{ "slots = \"hvm\";\n", 1, "must be \"vpci\" or \"passthrough\"" },
		{ "slots = 7;\n", 1, "must be a text" },
		{ "poll_us = -1;\n", 1, "out of range" },
		{ "poll_us = \"1\";\n", 1, "must be a number" },
		{ "poll_us = ;\n", 1, "syntax error" },
		{ "devices = { };\n", 1, "must be a list" },
		{ "devices = ( 1 );\n", 1, "must be a group" },
		{ "devices = (\n{ permissive = true; } );\n", 2, "either bdf, or vendor and device" },
		{ "devices = (\n{ vendor = 1; } );\n", 2, "either bdf, or vendor and device" },
		{ "devices = (\n{ bdf = \"0:3:0.0\"; vendor = 1; } );\n", 2, "either bdf" },
		{ "devices = (\n{ bdf = \"nonsense\"; } );\n", 2, "must be an address" },
		{ "devices = (\n{ vendor = 0x10000; device = 1; } );\n", 2, "out of range" },
		{ "devices = (\n{ bdf = \"0:3:0.0\";\n allow = [ \"slot\", \"slots\" ]; } );\n", 3,
		  "does not know \"slots\"" },
		{ "devices = (\n{ bdf = \"0:3:0.0\";\n permissive = 1; } );\n", 3, "true or false" },
		{ "devices = (\n{ bdf = \"0:3:0.0\";\n permisive = true; } );\n", 3, "unknown key" },
		{ "quirks = (\n{ bdf = \"0:3:0.0\"; width = 4; reason = \"r\"; } );\n", 2, "offset" },
		{ "quirks = (\n{ bdf = \"0:3:0.0\"; offset = 64; reason = \"r\"; } );\n", 2, "width" },
		{ "quirks = (\n{ bdf = \"0:3:0.0\"; offset = 64; width = 4; } );\n", 2, "reason" },
		{ "quirks = (\n{ bdf = \"0:3:0.0\"; offset = 65; width = 2; reason = \"r\"; } );\n", 2,
		  "multiple of width" },
		{ "quirks = (\n{ bdf = \"0:3:0.0\"; offset = 4096; width = 2; reason = \"r\"; } );\n", 2,
		  "out of range" },
		{ "quirks = (\n{ bdf = \"0:3:0.0\"; offset = 64; width = 3; reason = \"r\"; } );\n", 2,
		  "width" },
		{ "quirks = (\n{ bdf = \"0:3:0.0\"; offset = 64; width = 1; mask = 0x100; "
		  "reason = \"r\"; } );\n", 2, "mask" },
		{ "quirks = (\n{ bdf = \"0:3:0.0\"; offset = 64; width = 1; mask = 0; "
		  "reason = \"r\"; } );\n", 2, "mask" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct logbook log;
		struct settings s;
		char file[64], where[96];

		errno = 0;
		assert_int_equal(read_text(&s, rows[i].text, &log, file), -1);
		assert_int_equal(errno, EINVAL);
		snprintf(where, sizeof(where), "%s:%u: ", file, rows[i].line);
		if (!logbook_has(&log, where) || !logbook_has(&log, rows[i].what))
			fail_msg("row %zu: logged \"%s\"", i, log.text);
		/* A refused file leaves nothing behind. */
		assert_int_equal(s.nr_entries, 0);
		assert_int_equal(s.slots, SLOTS_VPCI);
	}
}

static void an_absent_file_is_no_mistake_unless_it_was_named(void **state)
{
	struct logbook log;
	struct settings s;

	(void)state;
	logbook_init(&log);
	assert_int_equal(settings_read(&s, "/nonexistent/xenpci.conf", false, &log.logger), 0);
	assert_int_equal(log.len, 0);
	errno = 0;
	assert_int_equal(settings_read(&s, "/nonexistent/xenpci.conf", true, &log.logger), -1);
	assert_int_equal(errno, ENOENT);
	assert_true(logbook_has(&log, "/nonexistent/xenpci.conf"));
}

static void what_is_no_text_file_is_told(void **state)
{
	static const struct {
		const char *path;
		int err;
	} rows[] = { { "/tmp", EISDIR }, { "/proc/self/cmdline", EILSEQ }, { "/proc/self/mem", EIO } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct logbook log;
		struct settings s;

		logbook_init(&log);
		errno = 0;
		assert_int_equal(settings_read(&s, rows[i].path, true, &log.logger), -1);
		assert_int_equal(errno, rows[i].err);
		assert_true(logbook_has(&log, rows[i].path));
	}
}

static void an_empty_file_is_all_defaults(void **state)
{
	struct logbook log;
	struct settings s;

	(void)state;
	logbook_init(&log);
	assert_int_equal(settings_read(&s, "/dev/null", true, &log.logger), 0);
	assert_int_equal(s.slots, SLOTS_VPCI);
	assert_int_equal(log.len, 0);
	settings_dispose(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_taken),
		cmocka_unit_test(a_mistake_names_its_line),
		cmocka_unit_test(an_absent_file_is_no_mistake_unless_it_was_named),
		cmocka_unit_test(what_is_no_text_file_is_told),
		cmocka_unit_test(an_empty_file_is_all_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
