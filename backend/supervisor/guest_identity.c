/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/guest_identity.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_error.h"
#include "common/store.h"
#include "common/util.h"
#include "host/stub.h"

#define TOKEN_MAX (1 + GUEST_ID_NAME_MAX)

static void watch_token(const struct guest *g, char token[TOKEN_MAX])
{
	char name[GUEST_ID_NAME_MAX];

	snprintf(token, TOKEN_MAX, "f%s", guest_id_name(guest_id(g), name));
}

/* Watches the one node of the guest's that we follow: its state. */
static int watch_frontend(struct guest *g)
{
	char path[GUEST_DIR_MAX + 8], token[TOKEN_MAX];

	if (g->watching)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", g->frontend, NODE_STATE);
	watch_token(g, token);
	/* One whose end failed is ours still, and as good. */
	if (!xs_watch(g->be->xen.watches, path, token) && errno != EEXIST)
		return -1;
	g->watching = true;
	return 0;
}

int guest_watch_again(struct guest *g)
{
	if (!g->watching)
		return 0;
	g->watching = false;
	if (!watch_frontend(g))
		return 0;
	g->watching = true;
	return -1;
}

void guest_unwatch(struct guest *g)
{
	char path[GUEST_DIR_MAX + 8], token[TOKEN_MAX];

	if (!g->watching)
		return;
	snprintf(path, sizeof(path), "%s/%s", g->frontend, NODE_STATE);
	watch_token(g, token);
	xs_unwatch(g->be->xen.watches, path, token);
	g->watching = false;
	g->peer_known = false;
}

void guest_find_owner(struct guest *g)
{
	uint32_t owner = stub_target(g->be->xen.xs, g->domid);

	if (owner != g->owner && owner != g->domid)
		talk_tell(&g->talk, XTL_INFO, "it is the device model of guest %u, whose its devices are", owner);
	g->owner = owner;
}

/* The node was not read. One that may be there is tried again. */
static int not_read(struct guest *g, const char *node, struct problem *p)
{
	int err = errno;

	if (guest_unread(g, g->dir, node))
		return fail(EAGAIN);
	return problem_set(p, err, "%s/%s: %s", g->dir, node, strerror(err));
}

int guest_identify(struct guest *g, struct problem *p)
{
	char frontend[GUEST_DIR_MAX], expected[GUEST_DIR_MAX];
	struct xs_handle *xs = g->be->xen.xs;
	uint64_t id;

	snprintf(expected, sizeof(expected), "/local/domain/%u/" NODE_FRONTEND_DIR_FMT, g->domid, g->devid);
	if (store_read_number(xs, XBT_NULL, g->dir, NODE_FRONTEND_ID, 10, UINT32_MAX, &id))
		return not_read(g, NODE_FRONTEND_ID, p);
	if (id != g->domid)
		return problem_set(p, EINVAL, "%s/%s names domain %u", g->dir, NODE_FRONTEND_ID,
				   (unsigned)id);
	if (store_read(xs, XBT_NULL, g->dir, NODE_FRONTEND, frontend, sizeof(frontend)) < 0)
		return not_read(g, NODE_FRONTEND, p);
	if (strcmp(frontend, expected))
		return problem_set(p, EINVAL, "%s/%s is not %s", g->dir, NODE_FRONTEND, expected);
	memcpy(g->frontend, expected, sizeof(g->frontend));
	guest_find_owner(g);
	g->hvm = hypercall_domain_is_hvm(g->be->hypercall, g->domid) > 0;
	if (watch_frontend(g)) {
		problem_set(p, errno, "cannot watch %s: %s", g->frontend, strerror(errno));
		g->frontend[0] = 0;
		return -1;
	}
	g->introduced = xs_is_domain_introduced(xs, g->domid);
	return 0;
}
