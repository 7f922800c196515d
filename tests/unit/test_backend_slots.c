/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include <errno.h>

#include "host/slots.h"

/* Devices given one after the other, each where slots_assign puts it. */
struct given {
	struct slots_device list[256];
	size_t n;
};

static struct sbdf at(const char *text)
{
	struct sbdf a;

	if (sbdf_parse(text, &a))
		fail_msg("%s: no address", text);
	return a;
}

static int give(struct given *g, enum slots_mode mode, const char *host, bool is_vf)
{
	struct slots_device *d = &g->list[g->n];

	*d = (struct slots_device){ .host = at(host), .is_vf = is_vf };
	if (slots_assign(mode, g->list, g->n, d, &d->virt))
		return -1;
	g->n++;
	return 0;
}

static void expect(struct given *g, enum slots_mode mode, const char *host, bool is_vf,
		   const char *virt)
{
	char got[SBDF_TEXT];

	assert_int_equal(give(g, mode, host, is_vf), 0);
	assert_string_equal(sbdf_format(g->list[g->n - 1].virt, got), virt);
}

static void take_back(struct given *g, size_t i)
{
	for (g->n--; i < g->n; i++)
		g->list[i] = g->list[i + 1];
}

static void functions_of_a_slot_stay_together(void **state)
{
	struct given g = { .n = 0 };

	(void)state;
	expect(&g, SLOTS_VPCI, "0000:03:00.0", false, "0000:00:00.0");
	expect(&g, SLOTS_VPCI, "0000:04:05.2", false, "0000:00:01.2");
	expect(&g, SLOTS_VPCI, "0000:03:00.1", false, "0000:00:00.1");
	/* The same bus and slot numbers in another segment are another place. */
	expect(&g, SLOTS_VPCI, "0001:03:00.2", false, "0000:00:02.2");
	/* A lone function keeps its number, and opens a slot without a function 0. */
	expect(&g, SLOTS_VPCI, "0000:05:00.3", false, "0000:00:03.3");
	expect(&g, SLOTS_VPCI, "0000:05:00.0", false, "0000:00:03.0");
}

static void virtual_functions_get_slots_of_their_own(void **state)
{
	struct given g = { .n = 0 };

	(void)state;
	expect(&g, SLOTS_VPCI, "0000:03:10.0", true, "0000:00:00.0");
	/* Function 0 of a VF opens a slot that nobody joins. */
	expect(&g, SLOTS_VPCI, "0000:03:10.2", true, "0000:00:01.2");
	/* Other VFs of one physical slot join the slot that one of them opened. */
	expect(&g, SLOTS_VPCI, "0000:03:10.4", true, "0000:00:01.4");
	/* A VF's function 0 joins nobody. */
	expect(&g, SLOTS_VPCI, "0000:07:10.2", true, "0000:00:02.2");
	expect(&g, SLOTS_VPCI, "0000:07:10.0", true, "0000:00:03.0");
}

static void thirty_two_slots_are_all(void **state)
{
	struct given g = { .n = 0 };
	char host[SBDF_TEXT];

	(void)state;
	for (unsigned slot = 0; slot < SLOTS_COUNT; slot++)
		assert_int_equal(give(&g, SLOTS_VPCI, sbdf_format((struct sbdf){ 0, 3, (uint8_t)(slot << 3) },
								  host), false), 0);
	errno = 0;
	assert_int_equal(give(&g, SLOTS_VPCI, "0000:04:00.0", false), -1);
	assert_int_equal(errno, ENOSPC);
	/* A neighbour of one that is there needs no slot. */
	expect(&g, SLOTS_VPCI, "0000:03:05.7", false, "0000:00:05.7");
	/* A slot that is given back is used again. */
	take_back(&g, 9);
	expect(&g, SLOTS_VPCI, "0000:04:00.1", false, "0000:00:09.1");
}

static void passthrough_keeps_the_hosts_addresses(void **state)
{
	struct given g = { .n = 0 };
	struct node_root root;

	(void)state;
	expect(&g, SLOTS_PASSTHROUGH, "0002:ff:1f.7", false, "0002:ff:1f.7");
	root = slots_root(g.list[0].virt);
	assert_int_equal(root.segment, 2);
	assert_int_equal(root.bus, 0xff);
	errno = 0;
	assert_int_equal(give(&g, SLOTS_PASSTHROUGH, "0002:ff:1f.7", false), -1);
	assert_int_equal(errno, EEXIST);
}

static void modes_have_names(void **state)
{
	enum slots_mode mode;

	(void)state;
	assert_int_equal(slots_mode_parse("passthrough", &mode), 0);
	assert_int_equal(mode, SLOTS_PASSTHROUGH);
	assert_int_equal(slots_mode_parse(slots_mode_name(SLOTS_VPCI), &mode), 0);
	assert_int_equal(mode, SLOTS_VPCI);
	errno = 0;
	assert_int_equal(slots_mode_parse("slot", &mode), -1);
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_of_a_slot_stay_together),
		cmocka_unit_test(virtual_functions_get_slots_of_their_own),
		cmocka_unit_test(thirty_two_slots_are_all),
		cmocka_unit_test(passthrough_keeps_the_hosts_addresses),
		cmocka_unit_test(modes_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
