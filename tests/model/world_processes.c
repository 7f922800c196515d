/* SPDX-License-Identifier: MIT */
/* What jobs, gates and workers do with what they are told, and to the devices. */
#include "tests/model/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/job/job.h"

bool world_forgets_resets;

static uint32_t domid_of(const struct world_process *w)
{
	const struct claim *claim = w->p.context;

	if (w->p.role == ROLE_JOB)
		return claim->guest ? claim->guest->domid : 0;
	return ((const struct guest *)w->p.context)->domid;
}

const char *world_process_name(const struct world_process *w, char buf[48])
{
	static const char *const names[] = { "job", "gate", "worker" };

	if (w->p.role == ROLE_JOB)
		snprintf(buf, 48, "the job on device %d",
			 world_device_at(((const struct claim *)w->p.context)->sbdf));
	else
		snprintf(buf, 48, "guest %u's %s", domid_of(w), names[w->p.role]);
	return buf;
}

struct world_process *world_process_of(enum role role, uint32_t domid)
{
	struct world_process *w;

	TAILQ_FOREACH(w, &world.processes, of_world)
		if (w->p.role == role && domid_of(w) == domid && !w->dead)
			return w;
	return NULL;
}

void world_die(struct world_process *w)
{
	w->dead = true;
	w->done = false;
	w->nr = 0;
	memset(w->has, 0, sizeof(w->has));
}

void world_tell_end(struct world_process *w)
{
	const struct process_owner *owner = w->p.owner;
	void *context = w->p.context;
	struct world_process *other;

	/* A worker whose gate is gone is still to be told so by its own end. */
	owner->ended(context, 9, "killed");
	TAILQ_FOREACH(other, &world.processes, of_world)
		if (other == w)
			break;
	if (!other)
		return; /* disowned meanwhile */
	TAILQ_REMOVE(&world.processes, w, of_world);
	free(w);
}

/* ---- Jobs ---- */

static bool held_by_gate(unsigned device, uint32_t but)
{
	struct world_process *w;

	TAILQ_FOREACH(w, &world.processes, of_world)
		if (w->p.role == ROLE_GATE && w->has[device] && domid_of(w) != but)
			return true;
	return false;
}

static void take(struct world_device *d, const struct world_word *o)
{
	/* The same again, where the job before it died unheard. */
	if (d->owner && d->owner != o->domid)
		world_break("device %u is taken for guest %u while guest %u has it", o->device, o->domid,
			    d->owner);
	if (held_by_gate(o->device, 0))
		world_break("device %u is taken while a gate holds it", o->device);
	/* What nobody can have used since it was reset is not reset again. */
	if (!o->pristine)
		d->used = false;
	if (d->used)
		world_break("device %u goes from one owner to the next without a reset", o->device);
	d->owner = o->domid;
}

static void do_job(struct world_process *w)
{
	const struct world_word *o = &w->inbox[0];
	struct world_device *d;

	if (o->device >= WORLD_DEVICES)
		return;
	d = &world.device[o->device];
	switch (o->order) {
	case JOB_TAKE:
		take(d, o);
		break;
	case JOB_CARRY_ON:
		/* One that a predecessor's job had given back already is given back once more. */
		if (d->owner && d->owner != o->domid)
			world_break("device %u is carried on for guest %u, but is guest %u's", o->device,
				    o->domid, d->owner);
		d->owner = o->domid;
		break;
	case JOB_GIVE_BACK:
		if (d->owner && d->owner != o->domid)
			world_break("device %u is given back for guest %u, but is guest %u's", o->device,
				    o->domid, d->owner);
		if (held_by_gate(o->device, 0))
			world_break("device %u is given back while a gate holds it", o->device);
		d->owner = 0;
		d->used = d->used && world_forgets_resets;
		break;
	default:
		break;
	}
}

static void result(struct world_process *w)
{
	const struct world_word *o = &w->inbox[0];
	struct message m;

	message_init(&m, MESSAGE_RESULT, o->slot);
	if (o->device < WORLD_DEVICES) {
		m.u.result.info.sbdf = world.device[o->device].sbdf;
		m.u.result.info.config_size = 256;
		m.u.result.msi = 0x50;
		snprintf(m.u.result.saved, sizeof(m.u.result.saved), "4=3");
		m.u.result.pristine.known = o->order == JOB_GIVE_BACK;
	} else {
		m.u.result.err = ENODEV;
		snprintf(m.u.result.text, sizeof(m.u.result.text), "no such device");
	}
	w->nr = 0;
	world_say(w, &m, false);
}

void world_hear(struct world_process *w)
{
	w->done = false;
	result(w);
}

/* ---- Gates ---- */

static void answer(struct world_process *w, const struct world_word *word)
{
	struct message m;

	message_init(&m, MESSAGE_ANSWER, word->slot);
	m.u.answer.to = word->kind;
	world_say(w, &m, false);
}

