/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/util.h"
#include "protocol/nodes.h"
#include "protocol/page.h"
#include "protocol/pciif.h"
#include "protocol/states.h"

static const char *error_name(int32_t err)
{
#define NAME(number, name, text) \
	if (err == (number))     \
		return #name;
	PCIIF_ERRORS(NAME)
#undef NAME
	return NULL;
}

/* The numbers as the protocol's description gives them, apart from the headers. */
static void names_and_numbers(void **state)
{
	static const char *const commands[] = {
		"conf_read", "conf_write", "enable_msi", "disable_msi", "enable_msix", "disable_msix",
		"aer_detected", "aer_resume", "aer_mmio", "aer_slotreset", "enable_multi_msi",
	};
	static const char *const errors[] = {
		"success", "dev_not_found", "invalid_offset", "access_denied", "not_implemented",
		"op_failed",
	};
	static const char *const states[] = {
		"Unknown", "Initialising", "InitWait", "Initialised", "Connected", "Closing",
		"Closed", "Reconfiguring", "Reconfigured",
	};
	static const char *const results[] = {
		"none", "can_recover", "need_reset", "disconnect", "recovered", "no_aer_driver",
	};
	uint32_t number;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(commands); i++) {
		assert_string_equal(pciif_command_name(i), commands[i]);
		assert_int_equal(pciif_command_number(commands[i], &number), 0);
		assert_int_equal(number, i);
	}
	assert_null(pciif_command_name(11));
	assert_null(pciif_command_name(UINT32_MAX));
	assert_int_equal(pciif_command_number("format_disk", &number), -1);
	for (int i = 0; i < (int)ARRAY_SIZE(errors); i++) {
		assert_string_equal(error_name(-i), errors[i]);
		assert_non_null(pciif_error_text(-i));
	}
	assert_null(error_name(-6));
	assert_null(error_name(1));
	assert_null(pciif_error_text(-22));
	for (unsigned i = 0; i < ARRAY_SIZE(states); i++)
		assert_string_equal(pciif_state_name(i), states[i]);
	assert_string_equal(pciif_state_name(9), "invalid");
	for (int i = 0; i < (int)ARRAY_SIZE(results); i++)
		assert_string_equal(pciif_aer_result_name(i + 1), results[i]);
	assert_null(pciif_aer_result_name(0));
	assert_null(pciif_aer_result_name(7));
	assert_int_equal(XEN_PCIF_active, 1);
	assert_int_equal(XEN_PCIB_AERHANDLER, 2);
	assert_int_equal(XEN_PCIB_active, 4);
	assert_int_equal(SH_INFO_MAX_VEC, 128);
}

