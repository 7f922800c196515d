/* SPDX-License-Identifier: MIT */
/*
 * `xl pci-attach`, `pci-detach` and `pci-list` for PV guests, as libxl 4.17 does them: the same
 * nodes in the same order and transactions, and the same waits (with watches where libxl polls).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi.h"
#include "tool.h"

#define BDF_FMT "%04x:%02x:%02x.%01x"
#define BDF_ARGS(d) (d)->sbdf >> 16, (d)->sbdf >> 8 & 0xff, (d)->sbdf >> 3 & 0x1f, (d)->sbdf & 7
#define DEVICES_MAX 256
#define WAIT_TOKEN "xenbox-wait"

/* XenbusState */
enum { INITIALISING = 1, CONNECTED = 4, CLOSING = 5, RECONFIGURING = 7 };

struct paths {
	char be[64], fe[64];
};

static void paths_init(struct paths *p, unsigned int domid)
{
	snprintf(p->be, sizeof(p->be), "/local/domain/0/backend/pci/%u/0", domid);
	snprintf(p->fe, sizeof(p->fe), "/local/domain/%u/device/pci/0", domid);
}

/* ---- parsing ---- */

static int parse_flag(const char *value, bool *flag)
{
	if (strcmp(value, "0") && strcmp(value, "1"))
		return -1;
	*flag = *value == '1';
	return 0;
}

static int parse_option(struct xl_device *d, const char *key, const char *value)
{
	if (!strcmp(key, "permissive"))
		return parse_flag(value, &d->permissive);
	if (!strcmp(key, "msitranslate"))
		return parse_flag(value, &d->msitranslate);
	if (!strcmp(key, "power_mgmt"))
		return parse_flag(value, &d->power_mgmt);
	if (!strcmp(key, "rdm_policy")) {
		d->rdm_relaxed = !strcmp(value, "relaxed");
		return d->rdm_relaxed || !strcmp(value, "strict") ? 0 : -1;
	}
	if (!strcmp(key, "name"))
		return snprintf(d->name, sizeof(d->name), "%s", value) < (int)sizeof(d->name) ? 0 :
												 -1;
	return -1;
}

