/* SPDX-License-Identifier: MIT */
/*
 * xenstored killed, and another in its place: `xenbox store`. No xenstored keeps what it knows across
 * its death (the one in C begins with a new file even where that is on disk), so what is to be kept
 * is read before and written again by a toolstack, before anybody else finds the new one's socket.
 * Domains it has to be told of in any case.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"
#include "tool.h"

/* ---- what it knows, in a file: for each node its path, permissions and value ---- */

static int put(FILE *f, const void *p, uint32_t n)
{
	return fwrite(&n, sizeof(n), 1, f) == 1 && (!n || fwrite(p, n, 1, f) == 1) ? 0 : -1;
}

/* What put has written, malloced, and a NUL behind it. NULL at the end. */
static char *get(FILE *f, uint32_t *n)
{
	char *p;

	if (fread(n, sizeof(*n), 1, f) != 1)
		return NULL;
	p = calloc(1, *n + 1);
	if (p && *n && fread(p, *n, 1, f) != 1) {
		free(p);
		return NULL;
	}
	return p;
}

/* Those that write go on meanwhile: what they have removed is not there to be kept. */
static int save_node(struct tool *t, FILE *f, const char *path)
{
	unsigned int len = 0, nperms = 0;
	char *value = xs_read(t->xs, XBT_NULL, path, &len);
	struct xs_permissions *perms = value ? xs_get_permissions(t->xs, XBT_NULL, path, &nperms) : NULL;
	int rc = perms || errno != ENOENT ? -1 : 0;

	if (value && perms)
		rc = put(f, path, (uint32_t)strlen(path)) ||
		     put(f, perms, (uint32_t)(nperms * sizeof(*perms))) || put(f, value, len);
	free(perms);
	free(value);
	return rc;
}

static int save_below(struct tool *t, FILE *f, const char *dir)
{
	char path[XENSTORE_ABS_PATH_MAX];
	unsigned int n = 0;
	char **names = xs_directory(t->xs, XBT_NULL, dir, &n);
	int rc = names || errno == ENOENT ? 0 : -1;

	for (unsigned int i = 0; !rc && i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", strcmp(dir, "/") != 0 ? dir : "", names[i]);
		rc = save_node(t, f, path) || save_below(t, f, path) ? -1 : 0;
	}
	free(names);
	return rc;
}

static FILE *saved(const struct tool *t, const char *mode)
{
	char path[BOX_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/" BOX_STORE_SAVED, t->box.rundir);
	return fopen(path, mode);
}

static int save(struct tool *t)
{
	FILE *f = saved(t, "we");
	int rc = f ? save_below(t, f, "/") : -1;

	if (f && fclose(f))
		rc = -1;
	return rc ? tool_error("what xenstored knows cannot be kept: %s", strerror(errno)) : 0;
}

/* The next node of the file: 1, 0 at the end, -1. */
static int load_node(struct tool *t, FILE *f)
{
	uint32_t n, nperms, len;
	char *path = get(f, &n), *perms, *value;
	int rc = -1;

	if (!path)
		return 0;
	perms = get(f, &nperms);
	value = get(f, &len);
	if (perms && value && xs_write(t->xs, XBT_NULL, path, value, len) &&
	    xs_set_permissions(t->xs, XBT_NULL, path, (struct xs_permissions *)(void *)perms,
			       (unsigned int)(nperms / sizeof(struct xs_permissions))))
		rc = 1;
	else
		tool_error("%s cannot be written again: %s", path, strerror(errno));
	free(value);
	free(perms);
	free(path);
	return rc;
}

/* What was kept (*kept), and no more than once; else what xen-init-dom0 writes. */
static int load(struct tool *t, bool *kept)
{
	FILE *f = saved(t, "re");
	int rc = f ? 1 : 0;

	*kept = f != NULL;
	while (rc > 0)
		rc = load_node(t, f);
	if (!f)
		return tool_write(t, XBT_NULL, "0", "/local/domain/0/domid") ||
		       tool_write(t, XBT_NULL, "Domain-0", "/local/domain/0/name");
	fclose(f);
	box_unlink(t->box.rundir, BOX_STORE_SAVED);
	return rc;
}

/* ---- the process ---- */

static int store_call(struct tool *t, enum xb_store what, bool kept, uint64_t *pid)
{
	struct xb_msg m = { .op = XB_CTL_STORE, .a = { what, kept } };

	if (xb_call(&t->hv, &m, NULL, 0, NULL, 0, NULL) < 0)
		return tool_error("xenstored: %s", strerror(errno));
	if (pid)
		*pid = m.a[0];
	return TOOL_OK;
}

/* Its socket where clients do not look yet: 10 s at most. */
static int reach_hidden(struct tool *t)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	char path[BOX_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/" BOX_STORE_DIR "/" BOX_XS_SOCKET, t->box.rundir);
	setenv("XENSTORED_PATH", path, 1);
	for (int ms = 0; !t->xs && ms < TOOL_WAIT_MS; ms += 5) {
		t->xs = xs_open(XS_OPEN_SOCKETONLY);
		if (!t->xs)
			nanosleep(&pause, NULL);
	}
	return t->xs ? 0 : tool_error("the new xenstored does not serve: %s", strerror(errno));
}

/* Each domain that there is, as its toolstack did when it built it. */
static int introduce_all(struct tool *t)
{
	struct xen_domctl ctl = { .cmd = XEN_DOMCTL_getdomaininfo };
	uint32_t port, pfn;
	bool started;

	for (unsigned int domid = 1; domid < 0x7ff0; domid++) {
		ctl = (struct xen_domctl){ .cmd = XEN_DOMCTL_getdomaininfo, .domain = (domid_t)domid };
		if (tool_domctl(t, &ctl))
			break;
		domid = ctl.domain;
		if (tool_domain(t, domid, &port, &pfn, &started))
			continue;
		if (!xs_introduce_domain(t->xs, domid, pfn, port))
			return tool_error("domain %u: introducing it anew: %s", domid, strerror(errno));
	}
	return 0;
}

static int start(struct tool *t)
{
	bool kept;

	if (store_call(t, XB_STORE_START, false, NULL) || reach_hidden(t) || introduce_all(t))
		return TOOL_FAILED;
	if (load(t, &kept))
		return tool_error("the new xenstored's first nodes: %s", strerror(errno));
	return store_call(t, XB_STORE_SHOW, kept, NULL);
}

int tool_restart(struct tool *t, const char *what, bool keep)
{
	uint64_t pid;

	if (!strcmp(what, "start"))
		return start(t);
	if (!strcmp(what, "kill")) {
		if (keep && (tool_store(t) || save(t)))
			return TOOL_FAILED;
		return store_call(t, XB_STORE_KILL, false, NULL);
	}
	if (strcmp(what, "pid") != 0)
		return usage("store takes pid, kill or start, not", what);
	if (store_call(t, XB_STORE_PID, false, &pid))
		return TOOL_FAILED;
	printf("%d\n", (int)pid);
	return TOOL_OK;
}
