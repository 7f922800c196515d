/* SPDX-License-Identifier: MIT */
/* Who can do what now: the supervisor and its processes, each guest's frontend, the toolstack. */
#include "tests/model/model.h"

#include <string.h>

#include "protocol/states.h"

struct plan plan;

void plan_begin(const struct bounds *bounds)
{
	memset(&plan, 0, sizeof(plan));
	plan.left = *bounds;
	for (unsigned i = 0; i < WORLD_GUESTS; i++)
		plan.guest[i].detaching = -1;
}

/* ---- What there is to do ---- */

static bool front_moves(unsigned i)
{
	return plan.guest[i].created && !plan.guest[i].dead &&
	       frontend_action_state(frontend_action(guest_peer(i), guest_own(i)));
}

/* A device that was to leave has left, as far as the toolstack sees. */
static bool can_tidy(unsigned i)
{
	return plan.guest[i].detaching >= 0 && guest_own(i) == XenbusStateConnected;
}

struct list {
	struct move *m;
	unsigned nr;
};

static void add(struct list *l, bool may, enum move_kind kind, unsigned a, unsigned b)
{
	if (may && l->nr < MOVES_MAX)
		l->m[l->nr++] = (struct move){ (uint8_t)kind, (uint8_t)a, (uint8_t)b };
}

static void list_processes(struct list *l)
{
	struct world_process *w;
	unsigned n = 0;

	TAILQ_FOREACH(w, &world.processes, of_world) {
		add(l, world_can_obey(w), MOVE_OBEY, n, 0);
		add(l, w->done, MOVE_HEAR, n, 0);
		add(l, w->dead, MOVE_END, n, 0);
		add(l, !w->dead && plan.left.process_deaths, MOVE_KILL, n, 0);
		n++;
	}
}

static void list_guest(struct list *l, unsigned i)
{
	unsigned own = guest_own(i), peer = guest_peer(i);
	bool lives = plan.guest[i].created && !plan.guest[i].dead && !plan.guest[i].stopped;
	bool ready = lives && own == XenbusStateConnected && plan.guest[i].detaching < 0;

	add(l, front_moves(i), MOVE_FRONT, i, 0);
	add(l, can_tidy(i), MOVE_TIDY, i, 0);
	add(l, !plan.guest[i].created, MOVE_CREATE, i, 0);
	for (unsigned d = 0; d < WORLD_DEVICES && ready && plan.left.reconfigurations; d++) {
		int n = node_entry(i, d);

		add(l, n < 0 && (plan.left.guests == 1 || plan.left.contested), MOVE_ATTACH, i, d);
		add(l, n >= 0 && node_number(BACKEND, i, NODE_STATE_FMT, (unsigned)n) ==
				 XenbusStateInitialised, MOVE_DETACH, i, d);
	}
	add(l, lives && peer == XenbusStateConnected && plan.left.reconnects, MOVE_CLOSE, i, 0);
	add(l, lives && peer == XenbusStateConnected && plan.left.reconnects, MOVE_ANEW, i, 0);
	add(l, lives && peer == XenbusStateClosed && own == XenbusStateClosed, MOVE_REOPEN, i, 0);
	add(l, plan.guest[i].created && !plan.guest[i].dead && plan.left.ends, MOVE_DEATH, i, 0);
	add(l, lives && plan.left.ends && plan.guest[i].detaching < 0, MOVE_STOP, i, 0);
	add(l, (plan.guest[i].dead || (plan.guest[i].stopped && peer == XenbusStateClosed)) &&
		       !plan.guest[i].gone, MOVE_CLEANUP, i, 0);
}

unsigned moves_list(struct move list[MOVES_MAX])
{
	struct list l = { list, 0 };

	add(&l, world.nr_events, MOVE_EVENTS, 0, 0);
	add(&l, world_has_dirty(), MOVE_LOOK, 0, 0);
	list_processes(&l);
	for (unsigned i = 0; i < plan.left.guests; i++)
		list_guest(&l, i);
	for (unsigned d = 0; d < WORLD_DEVICES; d++)
		add(&l, plan.left.interrupts && world_can_map(d), MOVE_INTERRUPT, d, 0);
	add(&l, plan.left.restarts, MOVE_RESTART, 0, 0);
	return l.nr;
}

