/* SPDX-License-Identifier: MIT */
/* Who can do what now: the supervisor and its processes, each guest's frontend, the toolstack. */
#include "tests/model/model.h"

#include <inttypes.h>
#include <string.h>

#include "common/util.h"
#include "protocol/states.h"

enum side { BACKEND, FRONTEND };
#define BACKEND_FMT "/local/domain/0/backend/pci/%u/0"
#define FRONTEND_FMT "/local/domain/%u/device/pci/0"

struct plan plan;

static unsigned domid_of(unsigned guest)
{
	return WORLD_FIRST_DOMID + guest;
}

/* A node of either directory. */
static const char *node(enum side side, unsigned guest, const char *name, unsigned n, char buf[96])
{
	size_t len = (size_t)(side == BACKEND ? snprintf(buf, 96, BACKEND_FMT, domid_of(guest))
					      : snprintf(buf, 96, FRONTEND_FMT, domid_of(guest)));
	char leaf[NODE_NAME_MAX];

	if (name)
		snprintf(buf + len, 96 - len, "/%s", node_numbered(name, n, leaf));
	return buf;
}

static unsigned number(enum side dir, unsigned guest, const char *name, unsigned n)
{
	char path[96];
	const char *text = world_read(node(dir, guest, name, n, path));

	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

unsigned guest_own(unsigned i)
{
	return number(BACKEND, i, NODE_STATE, 0);
}

unsigned guest_peer(unsigned i)
{
	return number(FRONTEND, i, NODE_STATE, 0);
}

static void set(enum side dir, unsigned guest, const char *name, unsigned n, unsigned value)
{
	char path[96];

	world_write(node(dir, guest, name, n, path), "%u", value);
}

/* The entry that tells of device d, or -1. */
static int entry_of(unsigned guest, unsigned d)
{
	char path[96], text[SBDF_TEXT];

	sbdf_format(world.device[d].sbdf, text);
	for (unsigned n = 0; n < number(BACKEND, guest, NODE_NUM_DEVS, 0); n++) {
		const char *dev = world_read(node(BACKEND, guest, NODE_DEV_FMT, n, path));

		if (dev && !strcmp(dev, text))
			return (int)n;
	}
	return -1;
}

static void add_entry(unsigned guest, unsigned d)
{
	unsigned n = number(BACKEND, guest, NODE_NUM_DEVS, 0);
	char path[96], text[SBDF_TEXT];

	world_write(node(BACKEND, guest, NODE_DEV_FMT, n, path), "%s",
		    sbdf_format(world.device[d].sbdf, text));
	set(BACKEND, guest, NODE_STATE_FMT, n, XenbusStateInitialising);
	set(BACKEND, guest, NODE_NUM_DEVS, 0, n + 1);
}

/* As libxl has it: those behind it move up. */
static void remove_entry(unsigned guest, unsigned n)
{
	static const char *const names[] = { NODE_DEV_FMT, NODE_STATE_FMT, NODE_VDEV_FMT };
	unsigned last = number(BACKEND, guest, NODE_NUM_DEVS, 0) - 1;
	char path[96];

	for (unsigned i = n; i <= last; i++) {
		for (unsigned k = 0; k < ARRAY_SIZE(names); k++) {
			const char *next = i < last
				? world_read(node(BACKEND, guest, names[k], i + 1, path)) : NULL;
			char value[NODE_VALUE_MAX];

			if (next)
				snprintf(value, sizeof(value), "%s", next);
			node(BACKEND, guest, names[k], i, path);
			if (next)
				world_write(path, "%s", value);
			else
				world_remove(path);
		}
	}
	set(BACKEND, guest, NODE_NUM_DEVS, 0, last);
}

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
		int n = entry_of(i, d);

		add(l, n < 0 && (plan.left.guests == 1 || plan.left.contested), MOVE_ATTACH, i, d);
		add(l, n >= 0 && number(BACKEND, i, NODE_STATE_FMT, (unsigned)n) ==
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
		snprintf(buf, size, "guest %u: the toolstack %s device %u", domid_of(m.a),
			 m.kind == MOVE_ATTACH ? "ATTACHES" : "DETACHES", m.b);
		break;
	case MOVE_RESTART:
		snprintf(buf, size, "the supervisor is KILLED, and another begins");
		break;
	case MOVE_INTERRUPT:
		snprintf(buf, size, "the guest turns on MSI of device %u", m.a);
		break;
	default:
		snprintf(buf, size, "guest %u: %s", domid_of(m.a), guests[m.kind]);
		break;
	}
}

