/* SPDX-License-Identifier: MIT */
/*
 * Which resets a function has, and which of them are withheld: by the kernel's own list
 * (reset_method), which counts for FLR, AF FLR and PM, and for the bus of a function that is alone
 * there; otherwise by the facts of reset_quirks.h. What is withheld is used only where the operator
 * names it. Pure functions over a topology; nothing logs.
 */
#ifndef XENPCI_HOST_RESET_OFFER_H
#define XENPCI_HOST_RESET_OFFER_H

#include "host/reset_function.h"

/* Resets that function i has, whatever is known of them: RESET_BIT()s; a bus counts as both kinds. */
unsigned reset_present(const struct topology *t, int i);
/* Why one of them is withheld, or NULL. Static. */
const char *reset_withheld(const struct topology *t, int i, enum reset_method method);
/* Those that are not. */
unsigned reset_offered(const struct topology *t, int i);
/* Whether function i can be reset and its neighbours left alone. */
bool reset_offered_alone(const struct topology *t, int i);

#endif
