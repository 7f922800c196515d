/* SPDX-License-Identifier: MIT */
/* What the settings say of rules, resets, hidden devices and errors, and how they say it wrongly. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/settings.h"
#include "common/util.h"
#include "tests/unit/support_device.h"

static struct logbook log_;
static struct settings s;

static int read_text(const char *text)
{
	char file[] = "/tmp/xenpci-settings-XXXXXX";
	int fd = mkstemp(file), rc, err;

	logbook_init(&log_);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	rc = settings_read(&s, file, true, &log_.logger);
	err = errno;
	unlink(file);
	errno = err;
	return rc;
}

static struct pcidev_info info(const char *sbdf, uint16_t vendor, uint16_t device)
{
	return (struct pcidev_info){ .sbdf = address(sbdf), .vendor = vendor, .device = device };
}

static struct settings_life life(const char *sbdf, uint16_t vendor, uint16_t device)
{
	struct pcidev_info i = info(sbdf, vendor, device);
	struct settings_life out;

	settings_life(&s, &i, &out);
	return out;
}

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(read_text(""), 0);
	assert_int_equal(life("03:00.0", 1, 2).allow, 0);
	assert_int_equal(life("03:00.0", 1, 2).methods, RESET_ALL);
	assert_false(life("03:00.0", 1, 2).reset_always);
	assert_int_equal(s.nr_hide, 0);
	assert_int_equal(s.aer_failed, SETTINGS_AER_DETACH);
	settings_dispose(&s);
}

/* What is said for all, for an address and for a kind adds up; methods are one device's own. */
static void test_adds_up(void **state)
{
	struct settings_life l;

	(void)state;
	assert_int_equal(read_text("allow = [ \"small-bar\", \"slot\" ];\n"
				   "hide = [ \"0000:03:00.0\", \"04:00.1\" ];\n"
				   "aer_failed = \"pause\";\n"
				   "devices = (\n"
				   "  { bdf = \"0000:03:00.0\"; allow = [ \"no-reset\" ]; },\n"
				   "  { vendor = 0x8086; device = 0x10d3; reset = [ \"flr\", \"pm\" ]; },\n"
				   "  { bdf = \"0000:05:00.0\"; reset = [ \"all\" ]; reset_always = true; }\n"
				   ");\n"), 0);
	l = life("06:00.0", 1, 2);
	assert_int_equal(l.allow, ASSIGNABLE_BIT(ASSIGNABLE_SMALL_BAR) |
				  ASSIGNABLE_BIT(ASSIGNABLE_SLOT));
	assert_non_null(strstr(l.allow_source, ":1"));
	assert_int_equal(l.methods, RESET_ALL);
	l = life("03:00.0", 0x8086, 0x10d3);
	assert_int_equal(l.allow, ASSIGNABLE_BIT(ASSIGNABLE_SMALL_BAR) |
				  ASSIGNABLE_BIT(ASSIGNABLE_SLOT) |
				  ASSIGNABLE_BIT(ASSIGNABLE_NO_RESET));
	assert_non_null(strstr(l.allow_source, ":5"));
	assert_int_equal(l.methods, RESET_BIT(RESET_FLR) | RESET_BIT(RESET_PM));
	assert_int_equal(life("05:00.0", 1, 2).methods, RESET_ALL);
	assert_true(life("05:00.0", 1, 2).reset_always);
	assert_false(l.reset_always);
	assert_int_equal(s.nr_hide, 2);
	assert_true(sbdf_equal(s.hide[1], address("04:00.1")));
	assert_int_equal(s.aer_failed, SETTINGS_AER_PAUSE);
	settings_dispose(&s);
	assert_int_equal(s.nr_hide, 0);
	settings_dispose(&s);
}

static void test_reset_always(void **state)
{
	(void)state;
	assert_int_equal(read_text("reset_always = true;\n"), 0);
	assert_true(life("03:00.0", 1, 2).reset_always);
	settings_dispose(&s);
}

