/* SPDX-License-Identifier: MIT */
/*
 * The control socket, both ends. Clients of any kind at xenpcid's: whatever they send, every answer is a
 * whole record, the last of it a result, nobody but root gives orders, and no descriptor is left. And a
 * daemon of any kind at the command's: whatever it answers is read or refused.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/control/control.h"
#include "backend/control/json.h"
#include "common/util.h"
#include "operator/ask.h"
#include "tests/fuzz/trouble.h"

enum { PEERS = 20, STEPS = 200, GUESTS = 3 };
enum { OWN = 1000, STRANGER = 1001 }; /* users */

#define HOST "0000:03:00.0"

/* What there is to tell. */
static struct {
	unsigned guests, rows, traces, orders;
	uint8_t fill;
	bool lost, elsewhere;
} told;
static int peer[PEERS];
static bool strangers; /* none of them is root */

/* ---- Whom the socket asks ---- */

static bool next(void *context, uint64_t *guest)
{
	(void)context;
	return *guest < told.guests;
}

static bool is(void *context, uint64_t guest, const char *who)
{
	(void)context;
	fuzz_check(strlen(who) < 64);
	return who[0] == (char)('0' + guest) || !strcmp(who, "all");
}

/* Texts full of what JSON has to escape, or plain; lists and numbers at their bounds. */
static void fill(enum record_kind kind, union record *out)
{
	const struct record_field *f;
	size_t nr;

	memset(out, 0, sizeof(*out));
	f = record_fields(kind, &nr);
	for (size_t i = 0; i < nr; i++) {
		char *at = (char *)out + f[i].at;

		switch (f[i].type) {
		case RECORD_TEXT:
			memset(at, told.fill ? told.fill : 'x', f[i].room - 1);
			if (!strcmp(f[i].name, "host") && !told.elsewhere)
				snprintf(at, f[i].room, HOST);
			break;
		case RECORD_FLAG:
			*(bool *)at = told.fill & 1;
			break;
		default:
			for (size_t k = 0; k < (f[i].type == RECORD_LIST ? f[i].room : 1); k++)
				((int64_t *)(void *)at)[k] = told.fill & 2 ? INT64_MIN : told.fill;
		}
	}
	if (kind == RECORD_OF_trace)
		snprintf(out->trace.command, sizeof(out->trace.command),
			 told.fill & 4 ? "conf_write" : "conf_read");
}

static int record(void *context, enum record_kind kind, uint64_t guest, uint32_t *at, union record *out)
{
	(void)context;
	if (kind == RECORD_OF_daemon)
		goto give;
	fuzz_check(guest < told.guests);
	if (kind == RECORD_OF_trace) {
		if (!told.traces)
			return -1;
		told.traces--;
		if (told.lost && told.traces % 3 == 0)
			kind = RECORD_OF_lost;
	} else if (*at >= told.rows) {
		return -1;
	}
	++*at;
give:
	fill(kind, out);
	return (int)kind;
}

static void trace(void *context, uint64_t guest, unsigned what)
{
	(void)context;
	fuzz_check(guest < told.guests && what <= (TRACE_ALL | TRACE_WRITES | TRACE_DENIED));
}

static void order(void *context, enum records_command command, const char *level, struct record_result *out)
{
	(void)context;
	fuzz_check(records_command_is_roots(command) && strlen(level) < 16);
	told.orders++;
	out->ok = !level[0];
	snprintf(out->text, sizeof(out->text), "%s", level);
}

static const struct control_source source = { next, is, record, trace, order };

/* ---- Who asks ---- */

static void connect_peer(unsigned i)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (peer[i] >= 0)
		return;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/control", fuzz_directory());
	peer[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (peer[i] < 0 || connect(peer[i], (struct sockaddr *)&at, sizeof(at))) {
		close_keep(peer[i]);
		peer[i] = -1;
	}
}

static void close_peer(unsigned i)
{
	close_keep(peer[i]);
	peer[i] = -1;
}

/* A request as it should be, but for what the input says. */
static size_t compose(struct bytes *in, char *out, size_t room)
{
	static const char *const keys[] = { "domain", "device", "only", "level", "version", "command", "else" };
	static const char *const values[] = { "\"1\"", "\"" HOST "\"", "\"03:00.0\"", "\"writes\"", "\"denied\"",
					      "\"debug\"", "\"all\"", "1", "2", "null", "{}", "\"\\u0000\"", "\"\"" };
	unsigned command = take_u8(in) % (COMMAND_COUNT + 1), more = take_u8(in) % 4;
	size_t n;

	n = (size_t)snprintf(out, room, "{\"version\":1,\"command\":\"%s\"",
			     command == COMMAND_COUNT ? "fly" : records_command_name(command));
	while (more--)
		n += (size_t)snprintf(out + n, room - n, ",\"%s\":%s", keys[take_u8(in) % ARRAY_SIZE(keys)],
				      values[take_u8(in) % ARRAY_SIZE(values)]);
	n += (size_t)snprintf(out + n, room - n, "}");
	return n;
}

