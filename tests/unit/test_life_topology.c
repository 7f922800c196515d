/* SPDX-License-Identifier: MIT */
/* Kinds, parents and groups of whole machines: the bundled one and captured ones. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/topology.h"
#include "common/util.h"
#include "tests/unit/support_device.h"

static struct logbook log_;

struct row {
	const char *sbdf;
	enum topology_kind kind;
	const char *parent;    /* NULL: on a root bus */
	const char *uppermost; /* PCI bridge; NULL: none */
};

static int find(const struct topology *t, const char *sbdf)
{
	int i = sbdf ? topology_find(t, address(sbdf)) : TOPOLOGY_NONE;

	if (sbdf && i == TOPOLOGY_NONE)
		fail_msg("%s is not in the topology", sbdf);
	return i;
}

static void assert_rows(const struct topology *t, const struct row *row, size_t n)
{
	for (; n--; row++) {
		int i = find(t, row->sbdf);

		if (t->function[i].kind != row->kind)
			fail_msg("%s is taken for a %s", row->sbdf,
				 topology_kind_name(t->function[i].kind));
		if (t->function[i].parent != find(t, row->parent))
			fail_msg("%s has another parent", row->sbdf);
		if (topology_uppermost_pci_bridge(t, i) != find(t, row->uppermost))
			fail_msg("%s has another uppermost PCI bridge", row->sbdf);
		assert_int_equal(t->function[i].guest, TOPOLOGY_NO_GUEST);
		assert_false(t->function[i].quarantined);
	}
}

static struct provider *read_dump(const char *spec, struct topology *t)
{
	struct provider *p;

	logbook_init(&log_);
	p = open_provider(spec, &log_);
	assert_int_equal(topology_read(t, p, &log_.logger), 0);
	return p;
}

static void test_bench(void **state)
{
	static const struct row rows[] = {
		{ "00:00.0", TOPOLOGY_HOST_BRIDGE, NULL, NULL },
		{ "00:01.0", TOPOLOGY_ROOT_PORT, NULL, NULL },
		{ "00:04.0", TOPOLOGY_ROOT_ENDPOINT, NULL, NULL },
		{ "00:05.0", TOPOLOGY_CONVENTIONAL, NULL, NULL },
		{ "00:1f.0", TOPOLOGY_OTHER_BRIDGE, NULL, NULL },
		{ "01:00.0", TOPOLOGY_ENDPOINT, "00:01.0", NULL },
		{ "02:00.1", TOPOLOGY_ENDPOINT, "00:02.0", NULL },
		{ "03:00.0", TOPOLOGY_PCIE_TO_PCI, "00:03.0", NULL },
		{ "04:01.0", TOPOLOGY_CONVENTIONAL, "03:00.0", "03:00.0" },
		{ "04:02.0", TOPOLOGY_CONVENTIONAL, "03:00.0", "03:00.0" },
		{ "05:00.2", TOPOLOGY_ENDPOINT, "00:1c.0", NULL },
	};
	struct topology t;
	struct provider *p = read_dump("image:" BENCH, &t);

	(void)state;
	assert_rows(&t, rows, ARRAY_SIZE(rows));
	/* What is there to reset with. */
	assert_true(t.function[find(&t, "00:07.0")].flr);
	assert_false(t.function[find(&t, "00:04.0")].flr);
	assert_true(t.function[find(&t, "00:04.0")].pm_reset);
	assert_true(t.function[find(&t, "00:1a.0")].af_flr);
	assert_false(t.function[find(&t, "00:1a.0")].flr);
	assert_false(t.function[find(&t, "00:05.0")].pm_reset);
	/* Slots, and virtual functions that are in none. */
	assert_true(topology_same_slot(&t, find(&t, "02:00.0"), find(&t, "02:00.1")));
	assert_true(topology_same_slot(&t, find(&t, "00:1a.7"), find(&t, "00:1a.0")));
	assert_false(topology_same_slot(&t, find(&t, "02:00.0"), find(&t, "02:00.0")));
	assert_false(topology_same_slot(&t, find(&t, "04:01.0"), find(&t, "04:02.0")));
	assert_false(topology_same_slot(&t, find(&t, "05:00.0"), find(&t, "05:00.2")));
	assert_true(topology_pf_and_vf(&t, find(&t, "05:00.0"), find(&t, "05:00.3")));
	assert_true(topology_pf_and_vf(&t, find(&t, "05:00.3"), find(&t, "05:00.0")));
	assert_false(topology_pf_and_vf(&t, find(&t, "05:00.2"), find(&t, "05:00.3")));
	/* Behind, through any number of bridges. */
	assert_true(topology_is_below(&t, find(&t, "04:01.0"), find(&t, "03:00.0")));
	assert_true(topology_is_below(&t, find(&t, "04:01.0"), find(&t, "00:03.0")));
	assert_false(topology_is_below(&t, find(&t, "04:01.0"), find(&t, "00:01.0")));
	assert_false(topology_is_below(&t, find(&t, "03:00.0"), find(&t, "03:00.0")));
	assert_false(topology_is_below(&t, find(&t, "00:04.0"), TOPOLOGY_NONE));
	assert_int_equal(topology_find(&t, address("0f:00.0")), TOPOLOGY_NONE);
	topology_dispose(&t);
	topology_dispose(&t);
	provider_close(p);
}