static page_t *new_page(void)
{
	void *page = mmap(NULL, PCIIF_PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	return page;
}

static void page_init_clears_everything(void **state)
{
	page_t *page = new_page();
	const unsigned char *byte = (const unsigned char *)(uintptr_t)page;

	(void)state;
	memset((void *)(uintptr_t)page, 0xa5, PCIIF_PAGE_SIZE);
	page_init(page, true);
	assert_int_equal(page->flags, XEN_PCIB_AERHANDLER);
	for (size_t i = 4; i < PCIIF_PAGE_SIZE; i++)
		assert_int_equal(byte[i], 0);
	page_init(page, false);
	assert_int_equal(page->flags, 0);
	munmap((void *)(uintptr_t)page, PCIIF_PAGE_SIZE);
}

static void fill(void *p, size_t size, unsigned seed)
{
	unsigned char *byte = p;

	for (size_t i = 0; i < size; i++)
		byte[i] = (unsigned char)(seed + i * 7);
}

/* Posts op as a frontend would and takes the backend's snapshot into *copy. */
static void post_and_snapshot(page_t *page, const struct xen_pci_op *op, struct xen_pci_op *copy)
{
	assert_true(page_answered(page));
	page_post(page, op);
	assert_true(page_requested(page));
	assert_false(page_answered(page));
	assert_memory_equal((void *)(uintptr_t)&page->op, op, sizeof(*op));
	memset(copy, 0xee, sizeof(*copy));
	page_snapshot(page, copy);
}

static void request_is_copied_as_far_as_it_goes(void **state)
{
	static const struct {
		uint32_t cmd, value;
		unsigned entries;
	} rows[] = {
		{ XEN_PCI_OP_conf_read, 100, 0 },  { XEN_PCI_OP_enable_msix, 0, 0 },
		{ XEN_PCI_OP_enable_msix, 1, 1 },  { XEN_PCI_OP_enable_msix, 128, 128 },
		{ XEN_PCI_OP_enable_msix, 129, 128 }, { XEN_PCI_OP_enable_msix, UINT32_MAX, 128 },
		{ XEN_PCI_OP_disable_msix, 5, 0 },
	};
	struct xen_pci_op op, copy, untouched;
	page_t *page = new_page();

	(void)state;
	memset(&untouched, 0xee, sizeof(untouched));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = rows[i].entries * sizeof(struct xen_msix_entry);

		page_init(page, true);
		fill(&op, sizeof(op), (unsigned)i);
		op.cmd = rows[i].cmd;
		op.value = rows[i].value;
		post_and_snapshot(page, &op, &copy);
		assert_memory_equal(&copy, &op, offsetof(struct xen_pci_op, msix_entries) + n);
		assert_memory_equal((char *)copy.msix_entries + n, (char *)untouched.msix_entries + n,
				    sizeof(copy.msix_entries) - n);
		assert_int_equal(page->flags, XEN_PCIB_AERHANDLER | XEN_PCIF_active);
	}
	munmap((void *)(uintptr_t)page, PCIIF_PAGE_SIZE);
}

static void answer_writes_its_own_fields_only(void **state)
{
	struct xen_pci_op op, answer, got;
	page_t *page = new_page();

	(void)state;
	for (unsigned vectors = 0; vectors <= 130; vectors += 13) {
		for (int with_info = 0; with_info < 2; with_info++) {
			page_init(page, true);
			fill(&op, sizeof(op), vectors);
			page_post(page, &op);
			memset(&answer, 0x5a, sizeof(answer));
			answer.err = -3;
			answer.value = 0x12345678;
			answer.info = 0x9abcdef0;
			page_answer(page, &answer, vectors, with_info);
			assert_true(page_answered(page));
			assert_int_equal(page->flags, XEN_PCIB_AERHANDLER);
			page_collect(page, &got);
			op.err = -3;
			op.value = 0x12345678;
			if (with_info)
				op.info = 0x9abcdef0;
			for (unsigned i = 0; i < vectors && i < 128; i++)
				op.msix_entries[i].vector = 0x5a5a;
			assert_memory_equal(&got, &op, sizeof(op));
			assert_int_equal(page->aer_op.cmd, 0);
		}
	}
	munmap((void *)(uintptr_t)page, PCIIF_PAGE_SIZE);
}

static void head_leaves_entries_alone(void **state)
{
	struct xen_pci_op op, whole, got;
	size_t head = offsetof(struct xen_pci_op, msix_entries);
	page_t *page = new_page();

	(void)state;
	page_init(page, true);
	fill(&whole, sizeof(whole), 1);
	page_post(page, &whole);
	page_answer(page, &whole, 0, false);
	fill(&op, sizeof(op), 2);
	page_post_head(page, &op);
	assert_true(page_requested(page));
	assert_memory_equal((void *)(uintptr_t)&page->op, &op, head);
	assert_memory_equal((char *)(uintptr_t)&page->op + head, (char *)&whole + head,
			    sizeof(op) - head);
	memset(&got, 0xee, sizeof(got));
	page_collect_head(page, &got);
	assert_memory_equal(&got, &op, head);
	for (size_t i = head; i < sizeof(got); i++)
		assert_int_equal(((unsigned char *)&got)[i], 0xee);
	munmap((void *)(uintptr_t)page, PCIIF_PAGE_SIZE);
}