/* ---- What is done ---- */

static void create(unsigned i)
{
	char path[96];

	plan.guest[i].created = true;
	world.introduced[i] = true;
	world_write(node(FRONTEND, i, NODE_BACKEND, 0, path), BACKEND_FMT, domid_of(i));
	set(FRONTEND, i, NODE_STATE, 0, XenbusStateInitialising);
	world_write(node(BACKEND, i, NODE_FRONTEND, 0, path), FRONTEND_FMT, domid_of(i));
	set(BACKEND, i, NODE_FRONTEND_ID, 0, domid_of(i));
	set(BACKEND, i, NODE_ONLINE, 0, 1);
	add_entry(i, plan.left.contested ? 0 : i);
	set(BACKEND, i, NODE_STATE, 0, XenbusStateInitialising);
}

static void front(unsigned i)
{
	enum frontend_action action = frontend_action(guest_peer(i), guest_own(i));
	char path[96];

	if (action == FRONTEND_PUBLISH) {
		set(FRONTEND, i, NODE_PCI_OP_REF, 0, 12);
		set(FRONTEND, i, NODE_EVENT_CHANNEL, 0, 34);
		world_write(node(FRONTEND, i, NODE_MAGIC, 0, path), PCIIF_MAGIC);
	}
	set(FRONTEND, i, NODE_STATE, 0, frontend_action_state(action));
}

static void tidy(unsigned i)
{
	int n = entry_of(i, (unsigned)plan.guest[i].detaching);

	plan.guest[i].detaching = -1;
	if (n >= 0)
		remove_entry(i, (unsigned)n);
}

static void die(unsigned i)
{
	char path[96];

	plan.left.ends--;
	plan.guest[i].dead = true;
	world.introduced[i] = false;
	/* Xen frees what was mapped for it. */
	for (unsigned k = 0; k < WORLD_PIRQS; k++)
		if (world.pirq[k].domid == domid_of(i))
			memset(&world.pirq[k], 0, sizeof(world.pirq[k]));
	plan.guest[i].detaching = -1;
	world_remove(node(FRONTEND, i, NULL, 0, path));
	world_fire("@releaseDomain");
}

static void reconfigure(unsigned i, unsigned d, bool attach)
{
	plan.left.reconfigurations--;
	if (attach) {
		add_entry(i, d);
	} else {
		plan.guest[i].detaching = (int8_t)d;
		set(BACKEND, i, NODE_STATE_FMT, (unsigned)entry_of(i, d), XenbusStateClosing);
	}
	set(BACKEND, i, NODE_STATE, 0, XenbusStateReconfiguring);
}

static void end(unsigned i, bool cleanup)
{
	char path[96];

	if (cleanup) {
		plan.guest[i].gone = true;
		world_remove(node(BACKEND, i, NULL, 0, path));
		if (!plan.guest[i].dead)
			world_remove(node(FRONTEND, i, NULL, 0, path));
		return;
	}
	plan.left.ends--;
	plan.guest[i].stopped = true;
	set(BACKEND, i, NODE_ONLINE, 0, 0);
	set(BACKEND, i, NODE_STATE, 0, XenbusStateClosing);
}

void move_make(struct move m)
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
	case MOVE_CREATE:
		create(m.a);
		break;
	case MOVE_ATTACH:
	case MOVE_DETACH:
		reconfigure(m.a, m.b, m.kind == MOVE_ATTACH);
		break;
	case MOVE_CLOSE:
		plan.left.reconnects--;
		set(FRONTEND, m.a, NODE_STATE, 0, XenbusStateClosing);
		break;
	case MOVE_ANEW:
		plan.left.reconnects--;
		set(FRONTEND, m.a, NODE_STATE, 0, XenbusStateInitialising);
		break;
	case MOVE_REOPEN:
		set(FRONTEND, m.a, NODE_STATE, 0, XenbusStateInitialising);
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
	case MOVE_KINDS:
		break;
	}
	world_check();
}