/* $XENPCI_DUMPS/name as a provider's spec, or the test is skipped. */
static void dump_spec(const char *name, char spec[512])
{
	const char *dir = getenv("XENPCI_DUMPS");

	snprintf(spec, 512, "image:%s/%s", dir ? dir : "../shared/dumps", name);
	if (access(spec + strlen("image:"), R_OK)) {
		print_message("%s is absent: set XENPCI_DUMPS to where the dumps are\n", spec + 6);
		skip();
	}
}

/* A switch with two arms, a chipset's bus 0, an uncore bus that hangs from nothing. */
static void test_p6t6(void **state)
{
	static const struct row rows[] = {
		{ "00:10.0", TOPOLOGY_CONVENTIONAL, NULL, NULL },
		{ "00:14.0", TOPOLOGY_ROOT_ENDPOINT, NULL, NULL },
		{ "00:1e.0", TOPOLOGY_PCI_BRIDGE, NULL, NULL },
		{ "02:00.0", TOPOLOGY_UPSTREAM, "00:03.0", NULL },
		{ "03:00.0", TOPOLOGY_DOWNSTREAM, "02:00.0", NULL },
		{ "03:02.0", TOPOLOGY_DOWNSTREAM, "02:00.0", NULL },
		{ "04:00.0", TOPOLOGY_ENDPOINT, "03:00.0", NULL },
		{ "06:00.1", TOPOLOGY_ENDPOINT, "00:07.0", NULL },
		{ "08:00.0", TOPOLOGY_ENDPOINT, "00:1c.1", NULL },
		{ "ff:06.3", TOPOLOGY_HOST_BRIDGE, NULL, NULL },
	};
	struct topology t;
	struct provider *p;
	char spec[512];

	(void)state;
	dump_spec("tree-asus-p6t6.txt", spec);
	p = read_dump(spec, &t);
	assert_rows(&t, rows, ARRAY_SIZE(rows));
	assert_true(topology_is_below(&t, find(&t, "04:00.0"), find(&t, "00:03.0")));
	assert_true(topology_same_slot(&t, find(&t, "06:00.0"), find(&t, "06:00.1")));
	topology_dispose(&t);
	provider_close(p);
}

/* A CardBus bridge behind a PCI bridge, with a card in it. */
static void test_p8010(void **state)
{
	static const struct row rows[] = {
		{ "04:00.0", TOPOLOGY_ENDPOINT, "00:1c.0", NULL },
		{ "1c:03.0", TOPOLOGY_CARDBUS, "00:1e.0", "00:1e.0" },
		{ "1c:03.4", TOPOLOGY_CONVENTIONAL, "00:1e.0", "00:1e.0" },
		{ "1d:00.0", TOPOLOGY_CONVENTIONAL, "1c:03.0", "00:1e.0" },
	};
	struct topology t;
	struct provider *p;
	char spec[512];

	(void)state;
	dump_spec("tree-fujitsu-p8010.txt", spec);
	p = read_dump(spec, &t);
	assert_rows(&t, rows, ARRAY_SIZE(rows));
	topology_dispose(&t);
	provider_close(p);
}

/* Bridges behind bridges, and the same bus numbers in several segments. */
static void test_segments(void **state)
{
	static const struct row rows[] = {
		{ "0001:62:00.0", TOPOLOGY_CONVENTIONAL, "0001:61:01.0", "0001:00:02.6" },
		{ "0002:42:03.0", TOPOLOGY_CONVENTIONAL, "0002:41:01.0", "0002:00:02.4" },
		{ "0003:21:01.0", TOPOLOGY_CONVENTIONAL, "0003:00:02.2", "0003:00:02.2" },
		{ "0004:01:01.0", TOPOLOGY_CONVENTIONAL, "0004:00:02.0", "0004:00:02.0" },
	};
	struct topology t;
	struct provider *p;
	char spec[512];

	(void)state;
	dump_spec("PCI-X-bridges-and-domains.txt", spec);
	p = read_dump(spec, &t);
	assert_rows(&t, rows, ARRAY_SIZE(rows));
	assert_false(topology_same_slot(&t, find(&t, "0001:21:01.0"), find(&t, "0003:21:01.0")));
	topology_dispose(&t);
	provider_close(p);
}

