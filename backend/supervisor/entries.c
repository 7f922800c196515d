/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/entries.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_error.h"
#include "common/number.h"
#include "common/store.h"
#include "common/util.h"

int entries_nr(struct guest *g, unsigned *nr)
{
	struct entries *e = &g->entries;
	uint64_t n;

	if (!e->nr_known) {
		if (store_read_number(g->be->xen.xs, XBT_NULL, g->dir, NODE_NUM_DEVS, 10,
				      NODES_MAX_DEVS, &n))
			return -1;
		e->nr = (uint16_t)n;
		e->nr_known = true;
	}
	*nr = e->nr;
	return 0;
}

unsigned entries_state(struct guest *g, unsigned n)
{
	struct entries *e = &g->entries;
	char node[NODE_NAME_MAX];
	uint64_t state;

	if (e->state[n])
		return e->state[n] - 1u;
	snprintf(node, sizeof(node), NODE_STATE_FMT, n);
	if (!store_read_number(g->be->xen.xs, XBT_NULL, g->dir, node, 10, PCIIF_STATE_COUNT - 1, &state))
		e->state[n] = (uint8_t)(1 + state);
	else if (errno == ENOENT)
		e->state[n] = 1 + ENTRIES_ABSENT;
	else if (guest_unread(g, g->dir, node))
		return ENTRIES_UNREAD;
	else
		e->state[n] = 1 + ENTRIES_INVALID;
	return e->state[n] - 1u;
}

int entries_dev(struct guest *g, unsigned n, char buf[NODE_VALUE_MAX])
{
	struct entries *e = &g->entries;
	char node[NODE_NAME_MAX];
	int len;

	if (e->dev[0] && e->dev_n == n) {
		memcpy(buf, e->dev, sizeof(e->dev));
		return (int)strlen(buf);
	}
	snprintf(node, sizeof(node), NODE_DEV_FMT, n);
	len = store_read(g->be->xen.xs, XBT_NULL, g->dir, node, buf, NODE_VALUE_MAX);
	if (len > 0) {
		e->dev_n = (uint16_t)n;
		memcpy(e->dev, buf, sizeof(e->dev));
	}
	return len;
}

void entries_forget_dev(struct entries *e)
{
	e->dev[0] = '\0';
}

/* N of a leaf "state-N"; NODES_MAX_DEVS where it is none. */
static unsigned number_of(const char *leaf)
{
	static const char prefix[] = "state-";
	uint64_t n;

	_Static_assert(sizeof(NODE_STATE_FMT) == sizeof(prefix) + 2, "state-%u");
	if (strncmp(leaf, prefix, sizeof(prefix) - 1) ||
	    number_parse(leaf + sizeof(prefix) - 1, 10, NODES_MAX_DEVS - 1, &n))
		return NODES_MAX_DEVS;
	return (unsigned)n;
}

bool entries_heard(struct entries *e, const char *leaf)
{
	unsigned n = number_of(leaf);

	if (n < NODES_MAX_DEVS) {
		e->state[n] = 0;
		return true;
	}
	if (strcmp(leaf, NODE_NUM_DEVS))
		return false;
	e->nr_known = false;
	return true;
}

void entries_wrote(struct entries *e, unsigned n)
{
	e->state[n] = 0;
}

void entries_forget(struct entries *e)
{
	memset(e, 0, sizeof(*e));
}
