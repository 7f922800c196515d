/* SPDX-License-Identifier: MIT */
#include "xl_nodes.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_TOKEN "xenbox-wait"

/* XenbusState */
enum { INITIALISING = 1, CONNECTED = 4, CLOSING = 5, RECONFIGURING = 7 };

void xl_paths_init(struct xl_paths *p, unsigned int domid)
{
	snprintf(p->be, sizeof(p->be), "/local/domain/0/backend/pci/%u/0", domid);
	snprintf(p->fe, sizeof(p->fe), "/local/domain/%u/device/pci/0", domid);
}

/* ---- waiting for the backend ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One change of what is watched, or the end of time. False: time is up. */
static bool watch_wait(struct tool *t, int64_t until)
{
	int64_t left = until - now_ms();
	struct pollfd p = { .fd = xs_fileno(t->xs), .events = POLLIN };
	char **ev;

	if (left <= 0 || poll(&p, 1, (int)left) < 1)
		return false;
	ev = xs_check_watch(t->xs);
	free(ev);
	return true;
}

bool xl_is_connected(const char *state)
{
	return state && strtol(state, NULL, 10) == CONNECTED;
}

static int wait_failed(struct tool *t, const char *be, const char *state)
{
	char *err = tool_read(t, XBT_NULL, "/local/domain/0/error/%s/error",
			      be + strlen("/local/domain/0/"));

	tool_error("timeout: %s/state is %s, not %d%s%s", be, state ? state : "gone", CONNECTED,
		   err ? "; the backend says: " : "", err ? err : "");
	free(err);
	return -1;
}

int xl_wait_connected(struct tool *t, const char *be)
{
	int64_t until = now_ms() + TOOL_WAIT_MS;
	char path[80], *state = NULL;
	int rc = -1;

	snprintf(path, sizeof(path), "%s/state", be);
	if (!xs_watch(t->xs, path, WAIT_TOKEN)) {
		tool_error("watching %s: %s", path, strerror(errno));
		return -1;
	}
	do {
		free(state);
		state = tool_read(t, XBT_NULL, "%s", path);
		if (xl_is_connected(state))
			rc = 0;
	} while (rc && state && watch_wait(t, until));
	if (rc)
		wait_failed(t, be, state);
	free(state);
	xs_unwatch(t->xs, path, WAIT_TOKEN);
	while (watch_wait(t, now_ms() + 1)) /* events that were on their way */
		;
	return rc;
}

int xl_wait_stub(struct tool *t, unsigned int stub)
{
	struct xl_paths p;

	xl_paths_init(&p, stub);
	return xl_wait_connected(t, p.be);
}

/* ---- adding ---- */

/* The directories of a domain's first device. */
static int create_backend(struct tool *t, xs_transaction_t tx, const struct xl_paths *p,
			  unsigned int domid)
{
	char *name = tool_read(t, XBT_NULL, "/local/domain/%u/name", domid);
	char num[16], init[16];
	int rc = 0;

	snprintf(num, sizeof(num), "%u", domid);
	snprintf(init, sizeof(init), "%d", INITIALISING);
	tool_rm(t, tx, "%s", p->be);
	rc |= tool_mkdir(t, tx, 0, domid, "%s", p->be);
	rc |= tool_write(t, tx, p->fe, "%s/frontend", p->be);
	rc |= tool_write(t, tx, num, "%s/frontend-id", p->be);
	rc |= tool_write(t, tx, "1", "%s/online", p->be);
	rc |= tool_write(t, tx, init, "%s/state", p->be);
	rc |= tool_write(t, tx, name ? name : "", "%s/domain", p->be);
	tool_rm(t, tx, "%s", p->fe);
	rc |= tool_mkdir(t, tx, domid, 0, "%s", p->fe);
	rc |= tool_write(t, tx, p->be, "%s/backend", p->fe);
	rc |= tool_write(t, tx, "0", "%s/backend-id", p->fe);
	rc |= tool_write(t, tx, init, "%s/state", p->fe);
	free(name);
	return rc;
}

static int create_device(struct tool *t, xs_transaction_t tx, const struct xl_paths *p,
			 const struct xl_device *d, unsigned int n, bool reconfigure)
{
	char bdf[16], buf[80];
	int rc = 0;

	snprintf(bdf, sizeof(bdf), BDF_FMT, BDF_ARGS(d));
	rc |= tool_write(t, tx, bdf, "%s/key-%u", p->be, n);
	rc |= tool_write(t, tx, bdf, "%s/dev-%u", p->be, n);
	if (*d->name)
		rc |= tool_write(t, tx, d->name, "%s/name-%u", p->be, n);
	snprintf(buf, sizeof(buf), "msitranslate=%d,power_mgmt=%d,permissive=%d,rdm_policy=%s",
		 d->msitranslate, d->power_mgmt, d->permissive,
		 d->rdm_relaxed ? "relaxed" : "strict");
	rc |= tool_write(t, tx, buf, "%s/opts-%u", p->be, n);
	snprintf(buf, sizeof(buf), "%d", INITIALISING);
	rc |= tool_write(t, tx, buf, "%s/state-%u", p->be, n);
	snprintf(buf, sizeof(buf), "%u", n + 1);
	rc |= tool_write(t, tx, buf, "%s/num_devs", p->be);
	snprintf(buf, sizeof(buf), "%d", RECONFIGURING);
	if (reconfigure)
		rc |= tool_write(t, tx, buf, "%s/state", p->be);
	return rc;
}

