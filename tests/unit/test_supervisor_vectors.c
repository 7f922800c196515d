/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's record of a device's vectors: what a gate may have mapped, whatever it says, and
 * what a successor makes of the text that was left.
 */
#include "tests/unit/hypervisor_fake.h"

#include "common/util.h"

/* A device with MSI, and MSI-X for 5 vectors. */
static struct vector_record v;
static struct talk talk;
static struct successor_device successor;

static void make(void)
{
	v = (struct vector_record){ .talk = &talk, .successor = &successor, .has_msi = true, .has_msix = true,
				    .entries = 5, .base = 0xfe000000 };
}

static int setup(void **state)
{
	(void)state;
	hypervisor_reset();
	talk_init(&talk, NULL, DOMID);
	make();
	return 0;
}

static struct message_map msix(uint32_t nr)
{
	struct message_map m = { .mode = VECTORS_MSIX, .nr = nr };

	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		m.entry[i] = (uint16_t)i;
	return m;
}

static struct message_mapped ask(const struct message_map *want)
{
	struct message_mapped got;

	memset(&got, 0xaa, sizeof(got));
	vectors_map(&v, want, &got);
	return got;
}

static void expect_none(int err, int want_err, const char *what)
{
	if (err != want_err || mapped() || v.mode != VECTORS_NONE || v.nr || v.pirqs)
		fail_msg("%s: %d, not %d; %u mapped, mode %d", what, err, want_err, mapped(), v.mode);
}

static void what_the_device_has_not_is_refused(void **state)
{
	static const struct {
		const char *what;
		uint32_t mode, multi, nr;
		uint16_t entry[2];
		bool no_msi, no_msix, no_base, refused_by_xen;
	} rows[] = {
		{ .what = "no mode", .mode = VECTORS_NONE },
		{ .what = "an unknown mode", .mode = 3, .nr = 1 },
		{ .what = "the last mode", .mode = UINT32_MAX, .nr = 1 },
		{ .what = "MSI of a device without", .mode = VECTORS_MSI, .no_msi = true },
		{ .what = "multi-MSI of a device without", .mode = VECTORS_MSI, .multi = 2, .no_msi = true },
		{ .what = "33 MSI vectors", .mode = VECTORS_MSI, .multi = 33 },
		{ .what = "very many MSI vectors", .mode = VECTORS_MSI, .multi = UINT32_MAX },
		{ .what = "MSI-X of a device without", .mode = VECTORS_MSIX, .nr = 1, .no_msix = true },
		{ .what = "MSI-X without a table", .mode = VECTORS_MSIX, .nr = 1, .no_base = true },
		{ .what = "MSI-X that nobody prepared", .mode = VECTORS_MSIX, .nr = 1, .refused_by_xen = true },
		{ .what = "no entries", .mode = VECTORS_MSIX, .nr = 0 },
		{ .what = "the first entry beyond", .mode = VECTORS_MSIX, .nr = 1, .entry = { 5 } },
		{ .what = "the last entry there could be", .mode = VECTORS_MSIX, .nr = 2, .entry = { 0, 0xffff } },
		{ .what = "one entry twice", .mode = VECTORS_MSIX, .nr = 2, .entry = { 3, 3 } },
		{ .what = "more entries than the table", .mode = VECTORS_MSIX, .nr = 6, .entry = { 0, 1 } },
		{ .what = "129 entries", .mode = VECTORS_MSIX, .nr = 129, .entry = { 0, 1 } },
		{ .what = "very many entries", .mode = VECTORS_MSIX, .nr = UINT32_MAX, .entry = { 0, 1 } },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct message_map want = msix(rows[i].nr);

		make();
		v.has_msi = !rows[i].no_msi;
		v.has_msix = !rows[i].no_msix;
		v.no_msix = rows[i].refused_by_xen;
		v.base = rows[i].no_base ? 0 : v.base;
		want.mode = rows[i].mode;
		want.multi = rows[i].multi;
		memcpy(want.entry, rows[i].entry, sizeof(rows[i].entry));
		/* A gate that says "again" gets no more. */
		for (want.first = 0; want.first < 2; want.first++)
			expect_none(ask(&want).err, EINVAL, rows[i].what);
	}
	assert_int_equal(xen.maps, 0);
	assert_int_equal(node.writes, 0);
}

