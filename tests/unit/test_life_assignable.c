/* SPDX-License-Identifier: MIT */
/* Each rule that keeps a device from a guest: broken, satisfied, overridden. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/assignable.h"
#include "common/util.h"
#include "tests/unit/support_image.h"

enum { GUEST = 7, OTHER = 8 };

static struct assignable result;

static void no_bars(const char *sbdf)
{
	for (int b = 0; b < PCIDEV_RESOURCES; b++)
		fn(sbdf)->info.resource[b].disabled = true;
}

static void driver(const char *sbdf, const char *name)
{
	snprintf(fn(sbdf)->driver, TOPOLOGY_DRIVER_MAX, "%s", name);
}

static bool check(const char *sbdf, unsigned allow)
{
	return assignable_check(&t, (int)(fn(sbdf) - t.function), GUEST, allow, &result);
}

static void assert_fine(const char *sbdf)
{
	char buf[ASSIGNABLE_TEXT_MAX];

	if (!check(sbdf, 0))
		fail_msg("%s: %s", sbdf, assignable_text(&t, (int)(fn(sbdf) - t.function), &result.refusal[0], buf));
	assert_int_equal(result.nr, 0);
	assert_null(assignable_first(&result));
}

#define NAME(id, name, overridable, wrong, remedy) name,
static const char *const rule_names[] = { ASSIGNABLE_RULES(NAME) };
#undef NAME

/*
 * sbdf is refused by `rule` alone, whose text names what is in `others`, and is not
 * where the rule is allowed to be broken (if it can be).
 */
static void assert_refused(const char *sbdf, enum assignable_rule rule, const char *others)
{
	bool overridable = assignable_rules_parse(rule_names[rule]);
	char buf[ASSIGNABLE_TEXT_MAX], named[64];

	assert_false(check(sbdf, 0));
	assert_int_equal(result.nr, 1);
	assert_int_equal(result.refusal[0].rule, rule);
	assert_ptr_equal(assignable_first(&result), &result.refusal[0]);
	assignable_text(&t, (int)(fn(sbdf) - t.function), &result.refusal[0], buf);
	snprintf(named, sizeof(named), "[rule %s; ", rule_names[rule]);
	assert_non_null(strstr(buf, named));
	if (others && !strstr(buf, others))
		fail_msg("\"%s\" does not name %s", buf, others);
	/* Allowing every other rule does not help. */
	assert_false(check(sbdf, ASSIGNABLE_ALL & ~ASSIGNABLE_BIT(rule)));
	assert_int_equal(check(sbdf, ASSIGNABLE_BIT(rule)), overridable);
	assert_int_equal(result.refusal[0].allowed, overridable);
	assert_int_equal(strstr(buf, "overrides it") != NULL, overridable);
}

/* What could not be read stands against nothing, and is told. */
static void test_unseen(void **state)
{
	const unsigned note = 1u << ASSIGNABLE_NOTE_CAPS_UNSEEN;

	(void)state;
	no_bars("00:07.0");
	assert_fine("00:07.0");
	assert_false(result.notes & note);
	fn("00:07.0")->info.caps_unseen = true;
	assert_fine("00:07.0");
	assert_true(result.notes & note);
	assert_non_null(strstr(assignable_note_text(ASSIGNABLE_NOTE_CAPS_UNSEEN), "MSI"));
}

static void test_fine(void **state)
{
	static const char *const fine[] = {
		"00:04.0", /* PM reset on a root bus */
		"00:07.0", /* FLR */
		"00:1a.0", /* AF FLR */
		"01:00.0", "02:00.0", "02:00.1", "04:01.0", "05:00.0", "05:00.2",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
		no_bars(fine[i]); /* test_bars is about them */
		assert_fine(fine[i]);
		/* What merely holds a device for guests is no user of it. */
		driver(fine[i], "pciback");
		assert_fine(fine[i]);
		driver(fine[i], "");
		/* The guest's own is its own. */
		fn(fine[i])->guest = GUEST;
		assert_fine(fine[i]);
		fn(fine[i])->guest = TOPOLOGY_NO_GUEST;
	}
}