/* ---- Rest ---- */

static void check_nothing_left(unsigned i)
{
	unsigned domid = domid_of(i);

	for (unsigned d = 0; d < WORLD_DEVICES; d++)
		if (world.device[d].owner == domid)
			world_break("at rest: guest %u has ended, and device %u is still its own", domid, d);
	for (unsigned k = 0; k < WORLD_PIRQS; k++)
		if (world.pirq[k].domid == domid)
			world_break("at rest: guest %u has ended, and pirq %u is still mapped", domid, k);
	if (plan.guest[i].gone && world.be.guests[domid])
		world_break("at rest: guest %u has ended, and the supervisor keeps a record", domid);
}

static void check_entries(unsigned i)
{
	for (unsigned n = 0; n < number(BACKEND, i, NODE_NUM_DEVS, 0); n++) {
		unsigned state = number(BACKEND, i, NODE_STATE_FMT, n);

		if (state != XenbusStateInitialised && state != XenbusStateClosed)
			world_break("at rest: guest %u's entry %u is in state %u", domid_of(i), n, state);
	}
}

static void check_connected(unsigned i)
{
	const struct guest *g = world.be.guests[domid_of(i)];
	const struct claim *claim;

	check_entries(i);
	if (!g || !service_is_up(&g->service)) {
		world_break("at rest: guest %u shows 4 and is not served", domid_of(i));
		return;
	}
	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->phase != CLAIM_TAKEN || !claim->in_gate || !claim->in_worker)
			world_break("at rest: guest %u's device %d is in phase %u%s%s", g->domid,
				    world_device_at(claim->sbdf), claim->phase,
				    claim->in_gate ? "" : ", not in its gate",
				    claim->in_worker ? "" : ", not in its worker");
	for (unsigned d = 0; d < WORLD_DEVICES; d++) {
		int n = entry_of(i, d);
		bool has = n >= 0 && number(BACKEND, i, NODE_STATE_FMT, (unsigned)n) ==
					     XenbusStateInitialised;

		if (has != (world.device[d].owner == domid_of(i)))
			world_break("at rest: guest %u's entry of device %u says %s, but it is guest %u's",
				    domid_of(i), d, has ? "that it has it" : "nothing",
				    world.device[d].owner);
	}
}

static bool left_alone(unsigned i)
{
	const struct guest *g = world.be.guests[domid_of(i)];

	return g && !g->frontend[0] && TAILQ_EMPTY(&g->claims);
}

static void check_guest(unsigned i)
{
	unsigned own = guest_own(i), peer = guest_peer(i);

	if (!plan.guest[i].created)
		return;
	if (plan.guest[i].dead || plan.guest[i].gone) {
		check_nothing_left(i);
		if (!plan.guest[i].gone && own != XenbusStateClosed)
			world_break("at rest: guest %u is dead, and its backend shows %u", domid_of(i), own);
		return;
	}
	if (own == XenbusStateConnected && peer == XenbusStateConnected) {
		check_connected(i);
		return;
	}
	/* Closed before we had heard of it: for us another backend's, until the toolstack removes it. */
	if (plan.guest[i].stopped && own == XenbusStateClosing && left_alone(i)) {
		check_nothing_left(i);
		return;
	}
	if (own != XenbusStateClosed || peer != XenbusStateClosed)
		world_break("at rest: guest %u stays in backend %u, frontend %u: nobody can leave it",
			    domid_of(i), own, peer);
	else if (plan.guest[i].stopped)
		check_nothing_left(i);
}

void rest_check(void)
{
	for (unsigned i = 0; i < plan.left.guests; i++)
		check_guest(i);
	if (world.be.nr_jobs)
		world_break("at rest: %u jobs are counted, and there is none", world.be.nr_jobs);
}
