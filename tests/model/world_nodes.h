/* SPDX-License-Identifier: MIT */
/*
 * The nodes of each guest of the world, by which toolstack, frontend and backend meet: both directories and the
 * toolstack's list of devices, as libxl keeps it. A guest is its number, from 0 on.
 */
#ifndef XENPCI_TESTS_MODEL_WORLD_NODES_H
#define XENPCI_TESTS_MODEL_WORLD_NODES_H

#include "tests/model/world.h"

enum side { BACKEND, FRONTEND };
#define BACKEND_FMT "/local/domain/0/backend/pci/%u/0"
#define FRONTEND_FMT "/local/domain/%u/device/pci/0"
enum { NODE_PATH_MAX = 96 };

unsigned node_domid(unsigned guest);
/* The node of that name, numbered n where the name has a number, of the side's directory; NULL: that. Returns buf. */
const char *node_path(enum side side, unsigned guest, const char *name, unsigned n, char buf[NODE_PATH_MAX]);
/* Its value as a number; 0 where there is none. */
unsigned node_number(enum side side, unsigned guest, const char *name, unsigned n);
void node_set(enum side side, unsigned guest, const char *name, unsigned n, unsigned value);

/* Both states of a guest, Unknown where the node is absent. */
unsigned guest_own(unsigned guest);
unsigned guest_peer(unsigned guest);

/* The entry that tells of device d, or -1. */
int node_entry(unsigned guest, unsigned d);
void node_add_entry(unsigned guest, unsigned d);
/* As libxl has it: those behind it move up. */
void node_remove_entry(unsigned guest, unsigned n);

#endif
