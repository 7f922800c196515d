/* SPDX-License-Identifier: MIT */
/* Requests of the control socket, right and wrong; records as lines, of which none is too long for a packet. */
#include "tests/unit/unit.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "backend/control/json.h"
#include "common/util.h"

static int reads(const char *text, struct request *r)
{
	const char *why = NULL;
	int rc = request_read(text, strlen(text), r, &why);

	assert_non_null(why);
	return rc;
}

static void right_ones(void **state)
{
	struct request r;

	(void)state;
	assert_int_equal(reads("{\"version\":1,\"command\":\"status\"}", &r), 0);
	assert_int_equal(r.command, COMMAND_status);
	assert_string_equal(r.who, "");
	assert_int_equal(reads(" {\"command\":\"trace\",\"only\":\"denied\",\"domain\":\"7\",\"version\":1}\n", &r), 0);
	assert_int_equal(r.command, COMMAND_trace);
	assert_int_equal(r.trace, TRACE_DENIED);
	assert_string_equal(r.who, "7");
	assert_int_equal(reads("{\"version\":1,\"command\":\"denied\",\"device\":\"04:00.1\"}", &r), 0);
	assert_string_equal(r.device, "0000:04:00.1");
	assert_int_equal(reads("{\"version\":1,\"command\":\"loglevel\",\"level\":\"debug\"}", &r), 0);
	assert_string_equal(r.level, "debug");
}

static void wrong_ones(void **state)
{
	static const char *const texts[] = {
		"", " ", "x", "{", "}", "[]", "1", "null", "\"status\"", "{}", "{\"version\":1}",
		"{\"command\":\"status\"}", "{\"version\":2,\"command\":\"status\"}",
		"{\"version\":\"1\",\"command\":\"status\"}", "{\"version\":1.5,\"command\":\"status\"}",
		"{\"version\":1,\"command\":\"fly\"}", "{\"version\":1,\"command\":null}",
		"{\"version\":1,\"command\":\"status\",\"else\":1}",
		"{\"version\":1,\"command\":\"status\"} {}",
		"{\"version\":1,\"command\":\"status\\u0000\"}",
		"{\"version\":1,\"command\":\"status\",\"domain\":7}",
		"{\"version\":1,\"command\":\"status\",\"domain\":[[[[[[]]]]]]}",
		"{\"version\":1,\"command\":\"status\",\"device\":\"nic\"}",
		"{\"version\":1,\"command\":\"trace\",\"only\":\"\"}",
		"{\"version\":1,\"command\":\"loglevel\",\"level\":\"a level that is longer than any\"}",
		"{\"version\":1,\"command\":\"status\",\"domain\":\"a name of sixty-four bytes is one more than "
		"there is room for, you see\"}",
	};
	struct request r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (reads(texts[i], &r) != -1)
			fail_msg("taken: %s", texts[i]);
}

/* Each right one cut short, and with each byte changed: never more than refused. */
static void broken_ones(void **state)
{
	static const char right[] = "{\"version\":1,\"command\":\"trace\",\"only\":\"writes\",\"domain\":\"guest\"}";
	char text[sizeof(right)];
	struct request r;
	const char *why;

	(void)state;
	for (size_t n = 0; n + 1 < sizeof(right); n++)
		assert_int_equal(request_read(right, n, &r, &why), -1);
	for (size_t at = 0; at + 1 < sizeof(right); at++)
		for (int byte = 0; byte < 256; byte++) {
			memcpy(text, right, sizeof(text));
			text[at] = (char)byte;
			if (!request_read(text, sizeof(text) - 1, &r, &why))
				assert_true(r.trace && memchr(r.who, '\0', sizeof(r.who)));
		}
}

/* With every text full of what JSON has to quote most, and every number as long as can be. */
static void longest_records(void **state)
{
	static char line[RECORDS_LINE_MAX];

	(void)state;
	for (int k = 0; k < RECORD_KINDS; k++) {
		union record record;
		size_t nr;
		const struct record_field *f = record_fields((enum record_kind)k, &nr);
		struct json_object *o, *value;
		int64_t least = INT64_MIN;
		int len;

		memset(&record, 0, sizeof(record));
		for (size_t i = 0; i < nr; i++) {
			char *at = (char *)&record + f[i].at;

			if (f[i].type == RECORD_TEXT)
				memset(at, '"', f[i].room - 1);
			else if (f[i].type != RECORD_FLAG)
				for (size_t n = 0; n < f[i].room; n++)
					memcpy(at + n * sizeof(least), &least, sizeof(least));
		}
		len = record_write((enum record_kind)k, &record, line);
		assert_true(len > 0);
		assert_int_equal((size_t)len, strlen(line));
		assert_ptr_equal(strchr(line, '\n'), line + len - 1);
		o = json_tokener_parse(line);
		assert_non_null(o);
		assert_int_equal(json_object_object_length(o), nr + 1);
		for (size_t i = 0; i < nr; i++)
			assert_true(json_object_object_get_ex(o, f[i].name, &value));
		json_object_put(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_ones),
		cmocka_unit_test(wrong_ones),
		cmocka_unit_test(broken_ones),
		cmocka_unit_test(longest_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
