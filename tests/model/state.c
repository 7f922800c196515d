/* SPDX-License-Identifier: MIT */
/*
 * The present state as a number. What is left out decides nothing here: times, texts for logs,
 * budgets of a log, what devices look like, and where in memory things are.
 */
#include <string.h>

#include "common/util.h"
#include "tests/model/model.h"

static struct hash h;

static void word(uint64_t w)
{
	h.a = (h.a ^ w) * 0x9fb21c651e98df25u;
	h.a ^= h.a >> 32;
	h.b = (h.b + w) * 0x9e3779b97f4a7c15u;
	h.b ^= h.b >> 29;
}

static void mix(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t w = 0;

	for (; n >= sizeof(w); n -= sizeof(w), p += sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		word(w);
	}
	w = n;
	memcpy((unsigned char *)&w + 1, p, n);
	word(w);
}

static void number(uint64_t n)
{
	word(n);
}

static void text(const char *s)
{
	mix(s, strlen(s) + 1);
}

static void store(void)
{
	number(world.nr_nodes);
	for (unsigned i = 0; i < world.nr_nodes; i++) {
		/* Errors that were told: their texts are people's. */
		if (!strncmp(world.node[i].path, "/local/domain/0/error", 21))
			continue;
		text(world.node[i].path);
		mix(world.node[i].value, world.node[i].len);
	}
	for (unsigned i = 0; i < world.nr_watches; i++)
		text(world.watch[i].path);
}

/* Of a node below the backend's directory, what its event has looked at: as watches.c has it. NULL: all. */
static const char *asks_for(const char *path)
{
	static const char *const cached[] = { "vdev-", "root", NODE_AER_STATE, "key-", "dev-", "opts-" };
	const char *leaf = path + strlen(world.be.root);

	for (unsigned i = 0; i < 3 && leaf; i++)
		leaf = strchr(leaf + !!i, '/');
	if (!leaf)
		return NULL;
	leaf++;
	for (size_t i = 0; i < ARRAY_SIZE(cached); i++)
		if (!strncmp(leaf, cached[i], strlen(cached[i])))
			return "what devices are called";
	return strncmp(leaf, "state-", 6) && strcmp(leaf, NODE_NUM_DEVS) ? NODE_STATE : leaf;
}

static bool is_backend(const struct world_event *e)
{
	return !strcmp(e->token, "backend") && !strncmp(e->path, world.be.root, strlen(world.be.root));
}

/* With one guest: that somebody has all of it looked at. */
static bool looks_at_all(void)
{
	for (unsigned i = 0; i < world.nr_events; i++)
		if (is_backend(&world.event[i]) && strlen(world.event[i].path) > strlen(world.be.root) &&
		    !asks_for(world.event[i].path))
			return true;
	return false;
}

static void event(const struct world_event *e, bool exact, bool all)
{
	bool backend = !exact && is_backend(e) && strlen(e->path) > strlen(world.be.root);
	const char *what = backend ? asks_for(e->path) : e->path;

	text(e->token);
	text(backend && (all || !what) ? "all" : what);
}

/*
 * What is heard is heard all at once, and each event only has something looked at anew: twice is as once,
 * and with one guest, in any order. So what counts is what they have looked at.
 */
static void events(void)
{
	struct hash before = h, sum = { 0, 0 }, seen[64];
	bool ordered = plan.left.guests > 1, all = !ordered && looks_at_all();
	unsigned nr = 0, k;

	for (unsigned i = 0; i < world.nr_events; i++) {
		h = (struct hash){ 1, 2 };
		event(&world.event[i], ordered, all);
		for (k = 0; k < nr && (seen[k].a != h.a || seen[k].b != h.b); k++)
			;
		if (k < nr)
			continue;
		if (nr < ARRAY_SIZE(seen))
			seen[nr++] = h;
		sum.a = (ordered ? 31 * sum.a : sum.a) + h.a;
		sum.b = (ordered ? 31 * sum.b : sum.b) + h.b;
	}
	h = before;
	word(nr);
	word(sum.a);
	word(sum.b);
}

