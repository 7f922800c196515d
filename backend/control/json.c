/* SPDX-License-Identifier: MIT */
#include "backend/control/json.h"

#include <json-c/json.h>
#include <string.h>

#include "common/sbdf.h"
#include "common/util.h"

#define DEPTH_MAX 3 /* of a request: an object of plain values */

static int copy_text(struct json_object *value, char *out, size_t room)
{
	const char *text;
	size_t n;

	if (!json_object_is_type(value, json_type_string))
		return -1;
	text = json_object_get_string(value);
	n = (size_t)json_object_get_string_len(value);
	if (n >= room || strlen(text) != n)
		return -1;
	memcpy(out, text, n + 1);
	return 0;
}

static int take_command(struct json_object *value, struct request *out)
{
	char name[16];
	int n;

	if (copy_text(value, name, sizeof(name)))
		return -1;
	n = records_command(name);
	if (n < 0)
		return -1;
	out->command = (enum records_command)n;
	return 0;
}

static int take_device(struct json_object *value, struct request *out)
{
	char text[sizeof(out->device)];
	struct sbdf a;

	if (copy_text(value, text, sizeof(text)) || sbdf_parse(text, &a))
		return -1;
	sbdf_format(a, out->device);
	return 0;
}

static int take_only(struct json_object *value, struct request *out)
{
	char text[16];

	if (copy_text(value, text, sizeof(text)))
		return -1;
	out->trace = !strcmp(text, "writes") ? TRACE_WRITES
		     : !strcmp(text, "denied") ? TRACE_DENIED
					       : 0;
	return out->trace ? 0 : -1;
}

static int take(const char *key, struct json_object *value, struct request *out, const char **why)
{
	if (!strcmp(key, "version")) {
		*why = "version: this xenpcid speaks version 1";
		return json_object_is_type(value, json_type_int) &&
				       json_object_get_int64(value) == RECORDS_VERSION
			       ? 0
			       : -1;
	}
	if (!strcmp(key, "command")) {
		*why = "command: there is none of that name";
		return take_command(value, out);
	}
	if (!strcmp(key, "domain")) {
		*why = "domain: is not a name or a number, as text of up to 63 bytes";
		return copy_text(value, out->who, sizeof(out->who));
	}
	if (!strcmp(key, "device")) {
		*why = "device: is no PCI address like 0000:03:00.0";
		return take_device(value, out);
	}
	if (!strcmp(key, "only")) {
		*why = "only: is neither writes nor denied";
		return take_only(value, out);
	}
	if (!strcmp(key, "level")) {
		*why = "level: is no short text";
		return copy_text(value, out->level, sizeof(out->level));
	}
	*why = "there is a key that is not known";
	return -1;
}

static int take_all(struct json_object *o, struct request *out, const char **why)
{
	if (!json_object_is_type(o, json_type_object)) {
		*why = "the request is no object";
		return -1;
	}
	json_object_object_foreach(o, key, value)
	{
		if (take(key, value, out, why))
			return -1;
	}
	*why = "version or command is missing";
	return json_object_object_get_ex(o, "version", NULL) &&
			       json_object_object_get_ex(o, "command", NULL)
		       ? 0
		       : -1;
}

int request_read(const char *text, size_t len, struct request *out, const char **why)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *o;
	int rc = -1;

	memset(out, 0, sizeof(*out));
	out->trace = TRACE_ALL;
	*why = "no memory";
	if (!tok)
		return -1;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tok, text, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success || !o)
		*why = "the request is no JSON object";
	else
		rc = take_all(o, out, why);
	json_object_put(o);
	json_tokener_free(tok);
	return rc;
}

static struct json_object *list(const int64_t *items, size_t nr)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; a && i < nr; i++) {
		struct json_object *item = json_object_new_int64(items[i]);

		if (!item || json_object_array_add(a, item)) {
			json_object_put(item);
			json_object_put(a);
			return NULL;
		}
	}
	return a;
}

/* Takes value over, also where it fails. */
static int put(struct json_object *o, const char *name, struct json_object *value)
{
	if (value && !json_object_object_add(o, name, value))
		return 0;
	json_object_put(value);
	return -1;
}

static struct json_object *value_of(const struct record_field *f, const char *record)
{
	const char *at = record + f->at;
	int64_t number;
	bool flag;

	switch (f->type) {
	case RECORD_TEXT:
		return json_object_new_string_len(at, (int)strnlen(at, f->room - 1));
	case RECORD_NUMBER:
		memcpy(&number, at, sizeof(number));
		return json_object_new_int64(number);
	case RECORD_FLAG:
		memcpy(&flag, at, sizeof(flag));
		return json_object_new_boolean(flag);
	case RECORD_LIST:
		return list((const int64_t *)(const void *)at, f->room);
	}
	return NULL;
}

int record_write(enum record_kind kind, const union record *record, char *out)
{
	struct json_object *o = json_object_new_object();
	const struct record_field *f;
	const char *text;
	size_t nr, len = 0;
	int rc = -1;

	f = record_fields(kind, &nr);
	if (!o || put(o, "record", json_object_new_string(record_name(kind))))
		goto out;
	for (size_t i = 0; i < nr; i++)
		if (put(o, f[i].name, value_of(&f[i], (const char *)record)))
			goto out;
	text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
						 &len);
	if (!text || len + 2 > RECORDS_LINE_MAX)
		goto out;
	memcpy(out, text, len);
	out[len] = '\n';
	out[len + 1] = '\0';
	rc = (int)len + 1;
out:
	json_object_put(o);
	return rc;
}
