/* SPDX-License-Identifier: MIT */
/* Who holds a device, whether it answers, what it is called, and what an earlier reset has left. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "host/assignable.h"
#include "host/hypercall.h"
#include "host/reset_offer.h"
#include "common/util.h"
#include "tests/unit/support_image.h"

enum { GUEST = 7, OTHER = 8 };

static struct assignable result;

static bool check(const char *sbdf, unsigned allow)
{
	return assignable_check(&t, at(sbdf), GUEST, allow, &result);
}

static void assert_text(const char *sbdf, const char *part)
{
	char buf[ASSIGNABLE_TEXT_MAX];

	if (!strstr(assignable_text(&t, at(sbdf), &result.refusal[0], buf), part))
		fail_msg("\"%s\" does not say \"%s\"", buf, part);
}

/* Only what pciback holds is given, where there is an OS to tell: an image has none. */
static void test_not_held(void **state)
{
	struct topology_function *nvme = fn("00:07.0");

	(void)state;
	assert_true(check("00:07.0", 0));
	nvme->os = true;
	assert_false(check("00:07.0", 0));
	assert_int_equal(result.refusal[0].rule, ASSIGNABLE_NOT_HELD);
	assert_text("00:07.0", "[rule not-held; xenpci assignable add it; allow = [\"not-held\"] overrides it]");
	assert_true(check("00:07.0", ASSIGNABLE_BIT(ASSIGNABLE_NOT_HELD)));
	strcpy(nvme->driver, "pci-stub");
	assert_false(check("00:07.0", 0));
	strcpy(nvme->driver, "pciback");
	assert_true(check("00:07.0", 0));
	/* A driver that uses it is a worse matter, and one only. */
	strcpy(nvme->driver, "nvme");
	assert_false(check("00:07.0", ASSIGNABLE_ALL));
	assert_int_equal(result.nr, 1);
	assert_int_equal(result.refusal[0].rule, ASSIGNABLE_HOST_DRIVER);
}

/* What does not answer is given to nobody, and nothing is said of resets that cannot be read. */
static void test_dead(void **state)
{
	struct topology_function *edu = fn("00:05.0");

	(void)state;
	edu->dead = true;
	assert_false(check("00:05.0", ASSIGNABLE_ALL));
	assert_int_equal(result.nr, 1);
	assert_int_equal(result.refusal[0].rule, ASSIGNABLE_DEAD);
	assert_text("00:05.0", "D3cold");
	assert_text("00:05.0", "xenpci reset it");
	edu->dead = false;
	assert_true(check("00:05.0", ASSIGNABLE_BIT(ASSIGNABLE_NO_RESET)));
}

/* What the kernel has put into D3cold is told as that: it reads ones, and is not dead. */
static void test_d3cold(void **state)
{
	struct topology_function *edu = fn("00:05.0");

	(void)state;
	edu->dead = edu->d3cold = true;
	assert_false(check("00:05.0", ASSIGNABLE_ALL));
	assert_int_equal(result.nr, 1);
	assert_int_equal(result.refusal[0].rule, ASSIGNABLE_ASLEEP);
	assert_text("00:05.0", "[rule asleep; echo on > its power/control");
	/* A word of the kernel's that its registers belie. */
	edu->dead = false;
	assert_true(check("00:05.0", ASSIGNABLE_BIT(ASSIGNABLE_NO_RESET)));
	edu->d3cold = false;
}

/* What sleeps in D3hot is told of, and nothing stands against it; not where a guest has put it there itself. */
static void test_d3hot(void **state)
{
	struct topology_function *nvme = fn("00:07.0");

	(void)state;
	nvme->d3hot = true;
	assert_true(check("00:07.0", 0));
	assert_true(result.notes & 1u << ASSIGNABLE_NOTE_ASLEEP);
	nvme->guest = GUEST;
	assert_true(check("00:07.0", 0));
	assert_false(result.notes & 1u << ASSIGNABLE_NOTE_ASLEEP);
	nvme->guest = TOPOLOGY_NO_GUEST;
	nvme->d3hot = false;
	assert_true(check("00:07.0", 0));
	assert_false(result.notes & 1u << ASSIGNABLE_NOTE_ASLEEP);
}

/* Both are asked at each judgement. */
static void test_falls_asleep(void **state)
{
	struct pcidev *nvme = provider_open_device(provider, address("00:07.0"));
	unsigned pm;

	(void)state;
	assert_non_null(nvme);
	pm = pcidev_find_cap(nvme, PCI_CAP_ID_PM);
	assert_true(pm);
	assignable_look(&t, provider, at("00:07.0"));
	assert_false(fn("00:07.0")->d3hot);
	set(nvme, pm + PCI_PM_CTRL, 1, 3);
	assignable_look(&t, provider, at("00:07.0"));
	assert_true(fn("00:07.0")->d3hot);
	assert_false(fn("00:07.0")->dead);
	set(nvme, pm + PCI_PM_CTRL, 1, 0);
	assignable_look(&t, provider, at("00:07.0"));
	assert_false(fn("00:07.0")->d3hot);
	pcidev_close(nvme);
}