static void aer_slot_is_independent(void **state)
{
	struct xen_pcie_aer_op aer = { XEN_PCI_OP_aer_detected, PCIIF_AER_FROZEN, 1, 2, 3 }, got;
	struct xen_pci_op op;
	page_t *page = new_page();

	(void)state;
	page_init(page, true);
	fill(&op, sizeof(op), 3);
	page_post(page, &op);
	assert_false(page_aer_requested(page));
	page_aer_post(page, &aer);
	assert_true(page_aer_requested(page));
	assert_true(page_requested(page));
	page_aer_collect(page, &got);
	assert_memory_equal(&got, &aer, sizeof(aer));
	page_aer_answer(page, PCIIF_AER_recovered);
	assert_false(page_aer_requested(page));
	assert_true(page_requested(page));
	page_aer_collect(page, &got);
	assert_int_equal(got.err, PCIIF_AER_recovered);
	page_aer_post(page, &aer);
	page_aer_withdraw(page);
	assert_false(page_aer_requested(page));
	assert_memory_equal((void *)(uintptr_t)&page->op, &op, sizeof(op));
	munmap((void *)(uintptr_t)page, PCIIF_PAGE_SIZE);
}

static void vdev_and_root_formats(void **state)
{
	static const struct {
		const char *text;
		bool good;
		struct sbdf sbdf;
	} rows[] = {
		{ "0000:00:00.00", true, { 0, 0, 0 } },
		{ "0001:02:1f.07", true, { 1, 2, 0xff } },
		{ "0000:00:01.0", true, { 0, 0, 8 } },
		{ "0000:00:01.10", false, { 0 } },
		{ "0000:00:01.08", false, { 0 } },
		{ "0000:00:01.000", false, { 0 } },
		{ "00:01.00", false, { 0 } },
		{ "0000:00:01", false, { 0 } },
		{ "0000:00:01.", false, { 0 } },
		{ "", false, { 0 } },
		{ NULL, false, { 0 } },
		{ "0000000000000000000000000000000000000:00:01.00", false, { 0 } },
	};
	char buf[NODE_VALUE_MAX];
	struct node_root root;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sbdf a;

		assert_int_equal(node_vdev_parse(rows[i].text, &a), rows[i].good ? 0 : -1);
		if (rows[i].good)
			assert_true(sbdf_equal(a, rows[i].sbdf));
	}
	assert_string_equal(node_vdev_format((struct sbdf){ 0, 3, 0x0a }, buf), "0000:03:01.02");
	assert_string_equal(node_root_format((struct node_root){ 0x10, 0xfe }, buf), "0010:fe");
	assert_int_equal(node_root_parse("0010:fe", &root), 0);
	assert_int_equal(root.segment, 0x10);
	assert_int_equal(root.bus, 0xfe);
	assert_int_equal(node_root_parse("fe", &root), -1);
	assert_int_equal(node_root_parse("0:1:2", &root), -1);
	assert_int_equal(node_root_parse("", &root), -1);
	assert_int_equal(node_root_parse("0000:100", &root), -1);
	assert_int_equal(node_dev_parse("00:04.0", &(struct sbdf){ 0 }), -1);
	assert_int_equal(node_dev_parse("0000:00:04.0", &(struct sbdf){ 0 }), 0);
}

