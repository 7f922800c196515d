/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/watches.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/aer_inject.h"
#include "backend/supervisor/guest_kept.h"
#include "backend/supervisor/recovery.h"
#include "common/log.h"
#include "common/number.h"
#include "common/store.h"
#include "common/util.h"

#define TOKEN_BACKEND "backend"
#define TOKEN_RELEASE "release"
#define TOKEN_AER "aer"
#define TOKEN_FRONTEND 'f' /* and the guest's name (guest_id.h) */
#define DRAIN_MAX 1024	   /* events in one turn */

static struct guest *guest_of(struct watches *w, struct guest_id id)
{
	struct guest *g = backend_guest(w->be, id);
	char name[GUEST_ID_NAME_MAX];

	/* On our way out nobody comes any more. */
	if (g || id.domid >= DOMID_FIRST_RESERVED || w->be->closing)
		return g;
	g = guest_new(w->be, id);
	if (g)
		backend_add_guest(w->be, g);
	else
		w->be->no_memory = true;
	if (!g)
		log_error(w->be->lg, "guest %s: no memory, not served", guest_id_name(id, name));
	return g;
}

/* Anything of its nodes may have changed. */
static void look_anew(struct watches *w, struct guest *g)
{
	g->state_known = false;
	g->again |= g->ending;
	entries_forget(&g->entries);
	schedule_dirty(&w->be->schedule, g);
}

/* Instances below the domain's directory, which is named so; those that are known are looked at anew. */
static void rescan_domain(struct watches *w, const char *name)
{
	char dir[GUEST_DIR_MAX];
	struct guest_id id;
	struct guest *g;
	unsigned n = 0;
	char **list;

	if (number_u32(name, &id.domid) || id.domid >= DOMID_FIRST_RESERVED)
		return;
	snprintf(dir, sizeof(dir), "%s/%u", w->be->root, id.domid);
	list = xs_directory(w->be->xen.xs, XBT_NULL, dir, &n);
	for (unsigned i = 0; list && i < n; i++)
		if (!number_u32(list[i], &id.devid))
			guest_of(w, id);
	free(list);
	for (g = w->be->guests[id.domid]; g; g = g->next)
		look_anew(w, g);
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
		rescan_domain(w, list[i]);
	free(list);
	for (uint64_t at = 0; (g = backend_next_guest(w->be, &at)); at++)
		look_anew(w, g);
}

void watches_retry(struct watches *w)
{
	if (w->unlisted)
		rescan(w);
}

/*
 * Some domain died, halted or is suspended. Xen names those that run, or will again, in one go; xenstored is asked
 * for the others. One that is suspended is no news but where it was waited for.
 */
static void on_release(struct watches *w)
{
	static bool running[DOMID_FIRST_RESERVED];
	struct guest *g;

	if (hypercall_domains_running(w->be->hypercall, running, DOMID_FIRST_RESERVED))
		memset(running, 0, sizeof(running));
	for (uint64_t at = 0; (g = backend_next_guest(w->be, &at)); at++) {
		if (running[g->domid] && g->introduced && g->state != XenbusStateReconfiguring)
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

/* The first part of a path into part (cut where it is longer than any of ours); what follows, or NULL. */
static const char *next_part(const char *path, char part[12])
{
	size_t len = strcspn(path, "/");

	snprintf(part, 12, "%.*s", (int)len, path);
	return path[len] ? path + len + 1 : NULL;
}

/* <domid>, <domid>/<devid> or <domid>/<devid>/<leaf>, below our directory. */
static void on_backend(struct watches *w, const char *path)
{
	size_t len = strlen(w->be->root);
	char domid[12], devid[12];
	struct guest_id id;
	const char *rest;
	struct guest *g;

	if (strncmp(path, w->be->root, len) || path[len] != '/') {
		rescan(w);
		return;
	}
	rest = next_part(path + len + 1, domid);
	if (!rest) {
		rescan_domain(w, domid);
		return;
	}
	rest = next_part(rest, devid);
	if (number_u32(domid, &id.domid) || number_u32(devid, &id.devid))
		return;
	g = guest_of(w, id);
	if (g && rest && needs_no_look(rest))
		entries_forget_dev(&g->entries);
	else if (g)
		on_node(w, g, rest);
}

/* The guest's own writing: it gets its look, at a bounded rate. */
static void on_frontend(struct watches *w, const char *name)
{
	struct guest_id id;
	struct guest *g;

	g = guest_id_parse(name, &id) ? NULL : backend_guest(w->be, id);
	if (!g)
		return;
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
	backend_remove_guest(w->be, g);
	guest_free(g);
}

/* Nothing is left of it, unless its nodes have come anew meanwhile. */
static void end(struct watches *w, struct guest *g)
{
	struct guest_id id = guest_id(g);
	bool again = g->again;

	drop(w, g);
	g = again ? guest_of(w, id) : NULL;
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

/* Those that no node tells of any more, too (earlier.h). */
static void look_at_remembered(struct watches *w)
{
	struct guest_id *list;
	unsigned nr = successor_guests(&w->be->successor, &list);

	for (unsigned i = 0; i < nr; i++) {
		struct guest *g = guest_of(w, list[i]);

		if (g)
			schedule_dirty(&w->be->schedule, g);
	}
	free(list);
}

static int set(struct watches *w)
{
	struct xs_handle *xs = w->be->xen.watches;

	return xs_watch(xs, w->be->root, TOKEN_BACKEND) && xs_watch(xs, "@releaseDomain", TOKEN_RELEASE) &&
	       xs_watch(xs, w->aer, TOKEN_AER) ? 0 : -1;
}

int watches_open(struct watches *w, struct backend *be)
{
	w->be = be;
	snprintf(w->aer, sizeof(w->aer), "%s/" AER_INJECT_DIR, be->successor.dir);
	look_at_remembered(w);
	if (!set(w))
		return 0;
	log_error(be->lg, "cannot watch xenstore: %s", strerror(errno));
	return -1;
}

int watches_again(struct watches *w, bool empty)
{
	struct guest *g;

	if (set(w))
		return -1;
	for (uint64_t at = 0; (g = backend_next_guest(w->be, &at)); at++)
		if (guest_kept(g, empty))
			return -1;
	look_at_remembered(w);
	return 0;
}

void watches_close(struct watches *w)
{
	struct guest *g;

	if (!w->be)
		return;
	for (uint64_t at = 0; (g = backend_next_guest(w->be, &at)); at++)
		drop(w, g);
	xs_unwatch(w->be->xen.watches, w->be->root, TOKEN_BACKEND);
	xs_unwatch(w->be->xen.watches, "@releaseDomain", TOKEN_RELEASE);
	xs_unwatch(w->be->xen.watches, w->aer, TOKEN_AER);
}
