/* SPDX-License-Identifier: MIT */
/*
 * The frontend's state node and its backend's: how often they are asked for, and that what is
 * deleted stays deleted. libxenstore is played here: a store of a few nodes that counts requests.
 */
#include "unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "frontend/states.h"
#include "protocol/nodes.h"

#define BACKEND "/local/domain/0/backend/pci/7/0"
#define HOME "/local/domain/7"

enum { GUEST = 7, NODES = 16, TRANSACTION = 5 };

struct node {
	char path[64];
	char value[64];
	unsigned owner;
	unsigned others; /* of the other end */
};

static struct node nodes[NODES];
static unsigned requests, transactions;
static char event_token[16]; /* of the one event that waits; empty: none */
static const char *deleted_at_write; /* deleted just before the next write */

static struct node *find(const char *path)
{
	char full[96];

	snprintf(full, sizeof(full), path[0] == '/' ? "%s" : HOME "/%s", path);
	for (unsigned i = 0; i < NODES; i++)
		if (!strcmp(nodes[i].path, full))
			return &nodes[i];
	return NULL;
}

static struct node *add(const char *path, const char *value, unsigned owner, unsigned others)
{
	struct node *free_one = NULL;

	for (unsigned i = 0; i < NODES; i++)
		if (!nodes[i].path[0])
			free_one = &nodes[i];
	assert_non_null(free_one);
	snprintf(free_one->path, sizeof(free_one->path), path[0] == '/' ? "%s" : HOME "/%s", path);
	snprintf(free_one->value, sizeof(free_one->value), "%s", value);
	free_one->owner = owner;
	free_one->others = others;
	return free_one;
}

static void delete(const char *path)
{
	struct node *n = find(path);
	size_t len;
	char full[64];

	assert_non_null(n);
	len = strlen(n->path);
	memcpy(full, n->path, len + 1);
	for (unsigned i = 0; i < NODES; i++)
		if (!strncmp(nodes[i].path, full, len))
			nodes[i].path[0] = '\0';
}

static bool may_write(const struct node *n)
{
	return n->owner == GUEST || n->others & XS_PERM_WRITE;
}

/* As xenstored judges a node that is to be made: by what is above it. */
static bool may_create(const char *path)
{
	char above[64];
	struct node *n = NULL;

	snprintf(above, sizeof(above), "%s", path);
	while (!n) {
		char *slash = strrchr(above, '/');

		if (!slash)
			return false;
		*slash = '\0';
		n = find(above);
	}
	return may_write(n);
}

/* ---- libxenstore ---- */

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned *len)
{
	struct node *n = find(path);

	(void)h;
	(void)t;
	requests++;
	if (!n) {
		errno = ENOENT;
		return NULL;
	}
	*len = (unsigned)strlen(n->value);
	return strdup(n->value);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data, unsigned len)
{
	struct node *n;

	(void)h;
	(void)t;
	requests++;
	if (deleted_at_write) {
		delete(deleted_at_write);
		deleted_at_write = NULL;
	}
	n = find(path);
	if (!(n ? may_write(n) : may_create(path))) {
		errno = EACCES;
		return false;
	}
	if (!n)
		n = add(path, "", GUEST, XS_PERM_READ);
	snprintf(n->value, sizeof(n->value), "%.*s", (int)len, (const char *)data);
	return true;
}

struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
					  unsigned *num)
{
	struct node *n = find(path);
	struct xs_permissions *perms = calloc(2, sizeof(*perms));

	(void)h;
	(void)t;
	requests++;
	if (!n) {
		free(perms);
		errno = ENOENT;
		return NULL;
	}
	perms[0].id = n->owner;
	perms[1].id = n->owner == GUEST ? 0 : GUEST;
	perms[1].perms = n->others;
	*num = 2;
	return perms;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	(void)h;
	requests++;
	transactions++;
	return TRANSACTION;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
	(void)h;
	(void)t;
	(void)abort;
	requests++;
	return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h;
	(void)path;
	(void)token;
	return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	return xs_watch(h, path, token);
}

char **xs_check_watch(struct xs_handle *h)
{
	char **event = calloc(2, sizeof(*event));
	static char token[16];

	(void)h;
	if (!event_token[0]) {
		free(event);
		errno = EAGAIN;
		return NULL;
	}
	snprintf(token, sizeof(token), "%s", event_token);
	event_token[0] = '\0';
	event[XS_WATCH_TOKEN] = token;
	return event;
}