static void ask(struct bytes *in, unsigned i, bool composed)
{
	static char text[1600];
	size_t n = composed ? compose(in, text, sizeof(text)) : take_text(in, text, sizeof(text), 0xff);

	/* Longer than any may be, by a byte or by more. */
	if (!composed && n && (text[n - 1] == '*' || text[n - 1] == '+')) {
		size_t all = text[n - 1] == '+' ? RECORDS_REQUEST_MAX + 1 : sizeof(text);

		memset(text + n, ' ', sizeof(text) - n);
		n = all;
	}
	if (peer[i] >= 0)
		send(peer[i], text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* What came is a record, and says what one of its kind says. */
static void hear(unsigned i, unsigned most)
{
	static char line[RECORDS_LINE_MAX + 1];
	ssize_t n;

	while (most-- && peer[i] >= 0 && (n = recv(peer[i], line, sizeof(line) - 1, MSG_DONTWAIT)) > 0) {
		struct json_object *o, *kind = NULL;

		line[n] = '\0';
		fuzz_check(line[n - 1] == '\n' && !memchr(line, 0, (size_t)n));
		o = json_tokener_parse(line);
		fuzz_check(o && json_object_object_get_ex(o, "record", &kind));
		json_object_put(o);
	}
}

static void step(struct control *c, struct bytes *in)
{
	static const int errors[] = { EINTR, EAGAIN, EIO, ENOMEM };
	uint8_t what = take_u8(in), i = take_u8(in) % PEERS;

	switch (what % 12) {
	case 0:
		connect_peer(i);
		break;
	case 1:
	case 2:
		ask(in, i, what & 0x80);
		break;
	case 3:
		hear(i, what >> 4);
		break;
	case 4:
		close_peer(i);
		break;
	case 5:
		trouble_tick();
		break;
	case 6:
		trouble_later(6000000000u);
		trouble_tick();
		break;
	case 7:
		trouble_system(take_u8(in), errors[what >> 6]);
		return;
	case 8:
		trouble_memory(take_u8(in));
		return;
	case 9:
		told.guests = i % (GUESTS + 1);
		told.rows = what & 0x80 ? i : i % 3;
		break;
	case 10:
		told.traces = what & 0x80 ? 600 : i;
		told.lost = what & 0x40;
		break;
	default:
		told.fill = take_u8(in);
		told.elsewhere = what & 0x80;
	}
	fuzz_check(control_fd(c) >= 0);
	control_serve(c);
	fuzz_check(!strangers || !told.orders);
}

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 128; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void serve(struct bytes *in)
{
	uint8_t how = take_u8(in);
	unsigned before;
	struct control *c;

	memset(&told, 0, sizeof(told));
	told.guests = 2;
	told.rows = 1;
	for (unsigned i = 0; i < PEERS; i++)
		peer[i] = -1;
	before = descriptors();
	trouble_system(how & 15, EMFILE);
	trouble_memory(how >> 4 & 1);
	c = control_open(fuzz_directory(), &source, NULL, NULL);
	trouble_system(0, 0);
	trouble_memory(0);
	strangers = how & 0x40;
	trouble_users(strangers ? STRANGER : how & 0x20 ? OWN : 0, how & 0x20 ? OWN : 0);
	for (unsigned i = 0; c && in->left && i < STEPS; i++)
		step(c, in);
	trouble_over();
	for (unsigned i = 0; i < PEERS; i++) {
		hear(i, 1000);
		close_peer(i);
	}
	control_close(c, how & 0x80);
	control_close(NULL, true);
	fuzz_check(descriptors() == before);
}

/* ---- The command ---- */

/* In the place of operator/main.c's. */
int operator_fail(const char *fmt, ...)
{
	char text[RECORDS_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return OPERATOR_FAILED;
}

/* One text of a record that was read, which is printed as it is. */
static void check_texts(const struct answer *a)
{
	const struct record_field *f;
	size_t nr;

	if (a->kind == RECORD_KINDS)
		return;
	f = record_fields(a->kind, &nr);
	for (size_t i = 0; i < nr; i++) {
		const char *at = (const char *)&a->record + f[i].at;

		if (f[i].type != RECORD_TEXT)
			continue;
		fuzz_check(strnlen(at, f[i].room) < f[i].room);
		for (; *at; at++)
			fuzz_check(*at >= ' ' && *at <= '~');
	}
}

static void answer(struct bytes *in)
{
	static struct answer a;
	uint8_t how = take_u8(in);
	char moment[24];
	int sv[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		fuzz_fail("no socket pair");
	a = (struct answer){ .fd = sv[1], .quiet = how & 1 };
	trouble_system(how & 4 ? 1 : 0, how & 8 ? EINTR : EIO);
	while (in->left) {
		static char text[4096];
		size_t n = take_text(in, text, sizeof(text), '\n');

		if (n && write(sv[0], text, n) < 0)
			break;
	}
	if (how & 2)
		close_keep(sv[0]);
	for (unsigned i = 0; i < 64; i++) {
		rc = ask_next(&a, how & 2 ? -1 : 0);
		if (rc == -1 || rc == -2)
			break;
		check_texts(&a);
		if (a.kind == RECORD_OF_guest)
			fuzz_check(strlen(ask_moment(a.record.guest.since, moment)) < sizeof(moment));
	}
	trouble_over();
	ask_close(&a);
	ask_close(&a);
	if (!(how & 2))
		close_keep(sv[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, size };

	if (size > 4096)
		return 0;
	if (take_u8(&in) & 1)
		answer(&in);
	else
		serve(&in);
	return 0;
}
