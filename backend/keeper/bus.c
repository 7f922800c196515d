/* SPDX-License-Identifier: MIT */
#include "backend/keeper/bus.h"

#include <string.h>
#include <xentoollog.h> /* the levels alone */

#include "backend/keeper/say.h"
#include "common/libc.h"
#include "common/util.h"

/* Not below the level that was asked for. */
#define say(b, ...) keeper_say((b)->o->level, __VA_ARGS__)

int keeper_bus_init(struct keeper_bus *b, const struct keeper_options *o)
{
	b->o = o;
	return backend_bus_init(&b->bus, o->sysfs_root);
}

static void cannot_bind(const struct keeper_bus *b, const char *device)
{
	say(b, XTL_WARN, "the kernel cannot bind %s: %s; write its name into %s/" BACKEND_BUS_PROBE, device,
	    strerrordesc_np(errno), b->bus.path);
}

static void probe(const struct keeper_bus *b, const char *device)
{
	if (backend_bus_probe(&b->bus, device))
		cannot_bind(b, device);
	else
		say(b, XTL_DEBUG, "%s is given to the kernel", device);
}

static void probe_others(const struct keeper_bus *b)
{
	char name[BACKEND_BUS_NAME_MAX];

	if (backend_bus_probe_others(&b->bus, name))
		cannot_bind(b, name);
}

int keeper_bus_turn_off(struct keeper_bus *b)
{
	int was, error;

	b->phase = KEEPER_BUS_OURS;
	if (b->off)
		return 0;
	was = backend_bus_remember(&b->bus, b->o->state_dir);
	if (was < 0 && errno == ENOENT)
		return 0;
	if (was >= 0 && errno)
		say(b, XTL_WARN, "%s cannot keep how %s/" BACKEND_BUS_SWITCH " was found: %s; if all of "
		    "xenpcid is killed it stays off", b->o->state_dir, b->bus.path, strerrordesc_np(errno));
	if (was < 0 || backend_bus_turn(&b->bus, false)) {
		error = errno;
		say(b, XTL_WARN, "%s/" BACKEND_BUS_SWITCH " cannot be turned off: %s", b->bus.path,
		    strerrordesc_np(error));
		return backend_bus_has_pci_driver(&b->bus) ? error : 0;
	}
	b->was_on = was;
	b->off = true;
	say(b, XTL_INFO, "%s/" BACKEND_BUS_SWITCH " is off while we run, and every backend device that is "
	    "not pci is probed by name%s", b->bus.path,
	    backend_bus_has_pci_driver(&b->bus) ? "; the kernel's xen-pciback is loaded" : "");
	probe_others(b);
	return 0;
}

void keeper_bus_hand_over(struct keeper_bus *b)
{
	if (b->phase != KEEPER_BUS_OURS)
		return;
	b->phase = KEEPER_BUS_KERNELS;
	if (!b->off)
		return;
	b->off = false;
	if (backend_bus_restore(&b->bus, b->o->state_dir, b->was_on))
		say(b, XTL_ERROR, "%s/" BACKEND_BUS_SWITCH " cannot be turned on again: %s; disks, nics and "
		    "consoles of new guests need a 1 written there", b->bus.path, strerrordesc_np(errno));
	probe_others(b);
	for (unsigned i = 0; i < b->nr_waiting; i++) {
		say(b, XTL_WARN, "no xenpcid serves %s: the kernel's backend may have it",
		    b->waiting[i]);
		probe(b, b->waiting[i]);
	}
	b->nr_waiting = b->asked = 0;
}

/* A pci node that the server must see. Without room to remember it, only a server helps it. */
static void wait_for_server(struct keeper_bus *b, const char *device)
{
	if (b->nr_waiting < KEEPER_BUS_WAITING_MAX)
		memcpy(b->waiting[b->nr_waiting++], device, BACKEND_BUS_NAME_MAX);
}

static void waits_no_more(struct keeper_bus *b, unsigned i)
{
	b->nr_waiting--;
	if (i < b->asked)
		b->asked--;
	memmove(b->waiting[i], b->waiting[i + 1], (b->nr_waiting - i) * sizeof(b->waiting[0]));
}

bool keeper_bus_take_news(struct keeper_bus *b, enum backend_bus_news news, const char *name)
{
	if (news == BACKEND_BUS_NOTHING || b->phase == KEEPER_BUS_UNTOUCHED)
		return false;
	if (b->phase == KEEPER_BUS_OURS)
		keeper_bus_turn_off(b); /* the bus may have come after us */
	if (news == BACKEND_BUS_APPEARED && b->phase == KEEPER_BUS_OURS && backend_bus_is_pci(name))
		wait_for_server(b, name);
	else if (news == BACKEND_BUS_APPEARED)
		probe(b, name);
	else if (news == BACKEND_BUS_DRIVER || news == BACKEND_BUS_LOST)
		probe_others(b);
	for (unsigned i = 0; news == BACKEND_BUS_GONE && i < b->nr_waiting; i++)
		if (!strcmp(b->waiting[i], name))
			waits_no_more(b, i--);
	return true;
}

void keeper_bus_ask(struct keeper_bus *b)
{
	b->asked = b->nr_waiting;
}

bool keeper_bus_answered(struct keeper_bus *b)
{
	b->nr_waiting -= b->asked;
	memmove(b->waiting[0], b->waiting[b->asked], b->nr_waiting * sizeof(b->waiting[0]));
	b->asked = 0;
	return b->nr_waiting;
}

void keeper_bus_all_seen(struct keeper_bus *b)
{
	b->nr_waiting = b->asked = 0;
}