static void opts_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		const char *bad; /* NULL: all good */
		struct node_opts opts;
	} rows[] = {
		{ NULL, NULL, { 0 } },
		{ "", NULL, { 0 } },
		{ "msitranslate=0,power_mgmt=0,permissive=0,rdm_policy=strict", NULL, { 0 } },
		{ "msitranslate=1,power_mgmt=1,permissive=1,rdm_policy=relaxed", NULL,
		  { true, true, true, false, true } },
		{ "interrupt_control=1", NULL, { .interrupt_control = true } },
		{ "permissive=yes", "permissive=yes", { 0 } },
		{ "permissive=2", "permissive=2", { 0 } },
		{ "permissive", "permissive", { 0 } },
		{ "Permissive=1", "Permissive=1", { 0 } },
		{ "perm=1,permissive=1", "perm=1", { .permissive = true } },
		{ "rdm_policy=loose,permissive=1", "rdm_policy=loose", { .permissive = true } },
		{ "permissive=1,,power_mgmt=1", "", { .permissive = true, .power_mgmt = true } },
		{ "a\nb=1", "a?b=1", { 0 } },
	};
	char bad[NODE_OPTS_BAD_MAX], longest[500];
	struct node_opts opts;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(node_opts_parse(rows[i].text, &opts, bad), rows[i].bad ? -1 : 0);
		assert_string_equal(bad, rows[i].bad ? rows[i].bad : "");
		assert_memory_equal(&opts, &rows[i].opts, sizeof(opts));
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(node_opts_parse(longest, &opts, bad), -1);
	assert_int_equal(strlen(bad), NODE_OPTS_BAD_MAX - 1);
	/* A known item behind 63 letters of another must not be taken for it. */
	memcpy(longest, "permissive=1", 12);
	assert_int_equal(node_opts_parse(longest, &opts, bad), -1);
	assert_false(opts.permissive);
}

