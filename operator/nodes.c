/* SPDX-License-Identifier: MIT */
#include "operator/nodes.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "host/entry.h"
#include "operator/progress.h"

enum { WAIT_MS = 10000, OVERTAKEN_MAX = 100 };
#define WATCH_TOKEN "xenpci"

/* A device's own nodes in the backend's directory, in the order in which libxl moves them. */
static const char *const device_nodes[] = {
	NODE_STATE_FMT, NODE_DEV_FMT, NODE_KEY_FMT, NODE_VDEV_FMT, NODE_OPTS_FMT, NODE_VDEVFN_FMT,
	NODE_NAME_FMT,
};

void nodes_init(struct nodes *n, const struct operator *op, uint32_t domid, uint32_t devid)
{
	*n = (struct nodes){ .xs = op->xs, .backend = op->backend, .guest = domid, .devid = devid };
	snprintf(n->be, sizeof(n->be), "/local/domain/%u/" NODE_BACKEND_ROOT "/%u/%u", op->backend,
		 domid, devid);
	snprintf(n->fe, sizeof(n->fe), "/local/domain/%u/" NODE_FRONTEND_DIR_FMT, domid, devid);
}

unsigned nodes_count(const struct nodes *n)
{
	uint64_t count = 0;

	store_read_number(n->xs, n->t, n->be, NODE_NUM_DEVS, 10, NODES_MAX_DEVS, &count);
	return (unsigned)count;
}

const char *nodes_text(const struct nodes *n, const char *fmt, unsigned i, char buf[NODES_TEXT_MAX])
{
	char name[NODE_NAME_MAX];

	node_numbered(fmt, i, name);
	if (store_read(n->xs, n->t, n->be, name, buf, NODES_TEXT_MAX) < 0)
		snprintf(buf, NODES_TEXT_MAX, "-");
	return buf;
}

/* In n->t. */
static int find(const struct nodes *n, struct sbdf a)
{
	unsigned nr = nodes_count(n);
	char text[NODES_TEXT_MAX];
	struct sbdf at;

	/* key-N first: in a driver domain dev-N is another address, and may be some other device's here. */
	for (unsigned i = 0; i < nr; i++)
		if (!node_dev_parse(nodes_text(n, NODE_KEY_FMT, i, text), &at) && sbdf_equal(at, a))
			return (int)i;
	return entry_find(n->xs, n->t, n->be, a);
}

/* ---- Waiting ---- */

/* Until something that is watched has changed; false: time is up. */
static bool next_change(struct xs_handle *xs, uint64_t until_ns)
{
	uint64_t now = now_ns();
	struct pollfd fd = { .fd = xs_fileno(xs), .events = POLLIN };

	if (now >= until_ns || poll(&fd, 1, (int)((until_ns - now) / 1000000) + 1) < 1)
		return false;
	free(xs_check_watch(xs));
	return true;
}

static int not_connected(const struct nodes *n, int64_t state)
{
	char why[STORE_VALUE_MAX], dir[STORE_PATH_MAX];

	snprintf(dir, sizeof(dir), "/local/domain/%u/error/" NODE_BACKEND_ROOT "/%u/%u", n->backend,
		 n->guest, n->devid);
	if (store_read(n->xs, XBT_NULL, dir, "error", why, sizeof(why)) < 0)
		why[0] = '\0';
	operator_fail("guest %u: the backend is in state %lld, not %d, after %d s%s%s", n->guest,
		      (long long)state, XenbusStateConnected, WAIT_MS / 1000,
		      why[0] ? "; it says: " : "; is xenpcid running, and a frontend in the guest?", why);
	return -1;
}

/* Until both ends have settled in Connected. */
static int wait_connected(const struct nodes *n)
{
	uint64_t until = now_ns() + (uint64_t)WAIT_MS * 1000000, state = 0;
	char path[STORE_PATH_MAX], who[24];
	struct progress progress;
	int rc = -1;

	snprintf(path, sizeof(path), "%s/" NODE_STATE, n->be);
	if (!xs_watch(n->xs, path, WATCH_TOKEN)) {
		operator_fail("cannot watch %s: %s", path, strerror(errno));
		return -1;
	}
	snprintf(who, sizeof(who), "guest %u", n->guest);
	progress_begin(&progress, who, "is waited for");
	do {
		if (store_read_number(n->xs, XBT_NULL, path, NULL, 10, UINT16_MAX, &state))
			break;
		if (state == XenbusStateConnected)
			rc = 0;
	} while (rc && next_change(n->xs, until));
	progress_end(&progress);
	xs_unwatch(n->xs, path, WATCH_TOKEN);
	return rc ? not_connected(n, (int64_t)state) : 0;
}