/* ---- */

static int begin(void **state)
{
	struct xenpcifront *fe = calloc(1, sizeof(*fe));

	memset(nodes, 0, sizeof(nodes));
	transactions = 0;
	event_token[0] = '\0';
	deleted_at_write = NULL;
	add(HOME, "", 0, XS_PERM_READ);
	add("device", "", 0, XS_PERM_READ);
	add("device/pci", "", 0, XS_PERM_READ);
	add(NODE_FRONTEND_DIR, "", GUEST, XS_PERM_READ);
	add(NODE_FRONTEND_DIR "/state", "4", GUEST, XS_PERM_READ);
	add(NODE_FRONTEND_DIR "/backend", BACKEND, GUEST, XS_PERM_READ);
	add(NODE_FRONTEND_DIR "/backend-id", "0", GUEST, XS_PERM_READ);
	add(BACKEND "/state", "4", 0, XS_PERM_READ);
	front_init(fe);
	fe->wakefd = -1;
	fe->phase = PHASE_RUNNING;
	assert_int_equal(states_watch(fe), 0);
	*state = fe;
	return 0;
}

static int end(void **state)
{
	free(*state);
	return 0;
}

static void is(struct xenpcifront *fe, unsigned own, unsigned peer, unsigned asked)
{
	struct states st;

	requests = 0;
	assert_int_equal(states_read(fe, &st), 0);
	assert_int_equal(st.own, own);
	assert_int_equal(st.peer, peer);
	assert_int_equal(requests, asked);
}

static void hear(struct xenpcifront *fe, const char *token)
{
	snprintf(event_token, sizeof(event_token), "%s", token);
	states_drain(fe);
}

static void test_read_once(void **state)
{
	struct xenpcifront *fe = *state;

	is(fe, 4, 4, 4); /* who the backend is, and both states */
	is(fe, 4, 4, 0);
	strcpy(find(BACKEND "/state")->value, "7");
	hear(fe, "backend");
	is(fe, 4, 7, 1);
	is(fe, 4, 7, 0);
	assert_int_equal(states_write(fe, 7), 0);
	is(fe, 7, 7, 0);
	/* The toolstack makes the directory anew. */
	strcpy(find(NODE_FRONTEND_DIR "/state")->value, "1");
	hear(fe, "self");
	is(fe, 1, 7, 3);
	is(fe, 1, 7, 0);
	/* Another connection of this handle: others may have written since. */
	states_forget(fe);
	is(fe, 1, 7, 2);
}

/* Its coming is not told of. */
static void test_absent_is_not_kept(void **state)
{
	struct xenpcifront *fe = *state;

	delete(NODE_FRONTEND_DIR "/state");
	is(fe, 0, 4, 4);
	is(fe, 0, 4, 1);
	add(NODE_FRONTEND_DIR "/state", "1", GUEST, XS_PERM_READ);
	is(fe, 1, 4, 1);
	is(fe, 1, 4, 0);
}

static void test_plain_where_closed(void **state)
{
	struct xenpcifront *fe = *state;

	assert_int_equal(states_write(fe, 7), 0);
	requests = 0;
	assert_int_equal(states_write(fe, 4), 0);
	assert_int_equal(requests, 1);
	assert_int_equal(transactions, 0);
	assert_string_equal(find(NODE_FRONTEND_DIR "/state")->value, "4");
	/* It goes between our look and our word. */
	deleted_at_write = NODE_FRONTEND_DIR;
	assert_int_equal(states_write(fe, 7), -1);
	assert_int_equal(errno, ENOENT);
	assert_null(find(NODE_FRONTEND_DIR "/state"));
}

static void test_forbidden_is_no_absence(void **state)
{
	struct xenpcifront *fe = *state;

	find(NODE_FRONTEND_DIR "/state")->owner = 0;
	assert_int_equal(states_write(fe, 7), -1);
	assert_int_equal(errno, EACCES);
}