static void what_it_has_is_mapped_and_told(void **state)
{
	struct message_map want = msix(5);
	struct message_mapped got;

	(void)state;
	want.entry[0] = 4;
	want.entry[4] = 0;
	got = ask(&want);
	assert_int_equal(got.err, 0);
	assert_false(got.again);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(got.pirq[i], TOP - 1 - i);
	for (unsigned i = 5; i < SH_INFO_MAX_VEC; i++)
		assert_int_equal(got.pirq[i], 0);
	assert_int_equal(xen.table_base, 0xfe000000);
	assert_string_equal(node.at_map, "enabling");
	assert_string_equal(node.text, "msix 5 55/4 54/1 53/2 52/3 51/0");
	vectors_unmap(&v);
	assert_string_equal(node.at_unmap, "off");
	assert_string_equal(node.text, "none 0");
	expect_none(0, 0, "unmapped");
	assert_int_equal(xen.unmaps, 5);

	want = (struct message_map){ .mode = VECTORS_MSI };
	got = ask(&want);
	assert_int_equal(got.err, 0);
	assert_int_equal(got.pirq[0], 55);
	assert_string_equal(node.text, "msi 1 55");
	vectors_unmap(&v);
	want.multi = 32;
	got = ask(&want);
	assert_int_equal(got.err, 0);
	assert_int_equal(got.pirq[0], 24);
	assert_string_equal(node.at_map, "enabling");
	assert_string_equal(node.text, "msi 32 24");
	assert_int_equal(mapped(), 32);
	vectors_unmap(&v);
	vectors_unmap(&v); /* is safe to repeat */
	expect_none(0, 0, "unmapped again");
	assert_int_equal(xen.unmaps, 7);
	assert_int_equal(xen.bad_unmaps, 0);
}

static void what_is_mapped_is_told_again_to_who_asked_first(void **state)
{
	struct message_map mine = msix(3), other;
	struct message_mapped got, again;

	(void)state;
	got = ask(&mine);
	assert_int_equal(ask(&mine).err, EBUSY);
	mine.first = 1;
	again = ask(&mine);
	assert_int_equal(again.err, 0);
	assert_true(again.again);
	assert_memory_equal(again.pirq, got.pirq, sizeof(got.pirq));
	for (unsigned i = 0; i < 6; i++) {
		other = mine;
		if (i == 0)
			other.nr = 2;
		else if (i == 1)
			other.nr = 4;
		else if (i == 2)
			other.entry[2] = 4;
		else if (i == 3)
			other.mode = VECTORS_MSI;
		else if (i == 4)
			other.nr = UINT32_MAX;
		else
			other.mode = VECTORS_NONE;
		got = ask(&other);
		if (got.err != EBUSY || got.again || got.pirq[0])
			fail_msg("other %u: %d, again %d, pirq %u", i, got.err, got.again, got.pirq[0]);
	}
	assert_int_equal(mapped(), 3);
	vectors_unmap(&v);
	mine = (struct message_map){ .mode = VECTORS_MSI, .multi = 4, .first = 1 };
	got = ask(&mine);
	assert_int_equal(got.err, 0);
	assert_false(got.again);
	again = ask(&mine);
	assert_true(again.again && !again.err && again.pirq[0] == got.pirq[0]);
	mine.multi = 0;
	assert_int_equal(ask(&mine).err, EBUSY);
	mine.multi = 8;
	assert_int_equal(ask(&mine).err, EBUSY);
	assert_int_equal(mapped(), 4);
}