static struct world_process *process_at(unsigned n)
{
	struct world_process *w = TAILQ_FIRST(&world.processes);

	while (n--)
		w = TAILQ_NEXT(w, of_world);
	return w;
}

void move_text(struct move m, char *buf, size_t size)
{
	static const char *const words[] = {
		[MOVE_OBEY] = "sees to what it was told", [MOVE_HEAR] = "is heard: it is done",
		[MOVE_END] = "is heard to have died", [MOVE_KILL] = "DIES",
	};
	static const char *const guests[] = {
		[MOVE_FRONT] = "the frontend takes its step",
		[MOVE_TIDY] = "the toolstack removes the entry of what has left",
		[MOVE_CREATE] = "IS CREATED with a device", [MOVE_CLOSE] = "the frontend CLOSES",
		[MOVE_REOPEN] = "the frontend OPENS AGAIN",
		[MOVE_ANEW] = "the frontend BEGINS ANEW without a word", [MOVE_DEATH] = "DIES",
		[MOVE_STOP] = "the toolstack CLOSES it", [MOVE_CLEANUP] = "the toolstack removes its nodes",
	};
	char name[48];

	switch (m.kind) {
	case MOVE_EVENTS:
		snprintf(buf, size, "the supervisor hears %u events", world.nr_events);
		break;
	case MOVE_LOOK:
		snprintf(buf, size, "the supervisor looks at guest %u",
			 TAILQ_FIRST(&world.be.schedule.dirty)->domid);
		break;
	case MOVE_OBEY:
	case MOVE_HEAR:
	case MOVE_END:
	case MOVE_KILL: {
		const struct world_process *w = process_at(m.a);

		snprintf(buf, size, "%s %s%s%s%s", world_process_name(w, name), words[m.kind],
			 w->nr ? " (" : "", w->nr ? message_name(w->inbox[0].kind) : "", w->nr ? ")" : "");
		break;
	}
	case MOVE_ATTACH:
	case MOVE_DETACH:
		snprintf(buf, size, "guest %u: the toolstack %s device %u", node_domid(m.a),
			 m.kind == MOVE_ATTACH ? "ATTACHES" : "DETACHES", m.b);
		break;
	case MOVE_RESTART:
		snprintf(buf, size, "the supervisor is KILLED, and another begins");
		break;
	case MOVE_INTERRUPT:
		snprintf(buf, size, "the guest turns on MSI of device %u", m.a);
		break;
	default:
		snprintf(buf, size, "guest %u: %s", node_domid(m.a), guests[m.kind]);
		break;
	}
}

/* ---- What is done ---- */

static void create(unsigned i)
{
	char path[NODE_PATH_MAX];

	plan.guest[i].created = true;
	world.introduced[i] = true;
	world_write(node_path(FRONTEND, i, NODE_BACKEND, 0, path), BACKEND_FMT, node_domid(i));
	node_set(FRONTEND, i, NODE_STATE, 0, XenbusStateInitialising);
	world_write(node_path(BACKEND, i, NODE_FRONTEND, 0, path), FRONTEND_FMT, node_domid(i));
	node_set(BACKEND, i, NODE_FRONTEND_ID, 0, node_domid(i));
	node_set(BACKEND, i, NODE_ONLINE, 0, 1);
	node_add_entry(i, plan.left.contested ? 0 : i);
	node_set(BACKEND, i, NODE_STATE, 0, XenbusStateInitialising);
}

static void front(unsigned i)
{
	enum frontend_action action = frontend_action(guest_peer(i), guest_own(i));
	char path[NODE_PATH_MAX];

	if (action == FRONTEND_PUBLISH) {
		node_set(FRONTEND, i, NODE_PCI_OP_REF, 0, 12);
		node_set(FRONTEND, i, NODE_EVENT_CHANNEL, 0, 34);
		world_write(node_path(FRONTEND, i, NODE_MAGIC, 0, path), PCIIF_MAGIC);
	}
	node_set(FRONTEND, i, NODE_STATE, 0, frontend_action_state(action));
}