/* ---- Transactions ---- */

/* What a transaction does: to device a; or adds one to so many. */
struct change {
	struct sbdf a;
	const struct nodes_device *device;
	unsigned count;
	bool hot;
	int *found; /* its number, or -1 */
};

/* n reads in t. */
typedef int change_body(const struct nodes *n, xs_transaction_t t, const struct change *c);

struct transaction {
	const struct nodes *n;
	change_body *body;
	const struct change *c;
};

static int change_once(struct xs_handle *xs, xs_transaction_t t, void *context)
{
	const struct transaction *all = context;
	struct nodes n = *all->n;

	(void)xs;
	n.t = t;
	return all->body(&n, t, all->c);
}

/* 0, or -1 having told why, but for ESTALE. */
static int transaction(const struct nodes *n, change_body *body, const struct change *c)
{
	struct transaction all = { n, body, c };
	int rc, tries = 0;

	/* EIO: said of a node in a directory that another one of us changed meanwhile (xenstored of Xen 4.17). */
	do
		rc = store_transaction(n->xs, change_once, &all);
	while (rc && errno == EIO && ++tries < OVERTAKEN_MAX);
	if (!rc || errno == ESTALE)
		return rc;
	operator_fail("guest %u: cannot write to xenstore: %s", n->guest, strerror(errno));
	return -1;
}

static int find_once(const struct nodes *n, xs_transaction_t t, const struct change *c)
{
	(void)t;
	*c->found = find(n, c->a);
	return 0;
}

/* What is moved down meanwhile would be passed by. */
int nodes_find(const struct nodes *n, struct sbdf a)
{
	int i = -1;
	const struct change c = { .a = a, .found = &i };

	return transaction(n, find_once, &c) ? -1 : i;
}

/* An empty directory of owner, which reader may read. */
static int make_directory(const struct nodes *n, xs_transaction_t t, const char *dir,
			  uint32_t owner, uint32_t reader)
{
	struct xs_permissions perms[2] = {
		{ .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ },
	};

	if (store_remove(n->xs, t, dir, NULL))
		return -1;
	return xs_mkdir(n->xs, t, dir) && xs_set_permissions(n->xs, t, dir, perms, 2) ? 0 : -1;
}

static int create_directories(const struct nodes *n, xs_transaction_t t)
{
	char dir[64], name[128];

	snprintf(dir, sizeof(dir), "/local/domain/%u", n->guest);
	if (store_read(n->xs, XBT_NULL, dir, "name", name, sizeof(name)) < 0)
		name[0] = '\0';
	if (make_directory(n, t, n->be, n->backend, n->guest) ||
	    store_write(n->xs, t, n->be, NODE_FRONTEND, "%s", n->fe) ||
	    store_write(n->xs, t, n->be, NODE_FRONTEND_ID, "%u", n->guest) ||
	    store_write(n->xs, t, n->be, NODE_ONLINE, "1") ||
	    store_write(n->xs, t, n->be, NODE_STATE, "%d", XenbusStateInitialising) ||
	    store_write(n->xs, t, n->be, NODE_DOMAIN, "%s", name))
		return -1;
	return make_directory(n, t, n->fe, n->guest, n->backend) ||
	       store_write(n->xs, t, n->fe, NODE_BACKEND, "%s", n->be) ||
	       store_write(n->xs, t, n->fe, NODE_BACKEND_ID, "%u", n->backend) ||
	       store_write(n->xs, t, n->fe, NODE_STATE, "%d", XenbusStateInitialising) ? -1 : 0;
}

static int add_device(const struct nodes *n, xs_transaction_t t, const struct change *c)
{
	const struct node_opts *o = &c->device->opts;
	char name[NODE_NAME_MAX], a[SBDF_TEXT], seen[SBDF_TEXT];
	unsigned i = c->count;

	if (nodes_count(n) != c->count)
		return fail(ESTALE);
	if (!c->count && create_directories(n, t))
		return -1;
	sbdf_format(c->device->a, a);
	sbdf_format(c->device->seen, seen);
	if (store_write(n->xs, t, n->be, node_numbered(NODE_KEY_FMT, i, name), "%s", a) ||
	    store_write(n->xs, t, n->be, node_numbered(NODE_DEV_FMT, i, name), "%s", seen))
		return -1;
	if (c->device->name[0] && store_write(n->xs, t, n->be, node_numbered(NODE_NAME_FMT, i, name),
					      "%s", c->device->name))
		return -1;
	return store_write(n->xs, t, n->be, node_numbered(NODE_OPTS_FMT, i, name),
			   "msitranslate=%d,power_mgmt=%d,permissive=%d,rdm_policy=%s%s",
			   o->msitranslate, o->power_mgmt, o->permissive,
			   o->rdm_relaxed ? "relaxed" : "strict",
			   o->interrupt_control ? ",interrupt_control=1" : "") ||
	       store_write(n->xs, t, n->be, node_numbered(NODE_STATE_FMT, i, name), "%d",
			   XenbusStateInitialising) ||
	       store_write(n->xs, t, n->be, NODE_NUM_DEVS, "%u", i + 1) ||
	       (c->hot && store_write(n->xs, t, n->be, NODE_STATE, "%d",
				      XenbusStateReconfiguring)) ? -1 : 0;
}

