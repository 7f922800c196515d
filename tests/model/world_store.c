/* SPDX-License-Identifier: MIT */
/* xenstore as data: libxenstore's functions over world.node, and watches that wait to be heard. */
#include "tests/model/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"

enum { EVENTS_MAX = 4096 };

static void *grown(void *list, unsigned *room, size_t size)
{
	unsigned more = *room ? 2 * *room : 64;
	void *p = calloc(more, size);

	if (!p)
		abort();
	if (*room)
		memcpy(p, list, *room * size);
	free(list);
	*room = more;
	return p;
}

static char *copy(const void *bytes, unsigned len)
{
	char *p = malloc(len + 1u);

	if (!p)
		abort();
	memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}

/* Whether path is dir, or below it. */
static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

static void queue(const char *path, const char *token)
{
	struct world_event *e;

	if (world.nr_events == EVENTS_MAX)
		return; /* nobody reads: xenstored would cut it off */
	if (world.nr_events == world.room_events)
		world.event = grown(world.event, &world.room_events, sizeof(*world.event));
	e = &world.event[world.nr_events++];
	e->path = copy(path, (unsigned)strlen(path));
	snprintf(e->token, sizeof(e->token), "%s", token);
}

void world_fire(const char *path)
{
	for (unsigned i = 0; i < world.nr_watches; i++)
		if (is_below(path, world.watch[i].path))
			queue(path, world.watch[i].token);
}

/* What is removed is told of to who watches below it, too. */
static void fire_removed(const char *path)
{
	for (unsigned i = 0; i < world.nr_watches; i++) {
		const char *w = world.watch[i].path;

		if (is_below(path, w))
			queue(path, world.watch[i].token);
		else if (is_below(w, path))
			queue(w, world.watch[i].token);
	}
}

static struct world_node *find(const char *path)
{
	for (unsigned i = 0; i < world.nr_nodes; i++)
		if (!strcmp(world.node[i].path, path))
			return &world.node[i];
	return NULL;
}

static void put(const char *path, const void *bytes, unsigned len)
{
	struct world_node *n = find(path);

	if (n) {
		free(n->value);
	} else {
		unsigned at = 0;

		if (world.nr_nodes == world.room_nodes)
			world.node = grown(world.node, &world.room_nodes, sizeof(*world.node));
		/* In order of their paths: alike stores are alike, however they came about. */
		while (at < world.nr_nodes && strcmp(world.node[at].path, path) < 0)
			at++;
		n = &world.node[at];
		memmove(n + 1, n, (world.nr_nodes - at) * sizeof(*n));
		world.nr_nodes++;
		n->path = copy(path, (unsigned)strlen(path));
	}
	n->value = copy(bytes, len);
	n->len = len;
	world_fire(path);
}

static bool drop(const char *path)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < world.nr_nodes; i++) {
		struct world_node n = world.node[i];

		if (!is_below(n.path, path)) {
			world.node[kept++] = n;
			continue;
		}
		free(n.path);
		free(n.value);
	}
	if (kept == world.nr_nodes)
		return false;
	world.nr_nodes = kept;
	fire_removed(path);
	return true;
}

static bool is_there(const char *path)
{
	for (unsigned i = 0; i < world.nr_nodes; i++)
		if (is_below(world.node[i].path, path))
			return true;
	return false;
}

/* ---- Others ---- */

void world_write_bytes(const char *path, const void *bytes, unsigned len)
{
	put(path, bytes, len);
}

void world_write(const char *path, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(path, text, (unsigned)strlen(text));
}

void world_remove(const char *path)
{
	drop(path);
}

const char *world_read(const char *path)
{
	struct world_node *n = find(path);

	return n ? n->value : NULL;
}

/* ---- libxenstore ---- */

/* A change within a transaction waits for its end. */
static void pend(const char *path, const void *bytes, unsigned len)
{
	struct world_node *n;

	if (world.nr_pending == world.room_pending)
		world.pending = grown(world.pending, &world.room_pending, sizeof(*world.pending));
	n = &world.pending[world.nr_pending++];
	n->path = copy(path, (unsigned)strlen(path));
	n->value = bytes ? copy(bytes, len) : NULL;
	n->len = len;
}