static void test_publishes_state_last(void **state)
{
	struct xenpcifront *fe = *state;

	assert_int_equal(states_publish(fe, 8, 9), 0);
	assert_string_equal(find(NODE_FRONTEND_DIR "/pci-op-ref")->value, "8");
	assert_string_equal(find(NODE_FRONTEND_DIR "/event-channel")->value, "9");
	assert_string_equal(find(NODE_FRONTEND_DIR "/magic")->value, PCIIF_MAGIC);
	assert_string_equal(find(NODE_FRONTEND_DIR "/state")->value, "3");
	/* Cut off at its first node, it never gets to the state. */
	deleted_at_write = NODE_FRONTEND_DIR;
	assert_int_equal(states_publish(fe, 8, 9), -1);
	assert_int_equal(errno, ENOENT);
	assert_null(find(NODE_FRONTEND_DIR "/state"));
}

/* Each place above from which a deleted directory could be made again. */
static void test_looks_first_where_open(void **state)
{
	static const char *const above[] = { "device/pci", "device", HOME };
	struct xenpcifront *fe = *state;

	for (size_t i = 0; i < ARRAY_SIZE(above); i++) {
		begin(state);
		free(fe);
		fe = *state;
		if (i % 2)
			find(above[i])->others = XS_PERM_READ | XS_PERM_WRITE;
		else
			find(above[i])->owner = GUEST;
		assert_int_equal(states_write(fe, 7), 0);
		assert_int_equal(transactions, 1);
		assert_string_equal(find(NODE_FRONTEND_DIR "/state")->value, "7");
		delete(NODE_FRONTEND_DIR);
		assert_int_equal(states_write(fe, 4), -1);
		assert_int_equal(errno, ENOENT);
		assert_null(find(NODE_FRONTEND_DIR "/state"));
	}
}

static char logged[512];

static void keep_line(xentoollog_logger *lg, xentoollog_level level, int errnoval,
		      const char *context, const char *format, va_list al)
{
	(void)lg;
	(void)level;
	(void)errnoval;
	(void)context;
	vsnprintf(logged, sizeof(logged), format, al);
}

/* What is no path of a backend's is no backend, and what is logged of it is text. */
static void test_refused_backend(void **state)
{
	static const char *const bad[] = {
		"/local/domain/1/backend/pci/7/0", "/local/domain/0/backend/vbd/7/0",
		"backend/pci/7/0", "/local/domain/0/backend/pci/7/0\n", BACKEND "\x1b[2J",
		BACKEND " ", BACKEND "%s", "\xff\x80",
	};
	static xentoollog_logger keeper = { .vmessage = keep_line };
	struct xenpcifront *fe = *state;

	fe->lg = &keeper;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(find(NODE_FRONTEND_DIR "/backend")->value, 64, "%s", bad[i]);
		fe->complained = false;
		logged[0] = '\0';
		hear(fe, "self");
		is(fe, 4, 0, 3);
		assert_non_null(strstr(logged, "backend is refused"));
		for (const char *at = logged; *at; at++)
			assert_in_range(*at, ' ', '~');
	}
}

/* Another backend while ours has our page: gone is what we had, until the connection is closed. */
static void test_moved_backend(void **state)
{
	struct xenpcifront *fe = *state;
	page_t *page = (page_t *)&nodes; /* any address */

	is(fe, 4, 4, 4);
	fe->channel.offer.page = page;
	snprintf(find(NODE_FRONTEND_DIR "/backend")->value, 64, "%s", BACKEND "0");
	add(BACKEND "0/state", "4", 0, XS_PERM_READ);
	hear(fe, "self");
	is(fe, 4, 0, 4);
	is(fe, 4, 0, 0);
	fe->channel.offer.page = NULL;
	states_forget(fe);
	is(fe, 4, 4, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read_once, begin, end),
		cmocka_unit_test_setup_teardown(test_absent_is_not_kept, begin, end),
		cmocka_unit_test_setup_teardown(test_plain_where_closed, begin, end),
		cmocka_unit_test_setup_teardown(test_forbidden_is_no_absence, begin, end),
		cmocka_unit_test_setup_teardown(test_publishes_state_last, begin, end),
		cmocka_unit_test_setup_teardown(test_looks_first_where_open, begin, end),
		cmocka_unit_test_setup_teardown(test_refused_backend, begin, end),
		cmocka_unit_test_setup_teardown(test_moved_backend, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