static void tidy(unsigned i)
{
	int n = node_entry(i, (unsigned)plan.guest[i].detaching);

	plan.guest[i].detaching = -1;
	if (n >= 0)
		node_remove_entry(i, (unsigned)n);
}

static void die(unsigned i)
{
	char path[NODE_PATH_MAX];

	plan.left.ends--;
	plan.guest[i].dead = true;
	world.introduced[i] = false;
	/* Xen frees what was mapped for it. */
	for (unsigned k = 0; k < WORLD_PIRQS; k++)
		if (world.pirq[k].domid == node_domid(i))
			memset(&world.pirq[k], 0, sizeof(world.pirq[k]));
	plan.guest[i].detaching = -1;
	world_remove(node_path(FRONTEND, i, NULL, 0, path));
	world_fire("@releaseDomain");
}

static void reconfigure(unsigned i, unsigned d, bool attach)
{
	plan.left.reconfigurations--;
	if (attach) {
		node_add_entry(i, d);
	} else {
		plan.guest[i].detaching = (int8_t)d;
		node_set(BACKEND, i, NODE_STATE_FMT, (unsigned)node_entry(i, d), XenbusStateClosing);
	}
	node_set(BACKEND, i, NODE_STATE, 0, XenbusStateReconfiguring);
}

static void end(unsigned i, bool cleanup)
{
	char path[NODE_PATH_MAX];

	if (cleanup) {
		plan.guest[i].gone = true;
		world_remove(node_path(BACKEND, i, NULL, 0, path));
		if (!plan.guest[i].dead)
			world_remove(node_path(FRONTEND, i, NULL, 0, path));
		return;
	}
	plan.left.ends--;
	plan.guest[i].stopped = true;
	node_set(BACKEND, i, NODE_ONLINE, 0, 0);
	node_set(BACKEND, i, NODE_STATE, 0, XenbusStateClosing);
}

/* One that ends what was begun. */
static void make_inner(struct move m)
{
	switch ((enum move_kind)m.kind) {
	case MOVE_EVENTS:
		world_hears_events();
		break;
	case MOVE_LOOK:
		world_look();
		break;
	case MOVE_OBEY:
		world_obey(process_at(m.a));
		break;
	case MOVE_HEAR:
		world_hear(process_at(m.a));
		break;
	case MOVE_END:
		world_tell_end(process_at(m.a));
		break;
	case MOVE_FRONT:
		front(m.a);
		break;
	case MOVE_TIDY:
		tidy(m.a);
		break;
	default:
		break;
	}
}

/* One that begins something. */
static void make_outer(struct move m)
{
	switch ((enum move_kind)m.kind) {
	case MOVE_CREATE:
		create(m.a);
		break;
	case MOVE_ATTACH:
	case MOVE_DETACH:
		reconfigure(m.a, m.b, m.kind == MOVE_ATTACH);
		break;
	case MOVE_CLOSE:
		plan.left.reconnects--;
		node_set(FRONTEND, m.a, NODE_STATE, 0, XenbusStateClosing);
		break;
	case MOVE_ANEW:
		plan.left.reconnects--;
		node_set(FRONTEND, m.a, NODE_STATE, 0, XenbusStateInitialising);
		break;
	case MOVE_REOPEN:
		node_set(FRONTEND, m.a, NODE_STATE, 0, XenbusStateInitialising);
		break;
	case MOVE_DEATH:
		die(m.a);
		break;
	case MOVE_STOP:
	case MOVE_CLEANUP:
		end(m.a, m.kind == MOVE_CLEANUP);
		break;
	case MOVE_RESTART:
		plan.left.restarts--;
		world_kill();
		world_start();
		break;
	case MOVE_KILL:
		plan.left.process_deaths--;
		world_die(process_at(m.a));
		break;
	case MOVE_INTERRUPT:
		plan.left.interrupts--;
		world_map(m.a);
		break;
	default:
		break;
	}
}

void move_make(struct move m)
{
	if (move_is_inner(m))
		make_inner(m);
	else
		make_outer(m);
	world_check();
}