int xl_parse(struct xl_device *dev, const char *spec)
{
	const char *rest;
	char *copy, *save, *opt;
	int rc = 0;

	*dev = (struct xl_device){ .sbdf = 0 };
	if (box_parse_sbdf(spec, &dev->sbdf, &rest)) {
		tool_error("not a PCI device: %s", spec);
		return -1;
	}
	copy = strdup(rest);
	if (!copy)
		return -1;
	for (opt = strtok_r(copy, ",", &save); opt && !rc; opt = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(opt, '=');

		if (eq)
			*eq = '\0';
		rc = eq ? parse_option(dev, opt, eq + 1) : -1;
		if (rc)
			tool_error("%s: bad option %s%s%s", spec, opt, eq ? "=" : "",
				   eq ? eq + 1 : "");
	}
	free(copy);
	return rc;
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

static bool is_connected(const char *state)
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

/* Until the backend's state is Connected; at most 10 s. -1 after a message. */
static int wait_connected(struct tool *t, const char *be)
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
		if (is_connected(state))
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

/* ---- attach ---- */

/* The directories of a domain's first device. */
static int create_backend(struct tool *t, xs_transaction_t tx, const struct paths *p,
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

static int create_device(struct tool *t, xs_transaction_t tx, const struct paths *p,
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

static int add_nodes(struct tool *t, unsigned int domid, const struct xl_device *d, bool starting,
		     bool wait)
{
	struct paths p;
	char *num;
	unsigned int n;
	int rc = 0;

	paths_init(&p, domid);
	num = tool_read(t, XBT_NULL, "%s/num_devs", p.be);
	n = num ? (unsigned int)strtoul(num, NULL, 10) : 0;
	if (num && !starting && wait && wait_connected(t, p.be)) {
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

static int assign(struct tool *t, unsigned int domid, const struct xl_device *d, uint32_t cmd)
{
	struct xen_domctl ctl = { .cmd = cmd, .domain = (domid_t)domid };

	ctl.u.assign_device.dev = XEN_DOMCTL_DEV_PCI;
	ctl.u.assign_device.u.pci.machine_sbdf = d->sbdf;
	if (cmd == XEN_DOMCTL_assign_device && d->rdm_relaxed)
		ctl.u.assign_device.flags = XEN_DOMCTL_DEV_RDM_RELAXED;
	return tool_domctl(t, &ctl) && errno != ENOSYS ? -1 : 0;
}

static int attach_one(struct tool *t, unsigned int domid, const struct xl_device *d, bool starting,
		      bool wait)
{
	char owner_path[64], num[16], *owner;

	snprintf(owner_path, sizeof(owner_path), "/libxl/pci/%04x-%02x-%02x-%01x/domid",
		 BDF_ARGS(d));
	owner = tool_read(t, XBT_NULL, "%s", owner_path);
	if (owner) {
		tool_error("PCI device " BDF_FMT " is not assignable: domain %s has it",
			   BDF_ARGS(d), owner);
		free(owner);
		return -1;
	}
	snprintf(num, sizeof(num), "%u", domid);
	tool_write(t, XBT_NULL, num, "%s", owner_path);
	if (assign(t, domid, d, XEN_DOMCTL_assign_device))
		tool_error("assigning " BDF_FMT " to domain %u: %s", BDF_ARGS(d), domid,
			   strerror(errno));
	else if (!add_nodes(t, domid, d, starting, wait))
		return 0;
	tool_rm(t, XBT_NULL, "%s", owner_path); /* all that libxl undoes */
	return -1;
}

int xl_attach(struct tool *t, unsigned int domid, const struct xl_device *devs, unsigned int n,
	      bool wait)
{
	uint32_t port, pfn;
	bool started;

	if (tool_domain(t, domid, &port, &pfn, &started))
		return tool_error("no domain %u", domid);
	for (unsigned int i = 0; i < n; i++)
		if (attach_one(t, domid, &devs[i], !started, wait))
			return TOOL_FAILED;
	return TOOL_OK;
}

/* ---- detach ---- */

/* The device's number in the list now, or -1. */
static int find_index(struct tool *t, const struct paths *p, const struct xl_device *d,
		      unsigned int *num)
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

static int tell_leaving(struct tool *t, xs_transaction_t tx, const struct paths *p, unsigned int i,
			unsigned int num)
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
static int renumber(struct tool *t, xs_transaction_t tx, const struct paths *p, unsigned int i,
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

static int remove_dirs(struct tool *t, xs_transaction_t tx, const struct paths *p, unsigned int i,
		       unsigned int num)
{
	(void)i;
	(void)num;
	path_cleanup(t, tx, p->fe);
	path_cleanup(t, tx, p->be);
	return 0;
}

static int transaction(struct tool *t, const struct paths *p, unsigned int i, unsigned int num,
		       int (*body)(struct tool *, xs_transaction_t, const struct paths *,
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

static int remove_nodes(struct tool *t, const struct paths *p, const struct xl_device *d, bool wait)
{
	unsigned int num;
	int i;

	if (wait && wait_connected(t, p->be))
		return -1;
	i = find_index(t, p, d, &num);
	if (i < 0)
		return tool_error("PCI device " BDF_FMT " has gone from %s", BDF_ARGS(d), p->be);
	if (transaction(t, p, (unsigned int)i, num, tell_leaving) ||
	    (wait && wait_connected(t, p->be)) ||
	    transaction(t, p, (unsigned int)i, num, renumber))
		return -1;
	return num == 1 ? transaction(t, p, 0, 0, remove_dirs) : 0;
}

int xl_detach(struct tool *t, unsigned int domid, const struct xl_device *dev, bool force,
	      bool wait)
{
	struct paths p;
	unsigned int num;
	int rc;

	paths_init(&p, domid);
	if (find_index(t, &p, dev, &num) < 0)
		return tool_error("PCI device " BDF_FMT " is not attached to domain %u",
				  BDF_ARGS(dev), domid);
	/* Before the guest hears of it; libxl only logs a refusal. */
	if (assign(t, domid, dev, XEN_DOMCTL_deassign_device) && !force)
		tool_error("deassigning " BDF_FMT " from domain %u: %s", BDF_ARGS(dev), domid,
			   strerror(errno));
	rc = remove_nodes(t, &p, dev, wait);
	tool_rm(t, XBT_NULL, "/libxl/pci/%04x-%02x-%02x-%01x/domid", BDF_ARGS(dev));
	return rc ? TOOL_FAILED : TOOL_OK;
}

/* ---- list ---- */

int xl_list(struct tool *t, unsigned int domid)
{
	struct paths p;
	char *num;
	unsigned int n;

	paths_init(&p, domid);
	num = tool_read(t, XBT_NULL, "%s/num_devs", p.be);
	n = num ? (unsigned int)strtoul(num, NULL, 10) : 0;
	free(num);
	if (n)
		puts("Vdev Device");
	for (unsigned int i = 0; i < n; i++) {
		char *dev = tool_read(t, XBT_NULL, "%s/dev-%u", p.be, i);
		char *v = tool_read(t, XBT_NULL, "%s/vdevfn-%u", p.be, i);
		unsigned long vdevfn = v ? strtoul(v, NULL, 16) : 0;

		printf("%02lx.%01lx %s\n", vdevfn >> 3 & 0x1f, vdevfn & 7, dev ? dev : "?");
		free(dev);
		free(v);
	}
	return TOOL_OK;
}

void xl_destroy_all(struct tool *t, unsigned int domid)
{
	struct xl_device devs[DEVICES_MAX];
	unsigned int n = 0;
	struct paths p;
	char *text;

	paths_init(&p, domid);
	while (n < DEVICES_MAX && (text = tool_read(t, XBT_NULL, "%s/dev-%u", p.be, n))) {
		if (xl_parse(&devs[n], text))
			devs[n].sbdf = UINT32_MAX;
		n++;
		free(text);
	}
	/* One that fails stops no other. */
	for (unsigned int i = 0; i < n; i++) {
		if (devs[i].sbdf == UINT32_MAX)
			continue;
		/* libxl waits 10 s for a frontend that is not there; nobody is served by that. */
		text = tool_read(t, XBT_NULL, "%s/state", p.be);
		xl_detach(t, domid, &devs[i], true, is_connected(text));
		free(text);
	}
}

void xl_forget(struct tool *t, unsigned int domid)
{
	unsigned int n = 0;
	char **list = xs_directory(t->xs, XBT_NULL, "/libxl/pci", &n);

	for (unsigned int i = 0; i < n; i++) {
		char *owner = tool_read(t, XBT_NULL, "/libxl/pci/%s/domid", list[i]);

		if (owner && strtoul(owner, NULL, 10) == domid)
			tool_rm(t, XBT_NULL, "/libxl/pci/%s/domid", list[i]);
		free(owner);
	}
	free(list);
}
