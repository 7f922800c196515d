/* SPDX-License-Identifier: MIT */
#include "backend/helper.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include "backend/channel.h"
#include "backend/device/slow.h"
#include "backend/serve.h"
#include "common/util.h"

#define STACK_BYTES (256u << 10)
/* claim->slowness: a slow answer adds, a fast one takes one away. */
#define SLOW_STEP 4
#define SLOW_FROM 8
#define SLOW_MAX 16

struct helped {
	struct guest *g;
	struct xen_pci_op op;
	unsigned vectors;
	uint64_t start_ns;
	pthread_t thread;
	bool done;
};

int helpers_open(struct helpers *h)
{
	h->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return h->fd < 0 ? -1 : 0;
}

void helper_learn(struct guest *g, uint64_t took_ns)
{
	struct claim *claim = g->last;
	unsigned now;

	if (!claim)
		return;
	now = claim->slowness;
	if (took_ns < HELPER_SLOW_NS)
		now -= now > 0;
	else
		now = now + SLOW_STEP < SLOW_MAX ? now + SLOW_STEP : SLOW_MAX;
	claim->slowness = (uint8_t)now;
	g->slow = false;
	TAILQ_FOREACH(claim, &g->claims, of_guest)
		g->slow |= claim->slowness > 0;
}

static void *help(void *arg)
{
	struct helped *h = arg;

	slow_helper_enter();
	h->vectors = serve_op(h->g, &h->op);
	h->done = true;
	eventfd_write(h->g->be->helpers.fd, 1);
	slow_helper_leave();
	return NULL;
}

static int start(struct helped *h)
{
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(&h->thread, &attr, help, h);
	pthread_attr_destroy(&attr);
	return err;
}

bool helper_begin(struct guest *g, const struct xen_pci_op *op)
{
	struct claim *claim = guest_find(g, op->domain, op->bus, op->devfn);
	struct helpers *all = &g->be->helpers;
	struct helped *h;

	if (!claim || claim->slowness < SLOW_FROM)
		return false;
	h = calloc(1, sizeof(*h));
	if (!h)
		return false;
	h->g = g;
	h->op = *op;
	h->start_ns = now_ns();
	if (!all->nr)
		slow_main_hold();
	if (start(h)) {
		if (!all->nr)
			slow_main_drop();
		free(h);
		return false;
	}
	all->nr++;
	g->helped = h;
	poller_drop(&g->be->poller, g);
	return true;
}

/* The helper is done, or will be soon; the main thread holds the lock. */
static struct helped *collect(struct guest *g)
{
	struct helped *h = g->helped;
	struct helpers *all = &g->be->helpers;

	slow_main_pause();
	pthread_join(h->thread, NULL);
	slow_main_resume();
	g->helped = NULL;
	if (!--all->nr)
		slow_main_drop();
	return h;
}

void helper_wait(struct guest *g)
{
	if (g->helped)
		free_keep(collect(g));
}

static void finish(struct guest *g)
{
	struct helped *h = collect(g);

	if (g->page) {
		serve_done(g, &h->op, h->vectors, h->start_ns);
		channel_served(g);
	}
	free(h);
	if (g->update_due)
		schedule_dirty(&g->be->schedule, g);
	g->update_due = false;
}

void helpers_finish(struct backend *be)
{
	struct guest *g;
	eventfd_t n;

	eventfd_read(be->helpers.fd, &n);
	for (uint32_t domid = 0; (g = backend_next_guest(be, &domid)); domid++)
		if (g->helped && g->helped->done)
			finish(g);
}

void helpers_close(struct backend *be)
{
	struct guest *g;

	for (uint32_t domid = 0; (g = backend_next_guest(be, &domid)); domid++)
		helper_wait(g);
	close_keep(be->helpers.fd);
	be->helpers.fd = -1;
}

void helpers_pause(struct helpers *h)
{
	if (h->nr)
		slow_main_pause();
}

void helpers_resume(struct helpers *h)
{
	if (h->nr)
		slow_main_resume();
}