static void test_itself(void **state)
{
	(void)state;
	no_bars("03:00.0");
	assert_refused("03:00.0", ASSIGNABLE_BRIDGE, NULL);
	fn("00:07.0")->quarantined = true;
	assert_refused("00:07.0", ASSIGNABLE_QUARANTINE, NULL);
	fn("00:07.0")->quarantined = false;
	driver("00:07.0", "nvme");
	assert_refused("00:07.0", ASSIGNABLE_HOST_DRIVER, "0000:00:07.0 (host, nvme)");
	driver("00:07.0", "pciback");
	fn("00:07.0")->guest = OTHER;
	assert_refused("00:07.0", ASSIGNABLE_OTHER_GUEST, "0000:00:07.0 (guest 8)");
}

static void test_bridges(void **state)
{
	static const char *const bridges[] = { "00:00.0", "00:01.0", "00:1c.0", "00:1f.0", "03:00.0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bridges); i++) {
		assert_false(check(bridges[i], 0));
		assert_int_equal(result.refusal[0].rule, ASSIGNABLE_BRIDGE);
	}
}

static void test_slot(void **state)
{
	(void)state;
	no_bars("02:00.0");
	/* The other function in another's hands, one way or the other. */
	fn("02:00.1")->guest = OTHER;
	assert_refused("02:00.0", ASSIGNABLE_SLOT, "0000:02:00.1 (guest 8)");
	fn("02:00.1")->guest = TOPOLOGY_NO_GUEST;
	driver("02:00.1", "tg3");
	assert_refused("02:00.0", ASSIGNABLE_SLOT, "0000:02:00.1 (host, tg3)");
	driver("02:00.1", "pciback");
	assert_fine("02:00.0");
	fn("02:00.1")->guest = GUEST;
	assert_fine("02:00.0");
	/* Whichever lacks FLR binds the other, in either order; what the host has is never reset. */
	fn("02:00.1")->guest = OTHER;
	fn("02:00.0")->flr = true;
	assert_refused("02:00.0", ASSIGNABLE_SLOT, "0000:02:00.1 (guest 8)");
	fn("02:00.1")->guest = TOPOLOGY_NO_GUEST;
	driver("02:00.1", "tg3");
	assert_fine("02:00.0");
	driver("02:00.1", "pciback");
	/* With FLR each function stands for itself. */
	fn("02:00.1")->guest = OTHER;
	fn("02:00.1")->flr = true;
	assert_fine("02:00.0");
	/* FLR that the kernel knows to hang is none. */
	fn("02:00.1")->info.vendor = 0x1022;
	fn("02:00.1")->info.device = 0x149c;
	assert_refused("02:00.0", ASSIGNABLE_SLOT, "0000:02:00.1 (guest 8)");
	/* A conventional device's slot is the bus's matter. */
	no_bars("00:1a.0");
	fn("00:1a.7")->guest = OTHER;
	assert_fine("00:1a.0");
}

static void test_pci_bus(void **state)
{
	(void)state;
	no_bars("04:01.0");
	fn("04:02.0")->guest = OTHER;
	assert_refused("04:01.0", ASSIGNABLE_PCI_BUS, "0000:04:02.0 (guest 8)");
	fn("04:02.0")->guest = GUEST;
	assert_fine("04:01.0");
	/* Bridges have drivers of their own and belong to nobody. */
	driver("03:00.0", "shpchp");
	assert_fine("04:01.0");
}

static void test_sriov(void **state)
{
	(void)state;
	no_bars("05:00.0");
	no_bars("05:00.2");
	/* The host drives the physical function and gives virtual ones away. */
	driver("05:00.0", "mlx5_core");
	assert_fine("05:00.2");
	driver("05:00.0", "");
	fn("05:00.0")->guest = OTHER;
	assert_refused("05:00.2", ASSIGNABLE_SRIOV, "0000:05:00.0 (guest 8)");
	fn("05:00.0")->guest = TOPOLOGY_NO_GUEST;
	fn("05:00.3")->guest = OTHER;
	assert_fine("05:00.2");
	assert_refused("05:00.0", ASSIGNABLE_SRIOV, "0000:05:00.3 (guest 8)");
}

