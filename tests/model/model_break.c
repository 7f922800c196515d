/* SPDX-License-Identifier: MIT */
#include "tests/model/model_break.h"

#include <stdio.h>
#include <string.h>

#include "protocol/states.h"
#include "tests/model/world.h"

enum backend_action __real_backend_action(unsigned own, unsigned peer);
enum backend_action __wrap_backend_action(unsigned own, unsigned peer);

static unsigned broken_own = PCIIF_STATE_COUNT, broken_peer;

int model_break(const char *what)
{
	char end;

	if (!strcmp(what, "reset")) {
		world_forgets_resets = true;
		return 0;
	}
	return sscanf(what, "%1u:%1u%c", &broken_own, &broken_peer, &end) == 2 ? 0 : -1;
}

enum backend_action __wrap_backend_action(unsigned own, unsigned peer)
{
	return own == broken_own && peer == broken_peer ? BACKEND_NOTHING
							: __real_backend_action(own, peer);
}