static void claim(const struct claim *c)
{
	const bool flags[] = { c->carried_on, c->settled, c->leaves, c->hands_off, c->unasked, c->holds,
			       c->handover.queued, c->handover.judged, c->gate_asked, c->in_gate,
			       c->worker_asked, c->in_worker, c->has_virt, c->published, c->recorded,
			       c->reader_fd >= 0, c->job != NULL, c->vectors.stuck, c->raw, c->unreset,
			       c->successor.successor != NULL, c->unsure, c->lost };

	number((uint64_t)world_device_at(c->sbdf));
	number(c->phase);
	number(c->slot);
	number(c->attempts);
	number(c->recovery);
	number(c->vectors.mode);
	number(c->vectors.pirqs);
	mix(c->vectors.pirq, c->vectors.pirqs * sizeof(c->vectors.pirq[0]));
	number(c->phase == CLAIM_REFUSED ? (uint64_t)c->problem.err : 0);
	mix(&c->virt, c->has_virt ? sizeof(c->virt) : 0);
	mix(flags, sizeof(flags));
}

static void guest(const struct guest *g)
{
	const bool flags[] = { g->state_known, g->peer_known, g->foreign_told, g->complained, g->watching,
			       g->introduced, g->halted, g->check_alive, g->resuming, g->ending, g->closes,
			       g->again, g->failing, g->roots_told, g->wants_job, g->frontend[0] != 0,
			       g->service.gate != NULL, g->service.worker != NULL, g->service.ready,
			       g->service.resumed, g->service.ledger != NULL, g->sched.dirty,
			       g->sched.wake_ns != 0 };
	const struct claim *c;

	number(g->domid);
	number(g->state);
	number(g->peer);
	number(g->service.phase);
	number(g->service.quiet);
	number(g->service.restart_ns);
	number(g->service.phase == SERVICE_FAILED ? (uint64_t)g->service.problem.err : 0);
	mix(flags, sizeof(flags));
	number(g->entries.nr_known ? g->entries.nr : UINT64_MAX);
	mix(g->entries.state, 8);
	number(g->entries.dev_n);
	text(g->entries.dev);
	TAILQ_FOREACH(c, &g->claims, of_guest)
		claim(c);
	number(g->nr_claims);
}

static void supervisor(void)
{
	const struct handover *line;
	struct guest *g;

	for (unsigned i = 0; i < WORLD_GUESTS; i++) {
		g = world.be.guests[WORLD_FIRST_DOMID + i];
		if (g)
			guest(g);
		else
			number(0);
	}
	TAILQ_FOREACH(g, &world.be.schedule.dirty, sched.dirty_link)
		number(g->domid);
	TAILQ_FOREACH(line, &world.be.handovers, link) {
		mix(&line->sbdf, sizeof(line->sbdf));
		number(line->judged);
	}
	number(world.be.nr_jobs);
	for (unsigned i = 0; i < 4; i++)
		if (world.be.pristine[i].p.known)
			number(1u + (unsigned)world_device_at(world.be.pristine[i].sbdf));
}

static void processes(void)
{
	const struct world_process *w;
	char name[48];

	TAILQ_FOREACH(w, &world.processes, of_world) {
		text(world_process_name(w, name));
		number((uint64_t)w->dead | (uint64_t)w->done << 1 | (uint64_t)w->up << 2);
		number(w->nr);
		for (unsigned i = 0; i < w->nr; i++)
			mix(&w->inbox[i], sizeof(w->inbox[i]));
		mix(w->has, sizeof(w->has));
		for (unsigned d = 0; d < WORLD_DEVICES; d++)
			number(w->has[d] ? w->slot[d] : 0);
	}
}

struct hash state_hash(void)
{
	h = (struct hash){ 0xcbf29ce484222325u, 0x5eed };
	store();
	events();
	supervisor();
	processes();
	for (unsigned i = 0; i < WORLD_DEVICES; i++) {
		number(world.device[i].owner);
		number(world.device[i].used);
	}
	mix(world.pirq, sizeof(world.pirq));
	mix(world.introduced, sizeof(world.introduced));
	mix(&plan.left.guests, sizeof(plan.left) - offsetof(struct bounds, guests));
	mix(plan.guest, sizeof(plan.guest));
	return h;
}
