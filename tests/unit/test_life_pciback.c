/* SPDX-License-Identifier: MIT */
/* What xen-pciback was told counts with us: its sysfs files and parameters, well formed or not. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/settings.h"
#include "common/util.h"
#include "tests/unit/support_device.h"

#define DRIVER "bus/pci/drivers/pciback/"
#define MODULE "module/xen_pciback/parameters/"

static struct logbook log_;
static struct settings s;
static struct pciback_words words;
static char root[64];
static const struct pcidev_info nic = { .sbdf = { 0, 3, 0 }, .vendor = 0x8086, .device = 0x10d3 };

static int begin(void **state)
{
	char command[256];

	(void)state;
	logbook_init(&log_);
	settings_init(&s);
	strcpy(root, "/tmp/xenpci-pciback-XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(command, sizeof(command), "mkdir -p %s/" DRIVER " %s/" MODULE, root, root);
	return system(command);
}

static int end(void **state)
{
	char command[96];

	(void)state;
	settings_dispose(&s);
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void put(const char *name, const char *text)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void test_nothing(void **state)
{
	(void)state;
	pciback_read(root, &nic, &words);
	assert_null(words.permissive);
	assert_null(words.interrupt_control);
	assert_int_equal(words.nr_quirks, 0);
	settings_adopt_pciback(&s, root, &log_.logger);
	assert_int_equal(s.slots, SLOTS_VPCI);
	assert_int_equal(s.nr_hide, 0);
	assert_string_equal(log_.text, "");
}

static void test_switches(void **state)
{
	(void)state;
	put(DRIVER "permissive", "0000:02:00.0\n0000:03:00.1\n");
	put(DRIVER "allow_interrupt_control", "0000:03:00.0\n");
	put(MODULE "permissive", "N\n");
	pciback_read(root, &nic, &words);
	assert_null(words.permissive);
	assert_string_equal(words.interrupt_control, DRIVER "allow_interrupt_control");
	put(MODULE "permissive", "Y\n");
	pciback_read(root, &nic, &words);
	assert_string_equal(words.permissive, MODULE "permissive");
	put(DRIVER "permissive", "0000:02:00.0\n0000:03:00.0\n");
	pciback_read(root, &nic, &words);
	assert_string_equal(words.permissive, DRIVER "permissive");
}

/* As pciback prints them: every register it knows, of every device, and the written ones masked. */
static void test_quirks(void **state)
{
	(void)state;
	put(DRIVER "quirks", "02:00.0\n\t8086:10d3:0000:0000\n\t\t00000050:2:0000ffff\n"
			     "03:00.0\n\t8086:10d3:0000:0000\n\t\t00000004:2:00000000\n"
			     "\t\t00000060:1:000000ff\n\t\t000000e8:2:00007000\n"
			     "\t\t00000061:2:0000ffff\n\t\t00010000:2:0000ffff\n\t\tnonsense\n"
			     "\t\t00000070:3:000000ff\n"
			     "03:00.0\n\t8086:10d4:0000:0000\n\t\t00000090:2:0000ffff\n");
	pciback_read(root, &nic, &words);
	assert_int_equal(words.nr_quirks, 2);
	assert_int_equal(words.quirk[0].offset, 0x60);
	assert_int_equal(words.quirk[0].width, 1);
	assert_int_equal(words.quirk[0].mask, 0xff);
	assert_int_equal(words.quirk[1].offset, 0xe8);
	assert_int_equal(words.quirk[1].mask, 0x7000);
	/* As it was written, with and without blanks; bits beyond the width are not there. */
	put(DRIVER "quirks", "0000:03:00.0-60:1:ff\n0000:03:00.0 - 64:2:ffffffff\n0001:03:00.0-68:1:ff\n"
			     "0000:03:00.0-6c:1:0\n0000:03:00.0-\n-\n:\n");
	pciback_read(root, &nic, &words);
	assert_int_equal(words.nr_quirks, 2);
	assert_int_equal(words.quirk[1].offset, 0x64);
	assert_int_equal(words.quirk[1].mask, 0xffff);
}

/* More than there is room for, and a file of one endless line. */
static void test_bounds(void **state)
{
	char text[4096], *end_of = text;

	(void)state;
	for (unsigned i = 0; i < 2 * PCIBACK_QUIRKS_MAX; i++)
		end_of += sprintf(end_of, "0000:03:00.0-%x:1:ff\n", 0x40 + i);
	put(DRIVER "quirks", text);
	pciback_read(root, &nic, &words);
	assert_int_equal(words.nr_quirks, PCIBACK_QUIRKS_MAX);
	memset(text, '0', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	put(DRIVER "quirks", text);
	put(DRIVER "permissive", text);
	pciback_read(root, &nic, &words);
	assert_int_equal(words.nr_quirks, 0);
	assert_null(words.permissive);
}

/* The policy says where it comes from; what the settings say comes first. */
static void test_policy(void **state)
{
	const struct node_opts none = { 0 }, permissive = { .permissive = true };
	struct settings_policy p;

	(void)state;
	put(DRIVER "permissive", "0000:03:00.0\n");
	put(DRIVER "quirks", "0000:03:00.0-60:1:ff\n");
	settings_policy(&s, &nic, &none, "opts-0", &p);
	assert_false(p.policy.permissive);
	settings_adopt_pciback(&s, root, &log_.logger);
	settings_policy(&s, &nic, &none, "opts-0", &p);
	assert_true(p.policy.permissive);
	assert_string_equal(p.policy.permissive_source, DRIVER "permissive");
	assert_int_equal(p.policy.nr_quirks, 1);
	assert_int_equal(p.nr_adopted, 1);
	settings_policy(&s, &nic, &permissive, "opts-0", &p);
	assert_string_equal(p.policy.permissive_source, "opts-0");
}

static void test_module(void **state)
{
	(void)state;
	put(MODULE "passthrough", "Y\n");
	put(MODULE "hide", "(0000:03:00.0)(04:00.*)(nonsense)\n");
	settings_adopt_pciback(&s, root, &log_.logger);
	assert_int_equal(s.slots, SLOTS_PASSTHROUGH);
	assert_true(logbook_has(&log_, "passthrough"));
	assert_int_equal(s.nr_hide, 1);
	assert_int_equal(s.nr_ranges, 1);
	assert_true(logbook_has(&log_, "\"nonsense\" is not understood"));
	/* The file's word on slots is the last. */
	settings_dispose(&s);
	s.slots_said = true;
	settings_adopt_pciback(&s, root, &log_.logger);
	assert_int_equal(s.slots, SLOTS_VPCI);
	/* A parameter that nobody gave. */
	settings_dispose(&s);
	put(MODULE "hide", "(null)\n");
	settings_adopt_pciback(&s, root, &log_.logger);
	assert_int_equal(s.nr_hide + s.nr_ranges, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_switches, begin, end),
		cmocka_unit_test_setup_teardown(test_quirks, begin, end),
		cmocka_unit_test_setup_teardown(test_bounds, begin, end),
		cmocka_unit_test_setup_teardown(test_policy, begin, end),
		cmocka_unit_test_setup_teardown(test_module, begin, end),
	};

	return cmocka_run_group_tests_name("life_pciback", tests, NULL, NULL);
}