/* Off; for all; and either way for one, of whom the last that fits is right. */
static void test_idle_d3(void **state)
{
	(void)state;
	assert_int_equal(read_text("reset_always = true; devices = ( { class = 0x0200; idle_d3 = false; } );\n"), 0);
	assert_false(life("03:00.0", 1, 2).idle_d3);
	assert_false(settings_any_idle_d3(&s));
	assert_int_equal(s.idle_d3_after_ms, 10000);
	settings_dispose(&s);
	assert_int_equal(read_text("idle_d3 = true; idle_d3_after_ms = 0;\n"
				   "devices = ( { bdf = \"0000:03:00.0\"; idle_d3 = false; },\n"
				   "            { bdf = \"0000:03:00.0\"; permissive = true; } );\n"), 0);
	assert_true(life("04:00.0", 1, 2).idle_d3);
	assert_false(life("03:00.0", 1, 2).idle_d3);
	assert_true(settings_any_idle_d3(&s));
	assert_int_equal(s.idle_d3_after_ms, 0);
	settings_dispose(&s);
	assert_int_equal(read_text("devices = ( { vendor = 1; device = 2; idle_d3 = true; },\n"
				   "            { bdf = \"0000:03:00.0\"; idle_d3 = false; } );\n"), 0);
	assert_true(life("04:00.0", 1, 2).idle_d3);
	assert_false(life("03:00.0", 1, 2).idle_d3);
	assert_false(life("04:00.0", 1, 3).idle_d3);
	assert_true(settings_any_idle_d3(&s));
	settings_dispose(&s);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *text;
		const char *complaint;
	} rows[] = {
		{ "\nallow = [ \"no-such-rule\" ];", ":2: allow: " },
		{ "allow = [ \"other-guest\" ];", ":1: allow: " },
		{ "allow = \"slot\";", ":1: allow: must be an array" },
		{ "allow = [ 1 ];", ":1: allow: " },
		{ "hide = [ \"03:00\" ];", ":1: hide: " },
		{ "hide = \"03:00.0\";", ":1: hide: must be an array" },
		{ "reset_always = 1;", ":1: reset_always: must be true or false" },
		{ "idle_d3 = \"yes\";", ":1: idle_d3: must be true or false" },
		{ "idle_d3_after_ms = 3600001;", ":1: idle_d3_after_ms: is out of range" },
		{ "quirks = ( { class = 1; idle_d3 = true; } );", ":1: idle_d3: unknown key" },
		{ "aer_failed = \"forgive\";", ":1: aer_failed: must be" },
		{ "devices = ( { bdf = \"0000:03:00.0\"; reset = [ \"cold\" ]; } );", ":1: reset: " },
		{ "devices = ( { bdf = \"0000:03:00.0\"; hide = true; } );", ":1: hide: unknown key" },
		{ "hide = [ \"03:*.0\" ];", ":1: hide: must hold addresses" },
		{ "hide = [ \"*:*.*\" ];", ":1: hide: must hold addresses" },
		{ "devices = ( { subsystem_vendor = 1; subsystem_device = 2; permissive = true; } );",
		  "needs either bdf" },
		{ "devices = ( { class = 0x0200; subsystem_vendor = 1; permissive = true; } );",
		  "subsystem_device, too" },
		{ "devices = ( { class = 0x020000; permissive = true; } );", "class: is out of range" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(read_text(rows[i].text), -1);
		assert_int_equal(errno, EINVAL);
		if (!logbook_has(&log_, rows[i].complaint))
			fail_msg("\"%s\": %s", rows[i].text, log_.text);
		/* Nothing of it has stayed. */
		assert_int_equal(s.allow, 0);
		assert_int_equal(s.nr_hide, 0);
	}
}