static void it_is_all_or_nothing(void **state)
{
	struct message_map want = msix(4);
	struct message_mapped got;

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		xen.refuse = ENXIO;
		xen.after = k;
		expect_none(ask(&want).err, ENXIO, "MSI-X");
		assert_string_equal(node.text, "none 0");
	}
	assert_int_equal(xen.maps, xen.unmaps);
	assert_int_equal(xen.bad_unmaps, 0);
	want = (struct message_map){ .mode = VECTORS_MSI, .multi = 8 };
	xen.refuse = ENFILE;
	got = ask(&want);
	expect_none(got.err, ENFILE, "multi-MSI");
	assert_int_equal(got.count, 2); /* how many it has */
	want.multi = 0;
	xen.refuse = ENOSPC;
	expect_none(ask(&want).err, ENOSPC, "MSI");
	assert_string_equal(node.text, "none 0");
}

static void what_cannot_be_unmapped_is_remembered_as_stuck(void **state)
{
	struct message_map want = msix(3);

	(void)state;
	ask(&want);
	assert_false(v.stuck);
	xen.block[54] = 0; /* Xen says EINVAL */
	vectors_unmap(&v);
	assert_true(v.stuck);
	assert_int_equal(v.mode, VECTORS_NONE);
	assert_int_equal(mapped(), 1);
	assert_string_equal(node.text, "none 0");
}

static void pirqs_are_known(void **state)
{
	struct message_map want = msix(3);

	(void)state;
	assert_false(vectors_have(&v, 0));
	ask(&want);
	for (uint32_t pirq = 0; pirq < TOP + 8; pirq++)
		assert_int_equal(vectors_have(&v, pirq), pirq >= 53 && pirq < TOP);
	vectors_unmap(&v);
	want = (struct message_map){ .mode = VECTORS_MSI, .multi = 4 };
	ask(&want);
	for (uint32_t pirq = 0; pirq < TOP + 8; pirq++)
		assert_int_equal(vectors_have(&v, pirq), pirq >= 52 && pirq < TOP);
}

static void the_next_pirq_is_found_without_a_trace(void **state)
{
	uint32_t pirq;

	(void)state;
	assert_int_equal(vectors_probe(&v, &pirq), 0);
	assert_int_equal(pirq, TOP - 1);
	v.has_msi = false;
	assert_int_equal(vectors_probe(&v, &pirq), 0);
	assert_int_equal(xen.table_base, v.base);
	v.base = 0;
	assert_int_equal(vectors_probe(&v, &pirq), -1);
	assert_int_equal(errno, ENODEV);
	v.has_msi = true;
	xen.refuse = ENOSPC;
	assert_int_equal(vectors_probe(&v, &pirq), -1);
	assert_int_equal(errno, ENOSPC);
	expect_none(0, 0, "probed");
	assert_int_equal(node.writes, 0);
}

/* ---- A successor ---- */

static void a_successor_goes_on(void **state)
{
	struct message_map wants[] = { { .mode = VECTORS_MSI }, { .mode = VECTORS_MSI, .multi = 8 },
				       msix(1), msix(5) };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(wants); i++) {
		struct vector_record before;
		struct message_mapped got, again;

		got = ask(&wants[i]);
		before = v;
		make();
		assert_int_equal(vectors_recall(&v), 0);
		assert_int_equal(v.mode, before.mode);
		assert_int_equal(v.nr, before.nr);
		assert_int_equal(v.pirqs, before.pirqs);
		assert_false(v.stuck);
		wants[i].first = 1;
		again = ask(&wants[i]);
		assert_true(again.again && !again.err);
		assert_memory_equal(again.pirq, got.pirq, sizeof(got.pirq));
		vectors_unmap(&v);
		assert_int_equal(mapped(), 0);
		make();
		assert_int_equal(vectors_recall(&v), 0);
		expect_none(0, 0, "none");
	}
	assert_int_equal(xen.bad_unmaps, 0);
}

