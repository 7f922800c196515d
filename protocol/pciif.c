/* SPDX-License-Identifier: MIT */
#include "protocol/pciif.h"

#include <string.h>

#include "common/util.h"

struct named_number {
	int32_t number;
	const char *name;
	const char *text;
};

#define COMMAND_ROW(nr, name, request) { (nr), #name, NULL },
#define ERROR_ROW(nr, name, text) { (nr), #name, text },
#define STATE_ROW(nr, name) { (nr), #name, NULL },

static const struct named_number commands[] = { PCIIF_COMMANDS(COMMAND_ROW) };
static const struct named_number errors[] = { PCIIF_ERRORS(ERROR_ROW) };
static const struct named_number states[] = { PCIIF_STATES(STATE_ROW) };
static const struct named_number aer_results[] = { PCIIF_AER_RESULTS(STATE_ROW) };

_Static_assert(ARRAY_SIZE(states) == PCIIF_STATE_COUNT, "a row per xenbus state");

static const struct named_number *row_of(const struct named_number *rows, size_t n, int64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].number == number)
			return &rows[i];
	return NULL;
}

static const char *name_of(const struct named_number *row)
{
	return row ? row->name : NULL;
}

const char *pciif_command_name(uint32_t cmd)
{
	return name_of(row_of(commands, ARRAY_SIZE(commands), cmd));
}

int pciif_command_number(const char *name, uint32_t *cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name)) {
			*cmd = (uint32_t)commands[i].number;
			return 0;
		}
	}
	return fail(EINVAL);
}

const char *pciif_error_text(int32_t err)
{
	const struct named_number *row = row_of(errors, ARRAY_SIZE(errors), err);

	return row ? row->text : NULL;
}

const char *pciif_state_name(unsigned state)
{
	const struct named_number *row = row_of(states, ARRAY_SIZE(states), state);

	return row ? row->name : "invalid";
}

const char *pciif_aer_result_name(int32_t result)
{
	return name_of(row_of(aer_results, ARRAY_SIZE(aer_results), result));
}
