/* SPDX-License-Identifier: MIT */
/* The bus's switch and the kernel's announcements, over a tree of plain files. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/kernel_backend.h"
#include "tests/unit/support_device.h"

struct tree {
	char root[64];
	struct kernel_backend t;
	struct logbook log;
};

static void in_tree(const struct tree *t, const char *name, char path[256])
{
	snprintf(path, 256, "%s/bus/xen-backend/%s", t->root, name);
}

static void make_dir(const struct tree *t, const char *name)
{
	char path[256];

	in_tree(t, name, path);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void put(const struct tree *t, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	in_tree(t, name, path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static const char *content(const struct tree *t, const char *name)
{
	static char text[256];
	char path[256];
	FILE *f;

	in_tree(t, name, path);
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	return text;
}

/* A host with a backend bus; the struct kernel_backend is set up as kernel_backend_begin would. */
static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	char path[256];

	strcpy(t->root, "/tmp/xenpci-sys-XXXXXX");
	assert_non_null(mkdtemp(t->root));
	snprintf(path, sizeof(path), "%s/bus", t->root);
	assert_int_equal(mkdir(path, 0700), 0);
	make_dir(t, "");
	make_dir(t, "drivers");
	make_dir(t, "devices");
	put(t, "drivers_autoprobe", "1\n");
	put(t, "drivers_probe", "");
	logbook_init(&t->log);
	t->t = (struct kernel_backend){ .lg = &t->log.logger, .uevent_fd = -1 };
	in_tree(t, "", path);
	path[strlen(path) - 1] = 0;
	snprintf(t->t.bus.path, sizeof(t->t.bus.path), "%s", path);
	snprintf(t->t.state_dir, sizeof(t->t.state_dir), "%s", t->root);
	t->t.off = true;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", t->root);
	assert_int_equal(system(command), 0);
	free(t);
	return 0;
}

static void announce(struct tree *t, const char *text, size_t len)
{
	char name[BACKEND_BUS_NAME_MAX];
	enum backend_bus_news news = backend_bus_parse(text, len, name);

	put(t, "drivers_probe", "");
	kernel_backend_announced(&t->t, news, name);
}
#define ANNOUNCE(t, text) announce(t, text, sizeof(text))

static void devices_of_other_types_are_probed(void **state)
{
	struct tree *t = *state;

	ANNOUNCE(t, "add@/devices/vbd-5-768\0ACTION=add\0DEVPATH=/devices/vbd-5-768\0"
		    "SUBSYSTEM=xen-backend\0SEQNUM=1");
	assert_string_equal(content(t, "drivers_probe"), "vbd-5-768");
	ANNOUNCE(t, "add@/devices/vif-5-0\0SUBSYSTEM=xen-backend\0DEVPATH=/devices/vif-5-0");
	assert_string_equal(content(t, "drivers_probe"), "vif-5-0");
	assert_int_equal(t->log.len, 0);
}

static void pci_and_what_is_no_backend_device_are_left_alone(void **state)
{
	struct tree *t = *state;

	ANNOUNCE(t, "add@/devices/pci-5-0\0SUBSYSTEM=xen-backend\0DEVPATH=/devices/pci-5-0");
	assert_string_equal(content(t, "drivers_probe"), "");
	ANNOUNCE(t, "remove@/devices/vbd-5-768\0SUBSYSTEM=xen-backend\0DEVPATH=/devices/vbd-5-768");
	assert_string_equal(content(t, "drivers_probe"), "");
	ANNOUNCE(t, "add@/devices/vif-5\0SUBSYSTEM=net\0DEVPATH=/devices/vif-5");
	assert_string_equal(content(t, "drivers_probe"), "");
	ANNOUNCE(t, "add@/devices/vbd-5-768\0SUBSYSTEM=xen-backend");
	assert_string_equal(content(t, "drivers_probe"), "");
	/* Not ended, empty: no announcement. */
	announce(t, "add@/devices/vbd-5-768\0SUBSYSTEM=xen-backend\0DEVPATH=/devices/vbd-5-768", 20);
	assert_string_equal(content(t, "drivers_probe"), "");
	announce(t, "", 0);
	assert_string_equal(content(t, "drivers_probe"), "");
}