/* Every entry there can be, with the longest numbers. */
static void the_longest_text_is_recalled(void **state)
{
	size_t n;

	(void)state;
	n = (size_t)snprintf(node.text, sizeof(node.text), "msix %u", SH_INFO_MAX_VEC);
	for (unsigned i = 0; i < SH_INFO_MAX_VEC; i++)
		n += (size_t)snprintf(node.text + n, sizeof(node.text) - n, " %u/%u", UINT32_MAX - i,
				      UINT16_MAX - i);
	assert_int_equal(vectors_recall(&v), 0);
	assert_int_equal(v.pirqs, SH_INFO_MAX_VEC);
	assert_int_equal(v.pirq[127], UINT32_MAX - 127);
	assert_int_equal(v.entry[127], UINT16_MAX - 127);
}

static void what_was_interrupted_is_finished(void **state)
{
	struct message_map want = msix(3);

	(void)state;
	assert_int_equal(vectors_recall(&v), 0); /* no node */
	node.fail_read = EACCES;
	assert_int_equal(vectors_recall(&v), -1);
	assert_int_equal(errno, EACCES);
	node.fail_read = 0;
	/* Killed while it mapped: some may be. */
	strcpy(node.text, "enabling 0");
	assert_int_equal(vectors_recall(&v), 1);
	assert_true(v.stuck);
	expect_none(0, 0, "enabling");
	/* Killed while it unmapped: one is done. */
	make();
	ask(&want);
	hypercall_unmap_pirq(NULL, DOMID, 54);
	strcpy(node.text, "off 3 55/0 54/1 53/2");
	make();
	assert_int_equal(vectors_recall(&v), 0);
	expect_none(0, 0, "off");
	assert_false(v.stuck);
	assert_string_equal(node.text, "none 0");
	make();
	want = (struct message_map){ .mode = VECTORS_MSI, .multi = 4 };
	ask(&want);
	strcpy(node.text, "off 4 52");
	make();
	assert_int_equal(vectors_recall(&v), 0);
	expect_none(0, 0, "off, MSI");
}

static void damaged_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"msi", "msi ", "msi 1", "msi 0", "msi x 55", "msi 1 x", "msi 1 4294967296", "msi -1 55",
		"msi 129 55", "msi 1 55 ", "msi  1 55", "msi 0 55", "msix 1", "msix 0 55/1",
		"msix 1 55/65536", "msix 1 55/", "msix 1 /1", "msix 1 55/1/2", "msix 1 0x37/1", "off x",
		"off 1 x", "enabling", "none", " none 0", "nonsense 1 55", "MSI 1 55", "msix 2 55/0",
		"msix 1 55/0 54/1", "msi 1 55 54", "msi 33 55",
	};
	struct {
		struct vector_record v;
		uint32_t behind;
	} box = { .behind = 0x5a5a5a5a };
	uint64_t writes;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		make();
		strcpy(node.text, texts[i]);
		writes = node.writes;
		errno = 0;
		if (vectors_recall(&v) != -1 || errno != EINVAL)
			fail_msg("\"%s\" was taken, or errno is %d", texts[i], errno);
		if (v.mode != VECTORS_NONE)
			fail_msg("\"%s\" left mode %d", texts[i], v.mode);
		assert_int_equal(node.writes, writes);
	}
	/* One item more than there can be; of what is going off, too, where each would be unmapped. */
	for (unsigned n = 0; n < 2; n++) {
		strcpy(node.text, n ? "off 128" : "msix 128");
		for (unsigned i = 0; i <= SH_INFO_MAX_VEC; i++)
			strcat(node.text, " 1/1");
		make();
		box.v = v;
		assert_int_equal(vectors_recall(&box.v), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(box.behind, 0x5a5a5a5a);
	assert_int_equal(xen.unmaps + xen.bad_unmaps, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_device_has_not_is_refused),
		TEST(what_it_has_is_mapped_and_told),
		TEST(what_is_mapped_is_told_again_to_who_asked_first),
		TEST(it_is_all_or_nothing),
		TEST(what_cannot_be_unmapped_is_remembered_as_stuck),
		TEST(pirqs_are_known),
		TEST(the_next_pirq_is_found_without_a_trace),
		TEST(a_successor_goes_on),
		TEST(the_longest_text_is_recalled),
		TEST(what_was_interrupted_is_finished),
		TEST(damaged_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