static void test_no_reset(void **state)
{
	struct topology_function *edu = fn("00:05.0");

	(void)state;
	no_bars("00:05.0");
	assert_refused("00:05.0", ASSIGNABLE_NO_RESET, NULL);
	edu->pm_reset = true;
	assert_fine("00:05.0");
	edu->pm_reset = false;
	edu->af_flr = true;
	assert_fine("00:05.0");
	edu->af_flr = false;
	edu->kernel_reset = true;
	assert_fine("00:05.0");
	edu->kernel_reset = false;
	/* Behind a bridge there is the bus to reset. */
	edu->parent = (int)(fn("00:01.0") - t.function);
	assert_fine("00:05.0");
}

static void set_bar(const char *sbdf, int bar, uint64_t start, uint64_t size)
{
	fn(sbdf)->info.resource[bar] = (struct pcidev_resource){ .start = start, .size = size };
}

static void test_bars(void **state)
{
	(void)state;
	no_bars("00:07.0");
	set_bar("00:07.0", 2, 0x383800001000, 4096);
	assert_fine("00:07.0");
	assert_false(result.notes);
	/* A small one that has its page for itself is worth a note, wherever in the page it lies. */
	set_bar("00:07.0", 2, 0x383800001000, 2048);
	assert_fine("00:07.0");
	assert_int_equal(result.notes, 1u << ASSIGNABLE_NOTE_SMALL_BAR);
	set_bar("00:07.0", 2, 0x383800001400, 1024);
	assert_fine("00:07.0");
	/* Not with what another may be given yet; only with the guest's own. */
	no_bars("01:00.0");
	set_bar("01:00.0", 2, 0x383800001800, 0x400);
	assert_refused("00:07.0", ASSIGNABLE_SMALL_BAR, "(BAR 2): 0000:01:00.0");
	fn("01:00.0")->guest = GUEST;
	assert_fine("00:07.0");
	fn("01:00.0")->guest = TOPOLOGY_NO_GUEST;
	no_bars("01:00.0");
	set_bar("00:07.0", PCIDEV_ROM, 0xfe000000, 2048);
	set_bar("00:07.0", 2, 0, 0);
	assert_fine("00:07.0");
	assert_int_equal(result.notes, 1u << ASSIGNABLE_NOTE_SMALL_BAR);
	set_bar("00:07.0", PCIDEV_ROM, 0, 2048);
	assert_fine("00:07.0");
	assert_false(result.notes);
	/* I/O ports are given one by one. */
	set_bar("00:07.0", 2, 0xc040, 32);
	fn("00:07.0")->info.resource[2].flags = 1;
	assert_fine("00:07.0");
	set_bar("00:07.0", 2, 0x383800001400, 4096);
	assert_refused("00:07.0", ASSIGNABLE_UNALIGNED_BAR, "(BAR 2)");
	/* A small one over a page's edge. */
	set_bar("00:07.0", 2, 0x383800001e00, 1024);
	assert_refused("00:07.0", ASSIGNABLE_UNALIGNED_BAR, "(BAR 2)");
	/* Two refusals come in the table's order. */
	fn("00:07.0")->flr = fn("00:07.0")->pm_reset = false;
	assert_false(check("00:07.0", 0));
	assert_int_equal(result.nr, 2);
	assert_int_equal(result.refusal[0].rule, ASSIGNABLE_NO_RESET);
	assert_int_equal(result.refusal[1].rule, ASSIGNABLE_UNALIGNED_BAR);
	assert_false(check("00:07.0", ASSIGNABLE_BIT(ASSIGNABLE_NO_RESET)));
	assert_ptr_equal(assignable_first(&result), &result.refusal[1]);
}

/* XSA-461: the two ways in which a device can share what a guest gets. */
static void xsa_461_shared_page(void **state)
{
	const unsigned small = ASSIGNABLE_BIT(ASSIGNABLE_SMALL_BAR) |
			       ASSIGNABLE_BIT(ASSIGNABLE_UNALIGNED_BAR);

	(void)state;
	no_bars("00:07.0");
	no_bars("01:00.0");
	/* Above 4 GiB, so that a 32-bit comparison would see other pages. */
	set_bar("00:07.0", 0, 0x383800001000, 0x400);
	set_bar("01:00.0", 2, 0x383800001800, 0x400);
	assert_true(check("00:07.0", small));
	fn("01:00.0")->guest = OTHER;
	assert_false(check("00:07.0", small));
	assert_int_equal(assignable_first(&result)->rule, ASSIGNABLE_SHARED_PAGE);
	assert_int_equal(assignable_first(&result)->nr_others, 1);
	assert_int_equal(assignable_first(&result)->others[0], fn("01:00.0") - t.function);
	set_bar("01:00.0", 2, 0x3800001800, 0x400);
	assert_true(check("00:07.0", small));
	/* Neighbours in different pages share nothing. */
	set_bar("00:07.0", 0, 0x383800001000, 0x1000);
	set_bar("01:00.0", 2, 0x383800002000, 0x1000);
	assert_fine("00:07.0");
	set_bar("01:00.0", 2, 0x383800000000, 0x1000);
	assert_fine("00:07.0");
	/* A big one around ours. */
	set_bar("01:00.0", 2, 0x383800000000, 0x10000);
	assert_refused("00:07.0", ASSIGNABLE_SHARED_PAGE, "0000:01:00.0 (guest 8)");
}