static void a_new_driver_gets_the_devices_that_waited(void **state)
{
	struct tree *t = *state;

	make_dir(t, "devices/vbd-6-768");
	make_dir(t, "devices/vbd-6-768/driver"); /* bound: stands for the link */
	make_dir(t, "devices/pci-6-0");
	make_dir(t, "devices/vif-6-0");
	ANNOUNCE(t, "add@/bus/xen-backend/drivers/vif\0SUBSYSTEM=drivers\0"
		    "DEVPATH=/bus/xen-backend/drivers/vif");
	assert_string_equal(content(t, "drivers_probe"), "vif-6-0");
	ANNOUNCE(t, "add@/bus/pci/drivers/e1000e\0SUBSYSTEM=drivers\0DEVPATH=/bus/pci/drivers/e1000e");
	assert_string_equal(content(t, "drivers_probe"), "");
}

/* The kernel's EINVAL comes from a file of its own that takes numbers only, for as long as the child sleeps. */
static void a_device_that_is_not_ready_is_probed_again(void **state)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	struct tree *t = *state;
	char probe[256], later[256];
	pid_t child;

	in_tree(t, "drivers_probe", probe);
	in_tree(t, "later", later);
	put(t, "later", "");
	assert_int_equal(unlink(probe), 0);
	assert_int_equal(symlink("/proc/self/oom_score_adj", probe), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		nanosleep(&moment, NULL);
		_exit(rename(later, probe) ? 1 : 0);
	}
	kernel_backend_announced(&t->t, BACKEND_BUS_APPEARED, "vbd-5-768");
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_string_equal(content(t, "drivers_probe"), "vbd-5-768");
	assert_int_equal(t->log.len, 0);

	/* One that the driver refuses for good is told. */
	assert_int_equal(unlink(probe), 0);
	assert_int_equal(symlink("/proc/self/oom_score_adj", probe), 0);
	kernel_backend_announced(&t->t, BACKEND_BUS_APPEARED, "vbd-5-768");
	assert_non_null(strstr(t->log.text, "cannot let the kernel bind vbd-5-768: Invalid argument"));
}

static void an_instance_of_the_kernels_is_known(void **state)
{
	struct tree *t = *state;

	make_dir(t, "devices/pci-7-0");
	assert_false(kernel_backend_serves(&t->t, 7, 0));
	make_dir(t, "devices/pci-7-0/driver");
	assert_true(kernel_backend_serves(&t->t, 7, 0));
	assert_false(kernel_backend_serves(&t->t, 8, 0));
}

/* The switch's old position, which a process before us may have left; "" for none. */
static const char *remembered(const struct tree *t)
{
	return content(t, "../../autoprobe");
}

static void what_was_found_is_restored(void **state)
{
	static const struct {
		const char *found, *left, *during; /* the switch, and what a killed process remembered */
		const char *after;
	} cases[] = {
		{ "1\n", NULL, "1\n", "1\n" }, { "0\n", NULL, "0\n", "0\n" },
		{ "0\n", "1\n", "1\n", "1\n" }, { "0\n", "0\n", "0\n", "0\n" },
		{ "0\n", "", "1\n", "1\n" },	  { "1\n", "0\n", "1\n", "1\n" },
	};
	struct tree *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[256];

		put(t, "drivers_autoprobe", cases[i].found);
		if (cases[i].left)
			put(t, "../../autoprobe", cases[i].left);
		assert_int_equal(kernel_backend_begin(&t->t, t->root, t->root, &t->log.logger), 0);
		assert_string_equal(content(t, "drivers_autoprobe"), "0\n");
		assert_string_equal(remembered(t), cases[i].during);
		kernel_backend_end(&t->t);
		assert_string_equal(content(t, "drivers_autoprobe"), cases[i].after);
		in_tree(t, "../../autoprobe", path);
		assert_int_equal(access(path, F_OK), -1);
	}
}

