/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/served.h"

#include "tests/fuzz/fuzz.h"

enum { TURNS_MAX = 5000 };

static const struct bounds bounds = { .guests = 1, .reconfigurations = 1, .ends = 1 };

bool served_deceived;

void served_check(void)
{
	world_check();
	/* Who has a vector, the supervisor knows whatever it is told. */
	if (served_deceived && !strstr(world.broken, "vector"))
		world.broken[0] = '\0';
	if (world.broken[0])
		fuzz_fail("%s", world.broken);
}

void served_settle(void)
{
	struct move list[MOVES_MAX];
	unsigned turns = 0, i, nr;

	do {
		nr = moves_list(list);
		for (i = 0; i < nr && !move_is_inner(list[i]); i++)
			;
		if (i < nr)
			move_make(list[i]);
		if (++turns == TURNS_MAX)
			fuzz_fail("it does not come to rest");
	} while (i < nr);
	served_check();
}

void served_begin(bool connected)
{
	static bool begun;

	if (!begun)
		world_init(false);
	begun = true;
	plan_begin(&bounds);
	if (!connected)
		return;
	world_start();
	move_make((struct move){ MOVE_CREATE, 0, 0 });
	served_settle();
	move_make((struct move){ MOVE_ATTACH, 0, 1 });
	served_settle();
	if (guest_own(0) != XenbusStateConnected || !world.device[1].owner)
		fuzz_fail("the guest is not connected: %u, %u", guest_own(0), guest_peer(0));
}

void served_end(void)
{
	if (plan.guest[0].created && !plan.guest[0].dead)
		move_make((struct move){ MOVE_DEATH, 0, 0 });
	served_settle();
	if (!plan.guest[0].gone)
		move_make((struct move){ MOVE_CLEANUP, 0, 0 });
	served_settle();
	for (unsigned i = 0; i < WORLD_DEVICES && !served_deceived; i++)
		if (world.device[i].owner)
			fuzz_fail("device %u has still an owner, guest %u", i, world.device[i].owner);
	for (unsigned i = 0; i < WORLD_PIRQS; i++)
		if (world.pirq[i].domid)
			fuzz_fail("pirq %u is still mapped", i);
	world_kill();
	world_clear();
	served_deceived = false;
}