static void xsa_461_shared_irq(void **state)
{
	(void)state;
	/* bench: 16 is the line of 00:1a.0 (without MSI), of 01:00.0 (with) and of others. */
	no_bars("00:1a.0");
	no_bars("01:00.0");
	assert_int_equal(fn("00:1a.0")->info.irq, fn("01:00.0")->info.irq);
	fn("01:00.0")->guest = OTHER;
	assert_refused("00:1a.0", ASSIGNABLE_SHARED_IRQ, "0000:01:00.0 (guest 8)");
	assert_false(result.hide_intx);
	/* What the host listens to is told by its handlers, not by who drives what. */
	fn("01:00.0")->guest = TOPOLOGY_NO_GUEST;
	driver("01:00.0", "be2net");
	assert_fine("00:1a.0");
	snprintf(fn("00:1a.0")->line_users, TOPOLOGY_USERS_MAX, "i801_smbus");
	assert_refused("00:1a.0", ASSIGNABLE_SHARED_IRQ, ": (host, i801_smbus) [");
	assert_true(result.line_shared);
	fn("00:1a.0")->line_users[0] = '\0';
	/* With MSI the line is withheld instead, unless sharing is allowed. */
	driver("01:00.0", "");
	fn("00:1a.0")->guest = OTHER;
	assert_fine("01:00.0");
	assert_true(result.hide_intx);
	assert_int_equal(result.line_other, fn("00:1a.0") - t.function);
	assert_true(check("01:00.0", ASSIGNABLE_BIT(ASSIGNABLE_SHARED_IRQ)));
	assert_true(result.line_shared);
	assert_false(result.hide_intx);
	/* A function without a pin shares no line, whatever number it shows. */
	fn("00:1a.0")->intx = false;
	assert_fine("01:00.0");
	assert_false(result.line_shared);
	assert_int_equal(result.line_other, TOPOLOGY_NONE);
}

static bool concerns(const char *a, const char *b, bool judged)
{
	int i = (int)(fn(a) - t.function), j = (int)(fn(b) - t.function);

	assert_true(assignable_concerns(&t, i, j, judged) == assignable_concerns(&t, j, i, judged));
	return assignable_concerns(&t, i, j, judged);
}

static void test_concerns(void **state)
{
	(void)state;
	assert_true(concerns("00:04.0", "00:04.0", false));
	assert_false(concerns("00:04.0", "00:07.0", true));
	/* One slot, on a root bus and behind a port; one bus, with its bridges. */
	assert_true(concerns("00:1f.2", "00:1f.3", false));
	assert_true(concerns("02:00.0", "02:00.1", false));
	assert_true(concerns("04:01.0", "04:02.0", false));
	assert_true(concerns("04:01.0", "00:03.0", false));
	assert_false(concerns("02:00.0", "01:00.0", false));
	/* Virtual functions: with their physical one, not with each other, unless a bridge merges them. */
	assert_true(concerns("05:00.0", "05:00.2", false));
	assert_false(concerns("05:00.2", "05:00.3", true));
	fn("00:1c.0")->kind = TOPOLOGY_PCI_BRIDGE;
	assert_true(concerns("05:00.2", "05:00.3", false));
	/* A line, where both have a pin, and a page, where one is judged. */
	assert_false(concerns("00:1a.0", "01:00.0", false));
	assert_true(concerns("00:1a.0", "01:00.0", true));
	fn("00:1a.0")->intx = false;
	assert_false(concerns("00:1a.0", "01:00.0", true));
	set_bar("00:04.0", 0, 0x383800000800, 0x400);
	assert_true(concerns("00:04.0", "00:07.0", true));
	assert_false(concerns("00:04.0", "00:07.0", false));
}