/* Whether it answers is asked at each judgement: it may have died since the topology was read. */
static void test_dies(void **state)
{
	struct pcidev *port = provider_open_device(provider, address("00:01.0"));

	(void)state;
	assert_non_null(port);
	assignable_look(&t, provider, at("01:00.0"));
	assert_false(fn("01:00.0")->dead);
	set(port, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
	assignable_look(&t, provider, at("01:00.0"));
	assert_true(fn("01:00.0")->dead);
	set(port, PCI_BRIDGE_CONTROL, 2, 0);
	assignable_look(&t, provider, at("01:00.0"));
	assert_false(fn("01:00.0")->dead);
	pcidev_close(port);
}

/* A segment that Linux made up: the VMD device is named, and nothing overrides it. */
static void test_segment(void **state)
{
	struct topology_function *nvme = fn("00:07.0");

	(void)state;
	nvme->info.sbdf.segment = 0xffff;
	assert_true(assignable_check(&t, (int)(nvme - t.function), GUEST, 0, &result));
	nvme->info.sbdf.segment = 0x10000;
	fn("00:04.0")->info.device = 0x9a0b;
	assert_false(assignable_check(&t, (int)(nvme - t.function), GUEST, ASSIGNABLE_ALL, &result));
	assert_int_equal(result.refusal[0].rule, ASSIGNABLE_SEGMENT);
	nvme->info.sbdf.segment = 0;
	assert_text("00:07.0", ": 0000:00:04.0 [rule segment; give the VMD device");
}

/* What an earlier guest has left unreset waits for a reset, unless that is overridden. */
static void test_unreset(void **state)
{
	(void)state;
	fn("00:07.0")->unreset = true;
	assert_false(check("00:07.0", 0));
	assert_int_equal(result.nr, 1);
	assert_int_equal(result.refusal[0].rule, ASSIGNABLE_UNRESET);
	assert_text("00:07.0", "xenpci reset it");
	assert_true(check("00:07.0", ASSIGNABLE_BIT(ASSIGNABLE_UNRESET)));
	assert_int_equal(assignable_rules_parse("unreset"), ASSIGNABLE_BIT(ASSIGNABLE_UNRESET));
}

/* Numbers that stand for no line are nobody's in common. */
static void test_no_line(void **state)
{
	static const uint32_t none[] = { 0, 255, 1u << 31, UINT32_MAX, 1u << 31 | 16 };
	static const uint32_t lines[] = { 1, 16, 254, 256, 1234, INT32_MAX };
	struct topology_function *mine = fn("00:1a.0"), *other = fn("01:00.0");

	(void)state;
	other->guest = OTHER;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		assert_false(pcidev_is_line(none[i]));
		mine->info.irq = other->info.irq = none[i];
		mine->msi = false;
		check("00:1a.0", 0);
		assert_false(result.line_shared);
		assert_true(result.notes & 1u << ASSIGNABLE_NOTE_NO_LINE);
		assert_false(assignable_concerns(&t, at("00:1a.0"), at("01:00.0"), true));
		/* With MSI, or without a pin, there is nothing to miss. */
		mine->msi = true;
		check("00:1a.0", 0);
		assert_false(result.notes & 1u << ASSIGNABLE_NOTE_NO_LINE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_true(pcidev_is_line(lines[i]));
		mine->info.irq = other->info.irq = lines[i];
		check("00:1a.0", 0);
		assert_true(result.line_shared);
		assert_false(result.notes & 1u << ASSIGNABLE_NOTE_NO_LINE);
	}
}

/* Xen's refusals come with their usual cause. */
static void test_assign_causes(void **state)
{
	static const struct { int err; const char *says; } rows[] = {
		{ EPERM, "RMRR" }, { EPERM, "rdm_policy=relaxed" }, { EPERM, "risk" },
		{ EINVAL, "destroyed" }, { ENODEV, "does not know the device" },
		{ EBUSY, "another domain has it" }, { ESRCH, "no such domain" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_non_null(strstr(hypercall_assign_cause(rows[i].err, false), rows[i].says));
	assert_string_equal(hypercall_assign_cause(ENOSPC, false), "");
	/* Who is relaxed already is not told to be. */
	assert_null(strstr(hypercall_assign_cause(EPERM, true), "RMRR"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_not_held, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_dead, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_dies, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_d3cold, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_d3hot, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_falls_asleep, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_segment, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_unreset, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_no_line, image_setup, image_teardown),
		cmocka_unit_test(test_assign_causes),
	};

	return cmocka_run_group_tests_name("life_held", tests, NULL, NULL);
}