/* What path is in the transaction: 1 (*n), 0 removed, -1 untouched. */
static int look_pending(const char *path, struct world_node **n)
{
	for (unsigned i = world.nr_pending; i--;) {
		*n = &world.pending[i];
		if (!(*n)->value && is_below(path, (*n)->path))
			return 0;
		if ((*n)->value && !strcmp(path, (*n)->path))
			return 1;
	}
	return -1;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
	struct world_node *n = NULL;
	int there = t ? look_pending(path, &n) : -1;

	(void)h;
	if (there < 0)
		n = find(path);
	if (!there || !n) {
		bool dir = there && is_there(path);

		errno = ENOENT;
		*len = 0;
		return dir ? copy("", 0) : NULL;
	}
	*len = n->len;
	return copy(n->value, n->len);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
	      unsigned int len)
{
	(void)h;
	if (t)
		pend(path, data, len);
	else
		put(path, data, len);
	return true;
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	return is_there(path) || xs_write(h, t, path, "", 0);
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	(void)h;
	if (t) {
		pend(path, NULL, 0);
		return true;
	}
	errno = ENOENT;
	return drop(path);
}

/* One block, as libxenstore has it. */
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
	size_t skip = strlen(path) + 1;
	char **list = calloc(1, (world.nr_nodes + 1) * (sizeof(char *) + 80));
	char *text = (char *)(list + world.nr_nodes + 1);

	(void)h;
	(void)t;
	*num = 0;
	for (unsigned i = 0; list && i < world.nr_nodes; i++) {
		const char *below = world.node[i].path;
		size_t n;

		if (!is_below(below, path) || strlen(below) < skip)
			continue;
		below += skip;
		n = strcspn(below, "/");
		if (n > 78)
			n = 78;
		if (*num && strlen(list[*num - 1]) == n && !strncmp(list[*num - 1], below, n))
			continue;
		memcpy(text, below, n);
		text[n] = '\0';
		list[(*num)++] = text;
		text += n + 1;
	}
	if (*num)
		return list;
	free(list);
	errno = ENOENT;
	return NULL;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
			struct xs_permissions *perms, unsigned int num)
{
	(void)h;
	(void)t;
	(void)path;
	(void)perms;
	(void)num;
	return true;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	(void)h;
	if (world.in_transaction)
		world_break("a transaction within another");
	world.in_transaction = true;
	return 1;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abandon)
{
	(void)h;
	(void)t;
	for (unsigned i = 0; i < world.nr_pending; i++) {
		struct world_node *n = &world.pending[i];

		if (!abandon && n->value)
			put(n->path, n->value, n->len);
		else if (!abandon)
			drop(n->path);
		free(n->path);
		free(n->value);
	}
	world.nr_pending = 0;
	world.in_transaction = false;
	return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	struct world_watch *w = &world.watch[world.nr_watches];

	(void)h;
	if (world.nr_watches == ARRAY_SIZE(world.watch)) {
		errno = ENOSPC;
		return false;
	}
	world.nr_watches++;
	snprintf(w->path, sizeof(w->path), "%s", path);
	snprintf(w->token, sizeof(w->token), "%s", token);
	queue(path, token);
	return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h;
	for (unsigned i = 0; i < world.nr_watches; i++) {
		struct world_watch *w = &world.watch[i];

		if (strcmp(w->path, path) || strcmp(w->token, token))
			continue;
		world.nr_watches--;
		memmove(w, w + 1, (world.nr_watches - i) * sizeof(*w));
		/* The order of what is left does not count, and neither does what stands behind it. */
		memset(&world.watch[world.nr_watches], 0, sizeof(*w));
		return true;
	}
	errno = ENOENT;
	return false;
}

char **xs_check_watch(struct xs_handle *h)
{
	size_t len, token;
	char **e;

	(void)h;
	if (!world.nr_events) {
		errno = EAGAIN;
		return NULL;
	}
	len = strlen(world.event[0].path) + 1;
	token = strlen(world.event[0].token) + 1;
	e = malloc(2 * sizeof(*e) + len + token);
	if (!e)
		abort();
	e[XS_WATCH_PATH] = (char *)(e + 2);
	e[XS_WATCH_TOKEN] = (char *)(e + 2) + len;
	memcpy(e[XS_WATCH_PATH], world.event[0].path, len);
	memcpy(e[XS_WATCH_TOKEN], world.event[0].token, token);
	free(world.event[0].path);
	world.nr_events--;
	memmove(world.event, world.event + 1, world.nr_events * sizeof(*world.event));
	return e;
}

bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid)
{
	(void)h;
	return domid - WORLD_FIRST_DOMID < WORLD_GUESTS && world.introduced[domid - WORLD_FIRST_DOMID];
}

bool xen_answers(struct xen *x)
{
	(void)x;
	return true;
}