/* Writes a function whose express capability has type field `type`. */
static void express_function(struct machine *m, const char *title, unsigned type, bool bridge,
			     unsigned secondary)
{
	uint8_t bytes[256];

	bytes_init(bytes, 0x1b36, 0x000c);
	bytes_put(bytes, PCI_CLASS_DEVICE, 2, bridge ? 0x0604 : 0x0200);
	bytes[PCI_HEADER_TYPE] = bridge;
	if (bridge) {
		bytes[PCI_SECONDARY_BUS] = (uint8_t)secondary;
		bytes[PCI_SUBORDINATE_BUS] = (uint8_t)secondary;
	}
	bytes_cap(bytes, 0x40, PCI_CAP_ID_EXP);
	bytes_put(bytes, 0x40 + PCI_EXP_FLAGS, 2, 2 | type << 4);
	machine_text(m, "%s\n", title);
	machine_dump(m, bytes, sizeof(bytes));
}

/* The type field stands in bits 4 to 7: 7 is a bridge to PCI, 0x70 is none. */
static void test_type_field(void **state)
{
	static const struct {
		unsigned type;
		bool bridge;
		enum topology_kind kind;
	} rows[] = {
		{ 0, false, TOPOLOGY_ENDPOINT },
		{ 1, false, TOPOLOGY_ENDPOINT },
		{ 4, true, TOPOLOGY_ROOT_PORT },
		{ 5, true, TOPOLOGY_UPSTREAM },
		{ 6, true, TOPOLOGY_DOWNSTREAM },
		{ 7, true, TOPOLOGY_PCIE_TO_PCI },
		{ 8, true, TOPOLOGY_PCI_TO_PCIE },
		{ 9, false, TOPOLOGY_ROOT_ENDPOINT },
		{ 10, false, TOPOLOGY_EVENT_COLLECTOR },
		/* a bridge's header with an endpoint's type: a bridge */
		{ 0, true, TOPOLOGY_PCI_BRIDGE },
	};
	struct provider *p;
	struct topology t;
	struct machine m;
	char title[80];

	(void)state;
	machine_begin(&m);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(title, sizeof(title), "00:%02x.0 Thing: Made up", i);
		express_function(&m, title, rows[i].type, rows[i].bridge, 0x20 + i);
	}
	p = machine_open(&m);
	assert_non_null(p);
	assert_int_equal(topology_read(&t, p, NULL), 0);
	assert_int_equal(t.nr, ARRAY_SIZE(rows));
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(topology_kind_name(t.function[i].kind),
				    topology_kind_name(rows[i].kind));
	topology_dispose(&t);
	provider_close(p);
	machine_end(&m);
}

/* On a PCIe link there is one device, whose functions may have any devfn (ARI). */
static void test_ari(void **state)
{
	struct provider *p;
	struct topology t;
	struct machine m;

	(void)state;
	machine_begin(&m);
	express_function(&m, "00:01.0 PCI bridge: port", PCI_EXP_TYPE_ROOT_PORT, true, 1);
	express_function(&m, "00:02.0 Ethernet controller: a", PCI_EXP_TYPE_RC_END, false, 0);
	express_function(&m, "00:03.0 Ethernet controller: b", PCI_EXP_TYPE_RC_END, false, 0);
	express_function(&m, "01:00.0 Ethernet controller: 0", PCI_EXP_TYPE_ENDPOINT, false, 0);
	express_function(&m, "01:01.0 Ethernet controller: 8", PCI_EXP_TYPE_ENDPOINT, false, 0);
	p = machine_open(&m);
	assert_non_null(p);
	assert_int_equal(topology_read(&t, p, NULL), 0);
	assert_true(topology_same_slot(&t, find(&t, "01:00.0"), find(&t, "01:01.0")));
	assert_false(topology_same_slot(&t, find(&t, "00:02.0"), find(&t, "00:03.0")));
	topology_dispose(&t);
	provider_close(p);
	machine_end(&m);
}