int xl_add_nodes(struct tool *t, unsigned int domid, const struct xl_device *d, bool starting,
		 bool wait)
{
	struct xl_paths p;
	char *num;
	unsigned int n;
	int rc = 0;

	xl_paths_init(&p, domid);
	num = tool_read(t, XBT_NULL, "%s/num_devs", p.be);
	n = num ? (unsigned int)strtoul(num, NULL, 10) : 0;
	if (num && !starting && wait && xl_wait_connected(t, p.be)) {
		free(num);
		return -1;
	}
	for (;;) {
		xs_transaction_t tx = xs_transaction_start(t->xs);

		rc = tx ? 0 : -1;
		if (!rc && !num)
			rc = create_backend(t, tx, &p, domid);
		if (!rc)
			rc = create_device(t, tx, &p, d, n, n && !starting);
		if (tx && !xs_transaction_end(t->xs, tx, rc) && !rc) {
			if (errno == EAGAIN)
				continue;
			rc = -1;
		}
		break;
	}
	free(num);
	if (rc)
		tool_error("writing the nodes of " BDF_FMT ": %s", BDF_ARGS(d), strerror(errno));
	return rc;
}

/* ---- removing ---- */

int xl_find(struct tool *t, const struct xl_paths *p, const struct xl_device *d, unsigned int *num)
{
	char *text = tool_read(t, XBT_NULL, "%s/num_devs", p->be);
	int found = -1;

	*num = text ? (unsigned int)strtoul(text, NULL, 10) : 0;
	free(text);
	for (unsigned int i = 0; i < *num && found < 0; i++) {
		const char *rest;
		uint32_t sbdf;

		text = tool_read(t, XBT_NULL, "%s/dev-%u", p->be, i);
		if (text && !box_parse_sbdf(text, &sbdf, &rest) && sbdf == d->sbdf)
			found = (int)i;
		free(text);
	}
	return found;
}

static int tell_leaving(struct tool *t, xs_transaction_t tx, const struct xl_paths *p,
			unsigned int i, unsigned int num)
{
	char buf[16];
	int rc;

	(void)num;
	snprintf(buf, sizeof(buf), "%d", CLOSING);
	rc = tool_write(t, tx, buf, "%s/state-%u", p->be, i);
	snprintf(buf, sizeof(buf), "%d", RECONFIGURING);
	return rc | tool_write(t, tx, buf, "%s/state", p->be);
}

/* Remove entry i and move those behind it down by one. */
static int renumber(struct tool *t, xs_transaction_t tx, const struct xl_paths *p, unsigned int i,
		    unsigned int num)
{
	static const char *const gone[] = { "state", "key",	"dev", "vdev",
					    "opts",  "vdevfn", "name" };
	static const char *const moved[] = { "state", "dev", "key", "vdev", "opts", "vdevfn",
					     "name" };
	char buf[16];
	int rc;

	for (size_t k = 0; k < sizeof(gone) / sizeof(gone[0]); k++)
		tool_rm(t, tx, "%s/%s-%u", p->be, gone[k], i);
	snprintf(buf, sizeof(buf), "%u", num - 1);
	rc = tool_write(t, tx, buf, "%s/num_devs", p->be);
	for (unsigned int j = i + 1; j < num; j++) {
		for (size_t k = 0; k < sizeof(moved) / sizeof(moved[0]); k++) {
			char *v = tool_read(t, tx, "%s/%s-%u", p->be, moved[k], j);

			if (!v)
				continue;
			rc |= tool_write(t, tx, v, "%s/%s-%u", p->be, moved[k], j - 1);
			tool_rm(t, tx, "%s/%s-%u", p->be, moved[k], j);
			free(v);
		}
	}
	return rc;
}

/* Remove a directory and those above it that are empty then. */
static void path_cleanup(struct tool *t, xs_transaction_t tx, const char *path)
{
	char dir[64];
	unsigned int n;

	snprintf(dir, sizeof(dir), "%s", path);
	do {
		char **list, *slash = strrchr(dir, '/');

		tool_rm(t, tx, "%s", dir);
		*slash = '\0';
		list = *dir ? xs_directory(t->xs, tx, dir, &n) : NULL;
		if (!list)
			return;
		free(list);
	} while (!n);
}

static int remove_dirs(struct tool *t, xs_transaction_t tx, const struct xl_paths *p,
		       unsigned int i, unsigned int num)
{
	(void)i;
	(void)num;
	path_cleanup(t, tx, p->fe);
	path_cleanup(t, tx, p->be);
	return 0;
}

static int transaction(struct tool *t, const struct xl_paths *p, unsigned int i, unsigned int num,
		       int (*body)(struct tool *, xs_transaction_t, const struct xl_paths *,
				   unsigned int, unsigned int))
{
	for (;;) {
		xs_transaction_t tx = xs_transaction_start(t->xs);
		int rc = tx ? body(t, tx, p, i, num) : -1;

		if (tx && xs_transaction_end(t->xs, tx, rc) && !rc)
			return 0;
		if (rc || errno != EAGAIN)
			return -1;
	}
}

int xl_remove_nodes(struct tool *t, const struct xl_paths *p, const struct xl_device *d, bool wait)
{
	unsigned int num;
	int i;

	if (wait && xl_wait_connected(t, p->be))
		return -1;
	i = xl_find(t, p, d, &num);
	if (i < 0)
		return tool_error("PCI device " BDF_FMT " has gone from %s", BDF_ARGS(d), p->be);
	if (transaction(t, p, (unsigned int)i, num, tell_leaving) ||
	    (wait && xl_wait_connected(t, p->be)) ||
	    transaction(t, p, (unsigned int)i, num, renumber))
		return -1;
	return num == 1 ? transaction(t, p, 0, 0, remove_dirs) : 0;
}
