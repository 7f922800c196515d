/* SPDX-License-Identifier: MIT */
/* A guest's ledger as records: what a worker wrote, and what one that was taken over may have written. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "backend/supervisor/report_ledger.h"
#include "common/util.h"

static struct ledger *l;

static int begin(void **state)
{
	(void)state;
	l = calloc(1, sizeof(*l));
	return l ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	free(l);
	return 0;
}

static void nothing_yet(void **state)
{
	struct record_stats stats;
	struct record_denied denied;
	struct sbdf host;
	union record r;
	uint32_t at = 0;
	uint64_t told = 0;

	(void)state;
	ledger_stats(NULL, &stats);
	assert_int_equal(stats.requests, 0);
	assert_int_equal(ledger_requests(NULL), 0);
	assert_false(ledger_next_denied(NULL, &at, 0, 0, &host, &denied));
	assert_int_equal(ledger_next_trace(NULL, &told, 0, &r), -1);
	at = 0;
	assert_false(ledger_next_denied(l, &at, 0, 0, &host, &denied));
	assert_int_equal(ledger_next_trace(l, &told, 0, &r), -1);
}

static void sums(void **state)
{
	struct record_stats stats;

	(void)state;
	l->commands[XEN_PCI_OP_conf_read] = 5;
	l->commands[XEN_PCI_OP_aer_resume] = 2;
	l->commands[15] = 1;
	l->took_ns = 3999;
	ledger_stats(l, &stats);
	assert_int_equal(stats.requests, 8);
	assert_int_equal(stats.conf_read, 5);
	assert_int_equal(stats.other, 3);
	assert_int_equal(stats.took, 3);
	/* A stranger's numbers do not run over. */
	for (size_t i = 0; i < ARRAY_SIZE(l->commands); i++)
		l->commands[i] = UINT64_MAX;
	ledger_stats(l, &stats);
	assert_true(stats.requests == INT64_MAX && stats.conf_read == INT64_MAX && stats.other >= 0);
}

static void put_denial(unsigned i, uint16_t offset, uint8_t width, uint32_t bits, const char *field,
		       const char *remedy)
{
	l->denial[i] = (struct ledger_denial){ .times = 1, .offset = offset, .width = width, .bits = bits };
	strcpy(l->denial[i].field, field);
	strcpy(l->denial[i].remedy, remedy);
}

static void quirk_of(uint16_t offset, uint8_t width, uint32_t bits, const char *field, const char *want)
{
	struct record_denied d;
	struct sbdf host;
	uint32_t at = 0;

	put_denial(0, offset, width, bits, field, "permissive=1, or a quirk for this register");
	assert_true(ledger_next_denied(l, &at, 0, 0, &host, &d));
	ledger_quirk(0x8086, 0x10d3, &d);
	if (strstr(d.quirk, want) == NULL)
		fail_msg("%s: %s", d.quirk, want);
}

static void narrowest_quirks(void **state)
{
	struct record_denied d = { .offset = 4, .width = 2, .bits = 1 };

	(void)state;
	quirk_of(0xe8, 2, 0x7000, "device control", "offset = 0xe8; width = 2; mask = 0x7000; reason = \"device control\"");
	quirk_of(0x44, 4, 0x00000700, "unlisted", "offset = 0x45; width = 1; mask = 0x7;");
	quirk_of(0x44, 4, 0xff000000, "unlisted", "offset = 0x47; width = 1; mask = 0xff;");
	quirk_of(0x44, 4, 0x01800000, "unlisted", "offset = 0x46; width = 2; mask = 0x180;");
	quirk_of(0x44, 4, 0x00018000, "unlisted", "offset = 0x44; width = 4; mask = 0x18000;");
	quirk_of(0x44, 4, 1, "a \"name\\", "reason = \"a ?name?\"");
	/* What no quirk can allow has none. */
	strcpy(d.remedy, "permissive=1");
	ledger_quirk(0x8086, 0x10d3, &d);
	assert_string_equal(d.quirk, "");
	strcpy(d.remedy, "a quirk");
	ledger_quirk(0, 0, &d);
	assert_string_equal(d.quirk, "");
}