/* Settings for an address that name the device are not for another that has moved there. */
static void test_moved(void **state)
{
	(void)state;
	assert_int_equal(read_text("devices = (\n"
				   "  { bdf = \"03:00.0\"; vendor = 0x8086; device = 0x10d3;\n"
				   "    allow = [ \"slot\" ]; },\n"
				   "  { bdf = \"03:00.0\"; allow = [ \"no-reset\" ]; }\n"
				   ");\n"), 0);
	assert_int_equal(life("03:00.0", 0x8086, 0x10d3).allow,
			 ASSIGNABLE_BIT(ASSIGNABLE_SLOT) | ASSIGNABLE_BIT(ASSIGNABLE_NO_RESET));
	assert_string_equal(life("03:00.0", 0x8086, 0x10d3).moved_source, "");
	assert_int_equal(life("03:00.0", 0x8086, 0x10d4).allow, ASSIGNABLE_BIT(ASSIGNABLE_NO_RESET));
	assert_non_null(strstr(life("03:00.0", 0x8086, 0x10d4).moved_source, ":2"));
	assert_string_equal(life("04:00.0", 0x8086, 0x10d4).moved_source, "");
	settings_dispose(&s);
}

static unsigned quirks_of(const struct pcidev_info *i)
{
	const struct node_opts opts = { 0 };
	struct settings_policy p;

	settings_policy(&s, i, &opts, "opts-0", &p);
	return p.policy.nr_quirks;
}

static void test_subsystem_and_class(void **state)
{
	struct pcidev_info i = info("03:00.0", 0x10ec, 0x8168);

	(void)state;
	assert_int_equal(read_text("quirks = (\n"
				   "  { vendor = 0x10ec; device = 0x8168; subsystem_vendor = 0x1043;\n"
				   "    subsystem_device = 0x8554; offset = 0x80; width = 2; reason = \"r\"; },\n"
				   "  { class = 0x0200; offset = 0x90; width = 2; reason = \"r\"; }\n"
				   ");\n"), 0);
	assert_int_equal(quirks_of(&i), 0);
	i.class_code = 0x020001;
	assert_int_equal(quirks_of(&i), 1);
	i.subsystem_vendor = 0x1043;
	assert_int_equal(quirks_of(&i), 1);
	i.subsystem_device = 0x8554;
	assert_int_equal(quirks_of(&i), 2);
	i.class_code = 0x028000;
	assert_int_equal(quirks_of(&i), 1);
	settings_dispose(&s);
}

/* Resets that are named one by one are the operator's word against the kernel's; "all" names none. */
static void test_named(void **state)
{
	(void)state;
	assert_int_equal(read_text("devices = (\n"
				   "  { bdf = \"03:00.0\"; reset = [ \"flr\" ]; },\n"
				   "  { bdf = \"04:00.0\"; reset = [ \"all\" ]; }\n"
				   ");\n"), 0);
	assert_true(life("03:00.0", 1, 2).methods_named);
	assert_false(life("04:00.0", 1, 2).methods_named);
	assert_false(life("05:00.0", 1, 2).methods_named);
	settings_dispose(&s);
}

static bool hidden(const char *sbdf)
{
	for (unsigned i = 0; i < s.nr_hide; i++) {
		if (sbdf_equal(s.hide[i], address(sbdf)))
			return true;
	}
	return false;
}

/* Wildcards stand for the functions that are there, but for bridges. */
static void test_hide_ranges(void **state)
{
	struct provider *p;

	(void)state;
	assert_int_equal(read_text("hide = [ \"0000:02:00.*\", \"03:*.*\", \"04:*.*\", \"0f:*.*\", "
				   "\"04:01.0\" ];\n"), 0);
	p = open_provider("image:" BENCH, &log_);
	assert_int_equal(settings_expand_hide(&s, p), 0);
	assert_int_equal(s.nr_hide, 4);
	assert_true(hidden("02:00.0") && hidden("02:00.1") && hidden("04:01.0") && hidden("04:02.0"));
	assert_false(hidden("03:00.0"));
	provider_close(p);
	settings_dispose(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_adds_up),
		cmocka_unit_test(test_reset_always),
		cmocka_unit_test(test_idle_d3),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_subsystem_and_class),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_hide_ranges),
	};

	return cmocka_run_group_tests_name("life_settings", tests, NULL, NULL);
}