/* More others than are named: they are counted. */
static void test_many_others(void **state)
{
	static const char *const behind[] = { "00:04.0", "00:05.0", "00:06.0", "00:07.0", "01:00.0",
					      "02:00.0", "02:00.1", "05:00.0", "05:00.2", "05:00.3" };
	char buf[ASSIGNABLE_TEXT_MAX];

	(void)state;
	no_bars("04:01.0");
	for (size_t i = 0; i < ARRAY_SIZE(behind); i++) {
		fn(behind[i])->parent = (int)(fn("03:00.0") - t.function);
		fn(behind[i])->guest = OTHER;
	}
	assert_false(check("04:01.0", 0));
	assert_int_equal(result.refusal[0].nr_others, ARRAY_SIZE(behind));
	assignable_text(&t, (int)(fn("04:01.0") - t.function), &result.refusal[0], buf);
	assert_non_null(strstr(buf, " and 2 more [rule pci-bus; "));
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(assignable_rules_parse("slot"), ASSIGNABLE_BIT(ASSIGNABLE_SLOT));
	assert_int_equal(assignable_rules_parse("host-driver"), 0);
	assert_int_equal(assignable_rules_parse("other-guest"), 0);
	assert_int_equal(assignable_rules_parse("quarantine"), 0);
	assert_int_equal(assignable_rules_parse("no such rule"), 0);
	assert_int_equal(assignable_rules_parse(""), 0);
	assert_true(assignable_rules_parse("all") & ASSIGNABLE_BIT(ASSIGNABLE_NO_RESET));
	assert_false(assignable_rules_parse("all") & ASSIGNABLE_BIT(ASSIGNABLE_OTHER_GUEST));
}

static int end_dump(void **state)
{
	if (provider)
		image_teardown(state);
	return 0;
}

static void dump(const char *name)
{
	const char *dir = getenv("XENPCI_DUMPS");
	char spec[512];

	snprintf(spec, sizeof(spec), "image:%s/%s", dir ? dir : "../shared/dumps", name);
	if (access(spec + strlen("image:"), R_OK)) {
		print_message("%s is absent: set XENPCI_DUMPS to where the dumps are\n", spec + 6);
		skip();
	}
	image_open(spec);
}

/* A graphics card's two functions without FLR; chipset functions on the root bus. */
static void test_p6t6(void **state)
{
	(void)state;
	dump("tree-asus-p6t6.txt");
	driver("06:00.1", "snd_hda_intel");
	assert_refused("06:00.0", ASSIGNABLE_SLOT, "0000:06:00.1 (host, snd_hda_intel)");
	no_bars("04:00.0");
	assert_fine("04:00.0");
	no_bars("00:10.0");
	assert_refused("00:10.0", ASSIGNABLE_NO_RESET, NULL);
	assert_refused("00:14.0", ASSIGNABLE_NO_RESET, NULL);
	assert_fine("00:1a.0");
	assert_refused("03:02.0", ASSIGNABLE_BRIDGE, NULL);
}

/* A card in a CardBus slot and the slot's neighbours are behind one PCI bridge. */
static void test_p8010(void **state)
{
	(void)state;
	dump("tree-fujitsu-p8010.txt");
	no_bars("1d:00.0");
	fn("1c:03.2")->guest = OTHER;
	driver("1c:03.4", "firewire_ohci");
	driver("1c:03.0", "yenta_cardbus");
	assert_refused("1d:00.0", ASSIGNABLE_PCI_BUS,
		       ": 0000:1c:03.2 (guest 8), 0000:1c:03.4 (host, firewire_ohci) [");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fine, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_unseen, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_itself, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_bridges, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_slot, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_pci_bus, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_sriov, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_no_reset, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_bars, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(xsa_461_shared_page, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(xsa_461_shared_irq, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_concerns, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(test_many_others, image_setup, image_teardown),
		cmocka_unit_test(test_names),
		cmocka_unit_test_teardown(test_p6t6, end_dump),
		cmocka_unit_test_teardown(test_p8010, end_dump),
	};

	return cmocka_run_group_tests_name("life_assignable", tests, NULL, NULL);
}