static void strange_denials(void **state)
{
	struct record_denied d;
	struct sbdf host;
	uint32_t at = 0;

	(void)state;
	put_denial(0, 4096, 4, 1, "beyond", "");
	put_denial(1, 4, 3, 1, "no width", "");
	put_denial(3, 15, 4, 0xff0000ff, "between", "");
	put_denial(2, 4, 4, 1, "right", "");
	memset(l->denial[2].field, '\033', sizeof(l->denial[2].field));
	l->denial[2].times = UINT64_MAX;
	l->denial[2].first_ns = UINT64_MAX;
	put_denial(LEDGER_DENIALS - 1, 8, 4, 1, "last", "");
	l->denial[LEDGER_DENIALS - 1].last_ns = 3000000000u;
	assert_true(ledger_next_denied(l, &at, 5000000000u, 1000, &host, &d));
	assert_int_equal(d.offset, 4);
	assert_int_equal(strspn(d.field, "?"), sizeof(d.field) - 1);
	assert_int_equal(d.times, INT64_MAX);
	assert_int_equal(d.first, 1000);
	assert_true(ledger_next_denied(l, &at, 5000000000u, 1000, &host, &d));
	assert_string_equal(d.field, "last");
	assert_int_equal(d.last, 998);
	assert_false(ledger_next_denied(l, &at, 5000000000u, 1000, &host, &d));
	assert_false(ledger_next_denied(l, &at, 5000000000u, 1000, &host, &d));
}

static void traces(void **state)
{
	uint64_t told = 0;
	union record r;

	(void)state;
	l->traced = 7; /* from before anybody looked on */
	ledger_trace_set(l, &told, TRACE_ALL);
	assert_int_equal(l->tracing, TRACE_ALL);
	assert_int_equal(ledger_next_trace(l, &told, 0, &r), -1);
	l->trace[7] = (struct ledger_trace){ .cmd = XEN_PCI_OP_conf_write, .at_ns = 5000, .offset = 4, .size = 2,
					     .value = 6, .devfn = 0x21 };
	l->traced = 8;
	assert_int_equal(ledger_next_trace(l, &told, 100, &r), RECORD_OF_trace);
	assert_string_equal(r.trace.command, "conf_write");
	assert_string_equal(r.trace.guest_address, "0000:00:04.1");
	assert_string_equal(r.trace.host, "");
	assert_int_equal(r.trace.time, 105);
	assert_int_equal(ledger_next_trace(l, &told, 0, &r), -1);
	l->trace[8].cmd = 0xffffffff;
	l->traced = 9;
	assert_int_equal(ledger_next_trace(l, &told, 0, &r), RECORD_OF_trace);
	assert_string_equal(r.trace.command, "4294967295");
	/* Too many, or back, or anything: so many are lost, and it ends. */
	l->traced = 9 + 10 * LEDGER_TRACES;
	assert_int_equal(ledger_next_trace(l, &told, 0, &r), RECORD_OF_lost);
	assert_int_equal(r.lost.lines, 10 * LEDGER_TRACES - LEDGER_TRACES / 2);
	for (unsigned i = 0; i < LEDGER_TRACES / 2; i++)
		assert_int_equal(ledger_next_trace(l, &told, 0, &r), RECORD_OF_trace);
	assert_int_equal(ledger_next_trace(l, &told, 0, &r), -1);
	l->traced = 3;
	assert_int_equal(ledger_next_trace(l, &told, 0, &r), RECORD_OF_lost);
	assert_true(r.lost.lines >= 0);
	assert_true(told <= 3);
	l->traced = UINT64_MAX;
	assert_int_equal(ledger_next_trace(l, &told, 0, &r), RECORD_OF_lost);
	assert_true(r.lost.lines >= 0);
	ledger_trace_set(l, &told, 0);
	assert_int_equal(l->tracing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_yet, begin, end),
		cmocka_unit_test_setup_teardown(sums, begin, end),
		cmocka_unit_test_setup_teardown(narrowest_quirks, begin, end),
		cmocka_unit_test_setup_teardown(strange_denials, begin, end),
		cmocka_unit_test_setup_teardown(traces, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
