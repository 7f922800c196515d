/* SPDX-License-Identifier: MIT */
#include "host/records.h"

#include <string.h>

#include "common/util.h"

#define FIELD_OF(record, type, name, room) \
	{ #name, RECORD_##type, offsetof(struct record_##record, name), room },

#define F(type, name, room, text) FIELD_OF(daemon, type, name, room)
static const struct record_field daemon_fields[] = { RECORDS_DAEMON(F) };
#undef F
#define F(type, name, room, text) FIELD_OF(guest, type, name, room)
static const struct record_field guest_fields[] = { RECORDS_GUEST(F) };
#undef F
#define F(type, name, room, text) FIELD_OF(device, type, name, room)
static const struct record_field device_fields[] = { RECORDS_DEVICE(F) };
#undef F
#define F(type, name, room, text) FIELD_OF(stats, type, name, room)
static const struct record_field stats_fields[] = { RECORDS_STATS(F) };
#undef F
#define F(type, name, room, text) FIELD_OF(denied, type, name, room)
static const struct record_field denied_fields[] = { RECORDS_DENIED(F) };
#undef F
#define F(type, name, room, text) FIELD_OF(trace, type, name, room)
static const struct record_field trace_fields[] = { RECORDS_TRACE(F) };
#undef F
#define F(type, name, room, text) FIELD_OF(lost, type, name, room)
static const struct record_field lost_fields[] = { RECORDS_LOST(F) };
#undef F
#define F(type, name, room, text) FIELD_OF(result, type, name, room)
static const struct record_field result_fields[] = { RECORDS_RESULT(F) };
#undef F

static const struct {
	const char *name;
	const struct record_field *fields;
	size_t nr;
} kinds[] = {
#define X(record, table, text) { #record, record##_fields, ARRAY_SIZE(record##_fields) },
	RECORDS(X)
#undef X
};

static const struct {
	const char *name;
	bool roots;
} commands[] = {
#define X(command, roots, text) { #command, roots },
	RECORDS_COMMANDS(X)
#undef X
};

const struct record_field *record_fields(enum record_kind kind, size_t *nr)
{
	*nr = kinds[kind].nr;
	return kinds[kind].fields;
}

const char *record_name(enum record_kind kind)
{
	return kinds[kind].name;
}

int records_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return (int)i;
	return -1;
}

const char *records_command_name(enum records_command command)
{
	return commands[command].name;
}

bool records_command_is_roots(enum records_command command)
{
	return commands[command].roots;
}
