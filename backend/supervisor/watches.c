/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/watches.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/aer_inject.h"
#include "backend/supervisor/recovery.h"
#include "common/log.h"
#include "common/number.h"
#include "common/store.h"
#include "common/util.h"

#define TOKEN_BACKEND "backend"
#define TOKEN_RELEASE "release"
#define TOKEN_AER "aer"
#define TOKEN_FRONTEND 'f' /* and the domid */
#define DRAIN_MAX 1024	   /* events in one turn */

static struct guest *guest_of(struct watches *w, uint32_t domid)
{
	/* On our way out nobody comes any more. */
	if (domid >= DOMID_FIRST_RESERVED || (w->be->closing && !w->be->guests[domid]))
		return NULL;
	if (!w->be->guests[domid]) {
		w->be->guests[domid] = guest_new(w->be, domid);
		if (!w->be->guests[domid])
			log_error(w->be->lg, "guest %u: no memory, not served", domid);
	}
	return w->be->guests[domid];
}

/* Anything of its nodes may have changed. */
static void look_anew(struct watches *w, struct guest *g)
{
	g->state_known = false;
	g->again |= g->ending;
	entries_forget(&g->entries);
	schedule_dirty(&w->be->schedule, g);
}

/* Whose directory it is, by name; NULL: nobody's. */
static struct guest *guest_named(struct watches *w, const char *domid)
{
	uint64_t id;

	if (number_parse(domid, 10, DOMID_FIRST_RESERVED - 1, &id))
		return NULL;
	return guest_of(w, (uint32_t)id);
}

/* The directory as a whole came or went: everyone is looked at. */
static void rescan(struct watches *w)
{
	struct guest *g;
	unsigned n = 0;
	char **list = xs_directory(w->be->xen.xs, XBT_NULL, w->be->root, &n);

	w->unlisted = !list && errno != ENOENT;
	if (w->unlisted) {
		talk_event(&w->be->processes.talk, XTL_ERROR, "cannot list %s: %s; tried again in a second",
			   w->be->root, strerror(errno));
		w->be->retry_ns = now_ns() + BACKEND_RETRY_NS;
	}
	for (unsigned i = 0; list && i < n; i++)
		guest_named(w, list[i]);
	free(list);
	for (uint32_t domid = 0; (g = backend_next_guest(w->be, &domid)); domid++)
		look_anew(w, g);
}

void watches_retry(struct watches *w)
{
	if (w->unlisted)
		rescan(w);
}

/* Some domain died or halted. Xen names those that run in one go; xenstored is asked for the others. */
static void on_release(struct watches *w)
{
	static bool running[DOMID_FIRST_RESERVED];
	struct guest *g;

	if (hypercall_domains_running(w->be->hypercall, running, DOMID_FIRST_RESERVED))
		memset(running, 0, sizeof(running));
	for (uint32_t domid = 0; (g = backend_next_guest(w->be, &domid)); domid++) {
		if (running[domid] && g->introduced)
			continue;
		g->check_alive = true;
		g->peer_known = false;
		look_anew(w, g);
	}
}

/*
 * Below our directory, what asks for no look: what we write ourselves, and what is
 * read when a state node, written with it or after it, asks for it.
 */
static bool needs_no_look(const char *leaf)
{
	static const char *const names[] = { "vdev-", "root", NODE_AER_STATE, "key-", "dev-", "opts-" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(leaf, names[i], strlen(names[i])))
			return true;
	return false;
}

/* A node of a guest's instance; or its whole directory, with leaf NULL. */
static void on_node(struct watches *w, struct guest *g, const char *leaf)
{
	if (!leaf) {
		look_anew(w, g);
		return;
	}
	g->again |= g->ending;
	if (!entries_heard(&g->entries, leaf))
		g->state_known = false;
	schedule_dirty(&w->be->schedule, g);
}

static void on_backend(struct watches *w, const char *path)
{
	size_t len = strlen(w->be->root);
	const char *rest, *leaf;
	struct guest *g;
	char domid[12];

	if (strncmp(path, w->be->root, len) || path[len] != '/') {
		rescan(w);
		return;
	}
	rest = path + len + 1;
	snprintf(domid, sizeof(domid), "%.*s", (int)strcspn(rest, "/"), rest);
	/* domid/0/leaf */
	leaf = strchr(rest, '/');
	leaf = leaf ? strchr(leaf + 1, '/') : NULL;
	leaf = leaf ? leaf + 1 : NULL;
	g = guest_named(w, domid);
	if (leaf && needs_no_look(leaf)) {
		if (g)
			entries_forget_dev(&g->entries);
		return;
	}
	if (g)
		on_node(w, g, leaf);
}

