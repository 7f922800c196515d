/* SPDX-License-Identifier: MIT */
/* The scripted peer: lines in, lines out, and the verbs that speak to xenstore. */
#include "common/libc.h"
#include "tests/box/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/store.h"
#include "common/util.h"

struct xs_handle *peer_xs;
static xs_transaction_t transaction = XBT_NULL;
static const char *rest; /* what the line has behind its second word and one blank */

int reply(const char *fmt, ...)
{
	va_list ap;

	fputs("= ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return 0;
}

int64_t number(const char *text)
{
	char *end;
	int64_t n;

	errno = 0;
	n = strtoll(text, &end, 0);
	if (errno || end == text || *end) {
		printf("! EINVAL not a number: %s\n", text);
		exit(2);
	}
	return n;
}

int64_t number_or(int argc, char **argv, int i, int64_t otherwise)
{
	return i < argc ? number(argv[i]) : otherwise;
}

int64_t peer_patience_ms(void)
{
	const char *text = getenv(PEER_PATIENCE_ENV);

	return text ? number(text) : 5000;
}

int wait_readable(int fd, uint64_t until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now = now_ns();
	int ms = now < until ? (int)((until - now + 999999) / 1000000) : 0;

	return poll(&p, 1, ms) > 0;
}

static int do_read(int argc, char **argv)
{
	char text[STORE_VALUE_MAX];

	(void)argc;
	if (store_read(peer_xs, transaction, argv[1], NULL, text, sizeof(text)) < 0)
		return -1;
	return reply("%s", text);
}

/* The value is the rest of the line, blanks and all. */
static int do_write(int argc, char **argv)
{
	(void)argc;
	if (!xs_write(peer_xs, transaction, argv[1], rest, (unsigned)strlen(rest)))
		return -1;
	return reply("written");
}

/* A value no line can carry: so many bytes of one character (0 too). */
static int do_fill(int argc, char **argv)
{
	char text[STORE_VALUE_MAX];
	unsigned len = (unsigned)number(argv[2]);

	(void)argc;
	if (len > sizeof(text))
		return fail(E2BIG);
	memset(text, (int)number(argv[3]), len);
	if (!xs_write(peer_xs, transaction, argv[1], text, len))
		return -1;
	return reply("written");
}

static int do_rm(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (store_remove(peer_xs, transaction, argv[i], NULL))
			return -1;
	return reply("removed");
}

static int do_ls(int argc, char **argv)
{
	char line[STORE_VALUE_MAX] = "";
	size_t at = 0;
	unsigned n = 0;
	char **names = xs_directory(peer_xs, transaction, argv[1], &n);

	(void)argc;
	if (!names)
		return -1;
	for (unsigned i = 0; i < n && at < sizeof(line); i++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, "%s%s", i ? " " : "", names[i]);
	free(names);
	return reply("%s", line);
}

/* Permissions as xenstore-chmod's letters: owner first, "n0 r7". */
static int do_chmod(int argc, char **argv)
{
	struct xs_permissions perms[8];
	unsigned n = 0;

	for (int i = 2; i < argc && n < ARRAY_SIZE(perms); i++, n++) {
		perms[n].id = (unsigned)number(argv[i] + 1);
		perms[n].perms = argv[i][0] == 'r'   ? XS_PERM_READ
				 : argv[i][0] == 'w' ? XS_PERM_WRITE
				 : argv[i][0] == 'b' ? XS_PERM_READ | XS_PERM_WRITE
						     : XS_PERM_NONE;
	}
	if (!xs_set_permissions(peer_xs, transaction, argv[1], perms, n))
		return -1;
	return reply("permitted");
}

static int do_begin(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (transaction != XBT_NULL)
		return fail(EBUSY);
	transaction = xs_transaction_start(peer_xs);
	return transaction == XBT_NULL ? -1 : reply("begun");
}

/* EAGAIN is the test's to handle: it does the lines again. */
static int do_commit(int argc, char **argv)
{
	xs_transaction_t t = transaction;
	int rc;

	(void)argc;
	(void)argv;
	transaction = XBT_NULL;
	if (t == XBT_NULL)
		return fail(EINVAL);
	rc = store_commit(peer_xs, t);
	return rc < 0 ? -1 : rc ? fail(EAGAIN) : reply("committed");
}

/* Whether text is one of the alternatives in want, "3|4|gone"; "any" is every value. */
static bool wanted(const char *want, const char *text)
{
	size_t len = strlen(text);

	for (const char *at = want; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
		size_t n = strcspn(at, "|");

		if (n == len && !strncmp(at, text, len))
			return true;
		if (n == 3 && !strncmp(at, "any", 3) && strcmp(text, "gone"))
			return true;
	}
	return false;
}

/* wait PATH WANT [MS]: until the node has one of the values, or is "gone". */
static int do_wait(int argc, char **argv)
{
	uint64_t until = now_ns() + (uint64_t)number_or(argc, argv, 3, peer_patience_ms()) * 1000000;
	char text[STORE_VALUE_MAX];
	bool in_time = true, found = false;

	if (!xs_watch(peer_xs, argv[1], "peer"))
		return -1;
	while (!found && in_time) {
		char **event;

		in_time = wait_readable(xs_fileno(peer_xs), until);
		while ((event = xs_check_watch(peer_xs)))
			free(event);
		if (store_read(peer_xs, XBT_NULL, argv[1], NULL, text, sizeof(text)) < 0)
			snprintf(text, sizeof(text), "%s", errno == ENOENT ? "gone" : strerrorname_np(errno));
		found = wanted(argv[2], text);
	}
	xs_unwatch(peer_xs, argv[1], "peer");
	if (found)
		return reply("%s", text);
	printf("! ETIMEDOUT %s is %s, wanted %s\n", argv[1], text, argv[2]);
	return 0;
}

/* flood PATH N VALUE...: N writes, the values in turn. */
static int do_flood(int argc, char **argv)
{
	int64_t n = number(argv[2]);

	for (int64_t i = 0; i < n; i++) {
		const char *text = argv[3 + i % (argc - 3)];

		if (!xs_write(peer_xs, XBT_NULL, argv[1], text, (unsigned)strlen(text)))
			return -1;
	}
	return reply("%lld", (long long)n);
}

const struct verb store_verbs[] = {
	{ "read", "PATH", 1, do_read },
	{ "write", "PATH [VALUE]", 1, do_write },
	{ "fill", "PATH LENGTH CHARACTER", 3, do_fill },
	{ "rm", "PATH...", 1, do_rm },
	{ "ls", "PATH", 1, do_ls },
	{ "chmod", "PATH n0 [r7]...", 2, do_chmod },
	{ "begin", "", 0, do_begin },
	{ "commit", "", 0, do_commit },
	{ "wait", "PATH VALUE[|VALUE][|gone][|any] [MS]", 2, do_wait },
	{ "flood", "PATH N VALUE...", 3, do_flood },
	{ NULL, NULL, 0, NULL },
};

static const struct verb *find(const struct verb *v, const char *name)
{
	while (v->name && strcmp(v->name, name))
		v++;
	return v->name ? v : NULL;
}

/* "verb word the rest" */
static const char *after_two_words(const char *line)
{
	const char *at = strchr(line, ' ');

	at = at ? strchr(at + 1, ' ') : NULL;
	return at ? at + 1 : "";
}

static void serve(char *line, char *copy)
{
	char *argv[PEER_ARGS_MAX], *save = NULL;
	const struct verb *v;
	int argc = 0;

	rest = after_two_words(copy);
	for (char *w = strtok_r(line, " ", &save); w && argc < PEER_ARGS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	if (!argc)
		return;
	v = find(store_verbs, argv[0]);
	if (!v)
		v = find(front_verbs, argv[0]);
	if (!v)
		v = find(hostile_verbs, argv[0]);
	if (!v)
		printf("! ENOSYS no verb %s\n", argv[0]);
	else if (argc - 1 < v->least)
		printf("! EINVAL usage: %s %s\n", v->name, v->usage);
	else if (v->run(argc, argv))
		printf("! %s %s: %s\n", strerrorname_np(errno), argv[0], argc > 1 ? argv[1] : "");
	fflush(stdout);
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;

	peer_xs = xs_open(0);
	if (!peer_xs) {
		printf("! %s xs_open\n", strerrorname_np(errno));
		return 1;
	}
	reply("peer");
	fflush(stdout);
	while (getline(&line, &size, stdin) >= 0) {
		char *copy;

		line[strcspn(line, "\n")] = 0;
		copy = strdup(line);
		if (!copy)
			return 1;
		serve(line, copy);
		free(copy);
	}
	free(line);
	xs_close(peer_xs);
	return 0;
}
