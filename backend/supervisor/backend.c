/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/backend.h"

#include "backend/supervisor/guest.h"

struct guest *backend_guest(const struct backend *be, struct guest_id id)
{
	struct guest *g = id.domid < DOMID_FIRST_RESERVED ? be->guests[id.domid] : NULL;

	while (g && g->devid < id.devid)
		g = g->next;
	return g && g->devid == id.devid ? g : NULL;
}

struct guest *backend_guest_at(const struct backend *be, uint64_t at)
{
	return backend_guest(be, (struct guest_id){ (uint32_t)(at >> 32), (uint32_t)at });
}

struct guest *backend_next_guest(const struct backend *be, uint64_t *at)
{
	uint32_t devid = (uint32_t)*at;

	for (uint64_t domid = *at >> 32; domid < DOMID_FIRST_RESERVED; domid++) {
		struct guest *g = be->guests[domid];

		while (g && g->devid < devid)
			g = g->next;
		if (g) {
			*at = domid << 32 | g->devid;
			return g;
		}
		devid = 0;
	}
	return NULL;
}

void backend_add_guest(struct backend *be, struct guest *g)
{
	struct guest **place = &be->guests[g->domid];

	while (*place && (*place)->devid < g->devid)
		place = &(*place)->next;
	g->next = *place;
	*place = g;
}

void backend_remove_guest(struct backend *be, struct guest *g)
{
	struct guest **place = &be->guests[g->domid];

	while (*place != g)
		place = &(*place)->next;
	*place = g->next;
}