/* A driver for pci nodes that comes while the switch is on takes what we serve: so it is off before. */
static void without_the_kernels_driver_the_switch_is_off_too(void **state)
{
	struct tree *t = *state;

	make_dir(t, "devices/vif-6-0");
	assert_int_equal(kernel_backend_begin(&t->t, t->root, t->root, &t->log.logger), 0);
	assert_string_equal(content(t, "drivers_autoprobe"), "0\n");
	assert_string_equal(content(t, "drivers_probe"), "vif-6-0");
	assert_false(kernel_backend_serves(&t->t, 7, 0));
	make_dir(t, "drivers/pciback");
	make_dir(t, "devices/pci-7-0");
	ANNOUNCE(t, "add@/bus/xen-backend/drivers/pciback\0SUBSYSTEM=drivers\0"
		    "DEVPATH=/bus/xen-backend/drivers/pciback");
	assert_string_equal(content(t, "drivers_autoprobe"), "0\n");
	assert_string_equal(content(t, "drivers_probe"), "vif-6-0");
	kernel_backend_end(&t->t);
	assert_string_equal(content(t, "drivers_autoprobe"), "1\n");
}

static void another_process_may_mind_the_switch(void **state)
{
	struct tree *t = *state;

	assert_int_equal(kernel_backend_watch_only(&t->t, t->root, t->root, &t->log.logger), 0);
	assert_int_equal(kernel_backend_fd(&t->t), -1);
	make_dir(t, "devices/pci-7-0");
	make_dir(t, "devices/pci-7-0/driver");
	assert_true(kernel_backend_serves(&t->t, 7, 0));
	assert_string_equal(content(t, "drivers_autoprobe"), "1\n");
	/* It turned it off, and is no more. */
	put(t, "../../autoprobe", "1\n");
	put(t, "drivers_autoprobe", "0\n");
	kernel_backend_end(&t->t);
	assert_string_equal(content(t, "drivers_autoprobe"), "0\n");
	assert_int_equal(kernel_backend_watch_only(&t->t, t->root, t->root, &t->log.logger), 0);
	kernel_backend_inherit(&t->t);
	kernel_backend_end(&t->t);
	assert_string_equal(content(t, "drivers_autoprobe"), "1\n");
}

static void without_a_bus_nothing_is_touched(void **state)
{
	struct tree *t = *state;

	assert_int_equal(kernel_backend_begin(&t->t, "/nonexistent", t->root, &t->log.logger), 0);
	assert_int_equal(kernel_backend_fd(&t->t), -1);
	assert_false(kernel_backend_serves(&t->t, 7, 0));
	kernel_backend_end(&t->t);
	assert_int_equal(t->log.len, 0);
}

/* The bus is announced by its first device or driver, where it is not there from the start. */
static void a_bus_that_comes_late_is_taken_over(void **state)
{
	char path[256], away[256];
	struct tree *t = *state;

	in_tree(t, "drivers_autoprobe", path);
	in_tree(t, "away", away);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(kernel_backend_begin(&t->t, t->root, t->root, &t->log.logger), 0);
	assert_int_equal(rename(away, path), 0);
	ANNOUNCE(t, "add@/bus/xen-backend/drivers/vif\0SUBSYSTEM=drivers\0"
		    "DEVPATH=/bus/xen-backend/drivers/vif");
	assert_string_equal(content(t, "drivers_autoprobe"), "0\n");
	kernel_backend_end(&t->t);
	assert_string_equal(content(t, "drivers_autoprobe"), "1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(devices_of_other_types_are_probed, setup, teardown),
		cmocka_unit_test_setup_teardown(pci_and_what_is_no_backend_device_are_left_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_new_driver_gets_the_devices_that_waited, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_device_that_is_not_ready_is_probed_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_instance_of_the_kernels_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_found_is_restored, setup, teardown),
		cmocka_unit_test_setup_teardown(without_the_kernels_driver_the_switch_is_off_too, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_process_may_mind_the_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_bus_nothing_is_touched, setup, teardown),
		cmocka_unit_test_setup_teardown(a_bus_that_comes_late_is_taken_over, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