int nodes_add(struct nodes *n, const struct nodes_device *device, bool hot)
{
	struct change c = { .device = device };
	int rc;

	do {
		c.count = nodes_count(n);
		/* The first device makes the directories: there is nobody yet to be told. */
		c.hot = hot && c.count;
		if (c.hot && wait_connected(n))
			return -1;
		rc = transaction(n, add_device, &c);
	} while (rc && errno == ESTALE); /* another was added, or left, meanwhile */
	return rc;
}

static int tell_leaving(const struct nodes *n, xs_transaction_t t, const struct change *c)
{
	int i = find(n, c->a);
	char name[NODE_NAME_MAX];

	if (i < 0)
		return -1;
	return store_write(n->xs, t, n->be, node_numbered(NODE_STATE_FMT, (unsigned)i, name), "%d",
			   XenbusStateClosing) ||
	       store_write(n->xs, t, n->be, NODE_STATE, "%d", XenbusStateReconfiguring) ? -1 : 0;
}

int nodes_leave(struct nodes *n, struct sbdf a, bool hot)
{
	struct change c = { .a = a };

	if (hot && wait_connected(n))
		return -1;
	if (transaction(n, tell_leaving, &c))
		return -1;
	return hot ? wait_connected(n) : 0;
}

/* Node number `from`, if it is there, becomes number `to`. */
static int move(const struct nodes *n, xs_transaction_t t, const char *fmt, unsigned from,
		unsigned to)
{
	char name[NODE_NAME_MAX], value[STORE_VALUE_MAX];

	if (store_read(n->xs, t, n->be, node_numbered(fmt, from, name), value, sizeof(value)) < 0)
		return errno == ENOENT ? 0 : -1;
	return store_write(n->xs, t, n->be, node_numbered(fmt, to, name), "%s", value) ||
	       store_remove(n->xs, t, n->be, node_numbered(fmt, from, name)) ? -1 : 0;
}

static int remove_device(const struct nodes *n, xs_transaction_t t, const struct change *c)
{
	unsigned count = nodes_count(n);
	int i = find(n, c->a);
	char name[NODE_NAME_MAX];

	if (i < 0)
		return errno == ENOENT ? 0 : -1;
	for (size_t k = 0; k < ARRAY_SIZE(device_nodes); k++) {
		if (store_remove(n->xs, t, n->be, node_numbered(device_nodes[k], (unsigned)i, name)))
			return -1;
	}
	if (store_write(n->xs, t, n->be, NODE_NUM_DEVS, "%u", count - 1))
		return -1;
	for (unsigned j = (unsigned)i + 1; j < count; j++) {
		for (size_t k = 0; k < ARRAY_SIZE(device_nodes); k++) {
			if (move(n, t, device_nodes[k], j, j - 1))
				return -1;
		}
	}
	return 0;
}

/* Removes dir, and what is empty above it. */
static int remove_path(const struct nodes *n, xs_transaction_t t, const char *dir)
{
	char path[64], **list;
	unsigned left;

	snprintf(path, sizeof(path), "%s", dir);
	do {
		if (store_remove(n->xs, t, path, NULL))
			return -1;
		*strrchr(path, '/') = '\0';
		list = path[0] ? xs_directory(n->xs, t, path, &left) : NULL;
		free(list);
	} while (list && !left);
	return 0;
}

static int remove_directories(const struct nodes *n, xs_transaction_t t, const struct change *c)
{
	(void)c;
	/* Another one's device may be there by now. */
	if (nodes_count(n))
		return 0;
	return remove_path(n, t, n->fe) || remove_path(n, t, n->be) ? -1 : 0;
}

int nodes_remove(struct nodes *n, struct sbdf a)
{
	struct change c = { .a = a };

	if (transaction(n, remove_device, &c))
		return -1;
	return nodes_count(n) ? 0 : transaction(n, remove_directories, &c);
}
