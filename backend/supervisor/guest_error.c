/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/guest_error.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/supervisor/guest.h"
#include "common/store.h"
#include "common/util.h"

void guest_report(struct guest *g, const struct problem *p, bool by_guest)
{
	char dir[2 * GUEST_DIR_MAX];

	/* What a read did not find while xenstored ended is no error of anybody's. */
	if (!g->be->xen.lost && !xen_answers(&g->be->xen))
		return;
	if (by_guest)
		talk_say(&g->talk, XTL_ERROR, "%s", p->text);
	else
		talk_tell(&g->talk, XTL_ERROR, "%s", p->text);
	g->told.error_time = time(NULL);
	message_text(g->told.error, sizeof(g->told.error), p->text, sizeof(p->text));
	if (g->be->xen.lost)
		return;
	/* xenbus's place for it: the instance's path, below our own error directory. */
	snprintf(dir, sizeof(dir), "/local/domain/%u/error/%s/%u/%u", g->be->xen.domid,
		 NODE_BACKEND_ROOT, g->domid, g->devid);
	if (store_write(g->be->xen.xs, XBT_NULL, dir, "error", "%d %s", p->err, p->text))
		talk_say(&g->talk, XTL_WARN, "cannot write %s/error: %s", dir, strerror(errno));
}

bool guest_unread(struct guest *g, const char *dir, const char *node)
{
	if (errno == ENOENT || errno == EINVAL || errno == ERANGE || errno == E2BIG)
		return false;
	/* Nobody's nodes can: that is told once, and all are looked at when it is back. */
	if (g->be->xen.lost)
		return true;
	talk_event(&g->talk, XTL_ERROR, "%s/%s cannot be read: %s; tried again in a second", dir, node,
		   strerror(errno));
	schedule_at(&g->be->schedule, g, now_ns() + BACKEND_RETRY_NS);
	return true;
}

/* The domain's directory goes with its last instance. */
void guest_error_over(struct guest *g)
{
	char dir[2 * GUEST_DIR_MAX];
	bool only = g->be->guests[g->domid] == g && !g->next;

	snprintf(dir, sizeof(dir), "/local/domain/%u/error/%s/%u", g->be->xen.domid,
		 NODE_BACKEND_ROOT, g->domid);
	if (!only)
		snprintf(dir + strlen(dir), sizeof(dir) - strlen(dir), "/%u", g->devid);
	store_remove(g->be->xen.xs, XBT_NULL, dir, NULL);
}