/* What the caller knew of functions that stay is kept, also where others came. */
static void test_refresh(void **state)
{
	struct provider *p, *more;
	struct topology t;
	struct machine m;

	(void)state;
	machine_begin(&m);
	express_function(&m, "00:02.0 Ethernet controller: a", PCI_EXP_TYPE_RC_END, false, 0);
	p = machine_open(&m);
	assert_int_equal(topology_read(&t, p, NULL), 0);
	t.function[0].guest = 7;
	t.function[0].quarantined = true;
	assert_int_equal(topology_refresh(&t, p, NULL), 0);
	assert_int_equal(t.function[0].guest, 7);
	express_function(&m, "00:01.0 Ethernet controller: b", PCI_EXP_TYPE_RC_END, false, 0);
	more = machine_open(&m);
	assert_int_equal(topology_refresh(&t, more, NULL), 0);
	assert_int_equal(t.nr, 2);
	assert_int_equal(t.function[find(&t, "00:02.0")].guest, 7);
	assert_true(t.function[find(&t, "00:02.0")].quarantined);
	assert_int_equal(t.function[find(&t, "00:01.0")].guest, TOPOLOGY_NO_GUEST);
	topology_dispose(&t);
	provider_close(p);
	provider_close(more);
	machine_end(&m);
}

/* A refresh while a function that was there is in reset, and reads ones. */
static void test_refresh_in_reset(void **state)
{
	struct topology t, fresh;
	struct machine m;
	struct provider *p, *more;
	struct pcidev *port;
	uint32_t control;
	int i;

	(void)state;
	p = read_dump("image:" BENCH, &t);
	i = find(&t, "01:00.0");
	assert_true(t.function[i].flr);
	port = provider_open_device(p, address("00:01.0"));
	assert_non_null(port);
	assert_int_equal(pcidev_read(port, PCI_BRIDGE_CONTROL, 2, &control), 0);
	assert_int_equal(pcidev_write(port, PCI_BRIDGE_CONTROL, 2, control | PCI_BRIDGE_CTL_BUS_RESET), 0);
	/* Whoever reads anew sees nothing of it. */
	assert_int_equal(topology_read(&fresh, p, NULL), 0);
	assert_false(fresh.function[i].flr);
	topology_dispose(&fresh);
	/* As if a function had come: everything is read anew. */
	t.nr--;
	assert_int_equal(topology_refresh(&t, p, NULL), 0);
	assert_true(t.function[i].flr);
	assert_int_equal(t.function[i].kind, TOPOLOGY_ENDPOINT);
	/* Another device in its place is another. */
	machine_begin(&m);
	express_function(&m, "01:00.0 Ethernet controller: b", PCI_EXP_TYPE_RC_END, false, 0);
	more = machine_open(&m);
	assert_int_equal(topology_refresh(&t, more, NULL), 0);
	assert_false(t.function[find(&t, "01:00.0")].flr);
	topology_dispose(&t);
	pcidev_close(port);
	provider_close(p);
	provider_close(more);
	machine_end(&m);
}

/* What hangs from one root, by itself. */
static void test_tree(void **state)
{
	static const char *const all[] = { "00:03.0", "03:00.0", "04:01.0", "04:02.0" };
	struct topology t, tree;
	struct provider *p = read_dump("image:" BENCH, &t);
	int at;

	(void)state;
	t.function[find(&t, "04:02.0")].guest = 7;
	assert_int_equal(topology_tree(&t, find(&t, "04:01.0"), &tree, &at), 0);
	assert_int_equal(tree.nr, ARRAY_SIZE(all));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_int_equal(find(&tree, all[i]), i);
	assert_int_equal(at, 2);
	assert_int_equal(tree.function[at].parent, 1);
	assert_int_equal(tree.function[1].parent, 0);
	assert_int_equal(tree.function[0].parent, TOPOLOGY_NONE);
	assert_int_equal(tree.function[3].guest, 7);
	topology_dispose(&tree);
	assert_int_equal(topology_tree(&t, find(&t, "05:00.2"), &tree, &at), 0);
	assert_int_equal(tree.function[at].pf, find(&tree, "05:00.0"));
	topology_dispose(&tree);
	topology_dispose(&t);
	provider_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bench),
		cmocka_unit_test(test_p6t6),
		cmocka_unit_test(test_p8010),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_type_field),
		cmocka_unit_test(test_ari),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_refresh_in_reset),
		cmocka_unit_test(test_tree),
	};

	return cmocka_run_group_tests_name("life_topology", tests, NULL, NULL);
}
