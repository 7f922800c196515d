/* SPDX-License-Identifier: MIT */
/*
 * The bus of the host's backends as the keeper minds it (keeper.h has the table): its switch, the devices that the
 * kernel is given by name, and the pci nodes that wait until a server has seen them. Waits for nobody; logs
 * (say.h). No memory from the heap.
 */
#ifndef XENPCI_BACKEND_KEEPER_BUS_H
#define XENPCI_BACKEND_KEEPER_BUS_H

#include <stdbool.h>

#include "backend/keeper/keeper.h"
#include "host/backend_bus.h"

#define KEEPER_BUS_WAITING_MAX 64

enum keeper_bus_phase {
	KEEPER_BUS_UNTOUCHED,
	KEEPER_BUS_OURS,    /* the switch is off, and we probe in its place */
	KEEPER_BUS_KERNELS, /* as it was found: nobody of us serves */
};

struct keeper_bus {
	const struct keeper_options *o;
	struct backend_bus bus;
	enum keeper_bus_phase phase;
	bool off; /* the switch, by us: KEEPER_BUS_OURS, and there is a bus */
	bool was_on;
	/* Pci nodes that no server is known to have seen; the first `asked` were there at the last question. */
	char waiting[KEEPER_BUS_WAITING_MAX][BACKEND_BUS_NAME_MAX];
	unsigned nr_waiting, asked;
};

/* Untouched as yet. *o must outlive *b. 0, or -1: too long a path. */
int keeper_bus_init(struct keeper_bus *b, const struct keeper_options *o);
/*
 * Turns the switch off, where there is one, and is ours from now on. 0, or errno: the kernel's backend is loaded and
 * would serve the same guests. Safe to repeat: the bus may have come since.
 */
int keeper_bus_turn_off(struct keeper_bus *b);
/* The switch as it was found, and all that waits is the kernel's, if the bus is ours: nobody of us serves. */
void keeper_bus_hand_over(struct keeper_bus *b);
/* Takes news of the device called name. Whether the server is to be asked if it lives: it must have seen them too. */
bool keeper_bus_take_news(struct keeper_bus *b, enum backend_bus_news news, const char *name);

/* The server is asked now: it has seen what waits by then, if it answers. */
void keeper_bus_ask(struct keeper_bus *b);
/* It has answered. Whether more has come meanwhile. */
bool keeper_bus_answered(struct keeper_bus *b);
/* A new server looks at all that is there. */
void keeper_bus_all_seen(struct keeper_bus *b);

#endif
