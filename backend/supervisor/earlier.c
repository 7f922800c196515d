/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/earlier.h"

#include <stdio.h>
#include <string.h>

#include "backend/supervisor/guest_devices.h"
#include "backend/supervisor/guest_error.h"
#include "backend/supervisor/guest_identity.h"
#include "backend/supervisor/ledgers.h"
#include "backend/supervisor/ownership.h"
#include "backend/supervisor/sweep.h"
#include "common/store.h"
#include "common/util.h"

#define HANDLE_SIZE 16

static void format(const uint8_t u[HANDLE_SIZE], char life[SUCCESSOR_LIFE_MAX])
{
	int n = 0;

	for (int i = 0; i < HANDLE_SIZE; i++)
		n += snprintf(life + n, (size_t)(SUCCESSOR_LIFE_MAX - n), "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

/* "/vm/UUID", which is the toolstack's to write; some add "-1" and the like at each reboot. */
static void life_in_xenstore(struct guest *g, char life[SUCCESSOR_LIFE_MAX])
{
	static const char vm[] = "/vm/";
	char dir[GUEST_DIR_MAX], text[SUCCESSOR_LIFE_MAX + sizeof(vm)];

	life[0] = '\0';
	snprintf(dir, sizeof(dir), "/local/domain/%u", g->domid);
	if (store_read(g->be->xen.xs, XBT_NULL, dir, "vm", text, sizeof(text)) < 0 ||
	    strncmp(text, vm, strlen(vm)) != 0)
		return;
	if (strspn(text + strlen(vm), "0123456789abcdefABCDEF-") == strlen(text + strlen(vm)))
		snprintf(life, SUCCESSOR_LIFE_MAX, "%.*s", SUCCESSOR_LIFE_MAX - 1, text + strlen(vm));
}

bool guest_life(struct guest *g, char life[SUCCESSOR_LIFE_MAX])
{
	static const uint8_t none[HANDLE_SIZE];
	uint8_t handle[HANDLE_SIZE];
	int found = hypercall_domain_handle(g->be->hypercall, g->domid, handle);

	if (found > 0 && memcmp(handle, none, sizeof(none)) != 0)
		format(handle, life);
	else
		life_in_xenstore(g, life);
	return found != 0;
}

/* Whether it is the guest that is remembered. Older states do not say whom they are of. */
static bool is_same_life(struct guest *g)
{
	char now[SUCCESSOR_LIFE_MAX], then[SUCCESSOR_LIFE_MAX];

	if (!guest_life(g, now))
		return false;
	successor_guest_life(&g->be->successor, guest_id(g), then);
	return !then[0] || !now[0] || !strcmp(then, now);
}

/* Each device is carried on with for as long as it takes to give it back. */
static void begin(struct guest *g, bool same)
{
	struct problem p = { 0 };
	struct sbdf *list;
	unsigned n = successor_guest_devices(&g->be->successor, guest_id(g), &list);

	talk_tell(&g->talk, XTL_INFO, "%s while no xenpcid ran: %u device%s remembered of it, to be taken back",
		  same ? "its nodes have gone" : "the guest that had this number has gone", n,
		  n == 1 ? "" : "s");
	g->taking_back = true;
	guest_find_owner(g);
	g->same_life = same;
	for (unsigned i = 0; i < n; i++) {
		struct claim *claim = claim_carry_on(g, list[i], "", "", &p);

		if (claim) {
			ownership_check(claim, "while no xenpcid ran: ");
			continue;
		}
		guest_report(g, &p, false);
		successor_device_forget(&g->be->successor, XBT_NULL, guest_id(g), list[i]);
	}
	free(list);
	claims_run(g->be);
}

/*
 * Vectors of a domain that lives are still mapped; those of one that died Xen has unmapped. One that was saved and
 * restored under its number has its uuid, too, and none of them.
 */
static bool recall(struct guest *g)
{
	struct claim *claim;

	TAILQ_FOREACH(claim, &g->claims, of_guest)
		if (claim->phase == CLAIM_QUEUED || claim->phase == CLAIM_TAKING)
			return false;
	TAILQ_FOREACH(claim, &g->claims, of_guest) {
		if (claim->settled || claim->phase != CLAIM_TAKEN)
			continue;
		claim->settled = true;
		claim->vectors.doubtful = true;
		if (g->same_life && vectors_recall(&claim->vectors) < 0)
			claim->vectors.stuck = true;
	}
	return true;
}

void earlier_forget(struct guest *g)
{
	successor_guest_end(&g->be->successor, guest_id(g));
	/* One that stays is the next guest's of that number to begin anew: it costs nobody anything but room. */
	if (ledger_remove(&g->be->successor, guest_id(g)))
		talk_event(&g->talk, XTL_WARN, "what its worker left in %s cannot be removed: %s",
			   g->be->successor.state_dir, strerror(errno));
}

bool earlier_settle(struct guest *g, unsigned own)
{
	int known;
	bool same;

	if (g->met)
		return true;
	if (!g->taking_back) {
		known = successor_knows_guest(&g->be->successor, guest_id(g));
		g->met = known == 0;
		/* Nobody else would look again: its guest waits for a worker. */
		if (known < 0)
			guest_unread(g, g->be->successor.dir, "guests");
		if (known <= 0)
			return g->met;
		same = is_same_life(g);
		if (!xen_answers(&g->be->xen))
			return false;
		g->met = same && own > XenbusStateInitialising;
		if (g->met)
			return true;
		begin(g, same);
	}
	if (!recall(g) || !guest_devices_release(g))
		return false;
	earlier_forget(g);
	g->taking_back = false;
	g->met = true;
	sweep_vectors(g->be, g->domid);
	return true;
}
