/* SPDX-License-Identifier: MIT */
#include "operator/ask.h"

#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "common/state.h"
#include "common/util.h"

#define SEND_TIMEOUT_S 10

/* ---- Records ---- */

static void take_text(struct json_object *value, char *out, size_t room)
{
	const char *text = json_object_get_string(value);

	snprintf(out, room, "%s", text ? text : "");
	for (char *c = out; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* What is not there is 0, so that a newer xenpcid's answers can be read, and an older one's. */
static void take_field(struct json_object *value, const struct record_field *f, char *record)
{
	char *at = record + f->at;
	int64_t number;
	bool flag;

	switch (f->type) {
	case RECORD_TEXT:
		take_text(value, at, f->room);
		break;
	case RECORD_NUMBER:
		number = json_object_get_int64(value);
		memcpy(at, &number, sizeof(number));
		break;
	case RECORD_FLAG:
		flag = json_object_get_boolean(value);
		memcpy(at, &flag, sizeof(flag));
		break;
	case RECORD_LIST:
		for (size_t i = 0; json_object_is_type(value, json_type_array) && i < f->room &&
				   i < json_object_array_length(value); i++) {
			number = json_object_get_int64(json_object_array_get_idx(value, i));
			memcpy(at + i * sizeof(number), &number, sizeof(number));
		}
		break;
	}
}

static int read_record(struct answer *a)
{
	struct json_object *o = json_tokener_parse(a->line), *value;
	const struct record_field *f;
	const char *name;
	int rc = -1;
	size_t nr;

	memset(&a->record, 0, sizeof(a->record));
	a->kind = RECORD_KINDS;
	/* null has no text. */
	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, "record", &value) ||
	    !(name = json_object_get_string(value)))
		goto out;
	rc = 0;
	for (int k = 0; k < RECORD_KINDS; k++)
		if (!strcmp(record_name((enum record_kind)k), name))
			a->kind = (enum record_kind)k;
	if (a->kind == RECORD_KINDS)
		goto out;
	f = record_fields(a->kind, &nr);
	for (size_t i = 0; i < nr; i++)
		if (json_object_object_get_ex(o, f[i].name, &value))
			take_field(value, &f[i], (char *)&a->record);
out:
	json_object_put(o);
	return rc;
}

/* ---- The connection ---- */

static int add(struct json_object *o, const char *key, const char *text)
{
	return text ? json_object_object_add(o, key, json_object_new_string(text)) : 0;
}

static int say(int fd, const struct question *q)
{
	struct json_object *o = json_object_new_object();
	const char *text;
	int rc = -1;

	if (!o || json_object_object_add(o, "version", json_object_new_int(RECORDS_VERSION)) ||
	    add(o, "command", records_command_name(q->command)) || add(o, "domain", q->who) ||
	    add(o, "device", q->device) || add(o, "only", q->only) || add(o, "level", q->level))
		goto out;
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	rc = send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 ? -1 : 0;
out:
	json_object_put(o);
	return rc;
}

static int connect_to(const struct operator *op, struct sockaddr_un *at)
{
	const char *dir = op->state_dir ? op->state_dir : STATE_DIR;
	struct timeval patience = { .tv_sec = SEND_TIMEOUT_S };
	int fd;

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(at->sun_path, sizeof(at->sun_path), "%s/" RECORDS_SOCKET, dir) >=
	    (int)sizeof(at->sun_path))
		return fail(ENAMETOOLONG);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)at, sizeof(*at)))
		return fd;
	close_keep(fd);
	return -1;
}

int ask_open(const struct operator *op, const struct question *q, bool quiet, struct answer *a)
{
	struct sockaddr_un at;
	bool absent;

	a->quiet = quiet;
	a->fd = connect_to(op, &at);
	if (a->fd >= 0 && !say(a->fd, q))
		return OPERATOR_OK;
	absent = a->fd < 0 && (errno == ENOENT || errno == ECONNREFUSED);
	ask_close(a);
	if (quiet)
		return absent ? OPERATOR_ABSENT : OPERATOR_FAILED;
	if (absent)
		operator_fail("no xenpcid runs: nobody answers at %s", at.sun_path);
	else
		operator_fail("%s: %s%s", at.sun_path, strerror(errno),
			      errno == EACCES ? "; root and the members of group " RECORDS_GROUP " may ask" : "");
	return absent ? OPERATOR_ABSENT : OPERATOR_FAILED;
}

int ask_next(struct answer *a, int timeout_ms)
{
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	ssize_t n;

	do {
		if (timeout_ms >= 0 && poll(&p, 1, timeout_ms) <= 0)
			return -2;
		n = recv(a->fd, a->line, sizeof(a->line) - 1, 0);
		if (n < 0 && errno == EINTR)
			return -2;
		if (n <= 0) {
			if (!a->quiet)
				operator_fail("xenpcid ended the connection%s%s", n < 0 ? ": " : "",
					      n < 0 ? strerror(errno) : "");
			return -1;
		}
		a->line[n] = '\0';
		if (read_record(a)) {
			operator_fail("xenpcid's answer is not understood");
			return -1;
		}
	} while (a->kind == RECORD_KINDS); /* of a newer xenpcid */
	if (a->kind != RECORD_OF_result)
		return 1;
	if (a->record.result.ok)
		return 0;
	operator_fail("%s", a->record.result.text);
	return -1;
}

bool ask_knows(const struct operator *op, const struct question *q)
{
	const struct question status = { .command = COMMAND_status, .who = q->who, .device = q->device };
	struct answer a = { .fd = -1 };
	bool any = !q->who && !q->device;
	int rc;

	if (any || ask_open(op, &status, true, &a))
		return true;
	while ((rc = ask_next(&a, -1)) == 1)
		any |= a.kind == RECORD_OF_guest || a.kind == RECORD_OF_device;
	ask_close(&a);
	return any || rc;
}

void ask_close(struct answer *a)
{
	close_keep(a->fd);
	a->fd = -1;
}

const char *ask_moment(int64_t seconds, char buf[24])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!seconds || !localtime_r(&t, &tm) || !strftime(buf, 24, "%Y-%m-%d %H:%M:%S", &tm))
		memcpy(buf, "-", 2);
	return buf;
}
