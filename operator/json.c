/* SPDX-License-Identifier: MIT */
#include "operator/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "operator/operator.h"

enum { TEXT_MAX = 1024 };

#define FIELD_NAME(name, type, text) #name,
static const char *const fields[] = {
#define X(kind, rows, text) rows(FIELD_NAME)
	JSON_RECORDS(X)
#undef X
};

static const char *const records[] = {
#define X(kind, rows, text) #kind,
	JSON_RECORDS(X)
#undef X
};

static void add(struct json *j, const char *name, struct json_object *value)
{
	if (value && !j->failed && !json_object_object_add(j->object, name, value))
		return;
	json_object_put(value);
	j->failed = true;
}

static struct json_object *printable(const char *text)
{
	char buf[TEXT_MAX];

	snprintf(buf, sizeof(buf), "%s", text);
	for (char *c = buf; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return json_object_new_string(buf);
}

void json_begin(struct json *j, enum json_record record)
{
	j->object = json_object_new_object();
	j->failed = !j->object;
	add(j, "record", json_object_new_string(records[record]));
}

void json_text(struct json *j, enum json_field field, const char *text)
{
	if (text && text[0])
		add(j, fields[field], printable(text));
}

void json_number(struct json *j, enum json_field field, int64_t value)
{
	add(j, fields[field], json_object_new_int64(value));
}

void json_flag(struct json *j, enum json_field field, bool value)
{
	add(j, fields[field], json_object_new_boolean(value));
}

void json_item(struct json *j, enum json_field field, const char *text)
{
	struct json_object *list, *item;

	if (!j->failed && !json_object_object_get_ex(j->object, fields[field], &list))
		add(j, fields[field], json_object_new_array());
	if (j->failed || !json_object_object_get_ex(j->object, fields[field], &list))
		return;
	item = printable(text);
	if (item && !json_object_array_add(list, item))
		return;
	json_object_put(item);
	j->failed = true;
}

int json_end(struct json *j)
{
	const char *line = NULL;

	if (!j->failed)
		line = json_object_to_json_string_ext(j->object, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
	if (line)
		puts(line);
	else
		operator_fail("%s", strerror(ENOMEM));
	json_object_put(j->object);
	j->object = NULL;
	return line ? 0 : -1;
}
