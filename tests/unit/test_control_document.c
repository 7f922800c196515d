/* SPDX-License-Identifier: MIT */
/*
 * docs/control.md repeats the tables of host/records.h, for readers: each command and each field is there with the
 * same words, and nothing else is.
 */
#include "tests/unit/unit.h"
#include "tests/unit/support_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "host/records.h"

static int read_document(void **state)
{
	(void)state;
	return document_read("docs/control.md");
}

/* From a heading to the next. */
static char *section(const char *heading)
{
	char *at = strstr(document, heading), *end;

	if (at == NULL)
		fail_msg("docs/control.md has no \"%s\"", heading);
	end = strstr(at + strlen(heading), "\n#");
	return strndup(at, end == NULL ? strlen(at) : (size_t)(end - at));
}

static unsigned rows(const char *text)
{
	unsigned n = 0;

	for (; (text = strstr(text, "\n| `")) != NULL; text++)
		n++;
	return n;
}

__attribute__((format(printf, 2, 3)))
static void expect(const char *text, const char *format, ...)
{
	char row[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(row, sizeof(row), format, ap);
	va_end(ap);
	if (strstr(text, row) == NULL)
		fail_msg("docs/control.md lacks, where it belongs: %s", row);
}

#define TYPE_TEXT "text"
#define TYPE_NUMBER "number"
#define TYPE_FLAG "flag"
#define TYPE_LIST "list"

static void every_field(void **state)
{
	char *text;
	unsigned n;

	(void)state;
#define FIELD(type, name, room, what)                                          \
	expect(text, "\n| `%s` | %s | %s |\n", #name, TYPE_##type, what);      \
	n++;
#define X(record, table, what)                                                 \
	text = section("### `" #record "`\n");                                 \
	n = 0;                                                                 \
	table(FIELD)                                                           \
	assert_int_equal(rows(text), n);                                       \
	free(text);
	RECORDS(X)
#undef X
}

static void every_command(void **state)
{
	char *text = section("## Requests\n");

	(void)state;
#define X(command, root, what) expect(text, "\n| `%s` | %s | %s |\n", #command, (root) ? "root" : "all", what);
	RECORDS_COMMANDS(X)
#undef X
	free(text);
}

/* What names the tables' numbers: a kind's fields are those of its structure, in order. */
static void fields_lie_in_order(void **state)
{
	(void)state;
	for (int k = 0; k < RECORD_KINDS; k++) {
		size_t nr, end = 0;
		const struct record_field *f = record_fields((enum record_kind)k, &nr);

		for (size_t i = 0; i < nr; i++) {
			assert_true(f[i].at >= end);
			end = f[i].at + (f[i].type == RECORD_TEXT ? f[i].room
					 : f[i].type == RECORD_FLAG ? sizeof(bool)
								    : f[i].room * sizeof(int64_t));
			assert_true(end <= sizeof(union record));
		}
	}
	for (int c = 0; c < COMMAND_COUNT; c++)
		assert_int_equal(records_command(records_command_name((enum records_command)c)), c);
	assert_int_equal(records_command("fly"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field),
		cmocka_unit_test(every_command),
		cmocka_unit_test(fields_lie_in_order),
	};

	return cmocka_run_group_tests(tests, read_document, drop_document);
}
