/* SPDX-License-Identifier: MIT */
#include "backend/helper.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "backend/channel.h"
#include "backend/serve.h"
#include "common/util.h"

#define STACK_BYTES (256u << 10)
/* claim->slowness: a slow answer adds, a fast one takes one away. */
#define SLOW_STEP 4
#define SLOW_FROM 8
#define SLOW_MAX 16

struct helped {
	TAILQ_ENTRY(helped) link;
	struct guest *g;
	bool (*work)(struct guest *g); /* NULL: the request is to be served */
	bool keep;		       /* what work returned */
	bool waits;		       /* it has waited for a device */
	bool done;
	pthread_t thread;
	struct xen_pci_op op;
	unsigned vectors;
	uint64_t start_ns;
	uint64_t took_ns; /* for the answer alone: making a thread may take longer than the device */
};

int helpers_open(struct backend *be)
{
	struct helpers *all = &be->helpers;

	TAILQ_INIT(&all->list);
	/* One thread runs at a time: one heap is enough, and leaves less unused. */
	mallopt(M_ARENA_MAX, 1);
	all->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return all->fd < 0 ? -1 : 0;
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

	slow_helper_enter(&h->waits);
	if (h->work) {
		h->keep = h->work(h->g);
	} else {
		h->vectors = serve_op(h->g, &h->op);
		h->took_ns = slow_helper_ns();
	}
	h->done = true;
	slow_tell();
	/* Work that never waited has the main thread waiting for it. */
	if (!h->work || h->waits)
		eventfd_write(h->g->be->helpers.fd, 1);
	slow_helper_leave();
	return NULL;
}

static int start_thread(struct helped *h)
{
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(&h->thread, &attr, help, h);
	pthread_attr_destroy(&attr);
	return err;
}

/* On success the main thread holds the lock. 0, or -1. */
static int start(struct helped *h)
{
	struct helpers *all = &h->g->be->helpers;

	if (!all->nr)
		slow_main_hold();
	if (start_thread(h)) {
		if (!all->nr)
			slow_main_drop();
		return -1;
	}
	all->nr++;
	all->nr_work += h->work != NULL;
	TAILQ_INSERT_TAIL(&all->list, h, link);
	h->g->helped = h;
	return 0;
}

bool helper_begin(struct guest *g, const struct xen_pci_op *op)
{
	struct claim *claim = guest_find(g, op->domain, op->bus, op->devfn);
	struct helped *h;

	if (!claim || claim->slowness < SLOW_FROM)
		return false;
	h = calloc(1, sizeof(*h));
	if (!h)
		return false;
	h->g = g;
	h->op = *op;
	h->start_ns = now_ns();
	if (start(h)) {
		free(h);
		return false;
	}
	poller_drop(&g->be->poller, g);
	return true;
}

/* The helper is done, or will be soon; the main thread holds the lock. */
static void collect(struct helped *h)
{
	struct helpers *all = &h->g->be->helpers;

	slow_main_pause();
	pthread_join(h->thread, NULL);
	slow_main_resume();
	h->g->helped = NULL;
	TAILQ_REMOVE(&all->list, h, link);
	all->nr_work -= h->work != NULL;
	if (!--all->nr)
		slow_main_drop();
}

enum helper_work helper_do(struct guest *g, bool (*work)(struct guest *g))
{
	struct helped *h = calloc(1, sizeof(*h));
	bool keep;

	if (h) {
		h->g = g;
		h->work = work;
	}
	/* Without a thread it is done all the same, and everybody waits. */
	if (!h || start(h)) {
		free(h);
		return work(g) ? HELPER_KEEP : HELPER_GONE;
	}
	while (!h->waits && !h->done)
		slow_wait();
	if (!h->done) {
		if (g->polled.hot)
			g->turn_due = true;
		poller_drop(&g->be->poller, g);
		return HELPER_WAITS;
	}
	collect(h);
	keep = h->keep;
	free(h);
	return keep ? HELPER_KEEP : HELPER_GONE;
}

struct guest *helpers_next(struct backend *be, bool wait, bool *keep)
{
	struct helpers *all = &be->helpers;
	struct helped *h;
	struct guest *g;

	for (;;) {
		TAILQ_FOREACH(h, &all->list, link)
			if (h->work && h->done)
				break;
		if (h || !wait || !all->nr_work)
			break;
		slow_wait();
	}
	if (!h)
		return NULL;
	g = h->g;
	*keep = h->keep;
	collect(h);
	free(h);
	return g;
}

void helper_wait(struct guest *g)
{
	struct helped *h = g->helped;

	/* Its work does not wait for itself. */
	if (!h || h->work)
		return;
	collect(h);
	free_keep(h);
}

void helper_catch_up(struct guest *g)
{
	if (g->update_due)
		schedule_dirty(&g->be->schedule, g);
	g->update_due = false;
	if (g->turn_due && g->page)
		channel_served(g);
	g->turn_due = false;
}

static void answer(struct helped *h)
{
	struct guest *g = h->g;

	collect(h);
	if (g->page) {
		serve_done(g, &h->op, h->vectors, h->start_ns);
		helper_note(g, h->took_ns);
		channel_served(g);
	}
	free(h);
	g->turn_due = false;
	helper_catch_up(g);
}

void helpers_answer(struct backend *be)
{
	struct helped *h, *next;
	eventfd_t n;

	eventfd_read(be->helpers.fd, &n);
	for (h = TAILQ_FIRST(&be->helpers.list); h; h = next) {
		next = TAILQ_NEXT(h, link);
		if (!h->work && h->done)
			answer(h);
	}
}

void helpers_close(struct backend *be)
{
	struct guest *g;

	for (uint32_t domid = 0; (g = backend_next_guest(be, &domid)); domid++)
		helper_wait(g);
	close_keep(be->helpers.fd);
	be->helpers.fd = -1;
}