static bool mapped(unsigned device, uint32_t domid)
{
	for (unsigned i = 0; i < WORLD_PIRQS; i++)
		if (world.pirq[i].domid == domid && world.pirq[i].device == device)
			return true;
	return false;
}

static void hold(struct world_process *w, const struct world_word *word)
{
	struct message m;

	message_init(&m, MESSAGE_HELD, word->slot);
	if (word->device >= WORLD_DEVICES) {
		m.u.held.err = ENODEV;
		world_say(w, &m, false);
		return;
	}
	if (world.device[word->device].owner != domid_of(w))
		world_break("guest %u's gate opens device %u, which is guest %u's", domid_of(w),
			    word->device, world.device[word->device].owner);
	if (held_by_gate(word->device, domid_of(w)))
		world_break("two gates hold device %u", word->device);
	w->has[word->device] = true;
	w->slot[word->device] = word->slot;
	world_say(w, &m, true);
}

static int device_at(const struct world_process *w, unsigned slot)
{
	for (int i = 0; i < WORLD_DEVICES; i++)
		if (w->has[i] && w->slot[i] == slot)
			return i;
	return -1;
}

static void unmap(struct world_process *w, unsigned slot)
{
	int d = device_at(w, slot);
	struct message m;

	if (d < 0 || !mapped((unsigned)d, domid_of(w)))
		return;
	message_init(&m, MESSAGE_UNMAP, slot);
	world_say(w, &m, false);
}

static void gate_obeys(struct world_process *w, const struct world_word *word)
{
	int d = device_at(w, word->slot);

	switch (word->kind) {
	case MESSAGE_HOLD:
		hold(w, word);
		return;
	case MESSAGE_LET_GO:
		unmap(w, word->slot);
		if (d >= 0)
			w->has[d] = false;
		break;
	case MESSAGE_QUIET:
		unmap(w, word->slot);
		break;
	default:
		break;
	}
	answer(w, word);
}

/* ---- Workers ---- */

static void worker_obeys(struct world_process *w, const struct world_word *word)
{
	int d = device_at(w, word->slot);
	struct message m;

	switch (word->kind) {
	case MESSAGE_SETUP:
		message_init(&m, MESSAGE_READY, 0);
		if (!world.introduced[domid_of(w) - WORLD_FIRST_DOMID]) {
			m.u.ready.err = EINVAL;
			memcpy(m.u.ready.what, "map", 4);
		}
		world_say(w, &m, !m.u.ready.err);
		return;
	case MESSAGE_RESUME:
		w->up = true;
		return;
	case MESSAGE_PAUSE:
		w->up = false;
		break;
	case MESSAGE_ADD:
		if (word->device < WORLD_DEVICES) {
			w->has[word->device] = true;
			w->slot[word->device] = word->slot;
			if (world.device[word->device].owner != domid_of(w))
				world_break("guest %u's worker gets device %u, which is guest %u's",
					    domid_of(w), word->device, world.device[word->device].owner);
			world.device[word->device].used = true;
		}
		break;
	case MESSAGE_DROP:
		if (d >= 0)
			w->has[d] = false;
		break;
	default:
		break;
	}
	answer(w, word);
}

bool world_can_obey(const struct world_process *w)
{
	return !w->dead && !w->done && w->nr;
}

void world_obey(struct world_process *w)
{
	struct world_word word = w->inbox[0];

	if (w->p.role == ROLE_JOB) {
		do_job(w);
		w->done = true;
		return;
	}
	w->nr--;
	memmove(w->inbox, w->inbox + 1, w->nr * sizeof(w->inbox[0]));
	memset(&w->inbox[w->nr], 0, sizeof(w->inbox[0]));
	if (w->p.role == ROLE_GATE)
		gate_obeys(w, &word);
	else
		worker_obeys(w, &word);
}

/* ---- A guest's interrupts ---- */

bool world_can_map(unsigned device)
{
	uint32_t domid = world.device[device].owner;
	const struct world_process *gate = domid ? world_process_of(ROLE_GATE, domid) : NULL;
	const struct world_process *worker = domid ? world_process_of(ROLE_WORKER, domid) : NULL;

	return gate && worker && gate->has[device] && worker->has[device] && worker->up &&
	       !mapped(device, domid);
}

void world_map(unsigned device)
{
	struct world_process *gate = world_process_of(ROLE_GATE, world.device[device].owner);
	struct message m;

	message_init(&m, MESSAGE_MAP, gate->slot[device]);
	m.u.map.mode = VECTORS_MSI;
	world_say(gate, &m, false);
}

/* ---- Facts ---- */

void world_check(void)
{
	for (unsigned i = 0; i < WORLD_DEVICES; i++)
		for (unsigned k = 0; k < WORLD_PIRQS; k++)
			if (world.pirq[k].domid && world.pirq[k].device == i &&
			    world.device[i].owner && world.device[i].owner != world.pirq[k].domid)
				world_break("pirq %u of device %u is guest %u's, the device is guest %u's", k,
					    i, world.pirq[k].domid, world.device[i].owner);
}