/* The guest's own writing: it gets its look, at a bounded rate. */
static void on_frontend(struct watches *w, const char *domid)
{
	struct guest *g;
	uint64_t id;

	if (number_parse(domid, 10, DOMID_FIRST_RESERVED - 1, &id) || !w->be->guests[id])
		return;
	g = w->be->guests[id];
	g->peer_known = false;
	if (ratelimit_allow(&g->changes, now_ns()))
		schedule_dirty(&w->be->schedule, g);
	else
		schedule_at(&w->be->schedule, g, now_ns() + 2 * g->changes.interval_ns);
}

static void on_watch(struct watches *w, const char *path, const char *token)
{
	if (token[0] == TOKEN_FRONTEND)
		on_frontend(w, token + 1);
	else if (!strcmp(token, TOKEN_BACKEND))
		on_backend(w, path);
	else if (!strcmp(token, TOKEN_RELEASE))
		on_release(w);
	else if (!strcmp(token, TOKEN_AER))
		aer_inject(w->be, w->aer, path);
}

int watches_drain(struct watches *w)
{
	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		char **event = xs_check_watch(w->be->xen.watches);

		if (!event)
			return errno == EAGAIN ? 0 : -1;
		on_watch(w, event[XS_WATCH_PATH], event[XS_WATCH_TOKEN]);
		free(event);
	}
	return 0;
}

static void drop(struct watches *w, struct guest *g)
{
	w->be->guests[g->domid] = NULL;
	guest_free(g);
}

/* Nothing is left of it, unless its nodes have come anew meanwhile. */
static void end(struct watches *w, struct guest *g)
{
	uint32_t domid = g->domid;
	bool again = g->again;

	drop(w, g);
	g = again ? guest_of(w, domid) : NULL;
	if (g)
		schedule_dirty(&w->be->schedule, g);
}

void watches_update_one(struct watches *w)
{
	struct guest *g = schedule_next_dirty(&w->be->schedule);

	if (g && !guest_update(g))
		end(w, g);
}

void watches_guest_timer(struct watches *w, struct guest *g, uint64_t now)
{
	service_check(g, now);
	if (g->aer.waiting)
		aer_finish(g, now);
	if (g->aer.found)
		recovery_begin(g);
	/* A look that was put off is due; where none was, it finds nothing to do. */
	schedule_dirty(&w->be->schedule, g);
}

int watches_open(struct watches *w, struct backend *be)
{
	struct xs_handle *xs = be->xen.watches;
	uint32_t *list;
	unsigned nr;

	w->be = be;
	snprintf(w->aer, sizeof(w->aer), "/local/domain/%u/" AER_INJECT_DIR, be->xen.domid);
	/* Those that no node tells of any more, too (earlier.h). */
	nr = memory_guests(&be->memory, &list);
	for (unsigned i = 0; i < nr; i++) {
		struct guest *g = guest_of(w, list[i]);

		if (g)
			schedule_dirty(&be->schedule, g);
	}
	free(list);
	if (!xs_watch(xs, be->root, TOKEN_BACKEND) || !xs_watch(xs, "@releaseDomain", TOKEN_RELEASE) ||
	    !xs_watch(xs, w->aer, TOKEN_AER)) {
		log_error(be->lg, "cannot watch xenstore: %s", strerror(errno));
		return -1;
	}
	return 0;
}

void watches_close(struct watches *w)
{
	struct guest *g;

	if (!w->be)
		return;
	for (uint32_t domid = 0; (g = backend_next_guest(w->be, &domid)); domid++)
		drop(w, g);
	xs_unwatch(w->be->xen.watches, w->be->root, TOKEN_BACKEND);
	xs_unwatch(w->be->xen.watches, "@releaseDomain", TOKEN_RELEASE);
	xs_unwatch(w->be->xen.watches, w->aer, TOKEN_AER);
}
