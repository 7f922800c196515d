/* SPDX-License-Identifier: MIT */
/* What the hostile guest, and the honest one, can be told besides what every peer can. */
#include "tests/hostile/guest/guest.h"

#include <stddef.h>

const struct verb hostile_verbs[] = {
	{ "fields", "N SEED", 2, guest_fields },
	{ "flip", "N", 1, guest_flip },
	{ "entries", "TABLE SEED", 2, guest_entries },
	{ "sequences", "LENGTH PM MSI MSIX", 4, guest_sequences },
	{ "connects", "N", 1, guest_connects },
	{ "gone", "N", 1, guest_gone },
	{ "nodes", "REF PORT", 2, guest_nodes },
	{ "states", "", 0, guest_states },
	{ "dangle", "", 0, guest_dangle },
	{ "honest", "IDS [bar]", 1, guest_honest },
	{ "nothing", "", 0, guest_nothing },
	{ NULL, NULL, 0, NULL },
};