/* The existing backend's decision table and our rules for reopening, edge by edge. */
static void backend_edges(void **state)
{
	static const struct {
		unsigned own, peer;
		enum backend_action action;
		unsigned next;
	} rows[] = {
		{ 1, 1, BACKEND_SETUP, 2 },
		{ 1, 0, BACKEND_SETUP, 2 },
		{ 2, 1, BACKEND_EXPORT, 3 },
		{ 2, 3, BACKEND_EXPORT, 3 },
		{ 3, 1, BACKEND_SUBSTATES, 0 },
		{ 3, 3, BACKEND_CONNECT, 4 },
		{ 3, 4, BACKEND_NOTHING, 0 }, /* a guest cannot force 4 */
		{ 2, 4, BACKEND_NOTHING, 0 },
		{ 5, 4, BACKEND_NOTHING, 0 },
		{ 4, 4, BACKEND_NOTHING, 0 },
		{ 4, 3, BACKEND_NOTHING, 0 },
		{ 4, 7, BACKEND_NOTHING, 0 }, /* 7 uninvited */
		{ 3, 7, BACKEND_CONNECT, 4 }, /* it has seen a 7 that we were about to leave */
		{ 7, 4, BACKEND_NOTHING, 0 }, /* the guest has not seen 7 yet */
		{ 7, 7, BACKEND_RECONFIGURE, 8 },
		{ 7, 1, BACKEND_RETURN, 3 }, /* no guest behind it */
		{ 8, 7, BACKEND_NOTHING, 0 },
		{ 8, 4, BACKEND_SETTLE, 4 },
		{ 4, 5, BACKEND_CLOSE, 5 },
		{ 5, 5, BACKEND_NOTHING, 0 },
		{ 5, 6, BACKEND_CLOSED, 6 },
		{ 4, 6, BACKEND_CLOSED, 6 },
		{ 7, 5, BACKEND_CLOSE, 5 },
		{ 8, 6, BACKEND_CLOSED, 6 },
		{ 6, 6, BACKEND_NOTHING, 0 },
		{ 6, 1, BACKEND_REOPEN, 2 },
		{ 6, 3, BACKEND_REOPEN, 2 },
		{ 5, 3, BACKEND_NOTHING, 0 }, /* a fatal error rests */
		{ 5, 1, BACKEND_NOTHING, 0 },
		{ 4, 1, BACKEND_REOPEN, 2 },
		{ 4, 0, BACKEND_GONE, 0 },
		{ 6, 0, BACKEND_GONE, 0 },
		{ 0, 4, BACKEND_GONE, 0 },
		{ 9, 4, BACKEND_NOTHING, 0 },
		{ 4, 99, BACKEND_NOTHING, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum backend_action a = backend_action(rows[i].own, rows[i].peer);

		assert_int_equal(a, rows[i].action);
		assert_int_equal(backend_action_state(a), rows[i].next);
	}
}

static void frontend_edges(void **state)
{
	static const struct {
		unsigned own, peer;
		enum frontend_action action;
		unsigned next;
	} rows[] = {
		{ 1, 1, FRONTEND_PUBLISH, 3 }, { 1, 2, FRONTEND_PUBLISH, 3 },
		{ 1, 3, FRONTEND_PUBLISH, 3 }, { 1, 4, FRONTEND_NOTHING, 0 },
		{ 1, 6, FRONTEND_NOTHING, 0 }, { 1, 5, FRONTEND_CLOSE, 6 },
		{ 3, 4, FRONTEND_ENUMERATE, 4 }, { 3, 3, FRONTEND_NOTHING, 0 },
		{ 3, 7, FRONTEND_SKIP, 7 }, { 4, 7, FRONTEND_DETACH, 7 },
		{ 7, 8, FRONTEND_RESCAN, 4 }, { 7, 7, FRONTEND_NOTHING, 0 },
		{ 4, 8, FRONTEND_NOTHING, 0 }, { 4, 4, FRONTEND_NOTHING, 0 },
		{ 4, 5, FRONTEND_CLOSE, 6 }, { 4, 6, FRONTEND_CLOSE, 6 },
		{ 7, 5, FRONTEND_CLOSE, 6 }, { 6, 6, FRONTEND_NOTHING, 0 },
		{ 6, 5, FRONTEND_NOTHING, 0 }, { 4, 0, FRONTEND_GONE, 0 },
		{ 4, 1, FRONTEND_NOTHING, 0 }, { 99, 4, FRONTEND_NOTHING, 0 },
		{ 4, 9, FRONTEND_NOTHING, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum frontend_action a = frontend_action(rows[i].own, rows[i].peer);

		assert_int_equal(a, rows[i].action);
		assert_int_equal(frontend_action_state(a), rows[i].next);
	}
}

/*
 * The two tables against each other: from every pair of states that the other
 * rules can reach, acting in any order comes to rest within a few steps.
 */
static void the_tables_come_to_rest_together(void **state)
{
	(void)state;
	for (unsigned back = 1; back < PCIIF_STATE_COUNT; back++) {
		for (unsigned front = 1; front < PCIIF_STATE_COUNT; front++) {
			unsigned b = back, f = front;
			int steps;

			for (steps = 0; steps < 20; steps++) {
				unsigned nb = backend_action_state(backend_action(b, f));
				unsigned nf = frontend_action_state(frontend_action(f, nb ? nb : b));

				if (!nb && !nf)
					break;
				b = nb ? nb : b;
				f = nf ? nf : f;
			}
			assert_in_range(steps, 0, 8);
		}
	}
	assert_non_null(backend_action_text(BACKEND_GONE));
	assert_non_null(frontend_action_text(FRONTEND_GONE));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_numbers),
		cmocka_unit_test(page_init_clears_everything),
		cmocka_unit_test(request_is_copied_as_far_as_it_goes),
		cmocka_unit_test(answer_writes_its_own_fields_only),
		cmocka_unit_test(head_leaves_entries_alone),
		cmocka_unit_test(aer_slot_is_independent),
		cmocka_unit_test(vdev_and_root_formats),
		cmocka_unit_test(opts_are_read_strictly),
		cmocka_unit_test(backend_edges),
		cmocka_unit_test(frontend_edges),
		cmocka_unit_test(the_tables_come_to_rest_together),
	};

	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
