/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/number.h"
#include "common/ratelimit.h"
#include "common/sbdf.h"
#include "common/text.h"
#include "common/util.h"

static void number_takes_whole_numbers_only(void **state)
{
	static const struct {
		const char *text;
		int base;
		uint64_t max;
		int err;
		uint64_t value;
	} rows[] = {
		{ "0", 10, 9, 0, 0 },
		{ "4294967295", 10, UINT32_MAX, 0, UINT32_MAX },
		{ "4294967296", 10, UINT32_MAX, ERANGE, 0 },
		{ "18446744073709551615", 10, UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", 10, UINT64_MAX, ERANGE, 0 },
		{ "", 10, 9, EINVAL, 0 },
		{ "-1", 10, UINT64_MAX, EINVAL, 0 },
		{ "+1", 10, 9, EINVAL, 0 },
		{ " 1", 10, 9, EINVAL, 0 },
		{ "1 ", 10, 9, EINVAL, 0 },
		{ "1x", 10, 9, EINVAL, 0 },
		{ "a", 10, 99, EINVAL, 0 },
		{ "a", 16, 99, 0, 10 },
		{ "0xa", 16, 99, EINVAL, 0 },
		{ "0xa", 0, 99, 0, 10 },
		{ "0x", 0, 99, EINVAL, 0 },
		{ "010", 0, 99, 0, 10 },
		{ "10", 10, 9, ERANGE, 0 },
		{ NULL, 10, 9, EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v = 77;

		errno = 0;
		if (rows[i].err) {
			assert_int_equal(number_parse(rows[i].text, rows[i].base, rows[i].max, &v), -1);
			assert_int_equal(errno, rows[i].err);
			assert_int_equal(v, 77);
		} else {
			assert_int_equal(number_parse(rows[i].text, rows[i].base, rows[i].max, &v), 0);
			assert_int_equal(v, rows[i].value);
		}
	}
}

static void sbdf_reads_what_it_writes(void **state)
{
	static const struct {
		const char *text;
		const char *canonical; /* NULL: malformed */
	} rows[] = {
		{ "0000:00:00.0", "0000:00:00.0" },
		{ "3:1f.7", "0000:03:1f.7" },
		{ "10000:e1:00.2", "10000:e1:00.2" },
		{ "ABCD:EF:1f.0", "abcd:ef:1f.0" },
		{ "0000:00:20.0", NULL }, /* slot above 31 */
		{ "0000:00:1f.8", NULL },
		{ "0000:100:00.0", NULL },
		{ "1000000:00:00.0", "1000000:00:00.0" },
		{ "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
		{ "100000000:00:00.0", NULL },
		{ "0:0:0:0.0", NULL },
		{ "00.0", NULL },
		{ "00:00", NULL },
		{ "00:00.", NULL },
		{ ":00.0", NULL },
		{ "00:00.0 ", NULL },
		{ " 00:00.0", NULL },
		{ "00:00.00", NULL },
		{ "0x0:00.0", NULL },
		{ "00:-1.0", NULL },
		{ "", NULL },
		{ NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sbdf a = { 1, 2, 3 };
		char text[SBDF_TEXT];

		if (!rows[i].canonical) {
			assert_int_equal(sbdf_parse(rows[i].text, &a), -1);
			assert_int_equal(errno, EINVAL);
			assert_int_equal(a.segment, 1);
			continue;
		}
		assert_int_equal(sbdf_parse(rows[i].text, &a), 0);
		assert_string_equal(sbdf_format(a, text), rows[i].canonical);
	}
}

static void sbdf_orders_by_address(void **state)
{
	static const struct sbdf rising[] = {
		{ 0, 0, 0 }, { 0, 0, 1 }, { 0, 0, 8 }, { 0, 1, 0 }, { 1, 0, 0 }, { 0x10000, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rising); i++)
		for (size_t j = 0; j < ARRAY_SIZE(rising); j++) {
			int order = sbdf_compare(rising[i], rising[j]);

			assert_int_equal(i < j ? -1 : i > j, order < 0 ? -1 : order > 0);
			assert_int_equal(sbdf_equal(rising[i], rising[j]), i == j);
		}
}

static void ratelimit_gives_burst_then_earns(void **state)
{
	struct ratelimit rl;

	(void)state;
	ratelimit_init(&rl, 100, 3, 1000);
	for (int i = 0; i < 3; i++)
		assert_true(ratelimit_allow(&rl, 1000));
	for (int i = 0; i < 5; i++)
		assert_false(ratelimit_allow(&rl, 1099));
	assert_int_equal(ratelimit_take_suppressed(&rl), 5);
	assert_int_equal(ratelimit_take_suppressed(&rl), 0);
	assert_true(ratelimit_allow(&rl, 1100));
	assert_false(ratelimit_allow(&rl, 1150));
	/* Half an interval earned before is not lost. */
	assert_true(ratelimit_allow(&rl, 1200));
	/* A long rest earns a burst and no more. */
	for (int i = 0; i < 3; i++)
		assert_true(ratelimit_allow(&rl, 1000000));
	assert_false(ratelimit_allow(&rl, 1000000));
}

static void log_is_silent_without_a_logger_and_keeps_errno(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	xentoollog_logger *lg;

	(void)state;
	assert_non_null(out);
	lg = (xentoollog_logger *)xtl_createlogger_stdiostream(out, XTL_INFO, 0);
	assert_non_null(lg);
	errno = EDOM;
	log_error(NULL, "nobody hears %d", 1);
	log_info(lg, "guest %d: hello", 7);
	log_debug(lg, "below the level");
	assert_int_equal(errno, EDOM);
	xtl_logger_destroy(lg);
	fclose(out);
	assert_non_null(strstr(text, "guest 7: hello\n"));
	assert_null(strstr(text, "below"));
	assert_null(strstr(text, "nobody"));
	free(text);
}

static void text_is_appended_and_cut(void **state)
{
	char buf[8] = "", guard[sizeof(buf) + 1];

	(void)state;
	memset(guard, '!', sizeof(guard));
	guard[0] = '\0';
	text_append(buf, sizeof(buf), "%s", "");
	assert_string_equal(buf, "");
	text_append(buf, sizeof(buf), "%d,", 12);
	text_append(buf, sizeof(buf), "%d", 345);
	assert_string_equal(buf, "12,345");
	text_append(buf, sizeof(buf), "%s", "6789");
	assert_string_equal(buf, "12,3456");
	text_append(guard, sizeof(buf), "%s", "0123456789");
	text_append(guard, sizeof(buf), "more");
	assert_string_equal(guard, "0123456");
	assert_int_equal(guard[sizeof(buf)], '!');
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(number_takes_whole_numbers_only),
		cmocka_unit_test(sbdf_reads_what_it_writes),
		cmocka_unit_test(sbdf_orders_by_address),
		cmocka_unit_test(ratelimit_gives_burst_then_earns),
		cmocka_unit_test(log_is_silent_without_a_logger_and_keeps_errno),
		cmocka_unit_test(text_is_appended_and_cut),
	};

	return cmocka_run_group_tests_name("common", tests, NULL, NULL);
}
